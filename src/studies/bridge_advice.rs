//! Hints for cases of a bridge that failed or were incomplete.

use crate::bridge::FaultKind;

/// Hint for messages that the dialect does not define.
pub(crate) const WRONG_DIALECT: &str =
    "the bridge sent messages that this dialect does not define: --dialect auto detects the bridge's dialect";

/// The hint for faults of these kinds. `is_foreign`: messages came that the dialect does not define.
pub(crate) fn bridge_advice(faults: &[FaultKind], is_foreign: bool) -> &'static str {
    if is_foreign {
        WRONG_DIALECT
    } else if !faults.is_empty() && faults.iter().all(|kind| *kind == FaultKind::Surplus) {
        "the bridge answers messages more than once or sends unsolicited messages: workly-perf tap records what it \
         sends"
    } else if faults.contains(&FaultKind::MainThreadPaused) {
        "keep Unity's window in the foreground while measuring, or set Application.runInBackground"
    } else if faults.contains(&FaultKind::Late) {
        "if the bridge is only slow, raise --timeout"
    } else {
        "a longer --timeout does not help; the bridge's log may show the cause"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_matches_the_kind_of_fault() {
        use FaultKind::{Late, MainThreadPaused, Other, Surplus};
        for (faults, is_foreign, says) in [
            (&[Late, Surplus][..], true, "--dialect auto"),
            (&[Surplus, Surplus], false, "workly-perf tap"),
            (&[Surplus, Late], false, "raise --timeout"),
            (&[Other, Late], false, "only slow, raise --timeout"),
            (&[Late, MainThreadPaused], false, "window in the foreground"),
            (&[Other], false, "does not help"),
            (&[], false, "does not help"),
        ] {
            let hint = bridge_advice(faults, is_foreign);
            assert!(hint.contains(says), "{faults:?}: {hint}");
        }
    }
}
