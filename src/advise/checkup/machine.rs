//! The machine and this build: what slows down everything.

use super::check::{Check, CheckState, Symptom};
use crate::plural::{counted, noun_for};
use crate::record::{Fact, Machine};
use crate::text::gib;

/// Facts about the machine.
#[derive(Debug, Clone)]
pub struct MachineFacts<'a> {
    /// As in every record.
    pub machine: &'a Machine,
    /// The environment variable by which OpenMP pins threads to CPUs, as `NAME=value`.
    pub openmp_pinning: Option<String>,
    /// Memory that programs can still allocate, in bytes.
    pub available_bytes: Fact<u64>,
    /// Whether it runs on battery.
    pub on_battery: Fact<bool>,
    /// Why this build is slower than the machine allows, if it is.
    pub build_warning: Option<String>,
    /// Whether this build has llama.cpp.
    pub has_engine: bool,
}

/// Below this share of free memory the machine will soon swap.
const LITTLE_MEMORY: f64 = 0.1;

/// The checks of the machine.
#[must_use]
pub fn check_machine(facts: &MachineFacts<'_>) -> Vec<Check> {
    vec![processor(facts), memory(facts), power(facts), build(facts)]
}

fn processor(facts: &MachineFacts<'_>) -> Check {
    let machine = facts.machine;
    let found = format!(
        "{}, {}, {}, {}",
        machine.cpu,
        counted_fact(&machine.physical_cores, "core"),
        counted_fact(&machine.logical_cpus, "logical CPU"),
        match machine.usable_cpus.missing() {
            None => format!("{} usable", machine.usable_cpus),
            Some(why) => format!("usable CPUs not known ({why})"),
        }
    );
    let is_known = [&machine.physical_cores, &machine.logical_cpus, &machine.usable_cpus]
        .iter()
        .all(|count| count.value().is_some());
    let usable = machine.usable_cpus.value().or(machine.logical_cpus.value());
    // The load average counts all CPUs, even if the process may use only some.
    let all = machine.logical_cpus.value().or(usable);
    let load = machine.load_average.value().zip(all).filter(|(load, cpus)| **load > **cpus as f64);
    let found = load.map_or(found.clone(), |(load, _)| format!("{found}; load average {load:.1}"));
    let limit = match &facts.openmp_pinning {
        Some(variable) => Some(format!(
            "unset {variable} before starting Workly: OpenMP pins the thread that loads it, the one of Workly's window"
        )),
        None if usable < machine.logical_cpus.value() => {
            Some("remove the CPU limit (affinity, container or job) of Workly".into())
        }
        None => None,
    };
    let check = match (load, limit) {
        (None, None) if is_known => return Check::ok("processor", found),
        (None, None) => return Check::new("processor", CheckState::NotKnown, found),
        (_, Some(mend)) => Check::new("processor", CheckState::Warning, found).mend(mend),
        (Some(_), None) => Check::new("processor", CheckState::Warning, found)
            .mend("close other programs, or give the model fewer threads: workly-perf threads"),
    };
    match load {
        Some(_) => check.causes(&[Symptom::SlowReply, Symptom::LateAvatar]),
        None => check.causes(&[Symptom::SlowReply]),
    }
}

/// A count with its noun, or that it is not known, and why.
fn counted_fact(count: &Fact<u64>, noun: &str) -> String {
    match count {
        Fact::Value(count) => counted(*count, noun),
        missing => format!("number of {} not known ({missing})", noun_for(&0, noun)),
    }
}

fn memory(facts: &MachineFacts<'_>) -> Check {
    match (facts.machine.memory_bytes.value(), &facts.available_bytes) {
        (Some(total), Fact::Value(free)) => {
            let found = format!("{} free of {}", gib(*free), gib(*total));
            if (*free as f64) < LITTLE_MEMORY * *total as f64 {
                Check::new("memory", CheckState::Warning, found)
                    .mend("close other programs; workly-perf memory --process NAME shows whether a process grows")
                    .causes(&[Symptom::CrashAtLoad, Symptom::SlowReply, Symptom::GrowingRam])
            } else {
                Check::ok("memory", found)
            }
        }
        (_, free) => Check::new("memory", CheckState::NotKnown, format!("free: {}", named(free))),
    }
}

fn power(facts: &MachineFacts<'_>) -> Check {
    let slow = facts.machine.power.value().filter(|name| name.contains("powersave") || name.contains("power saver"));
    let found = format!(
        "governor or power plan {}, turbo {}, on battery {}",
        facts.machine.power,
        yes(&facts.machine.turbo),
        yes(&facts.on_battery)
    );
    if facts.on_battery.value() == Some(&true) {
        return Check::new("power", CheckState::Warning, found)
            .mend("plug the machine in")
            .causes(&[Symptom::SlowReply]);
    }
    // intel_pstate calls its normal governor powersave: it only saves power if turbo is off.
    if facts.machine.turbo.value() == Some(&false) || slow.is_some() && facts.machine.turbo.value() != Some(&true) {
        return Check::new("power", CheckState::Warning, found)
            .mend("select the performance power plan, and enable turbo")
            .causes(&[Symptom::SlowReply]);
    }
    let known = facts.machine.power.value().is_some() || facts.on_battery.value().is_some();
    if known { Check::ok("power", found) } else { Check::new("power", CheckState::NotKnown, found) }
}

fn build(facts: &MachineFacts<'_>) -> Check {
    match (&facts.build_warning, facts.has_engine) {
        (Some(warning), _) => Check::new("this build", CheckState::Warning, warning.clone()).mend(
            "build it in the project's folder, which has the settings for this processor, or with dynamic-backends",
        ),
        (None, false) => {
            Check::new("this build", CheckState::Warning, "has no llama.cpp: it can inspect models but not run them")
                .mend("cargo build --release, with the default features")
        }
        (None, true) => Check::ok("this build", "uses the vector units of this processor"),
    }
}

fn yes(fact: &Fact<bool>) -> String {
    match fact {
        Fact::Value(true) => "yes".into(),
        Fact::Value(false) => "no".into(),
        other => other.to_string(),
    }
}

fn named(fact: &Fact<u64>) -> String {
    fact.missing().unwrap_or_else(|| fact.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    #[test]
    fn slow_machine_is_explained_and_unknown_facts_are_listed() {
        let machine = Machine {
            power: Fact::Value("powersave".into()),
            turbo: Fact::Value(false),
            usable_cpus: Fact::Value(2),
            logical_cpus: Fact::Value(8),
            memory_bytes: Fact::Value(16 << 30),
            ..run().machine
        };
        let facts = MachineFacts {
            machine: &machine,
            openmp_pinning: None,
            available_bytes: Fact::Value(1 << 30),
            on_battery: Fact::Unsupported,
            build_warning: Some("AVX2 is not used".into()),
            has_engine: true,
        };
        let checks = check_machine(&facts);
        assert!(checks.iter().all(|check| check.state == CheckState::Warning && check.mend.is_some()), "{checks:?}");
        let pinned = MachineFacts { openmp_pinning: Some("OMP_PROC_BIND=true".into()), ..facts.clone() };
        let mend = check_machine(&pinned).swap_remove(0).mend.unwrap();
        assert!(mend.contains("unset OMP_PROC_BIND=true"), "{mend}");
        let machine = Machine { power: Fact::Unsupported, turbo: Fact::Unsupported, ..machine.clone() };
        let unknown = MachineFacts { machine: &machine, available_bytes: Fact::Unsupported, ..facts.clone() };
        let states: Vec<_> = check_machine(&unknown).iter().map(|check| check.state).collect();
        assert_eq!(states[1..3], [CheckState::NotKnown, CheckState::NotKnown]);
    }

    /// The checks of a machine without problems, after `change`.
    fn lines(on_battery: bool, change: impl FnOnce(&mut Machine)) -> Vec<Check> {
        let mut machine = Machine {
            power: Fact::Value("balanced".into()),
            turbo: Fact::Unsupported,
            physical_cores: Fact::Value(8),
            logical_cpus: Fact::Value(16),
            usable_cpus: Fact::Value(16),
            load_average: Fact::Unsupported,
            ..run().machine
        };
        change(&mut machine);
        check_machine(&MachineFacts {
            machine: &machine,
            openmp_pinning: None,
            available_bytes: Fact::Value(8 << 30),
            on_battery: Fact::Value(on_battery),
            build_warning: None,
            has_engine: true,
        })
    }

    #[test]
    fn missing_count_is_omitted_from_the_sentence_and_not_ok() {
        let whole = lines(false, |_| ()).swap_remove(0);
        assert_eq!(whole.state, CheckState::Ok);
        assert!(whole.found.contains("8 cores, 16 logical CPUs, 16 usable"), "{}", whole.found);
        let lacking = lines(false, |machine| machine.physical_cores = Fact::Unsupported).swap_remove(0);
        assert_eq!(lacking.state, CheckState::NotKnown);
        assert!(
            lacking.found.contains("number of cores not known (unsupported), 16 logical CPUs"),
            "{}",
            lacking.found
        );
    }

    #[test]
    fn battery_and_power_saving_plan_are_warnings_on_windows() {
        let on_mains = lines(false, |_| ()).swap_remove(2);
        assert_eq!(
            (on_mains.state, on_mains.found.as_str()),
            (CheckState::Ok, "governor or power plan balanced, turbo unsupported, on battery no")
        );
        assert_eq!(lines(true, |_| ())[2].state, CheckState::Warning);
        assert_eq!(
            lines(false, |machine| machine.power = Fact::Value("power saver".into()))[2].state,
            CheckState::Warning
        );
    }
}
