//! Whether this is a virtual machine: the hypervisor's scheduling adds waits that no program inside can see.

use std::path::Path;

use super::{reading, win32};
use crate::record::Fact;

/// Names of hypervisors in the firmware tables (DMI) of their machines, in lower case.
const SIGNATURES: [&str; 12] = [
    "amazon ec2",
    "bhyve",
    "bochs",
    "google compute engine",
    "hvm domu",
    "kvm",
    "openstack",
    "parallels",
    "qemu",
    "virtualbox",
    "virtual machine",
    "vmware",
];

/// Whether a hypervisor runs underneath. Read on Linux and Windows only, from the CPU flags and the firmware tables.
pub(super) fn virtualised(root: &Path) -> Fact<bool> {
    if !cfg!(target_os = "linux") {
        return judge(win32::hypervisor_flag(), &win32::firmware());
    }
    let cpuinfo = match reading::text(&root.join("proc/cpuinfo")) {
        Ok(text) => text.unwrap_or_default(),
        Err(reason) => return Fact::Failed(reason),
    };
    // Some systems hide parts of these tables from ordinary users; the rest is enough to recognise a name.
    let dmi: Vec<String> = ["sys_vendor", "product_name", "board_vendor"]
        .iter()
        .filter_map(|field| reading::text(&root.join("sys/class/dmi/id").join(field)).ok().flatten())
        .collect();
    judge(hypervisor_flag(&cpuinfo), &dmi)
}

/// Whether `/proc/cpuinfo` has the `hypervisor` flag; `None` if it has no such flags (not x86).
fn hypervisor_flag(cpuinfo: &str) -> Option<bool> {
    let flags = cpuinfo.lines().find_map(|line| {
        let (key, flags) = line.split_once(':')?;
        (key.trim() == "flags").then_some(flags)
    })?;
    Some(flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

/// The result of both sources: either may say yes, and at least one must exist for a no.
fn judge(flag: Option<bool>, dmi: &[String]) -> Fact<bool> {
    let signed = dmi.join("\n").to_lowercase();
    // Cloud providers also put their names into the bare-metal machines that they rent.
    let whole = signed.lines().any(|line| line.contains(".metal") || line.contains("-metal"));
    let named = !whole && SIGNATURES.iter().any(|signature| signed.contains(signature));
    match flag {
        Some(true) => Fact::Value(true),
        _ if named => Fact::Value(true),
        None if dmi.is_empty() => Fact::Unsupported,
        _ => Fact::Value(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Firmware entries.
    fn dmi(entries: &[&str]) -> Vec<String> {
        entries.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hypervisor_flag_matches_as_a_word() {
        let guest = "processor\t: 0\nmodel name\t: X\nflags\t\t: fpu vme hypervisor lahf_lm\n";
        assert_eq!(hypervisor_flag(guest), Some(true));
        assert_eq!(hypervisor_flag("vmx flags\t: vnmi\nflags\t\t: fpu nohypervisor\n"), Some(false));
        assert_eq!(hypervisor_flag("processor\t: 0\nFeatures\t: fp asimd\n"), None);
    }

    #[test]
    fn either_source_suffices_for_yes() {
        assert_eq!(judge(Some(true), &[]), Fact::Value(true));
        assert_eq!(judge(Some(false), &dmi(&["QEMU", "Standard PC (Q35 + ICH9, 2009)"])), Fact::Value(true));
        assert_eq!(judge(None, &dmi(&["Microsoft Corporation", "Virtual Machine"])), Fact::Value(true));
        assert_eq!(judge(None, &dmi(&["innotek GmbH", "VirtualBox"])), Fact::Value(true));
    }

    #[test]
    fn no_requires_a_source() {
        assert_eq!(judge(Some(false), &[]), Fact::Value(false));
        assert_eq!(judge(None, &dmi(&["Microsoft Corporation", "Surface Laptop 5"])), Fact::Value(false));
        assert_eq!(judge(Some(false), &dmi(&["Amazon EC2", "c5.metal"])), Fact::Value(false));
        assert_eq!(judge(None, &[]), Fact::Unsupported);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn files_are_read_below_the_root() {
        assert_eq!(virtualised(reading::root_with(&[]).path()), Fact::Unsupported);
        let root = reading::root_with(&[("sys/class/dmi/id/product_name", "KVM\n")]);
        assert_eq!(virtualised(root.path()), Fact::Value(true));
    }
}
