//! What to try when cases of a bridge did not end as planned.

use crate::bridge::FaultKind;

/// What helps where messages came that the dialect does not define.
pub(crate) const WRONG_DIALECT: &str =
    "the bridge sent messages that this dialect does not define: --dialect auto finds out which one it speaks";

/// The hint for faults of these kinds. `is_foreign`: messages came that the dialect does not define.
pub(crate) fn bridge_advice(faults: &[FaultKind], is_foreign: bool) -> &'static str {
    if is_foreign {
        WRONG_DIALECT
    } else if !faults.is_empty() && faults.iter().all(|kind| *kind == FaultKind::Surplus) {
        "the bridge answers a message more than once, or sends messages of its own: workly-perf tap records what it sends"
    } else if faults.contains(&FaultKind::MainThreadPaused) {
        "keep Unity's window in front while you measure, or set Application.runInBackground"
    } else if faults.contains(&FaultKind::Late) {
        "raise --timeout if the bridge is merely slow"
    } else {
        "a longer --timeout would not change that; the bridge's own log may say more"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_fits_the_kind_of_fault() {
        use FaultKind::{Late, MainThreadPaused, Other, Surplus};
        for (faults, is_foreign, says) in [
            (&[Late, Surplus][..], true, "--dialect auto"),
            (&[Surplus, Surplus], false, "workly-perf tap"),
            (&[Surplus, Late], false, "raise --timeout"),
            (&[Other, Late], false, "raise --timeout"),
            (&[Late, MainThreadPaused], false, "window in front"),
            (&[Other], false, "would not change that"),
            (&[], false, "would not change that"),
        ] {
            let hint = bridge_advice(faults, is_foreign);
            assert!(hint.contains(says), "{faults:?}: {hint}");
        }
    }
}
