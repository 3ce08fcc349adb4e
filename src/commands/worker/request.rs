//! The child's side of the connection.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::term::Printer;

/// The task of this process. `what` names it, and `asker` is the command that sends such requests. From then on the
/// flag is set when the parent process is gone.
pub(crate) fn request<T: DeserializeOwned>(
    what: &'static str,
    asker: &'static str,
    stop: &Arc<AtomicBool>,
) -> Result<T, Failure> {
    let task = first_request(what, asker)?;
    stop_when_abandoned(stop);
    Ok(task)
}

/// The same for a process that gets further requests, which it reads itself.
pub(crate) fn first_request<T: DeserializeOwned>(what: &'static str, asker: &'static str) -> Result<T, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the request")
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    serde_json::from_str(&line).map_err(|error| {
        Failure::new(Exit::Usage, anyhow::Error::new(error).context(format!("standard input has no valid {what}")))
            .hint(format!("{asker} uses this command internally"))
    })
}

/// Prints a line for the parent process.
pub(crate) fn answer(answer: &impl Serialize, printer: Printer) {
    let text = serde_json::to_string(answer).unwrap_or_default();
    // The parent may have ended; then the line is not needed.
    let _ = printer.data(&text);
}

/// Sets the flag when standard input ends: the parent process has closed it, or has ended.
fn stop_when_abandoned(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    // Never joined: it waits until the process ends.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
