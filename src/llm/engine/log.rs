//! What llama.cpp and ggml say, kept in memory: bounded, by level, never printed.
//!
//! Debug lines are not kept: llama.cpp writes them inside what is being timed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lines that are kept. Loading a model writes a few hundred.
const MOST_LINES: usize = 2_000;
/// Bytes of a line that are kept.
const MOST_BYTES: usize = 2_000;
/// Lines that an error carries along.
const MOST_REASONS: usize = 5;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What it does.
    Info,
    /// What it does otherwise than it was asked to.
    Warn,
    /// What it could not do.
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
    /// How grave.
    pub level: LogLevel,
    /// The words, without the end of the line. Folders of models are left out.
    pub text: String,
}

/// How a piece of text arrives from ggml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// The start of a line of this level.
    Starts(LogLevel),
    /// The start of a line that is not kept.
    Debug,
    /// More of the line before.
    Continues,
}

/// The log of this process: the newest lines, the gravest kept longest.
#[derive(Debug)]
pub struct Log(Mutex<Buffer>);

#[derive(Debug)]
struct Buffer {
    /// Each with its number, counted from 0.
    lines: VecDeque<(u64, LogLine)>,
    /// How many lines there have been.
    count: u64,
    /// Whether the last line has not ended yet.
    open: bool,
    /// Whether what comes now continues a line that is not kept.
    skipping: bool,
    /// Folders that no line may show.
    folders: Vec<String>,
}

impl Log {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Buffer { lines: VecDeque::new(), count: 0, open: false, skipping: false, folders: Vec::new() }))
    }

    /// The lines that are at least this grave, the oldest first.
    #[must_use]
    pub fn lines(&self, least: LogLevel) -> Vec<LogLine> {
        self.since(0, least)
    }

    /// The lines that are at least this grave and have come since [`Log::position`] was `position`.
    #[must_use]
    pub fn since(&self, position: u64, least: LogLevel) -> Vec<LogLine> {
        let buffer = self.buffer();
        let wanted = buffer.lines.iter().filter(|(number, line)| *number >= position && line.level >= least);
        wanted.map(|(_, line)| LogLine { level: line.level, text: buffer.without_folders(&line.text) }).collect()
    }

    /// How many lines there have been so far, those that are no longer kept included.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.buffer().count
    }

    /// How many lines are no longer kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let buffer = self.buffer();
        buffer.count - buffer.lines.len() as u64
    }

    /// What an error that has come since then takes along, its cause first. llama.cpp names the cause in its first error and
    /// ends with general ones. Without errors, the last warning, else the last line of all.
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

    /// Keeps a folder of the user's out of every line: what lies in it is shown by its name alone. `folder` ends with the
    /// separator; the root of all folders tells nothing and stays.
    pub(super) fn hide(&self, folder: &str) {
        let mut buffer = self.buffer();
        if folder.len() > 1 && !buffer.folders.iter().any(|known| known == folder) {
            buffer.folders.push(folder.to_owned());
            // A folder inside another one first, or the outer one would leave half of it standing.
            buffer.folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        }
    }

    /// Takes in a piece of text, with as many ends of lines as there are in it.
    pub(super) fn push(&self, piece: Piece, text: &str) {
        let mut buffer = self.buffer();
        let level = match piece {
            Piece::Starts(level) => {
                buffer.open = false;
                buffer.skipping = false;
                level
            }
            Piece::Debug => {
                buffer.open = false;
                buffer.skipping = true;
                LogLevel::Info
            }
            Piece::Continues => buffer.lines.back().map_or(LogLevel::Info, |(_, line)| line.level),
        };
        if buffer.skipping {
            return;
        }
        for part in text.split_inclusive('\n') {
            buffer.add(level, part);
        }
    }

    /// The buffer, whoever else failed while holding it: every line in it is whole.
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// Adds a part of a line, or a line, to the open line or as a new one.
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

    /// Drops the oldest of the least grave.
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

/// Cuts a line to its bound, between characters.
fn shorten(text: &mut String) {
    if text.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &Log, least: LogLevel) -> Vec<String> {
        log.lines(least).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_kept_by_level() {
        let log = Log::new();
        log.push(Piece::Starts(LogLevel::Info), "loading\n");
        log.push(Piece::Starts(LogLevel::Warn), "strange\n\n");
        log.push(Piece::Starts(LogLevel::Error), "first\nsecond\n");
        assert_eq!(texts(&log, LogLevel::Info), ["loading", "strange", "first", "second"]);
        assert_eq!(texts(&log, LogLevel::Warn), ["strange", "first", "second"]);
        assert_eq!(texts(&log, LogLevel::Error), ["first", "second"]);
    }

    #[test]
    fn pieces_become_lines() {
        let log = Log::new();
        log.push(Piece::Starts(LogLevel::Warn), "tensors: ");
        log.push(Piece::Continues, "1, ");
        log.push(Piece::Continues, "2\n");
        log.push(Piece::Starts(LogLevel::Info), "no end");
        log.push(Piece::Starts(LogLevel::Info), "next\n");
        assert_eq!(texts(&log, LogLevel::Warn), ["tensors: 1, 2"]);
        assert_eq!(texts(&log, LogLevel::Info), ["tensors: 1, 2", "no end", "next"]);
    }

    #[test]
    fn debug_lines_and_what_continues_them_are_not_kept() {
        let log = Log::new();
        log.push(Piece::Starts(LogLevel::Info), "kept\n");
        log.push(Piece::Debug, "threads ");
        log.push(Piece::Continues, "= 2\n");
        log.push(Piece::Starts(LogLevel::Info), "kept too\n");
        assert_eq!(texts(&log, LogLevel::Info), ["kept", "kept too"]);
    }

    #[test]
    fn the_gravest_are_kept_longest() {
        let log = Log::new();
        log.push(Piece::Starts(LogLevel::Error), "the cause\n");
        for number in 0..MOST_LINES + 10 {
            log.push(Piece::Starts(LogLevel::Info), &format!("line {number}\n"));
        }
        assert_eq!(texts(&log, LogLevel::Error), ["the cause"]);
        assert_eq!(texts(&log, LogLevel::Info).len(), MOST_LINES);
        assert_eq!(texts(&log, LogLevel::Info)[1], "line 11");
        assert_eq!(log.dropped(), 11);
        assert_eq!(log.position(), MOST_LINES as u64 + 11);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let log = Log::new();
        for _ in 0..MOST_BYTES {
            log.push(Piece::Continues, "é");
        }
        let text = &texts(&log, LogLevel::Info)[0];
        assert_eq!(text.len(), MOST_BYTES);
        assert!(text.chars().all(|letter| letter == 'é'));
    }

    #[test]
    fn an_error_takes_its_first_cause_and_not_the_general_end() {
        let log = Log::new();
        log.push(Piece::Starts(LogLevel::Error), "of before\n");
        let position = log.position();
        assert!(log.reasons(position).is_empty());
        log.push(Piece::Starts(LogLevel::Info), "reading\n");
        assert_eq!(log.reasons(position), ["reading"]);
        log.push(Piece::Starts(LogLevel::Warn), "strange\n");
        log.push(Piece::Starts(LogLevel::Info), "reading on\n");
        assert_eq!(log.reasons(position), ["strange"]);
        for number in 0..9 {
            log.push(Piece::Starts(LogLevel::Error), &format!("error {number}\n"));
        }
        assert_eq!(log.reasons(position), ["error 0", "error 1", "error 2", "error 3", "error 4"]);
    }

    #[test]
    fn folders_of_the_user_are_left_out() {
        let log = Log::new();
        log.hide("/home/ada/");
        log.hide("/home/ada/models/");
        log.hide("/");
        log.hide("");
        log.push(Piece::Starts(LogLevel::Info), "from /home/ada/models/zephyr.gguf and /home/ada/x\n");
        assert_eq!(texts(&log, LogLevel::Info), ["from zephyr.gguf and x"]);
    }
}
