//! Output of llama.cpp and ggml, kept in memory: bounded, by level, never printed.
//!
//! Debug lines are discarded: llama.cpp writes them in timed parts.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Maximum number of lines. Loading a model writes a few hundred.
const MOST_LINES: usize = 2_000;
/// Maximum length of a line, in bytes.
const MOST_BYTES: usize = 2_000;
/// Maximum number of lines in an error.
const MOST_REASONS: usize = 5;

/// Severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Information.
    Info,
    /// Warning: something is done differently than requested.
    Warn,
    /// Error: something could not be done.
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its severity.
    pub level: LogLevel,
    /// The text, without line break and without folders of models.
    pub text: String,
}

/// A piece of text from ggml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogPiece {
    /// Starts a line of this level.
    Starts(LogLevel),
    /// Starts a line that is discarded.
    Debug,
    /// Continues the previous line.
    Continues,
}

/// The log of this process: recent lines; severe ones are kept longest.
#[derive(Debug)]
pub struct EngineLog(Mutex<LogBuffer>);

#[derive(Debug)]
struct LogBuffer {
    /// Lines with their numbers, from 0.
    lines: VecDeque<(u64, LogLine)>,
    /// Number of lines so far.
    count: u64,
    /// Whether the last line is incomplete.
    open: bool,
    /// Whether the next piece continues a discarded line.
    skipping: bool,
    /// Folders that must not appear.
    folders: Vec<String>,
}

impl EngineLog {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(LogBuffer {
            lines: VecDeque::new(),
            count: 0,
            open: false,
            skipping: false,
            folders: Vec::new(),
        }))
    }

    /// The lines of at least this severity, oldest first.
    #[must_use]
    pub fn lines(&self, least: LogLevel) -> Vec<LogLine> {
        self.since(0, least)
    }

    /// The lines of at least this severity added since [`EngineLog::position`] returned `position`.
    #[must_use]
    pub fn since(&self, position: u64, least: LogLevel) -> Vec<LogLine> {
        let buffer = self.buffer();
        let wanted = buffer.lines.iter().filter(|(number, line)| *number >= position && line.level >= least);
        wanted.map(|(_, line)| LogLine { level: line.level, text: buffer.without_folders(&line.text) }).collect()
    }

    /// Number of lines so far, including those no longer kept.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.buffer().count
    }

    /// Number of lines no longer kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let buffer = self.buffer();
        buffer.count - buffer.lines.len() as u64
    }

    /// The lines for an error that occurred since `position`, its cause first. llama.cpp states the cause in its first
    /// error and ends with general ones. Without errors, the last warning, otherwise the last line.
    pub(super) fn reasons(&self, position: u64) -> Vec<String> {
        let mut lines = self.since(position, LogLevel::Error);
        lines.truncate(MOST_REASONS);
        for level in [LogLevel::Warn, LogLevel::Info] {
            if lines.is_empty() {
                lines.extend(self.since(position, level).pop());
            }
        }
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Removes a folder of the user from every line, leaving only file names. `folder` ends with the separator; the
    /// root directory reveals nothing and is kept.
    pub(super) fn hide(&self, folder: &str) {
        let mut buffer = self.buffer();
        if folder.len() > 1 && !buffer.folders.iter().any(|known| known == folder) {
            buffer.folders.push(folder.to_owned());
            // Nested folders first, since removing the outer one would leave part of the inner one.
            buffer.folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        }
    }

    /// Adds a piece of text, which may contain any number of line breaks.
    pub(super) fn push(&self, piece: LogPiece, text: &str) {
        let mut buffer = self.buffer();
        let level = match piece {
            LogPiece::Starts(level) => {
                buffer.open = false;
                buffer.skipping = false;
                level
            }
            LogPiece::Debug => {
                buffer.open = false;
                buffer.skipping = true;
                LogLevel::Info
            }
            LogPiece::Continues => buffer.lines.back().map_or(LogLevel::Info, |(_, line)| line.level),
        };
        if buffer.skipping {
            return;
        }
        for part in text.split_inclusive('\n') {
            buffer.add(level, part);
        }
    }

    /// The buffer, even after a panic in another thread: every line in it is complete.
    fn buffer(&self) -> MutexGuard<'_, LogBuffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogBuffer {
    /// Appends part of a line to the incomplete line, or starts a new one.
    fn add(&mut self, level: LogLevel, part: &str) {
        let text = part.trim_end_matches(['\n', '\r']);
        if self.open
            && let Some((_, line)) = self.lines.back_mut()
        {
            line.text.push_str(text);
            shorten(&mut line.text);
        } else if !text.trim().is_empty() {
            if self.lines.len() == MOST_LINES {
                self.drop_one();
            }
            let mut text = text.to_owned();
            shorten(&mut text);
            self.lines.push_back((self.count, LogLine { level, text }));
            self.count += 1;
            self.open = true;
        }
        if part.ends_with('\n') {
            self.open = false;
        }
    }

    /// Drops the oldest of the least severe lines.
    fn drop_one(&mut self) {
        let least = self.lines.iter().map(|(_, line)| line.level).min();
        if let Some(at) = self.lines.iter().position(|(_, line)| Some(line.level) == least) {
            self.lines.remove(at);
        }
    }

    fn without_folders(&self, text: &str) -> String {
        self.folders.iter().fold(text.to_owned(), |text, folder| text.replace(folder.as_str(), ""))
    }
}

/// Truncates a line to the limit at a character boundary.
fn shorten(text: &mut String) {
    if text.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &EngineLog, least: LogLevel) -> Vec<String> {
        log.lines(least).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_filtered_by_level() {
        let log = EngineLog::new();
        log.push(LogPiece::Starts(LogLevel::Info), "loading\n");
        log.push(LogPiece::Starts(LogLevel::Warn), "strange\n\n");
        log.push(LogPiece::Starts(LogLevel::Error), "first\nsecond\n");
        assert_eq!(texts(&log, LogLevel::Info), ["loading", "strange", "first", "second"]);
        assert_eq!(texts(&log, LogLevel::Warn), ["strange", "first", "second"]);
        assert_eq!(texts(&log, LogLevel::Error), ["first", "second"]);
    }

    #[test]
    fn pieces_are_joined_into_lines() {
        let log = EngineLog::new();
        log.push(LogPiece::Starts(LogLevel::Warn), "tensors: ");
        log.push(LogPiece::Continues, "1, ");
        log.push(LogPiece::Continues, "2\n");
        log.push(LogPiece::Starts(LogLevel::Info), "no end");
        log.push(LogPiece::Starts(LogLevel::Info), "next\n");
        assert_eq!(texts(&log, LogLevel::Warn), ["tensors: 1, 2"]);
        assert_eq!(texts(&log, LogLevel::Info), ["tensors: 1, 2", "no end", "next"]);
    }

    #[test]
    fn debug_lines_and_their_continuations_are_discarded() {
        let log = EngineLog::new();
        log.push(LogPiece::Starts(LogLevel::Info), "kept\n");
        log.push(LogPiece::Debug, "threads ");
        log.push(LogPiece::Continues, "= 2\n");
        log.push(LogPiece::Starts(LogLevel::Info), "kept too\n");
        assert_eq!(texts(&log, LogLevel::Info), ["kept", "kept too"]);
    }

    #[test]
    fn severe_lines_are_kept_longest() {
        let log = EngineLog::new();
        log.push(LogPiece::Starts(LogLevel::Error), "the cause\n");
        for number in 0..MOST_LINES + 10 {
            log.push(LogPiece::Starts(LogLevel::Info), &format!("line {number}\n"));
        }
        assert_eq!(texts(&log, LogLevel::Error), ["the cause"]);
        assert_eq!(texts(&log, LogLevel::Info).len(), MOST_LINES);
        assert_eq!(texts(&log, LogLevel::Info)[1], "line 11");
        assert_eq!(log.dropped(), 11);
        assert_eq!(log.position(), MOST_LINES as u64 + 11);
    }

    #[test]
    fn endless_line_is_truncated() {
        let log = EngineLog::new();
        for _ in 0..MOST_BYTES {
            log.push(LogPiece::Continues, "é");
        }
        let text = &texts(&log, LogLevel::Info)[0];
        assert_eq!(text.len(), MOST_BYTES);
        assert!(text.chars().all(|letter| letter == 'é'));
    }

    #[test]
    fn reasons_start_with_the_first_cause() {
        let log = EngineLog::new();
        log.push(LogPiece::Starts(LogLevel::Error), "of before\n");
        let position = log.position();
        assert!(log.reasons(position).is_empty());
        log.push(LogPiece::Starts(LogLevel::Info), "reading\n");
        assert_eq!(log.reasons(position), ["reading"]);
        log.push(LogPiece::Starts(LogLevel::Warn), "strange\n");
        log.push(LogPiece::Starts(LogLevel::Info), "reading on\n");
        assert_eq!(log.reasons(position), ["strange"]);
        for number in 0..9 {
            log.push(LogPiece::Starts(LogLevel::Error), &format!("error {number}\n"));
        }
        assert_eq!(log.reasons(position), ["error 0", "error 1", "error 2", "error 3", "error 4"]);
    }

    #[test]
    fn user_folders_are_removed() {
        let log = EngineLog::new();
        log.hide("/home/ada/");
        log.hide("/home/ada/models/");
        log.hide("/");
        log.hide("");
        log.push(LogPiece::Starts(LogLevel::Info), "from /home/ada/models/zephyr.gguf and /home/ada/x\n");
        assert_eq!(texts(&log, LogLevel::Info), ["from zephyr.gguf and x"]);
    }
}
