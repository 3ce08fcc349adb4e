//! The backends of llama.cpp that are files beside the program.

use super::check::{Check, CheckState, Symptom};

/// The state of the backend files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendFacts {
    /// All backends are part of the program, or it has none.
    BuiltIn,
    /// llama.cpp could not be started with what lies beside the program.
    Unusable {
        /// Why.
        reason: String,
    },
    /// Some are in use.
    Beside {
        /// A line for each that is in use.
        loaded: Vec<String>,
        /// A line for each that was refused, with the reason.
        refused: Vec<String>,
    },
}

/// Which backends are in use, and which add-ons are not and why; nothing where all are part of the program.
#[must_use]
pub fn check_backends(facts: &BackendFacts) -> Vec<Check> {
    match facts {
        BackendFacts::BuiltIn => Vec::new(),
        BackendFacts::Unusable { reason } => vec![
            Check::new("backends", CheckState::Problem, reason.clone())
                .mend("unpack the archive anew, and keep all of its files in one folder"),
        ],
        BackendFacts::Beside { loaded, refused } => {
            let mut checks = vec![Check::ok("backends", loaded.join("; "))];
            checks.extend(refused.iter().map(|line| {
                Check::new("backend add-on", CheckState::Warning, line.clone())
                    .mend("install what the reason names; or remove the file, if this machine is to do without it")
                    .causes(&[Symptom::SlowReply])
            }));
            checks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_add_on_is_a_warning_with_the_loaders_message() {
        let facts = BackendFacts::Beside {
            loaded: vec!["libggml-cpu-icelake.so: loaded".into()],
            refused: vec!["libggml-cuda.so: not loaded: libcublas.so.13: cannot open shared object file".into()],
        };
        let checks = check_backends(&facts);
        assert_eq!(checks[0], Check::ok("backends", "libggml-cpu-icelake.so: loaded"));
        assert_eq!(checks[1].state, CheckState::Warning);
        assert!(checks[1].found.contains("libcublas.so.13") && checks[1].mend.is_some(), "{:?}", checks[1]);
    }

    #[test]
    fn without_any_usable_backend_nothing_can_run() {
        let checks = check_backends(&BackendFacts::Unusable { reason: "none can be used".into() });
        assert_eq!(checks[0].state, CheckState::Problem);
        assert!(check_backends(&BackendFacts::BuiltIn).is_empty());
    }
}
