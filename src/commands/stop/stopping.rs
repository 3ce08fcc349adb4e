//! The stop flag, and what sets it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(unix)]
use super::signals_unix as signals;
#[cfg(windows)]
use super::signals_windows as signals;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::studies::Interruption;
use crate::term::restore_terminal;

/// Signals shortly after the first are the same request: `timeout`, for example, signals the process and then its
/// group.
const SAME_REQUEST: Duration = Duration::from_millis(250);

/// Time of the first request.
static FIRST: Mutex<Option<Instant>> = Mutex::new(None);

/// A flag that the first signal sets: Ctrl-C, SIGTERM, SIGHUP, closing the console. A second request ends the process
/// immediately.
pub(in super::super) fn listen() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    signals::listen(move |reason| {
        if is_second_request(reason, Instant::now()) {
            restore_terminal();
            std::process::exit(Exit::Interrupted as i32);
        }
        note(reason, &raised);
    })
    .map_err(|error| Failure::new(Exit::Bug, anyhow::Error::new(error).context("cannot install signal handlers")))?;
    Ok(stop)
}

/// Sets the flag for this reason.
pub(in super::super) fn note(reason: Interruption, stop: &AtomicBool) {
    reason.keep();
    stop.store(true, Ordering::Relaxed);
}

/// Whether this is a second request by the user.
fn is_second_request(reason: Interruption, now: Instant) -> bool {
    if !reason.is_a_request() {
        return false;
    }
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let before = *first.get_or_insert(now);
    now.duration_since(before) >= SAME_REQUEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_request_must_come_later_and_not_be_a_hang_up() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert!(!is_second_request(Interruption::HungUp, after(0)));
        assert!(!is_second_request(Interruption::Terminated, after(1)));
        assert!(!is_second_request(Interruption::Terminated, after(3)), "timeout signals twice");
        assert!(!is_second_request(Interruption::HungUp, after(900)));
        assert!(is_second_request(Interruption::CtrlC, after(900)));
    }
}
