//! Display devices of vendors whose drivers cannot be queried, so that such machines are not reported as having no GPU.

use std::path::Path;

use super::super::reading;
use super::VENDORS;
use crate::record::Fact;

/// GPU vendors by their IDs on the PCI bus.
const MAKERS: [(&str, &str); 3] = [("1002", "AMD"), ("8086", "Intel"), ("1022", "AMD")];

/// Vendor and IDs of each display device whose driver cannot be queried, sorted. Linux only. Virtual devices of
/// hypervisors and the management chips of servers are included, by ID only.
pub(super) fn others(root: &Path) -> Fact<Vec<String>> {
    if !cfg!(target_os = "linux") {
        return Fact::Unsupported;
    }
    let Ok(entries) = std::fs::read_dir(root.join("sys/bus/pci/devices")) else { return Fact::Unsupported };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        match device(&entry.path()) {
            Ok(device) => found.extend(device),
            Err(reason) => return Fact::Failed(reason),
        }
    }
    found.sort();
    Fact::Value(found)
}

/// One device, if it is a display device of another vendor.
fn device(folder: &Path) -> Result<Option<String>, String> {
    let number = |name: &str| Ok::<_, String>(reading::text(&folder.join(name))?.unwrap_or_default());
    let is_display = number("class")?.starts_with("0x03");
    let (vendor, device) = (number("vendor")?, number("device")?);
    let (vendor, device) = (vendor.trim_start_matches("0x"), device.trim_start_matches("0x"));
    if !is_display || VENDORS.iter().any(|supported| supported.pci_id == vendor) {
        return Ok(None);
    }
    let maker = MAKERS.iter().find(|(number, _)| *number == vendor).map_or("unknown vendor", |(_, maker)| maker);
    Ok(Some(format!("{maker} {vendor}:{device}")))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use reading::root_with;

    #[test]
    fn devices_of_other_vendors_are_listed_without_nvidia() {
        let root = root_with(&[
            ("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n"),
            ("sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n"),
            ("sys/bus/pci/devices/0000:00:02.0/device", "0x9a49\n"),
            ("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n"),
            ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:01:00.0/device", "0x28a1\n"),
            ("sys/bus/pci/devices/0000:02:00.0/class", "0x020000\n"),
            ("sys/bus/pci/devices/0000:02:00.0/vendor", "0x1002\n"),
            ("sys/bus/pci/devices/0000:02:00.0/device", "0x0001\n"),
        ]);
        assert_eq!(others(root.path()), Fact::Value(vec!["Intel 8086:9a49".into()]));
    }

    #[test]
    fn machine_without_a_pci_bus_is_unsupported() {
        assert_eq!(others(root_with(&[]).path()), Fact::Unsupported);
    }
}
