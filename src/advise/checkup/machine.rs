//! The machine and this build: what slows everything down.

use super::super::bytes::gib;
use super::check::{Check, CheckState, Symptom};
use crate::plural::noun_for;
use crate::record::{Fact, Machine};

/// What is known of the machine.
#[derive(Debug, Clone)]
pub struct MachineFacts<'a> {
    /// As in every record.
    pub machine: &'a Machine,
    /// Memory that a program can still get, in bytes.
    pub available_bytes: Fact<u64>,
    /// Whether it runs on its battery.
    pub on_battery: Fact<bool>,
    /// Why this build is slower than the machine, if it is.
    pub build_warning: Option<String>,
    /// Whether this build has an engine.
    pub has_engine: bool,
}

/// Below this share of free memory the machine swaps soon.
const LITTLE_MEMORY: f64 = 0.1;

/// The lines about the machine.
#[must_use]
pub fn check_machine(facts: &MachineFacts<'_>) -> Vec<Check> {
    vec![processor(facts), memory(facts), power(facts), build(facts)]
}

fn processor(facts: &MachineFacts<'_>) -> Check {
    let machine = facts.machine;
    let found = format!(
        "{}, {} {}, {} {}, {} usable",
        machine.cpu,
        machine.physical_cores,
        noun(&machine.physical_cores, "core"),
        machine.logical_cpus,
        noun(&machine.logical_cpus, "logical CPU"),
        machine.usable_cpus
    );
    let usable = machine.usable_cpus.value().or(machine.logical_cpus.value());
    // The load is that of all CPUs, however few of them the process may use.
    let all = machine.logical_cpus.value().or(usable);
    let load = machine.load_average.value().zip(all).filter(|(load, cpus)| **load > **cpus as f64);
    let found = load.map_or(found.clone(), |(load, _)| format!("{found}; load average {load:.1}"));
    let check = match (load, usable < machine.logical_cpus.value()) {
        (None, false) => return Check::ok("processor", found),
        (_, true) => Check::new("processor", CheckState::Warning, found)
            .mend("lift the CPU limit (affinity, container or job) that Workly runs under"),
        (Some(_), false) => Check::new("processor", CheckState::Warning, found)
            .mend("close what else computes, or give the model fewer threads: workly-perf threads"),
    };
    match load {
        Some(_) => check.causes(&[Symptom::SlowReply, Symptom::LateAvatar]),
        None => check.causes(&[Symptom::SlowReply]),
    }
}

/// The noun that goes with a count that may be missing.
fn noun(count: &Fact<u64>, noun: &str) -> String {
    noun_for(&count.value().copied().unwrap_or_default(), noun)
}

fn memory(facts: &MachineFacts<'_>) -> Check {
    match (facts.machine.memory_bytes.value(), &facts.available_bytes) {
        (Some(total), Fact::Value(free)) => {
            let found = format!("{} free of {}", gib(*free), gib(*total));
            if (*free as f64) < LITTLE_MEMORY * *total as f64 {
                Check::new("memory", CheckState::Warning, found)
                    .mend("close other programs; workly-perf memory --process NAME shows who grows")
                    .causes(&[Symptom::CrashAtLoad, Symptom::SlowReply, Symptom::GrowingRam])
            } else {
                Check::ok("memory", found)
            }
        }
        (_, free) => Check::new("memory", CheckState::NotKnown, format!("free: {}", named(free))),
    }
}

fn power(facts: &MachineFacts<'_>) -> Check {
    let slow = facts.machine.power.value().filter(|governor| governor.contains("powersave"));
    let found = format!(
        "governor {}, turbo {}, on battery {}",
        facts.machine.power,
        yes(&facts.machine.turbo),
        yes(&facts.on_battery)
    );
    if facts.on_battery.value() == Some(&true) {
        return Check::new("power", CheckState::Warning, found)
            .mend("plug the machine in")
            .causes(&[Symptom::SlowReply]);
    }
    // intel_pstate calls its ordinary governor powersave: only without turbo is it one.
    if facts.machine.turbo.value() == Some(&false) || slow.is_some() && facts.machine.turbo.value() != Some(&true) {
        return Check::new("power", CheckState::Warning, found)
            .mend("choose the power plan for performance, and allow turbo")
            .causes(&[Symptom::SlowReply]);
    }
    let known = facts.machine.power.value().is_some() || facts.on_battery.value().is_some();
    if known { Check::ok("power", found) } else { Check::new("power", CheckState::NotKnown, found) }
}

fn build(facts: &MachineFacts<'_>) -> Check {
    match (&facts.build_warning, facts.has_engine) {
        (Some(warning), _) => Check::new("this build", CheckState::Warning, warning.clone())
            .mend("build it in the project's folder, whose settings are for this processor, or with dynamic-backends"),
        (None, false) => {
            Check::new("this build", CheckState::Warning, "has no llama.cpp: models can be read and not run")
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
    fn what_slows_a_machine_down_is_named_and_what_is_not_known_is_said() {
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
            available_bytes: Fact::Value(1 << 30),
            on_battery: Fact::Unsupported,
            build_warning: Some("AVX2 is not used".into()),
            has_engine: true,
        };
        let checks = check_machine(&facts);
        assert!(checks.iter().all(|check| check.state == CheckState::Warning && check.mend.is_some()), "{checks:?}");
        let machine = Machine { power: Fact::Unsupported, turbo: Fact::Unsupported, ..machine.clone() };
        let unknown = MachineFacts { machine: &machine, available_bytes: Fact::Unsupported, ..facts };
        let states: Vec<_> = check_machine(&unknown).iter().map(|check| check.state).collect();
        assert_eq!(states[1..3], [CheckState::NotKnown, CheckState::NotKnown]);
    }
}
