//! Power state: the frequency governor or power plan, the battery, and whether turbo is allowed. These affect latencies
//! more than most code does.

use std::collections::BTreeSet;
use std::path::Path;

use super::{reading, win32};
use crate::record::Fact;

/// Power supply information of Linux.
const SUPPLIES: &str = "sys/class/power_supply";

/// Whether the machine runs on its battery. Read on Linux and Windows only.
#[must_use]
pub fn on_battery() -> Fact<bool> {
    if cfg!(windows) { win32::on_battery() } else { battery(Path::new("/")) }
}

/// From the power supplies: mains that is online decides, otherwise a battery that is discharging.
fn battery(root: &Path) -> Fact<bool> {
    let Ok(entries) = std::fs::read_dir(root.join(SUPPLIES)) else { return Fact::Unsupported };
    let read = |path: std::path::PathBuf| reading::text(&path).ok().flatten().unwrap_or_default();
    let mut found = None;
    for supply in entries.flatten().map(|entry| entry.path()) {
        match read(supply.join("type")).as_str() {
            "Mains" | "USB" if read(supply.join("online")) == "1" => return Fact::Value(false),
            "Battery" => {
                let discharging = read(supply.join("status")) == "Discharging";
                found = Some(found.unwrap_or(false) || discharging);
            }
            _ => {}
        }
    }
    found.into()
}

/// CPU information of Linux, below the root of the file system.
const CPUS: &str = "sys/devices/system/cpu";

/// The frequency governor: `performance`, or all in use (`performance, powersave`) if CPUs differ.
///
/// On Windows, the active power plan. Read on these two only; a virtual machine has no governor of its own.
pub(super) fn governor(root: &Path) -> Fact<String> {
    if !cfg!(target_os = "linux") {
        return win32::power_plan();
    }
    let Ok(entries) = std::fs::read_dir(root.join(CPUS)) else { return Fact::Unsupported };
    let mut governors = BTreeSet::new();
    for entry in entries.flatten().filter(|entry| is_cpu(&entry.file_name().to_string_lossy())) {
        match reading::text(&entry.path().join("cpufreq/scaling_governor")) {
            Ok(Some(governor)) => governors.insert(governor),
            // An offline CPU has no governor, which says nothing about the others.
            Ok(None) => continue,
            Err(reason) => return Fact::Failed(reason),
        };
    }
    if governors.is_empty() {
        return Fact::Unsupported;
    }
    Fact::Value(governors.into_iter().collect::<Vec<_>>().join(", "))
}

/// Whether turbo (boost) frequencies are allowed: `intel_pstate/no_turbo` with that driver, else `cpufreq/boost`.
///
/// Only read on Linux.
pub(super) fn turbo(root: &Path) -> Fact<bool> {
    if !cfg!(target_os = "linux") {
        return Fact::Unsupported;
    }
    let cpus = root.join(CPUS);
    match switch(&cpus.join("intel_pstate/no_turbo")) {
        Fact::Value(forbidden) => Fact::Value(!forbidden),
        Fact::Unsupported => switch(&cpus.join("cpufreq/boost")),
        missing => missing,
    }
}

/// A file with the content `0` or `1`.
fn switch(path: &Path) -> Fact<bool> {
    match reading::text(path) {
        Ok(None) => Fact::Unsupported,
        Ok(Some(text)) => match text.as_str() {
            "0" => Fact::Value(false),
            "1" => Fact::Value(true),
            odd => Fact::Failed(format!("the turbo setting has the unknown value '{odd}'")),
        },
        Err(reason) => Fact::Failed(reason),
    }
}

/// Whether a folder is that of a CPU: `cpu0`, not `cpufreq`.
fn is_cpu(name: &str) -> bool {
    name.strip_prefix("cpu").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// A root whose CPU folder has those files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let placed: Vec<_> = files.iter().map(|(path, text)| (format!("{CPUS}/{path}"), *text)).collect();
        let placed: Vec<_> = placed.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        reading::root_with(&placed)
    }

    #[test]
    fn discharging_battery_differs_from_charging_one() {
        let told = |files: &[(&str, &str)]| {
            let files: Vec<(String, &str)> =
                files.iter().map(|(path, text)| (format!("sys/class/power_supply/{path}"), *text)).collect();
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
            battery(reading::root_with(&files).path())
        };
        let battery_says = |status| [("BAT0/type", "Battery"), ("BAT0/status", status)];
        assert_eq!(told(&battery_says("Discharging\n")), Fact::Value(true));
        assert_eq!(told(&battery_says("Charging\n")), Fact::Value(false));
        assert_eq!(told(&[("AC/type", "Mains"), ("AC/online", "1")]), Fact::Value(false));
        assert_eq!(battery(Path::new("/no/such/root")), Fact::Unsupported);
    }

    #[test]
    fn governors_are_listed_once_each() {
        let same = [("cpu0/cpufreq/scaling_governor", "powersave\n"), ("cpu1/cpufreq/scaling_governor", "powersave\n")];
        assert_eq!(governor(root(&same).path()), Fact::Value("powersave".into()));
        let mixed =
            [("cpu0/cpufreq/scaling_governor", "powersave\n"), ("cpu11/cpufreq/scaling_governor", "performance\n")];
        assert_eq!(governor(root(&mixed).path()), Fact::Value("performance, powersave".into()));
    }

    #[test]
    fn no_governor_without_frequency_scaling() {
        let bare = [("cpu0/topology/core_id", "0"), ("cpufreq/scaling_governor", "performance")];
        assert_eq!(governor(root(&bare).path()), Fact::Unsupported);
        assert_eq!(governor(root(&[]).path()), Fact::Unsupported);
    }

    #[test]
    fn turbo_is_read_from_both_drivers() {
        assert_eq!(turbo(root(&[("intel_pstate/no_turbo", "0\n")]).path()), Fact::Value(true));
        assert_eq!(turbo(root(&[("intel_pstate/no_turbo", "1\n")]).path()), Fact::Value(false));
        assert_eq!(turbo(root(&[("cpufreq/boost", "1\n")]).path()), Fact::Value(true));
        assert_eq!(turbo(root(&[("cpufreq/boost", "0\n")]).path()), Fact::Value(false));
        assert_eq!(turbo(root(&[]).path()), Fact::Unsupported);
        assert_eq!(
            turbo(root(&[("cpufreq/boost", "maybe")]).path()),
            Fact::Failed("the turbo setting has the unknown value 'maybe'".into())
        );
    }
}
