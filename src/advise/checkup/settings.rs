//! Whether a running Workly uses its settings.

use serde_json::{Map, Value};

use super::check::{Check, CheckState, Symptom};

const NAME: &str = "settings in force";

/// A running Workly.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningWorkly {
    /// Its process.
    pub pid: u32,
    /// How it was started.
    pub launch: LaunchFacts,
}

/// How a Workly was started.
#[derive(Debug, Clone, PartialEq)]
pub enum LaunchFacts {
    /// Unknown.
    NotKnown {
        /// The reason.
        reason: String,
    },
    /// Not by `launch`.
    ByItself,
    /// By `launch`, but the shim is in none of its processes.
    WithoutShim,
    /// By `launch`; it has not loaded a model yet.
    NoModel,
    /// By `launch`; its model runs with these parameters.
    Running {
        /// As reported by llama.cpp.
        parameters: Map<String, Value>,
        /// Whether the model failed to load with the settings and runs with the application's own arguments.
        is_off: bool,
    },
}

/// Parameters shown in the check, in this order.
const NAMED: [&str; 5] = ["n_threads", "n_threads_batch", "n_ctx", "n_batch", "n_ubatch"];

/// One check for each running Workly, or one that says that none is running.
#[must_use]
pub fn check_settings(running: &[RunningWorkly]) -> Vec<Check> {
    if running.is_empty() {
        return vec![Check::ok(NAME, "no Workly is running: run this again while it does")];
    }
    running.iter().map(check).collect()
}

fn check(workly: &RunningWorkly) -> Check {
    let who = format!("Workly (pid {})", workly.pid);
    let warning = |found: String| Check::new(NAME, CheckState::Warning, found).causes(&[Symptom::SlowReply]);
    match &workly.launch {
        LaunchFacts::NotKnown { reason } => Check::not_known(NAME, &format!("{who}: {reason}")),
        LaunchFacts::ByItself => warning(format!(
            "{who} was not started by workly-perf launch: of the settings, ai.gpu_profile alone is in force"
        ))
        .mend(
            "workly-perf launch -- python main.py starts it with the section performance of its configuration in force",
        ),
        LaunchFacts::WithoutShim => {
            warning(format!("{who} was started by workly-perf launch, and its Python has not loaded the shim"))
                .mend("docs/LAUNCH.md lists the options of Python, and the kinds of programs, that keep it out")
        }
        LaunchFacts::NoModel => {
            Check::ok(NAME, format!("{who} was started by workly-perf launch; no model is loaded yet"))
        }
        LaunchFacts::Running { parameters, is_off: true } => warning(format!(
            "{who}: the model did not load with the settings, and runs with the application's own: {}",
            listed(parameters)
        ))
        .mend("leave out the setting that its log names: workly-perf launch --no-KEY"),
        LaunchFacts::Running { parameters, is_off: false } => Check::ok(
            NAME,
            format!("{who} was started by workly-perf launch; its model runs with {}", listed(parameters)),
        ),
    }
}

fn listed(parameters: &Map<String, Value>) -> String {
    let known = NAMED.iter().filter_map(|name| Some((name, parameters.get(*name).filter(|value| !value.is_null())?)));
    let listed: Vec<String> = known.map(|(name, value)| format!("{name} {value}")).collect();
    if listed.is_empty() { "parameters that its llama.cpp does not tell".into() } else { listed.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(launch: LaunchFacts) -> Check {
        check_settings(&[RunningWorkly { pid: 7, launch }]).remove(0)
    }

    #[test]
    fn active_parameters_are_named_and_inactive_ones_are_warnings() {
        let parameters = json!({"n_ctx": 2048, "n_threads": 1, "type_k": 1, "n_ubatch": null});
        let running = |is_off| LaunchFacts::Running { parameters: parameters.as_object().unwrap().clone(), is_off };
        let (on, off) = (line(running(false)), line(running(true)));
        assert_eq!((on.state, off.state), (CheckState::Ok, CheckState::Warning));
        assert!(on.found.ends_with("its model runs with n_threads 1, n_ctx 2048"), "{}", on.found);
        assert!(off.mend.is_some());
        let by_itself = line(LaunchFacts::ByItself);
        assert!(by_itself.state == CheckState::Warning && by_itself.mend.unwrap().contains("workly-perf launch --"));
        assert_eq!(line(LaunchFacts::WithoutShim).state, CheckState::Warning);
        assert_eq!(line(LaunchFacts::NoModel).state, CheckState::Ok);
        assert_eq!(line(LaunchFacts::NotKnown { reason: "no".into() }).state, CheckState::NotKnown);
        assert_eq!(check_settings(&[])[0].state, CheckState::Ok);
    }
}
