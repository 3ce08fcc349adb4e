//! The conditions of a run in words: subject, plan, machine and build.

use serde_json::Value;

use super::figure;
use crate::plural::noun_for;
use crate::record::{Build, Fact, Machine, Run};

/// Label and text of each condition of the figures.
pub(super) fn conditions(run: &Run) -> Vec<(String, String)> {
    let mut conditions =
        vec![("subject".to_owned(), in_line(&run.subject)), ("plan".into(), in_line(&brief(&run.plan)))];
    conditions.extend(machine(&run.machine));
    conditions.push(("build".into(), build_line(&run.build)));
    conditions.push(("record".into(), format!("{}, schema {}", run.run_id, run.schema)));
    conditions
}

/// The build on one line.
pub(super) fn build_line(build: &Build) -> String {
    let features = if build.features.is_empty() { "no features".into() } else { build.features.join(" ") };
    format!(
        "workly-perf {} ({}), {}, {}, {}, {features}",
        build.version, build.commit, build.profile, build.target, build.rustc
    )
}

/// The plan without lists that the report shows anyway, such as the cases.
fn brief(plan: &Value) -> Value {
    let is_shown = |value: &Value| !value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    match plan {
        Value::Object(entries) => entries
            .iter()
            .filter(|(_, value)| is_shown(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

/// The machine, one label and text a line.
pub(super) fn machine(machine: &Machine) -> Vec<(String, String)> {
    let yes_no = |yes: &bool| if *yes { "yes" } else { "no" }.to_owned();
    let asked = |fact: &Fact<bool>| fact.value().map_or_else(|| fact.to_string(), yes_no);
    let memory = machine
        .memory_bytes
        .value()
        .map_or_else(|| machine.memory_bytes.to_string(), |bytes| figure::value(*bytes as f64, "bytes"));
    let condition = |label: &str, text: String| (label.to_owned(), text);
    vec![
        condition("CPU", format!("{} ({})", machine.cpu, machine.arch)),
        condition(
            "CPUs",
            format!(
                "{} physical {}, {} logical, {} usable by this process",
                machine.physical_cores,
                noun_for(&machine.physical_cores.value().copied().unwrap_or_default(), "core"),
                machine.logical_cpus,
                machine.usable_cpus
            ),
        ),
        condition("memory", memory),
        condition("GPU", gpu(machine)),
        condition("system", format!("{}, kernel {}", machine.os, machine.kernel)),
        condition(
            "power",
            format!(
                "{}; turbo {}; virtualised {}; load average {}",
                machine.power,
                asked(&machine.turbo),
                asked(&machine.virtualised),
                machine.load_average
            ),
        ),
        condition("fingerprint", machine.fingerprint.clone()),
    ]
}

/// The GPUs that their driver reports; otherwise why there are none, and those that NVML does not support.
fn gpu(machine: &Machine) -> String {
    let told = match (&machine.gpu, &machine.gpus.library) {
        (Fact::Unsupported, Fact::Unsupported) => "none (no NVIDIA driver)".into(),
        (Fact::Unsupported, Fact::Value(_)) => "none according to the NVIDIA driver".into(),
        (gpu, _) => gpu.to_string(),
    };
    match machine.gpus.others.value() {
        Some(others) if !others.is_empty() => format!("{told}; not supported by NVML: {}", others.join(", ")),
        _ => told,
    }
}

/// JSON on one line: `messages 100, load.kind poisson`. Keys are as in `run.json`.
fn in_line(value: &Value) -> String {
    fn walk(key: &str, value: &Value, parts: &mut Vec<String>) {
        if let Value::Object(fields) = value {
            for (field, value) in fields {
                let key = if key.is_empty() { field.clone() } else { format!("{key}.{field}") };
                walk(&key, value, parts);
            }
            return;
        }
        let text = match value {
            Value::Null => "none".into(),
            Value::String(text) => text.clone(),
            other => other.to_string().replace(',', ", "),
        };
        parts.push(if key.is_empty() { text } else { format!("{key} {text}") });
    }
    let mut parts = Vec::new();
    walk("", value, &mut parts);
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plan_fits_on_one_line() {
        let plan = json!({"messages": 100, "load": {"kind": "poisson", "rate": 50.5}, "sizes": [1, 2], "seed": null});
        assert_eq!(in_line(&plan), "messages 100, load.kind poisson, load.rate 50.5, sizes [1, 2], seed none");
        assert_eq!(in_line(&json!("a text")), "a text");
        assert_eq!(in_line(&json!({})), "");
    }

    #[test]
    fn plan_omits_lists_shown_in_tables() {
        let plan = json!({"messages": 3, "sizes": [1, 2], "cases": [{"path": "a"}]});
        assert_eq!(in_line(&brief(&plan)), "messages 3, sizes [1, 2]");
    }
}
