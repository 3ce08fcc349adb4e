//! The calls of a model that runs in an application which `launch --measure` started.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::host::{ProcessReading, variable_of};
use crate::launch::{CallLog, EVENTS_VARIABLE, MeasuredCall, calls_beside};

/// The calls so far. No text of them is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ModelSnapshot {
    /// Number of calls since the application was started.
    pub(crate) calls: u64,
    /// Tokens of all replies.
    pub(crate) tokens: u64,
    /// Speed of the newest reply with at least two tokens, in tokens per second.
    pub(crate) tokens_per_s: Option<f64>,
    /// Time to the first token of the newest reply, in seconds.
    pub(crate) first_token_s: Option<f64>,
}

impl ModelSnapshot {
    fn add(&mut self, call: &MeasuredCall) {
        self.calls += 1;
        self.tokens += call.tokens;
        self.tokens_per_s = call.tokens_per_s.or(self.tokens_per_s);
        self.first_token_s = call.first_token_ns.map(|ns| ns as f64 / 1e9).or(self.first_token_s);
    }
}

/// Reads the calls while they are made.
#[derive(Debug, Default)]
pub(super) struct ModelCalls {
    /// By process; `None` for those that `launch` did not start.
    logs: HashMap<u32, Option<CallLog>>,
    so_far: ModelSnapshot,
}

impl ModelCalls {
    /// The calls of these processes so far; `None` before the first measured one.
    pub(super) fn read(&mut self, processes: &[ProcessReading]) -> Option<ModelSnapshot> {
        for process in processes {
            // Its environment never changes, so it is read once.
            self.logs.entry(process.process.pid).or_insert_with_key(|pid| log_of(*pid));
        }
        for log in self.logs.values_mut().flatten() {
            for call in log.read() {
                self.so_far.add(&call);
            }
        }
        (self.so_far.calls > 0).then(|| self.so_far.clone())
    }
}

/// The growing file of a process's calls, if `launch` started it. It is there once a call was measured.
fn log_of(pid: u32) -> Option<CallLog> {
    let events = variable_of(pid, EVENTS_VARIABLE).ok()??;
    Some(CallLog::new(calls_beside(Path::new(&events))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tokens: u64, tokens_per_s: Option<f64>) -> MeasuredCall {
        let call = serde_json::json!({"pid": 7, "kind": "call", "state": "complete", "tokens": tokens,
            "tokens_per_s": tokens_per_s, "first_token_ns": 250_000_000, "total_ns": 5});
        serde_json::from_value(call).unwrap()
    }

    #[test]
    fn calls_add_up_and_the_newest_speed_counts() {
        let mut so_far = ModelSnapshot::default();
        for call in [call(8, Some(20.0)), call(4, Some(25.0)), call(1, None)] {
            so_far.add(&call);
        }
        let expected = ModelSnapshot { calls: 3, tokens: 13, tokens_per_s: Some(25.0), first_token_s: Some(0.25) };
        assert_eq!(so_far, expected);
    }

    #[test]
    fn processes_that_are_not_measured_have_no_calls() {
        assert_eq!(ModelCalls::default().read(&[]), None);
        assert!(log_of(std::process::id()).is_none());
    }
}
