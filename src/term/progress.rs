//! Progress: a live bar on a terminal, plain lines in a log, nothing with `--quiet`.
//!
//! The measuring thread only increments a counter. A separate thread reads it ten times per second and draws.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::printer::Printer;
use crate::text;

/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// The progress of one case.
#[derive(Debug)]
pub struct Progress {
    done: Arc<AtomicU64>,
    live: Option<Live>,
    printer: Printer,
}

#[derive(Debug)]
struct Live {
    bar: ProgressBar,
    ended: Arc<AtomicBool>,
    drawer: JoinHandle<()>,
}

impl Progress {
    /// Starts the progress of `label`, which has `total` steps.
    #[must_use]
    pub fn start(printer: Printer, label: &str, total: u64) -> Self {
        Self::with_template(printer, label, total, "{prefix} {wide_bar} {pos}/{len} · {per_sec} · {eta} left")
    }

    /// The same, where steps are bytes.
    #[must_use]
    pub fn start_bytes(printer: Printer, label: &str, total: u64) -> Self {
        const TEMPLATE: &str =
            "{prefix} {wide_bar} {decimal_bytes}/{decimal_total_bytes} · {decimal_bytes_per_sec} · {eta} left";
        Self::with_template(printer, label, total, TEMPLATE)
    }

    fn with_template(printer: Printer, label: &str, total: u64, template: &'static str) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let live = printer.is_watched().then(|| Live::start(label, total, template, Arc::clone(&done)));
        Self { done, live, printer }
    }

    /// The counter to increment with each step.
    #[must_use]
    pub fn counter(&self) -> &AtomicU64 {
        &self.done
    }

    /// Ends it silently: the next output reports the outcome.
    pub fn clear(self) {
        drop(self);
    }

    /// Ends it, and prints `outcome` as a line of its own.
    pub fn finish(self, outcome: &str) {
        let printer = self.printer;
        self.clear();
        printer.note(outcome);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            live.end();
        }
    }
}

impl Live {
    fn start(label: &str, total: u64, template: &str, done: Arc<AtomicU64>) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        bar.set_prefix(text::line(label).into_owned());
        let ended = Arc::new(AtomicBool::new(false));
        let drawer = {
            let (bar, ended) = (bar.clone(), Arc::clone(&ended));
            thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    bar.set_position(done.load(Ordering::Relaxed));
                    thread::park_timeout(REDRAW);
                }
            })
        };
        Self { bar, ended, drawer }
    }

    fn end(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.drawer.thread().unpark();
        let _ = self.drawer.join();
        self.bar.finish_and_clear();
    }
}
