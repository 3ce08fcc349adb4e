//! The end inside of the process.

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

/// What this process is to do. `what` names it, and `asker` is the command that asks for such. From then on the flag is raised
/// when whoever asked is gone.
pub(crate) fn request<T: DeserializeOwned>(
    what: &'static str,
    asker: &'static str,
    stop: &Arc<AtomicBool>,
) -> Result<T, Failure> {
    let task = first_request(what, asker)?;
    stop_when_abandoned(stop);
    Ok(task)
}

/// The same for a process that is asked for more afterwards, and reads that itself.
pub(crate) fn first_request<T: DeserializeOwned>(what: &'static str, asker: &'static str) -> Result<T, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the request")
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    serde_json::from_str(&line).map_err(|error| {
        Failure::new(Exit::Usage, anyhow::Error::new(error).context(format!("standard input holds no {what}")))
            .hint(format!("{asker} starts this command by itself"))
    })
}

/// Prints a line for whoever asked.
pub(crate) fn answer(answer: &impl Serialize, printer: Printer) {
    let text = serde_json::to_string(answer).unwrap_or_default();
    // Nobody may be listening any more; then nobody misses it.
    let _ = printer.data(&text);
}

/// Raises the flag when standard input ends: whoever started this process has closed it, or has died.
fn stop_when_abandoned(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    // Never joined: it waits for as long as the process lives.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
