//! What stopped a run: Ctrl-C, or a signal from another program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;
use crate::exit::Exit;
use crate::term::restore_terminal;

/// A flag that the first Ctrl-C (or termination signal) raises; the second ends the process at once.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            restore_terminal();
            std::process::exit(Exit::Interrupted as i32);
        }
    })
    .map_err(|error| Failure::new(Exit::Bug, anyhow::Error::new(error).context("cannot listen for Ctrl-C")))?;
    received::listen()
        .map_err(|error| Failure::new(Exit::Bug, anyhow::Error::new(error).context("cannot listen for signals")))?;
    Ok(stop)
}

/// What stopped this process's run, for its record.
pub(super) fn ended_by() -> String {
    format!("ended by {}", received::name())
}

#[cfg(unix)]
mod received {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag::register_usize;

    /// The signals that end a run, by the number that is kept of the last one. 0 is none.
    const NAMES: [(i32, &str); 3] =
        [(SIGINT, "Ctrl-C"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP: its terminal was closed")];

    static LAST: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

    /// Notes which signal comes. Whoever listened before still hears it.
    pub(super) fn listen() -> io::Result<()> {
        for (number, (signal, _)) in (1..).zip(NAMES) {
            register_usize(signal, Arc::clone(&LAST), number)?;
        }
        Ok(())
    }

    /// The last signal. Keys end a run without one.
    pub(super) fn name() -> &'static str {
        let number = LAST.load(Ordering::Relaxed);
        number.checked_sub(1).and_then(|at| NAMES.get(at)).map_or("a key", |(_, name)| name)
    }
}

/// Elsewhere there is one way to ask a console program to end.
#[cfg(not(unix))]
mod received {
    use std::io;

    #[allow(clippy::unnecessary_wraps)] // The other systems' can fail.
    pub(super) fn listen() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn name() -> &'static str {
        "Ctrl-C"
    }
}
