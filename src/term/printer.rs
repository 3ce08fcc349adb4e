//! Prints results, notes, warnings and errors. Honours `NO_COLOR`, pipes and `--quiet`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};

use super::hyperlink::{Link, is_linked};
use super::screen::is_taken;
use crate::text;

/// Longest message, in characters: a bridge may send an error of a megabyte.
const LONGEST_MESSAGE: usize = 8_000;

/// Width of a table if standard output is not a terminal, in columns.
const PIPED_WIDTH: usize = 120;

/// What may be printed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    quiet: bool,
    verbose: bool,
}

impl Printer {
    /// A printer; `quiet` suppresses progress and notes.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        LazyLock::force(&STDOUT_WAS_TERMINAL);
        Self { quiet, verbose: false }
    }

    /// The same, which also prints details or does not.
    #[must_use]
    pub fn with_details(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    /// Whether details are printed.
    #[must_use]
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Whether standard error is a terminal.
    #[must_use]
    pub fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether standard output was a terminal when the program started.
    #[must_use]
    pub fn prints_to_terminal(self) -> bool {
        *STDOUT_WAS_TERMINAL
    }

    /// Columns available for a table on standard output.
    #[must_use]
    pub fn width(self) -> usize {
        if !io::stdout().is_terminal() {
            return PIPED_WIDTH;
        }
        console::Term::stdout().size_checked().map_or(PIPED_WIDTH, |(_, columns)| usize::from(columns).max(40))
    }

    /// Writes data to standard output, ending in a newline. Terminal control characters are escaped; JSON keeps its
    /// meaning.
    ///
    /// # Errors
    /// The system's error, except for a pipe whose reader has closed it, which is allowed, and a closed terminal.
    pub fn data(self, text: &str) -> io::Result<()> {
        self.styled(&text::lines(text))
    }

    /// The same for text with styles of its own that is otherwise safe.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub fn styled(self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        let newline: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(newline));
        match written.and_then(|()| stdout.flush()) {
            Err(error) if is_read_no_more(&error) => Ok(()),
            other => other,
        }
    }

    /// Asks for confirmation on standard error: only `y` or `yes` confirms. `None` if there is no terminal to ask on.
    ///
    /// # Errors
    /// The system's error of standard input.
    pub fn consent(self, question: &str) -> io::Result<Option<bool>> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        let mut stderr = anstream::stderr().lock();
        write!(stderr, "{} [y/N] ", text::line(question))?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
    }

    /// The same for a command that continues; returns whether the output is still read.
    ///
    /// # Errors
    /// The system's error, except for a pipe or a terminal that has been closed.
    pub fn stream(self, text: &str) -> io::Result<bool> {
        let mut stdout = anstream::stdout().lock();
        match writeln!(stdout, "{}", text::lines(text)).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if is_read_no_more(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A note, suppressed by `--quiet`.
    pub fn note(self, text: &str) {
        if !self.quiet {
            line("", Style::new(), text);
        }
    }

    /// Where a record is, suppressed by `--quiet`: a link on terminals that show links.
    pub fn record(self, folder: &Path) {
        if self.quiet {
            return;
        }
        let shown = text::path(folder);
        match Link::to(folder).filter(|_| is_linked() && !is_taken()) {
            // If that fails, there is no other place to report it. Without styles, the stream leaves out the link.
            Some(link) => {
                let _ = writeln!(anstream::stderr().lock(), "record: {}", link.around(&text::lines(&shown)));
            }
            None => line("", Style::new(), &format!("record: {shown}")),
        }
    }

    /// A warning that the reader needs to interpret the figures.
    pub fn warning(self, text: &str) {
        line("warning: ", AnsiColor::Yellow.on_default().bold(), text);
    }

    /// An error.
    pub fn error(self, text: &str) {
        line("error: ", AnsiColor::Red.on_default().bold(), text);
    }

    /// A hint.
    pub fn hint(self, text: &str) {
        line("hint: ", AnsiColor::Cyan.on_default().bold(), text);
    }
}

/// Whether a display may use colours: not with `NO_COLOR` or on terminals without any.
#[must_use]
pub fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether standard output was a terminal when the program started: a closed one can no longer be recognised.
static STDOUT_WAS_TERMINAL: LazyLock<bool> = LazyLock::new(|| io::stdout().is_terminal());

/// Whether output failed because its reader is gone: the pipe or the terminal was closed.
fn is_read_no_more(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) && *STDOUT_WAS_TERMINAL {
        return true;
    }
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Lines that the display would have overwritten, in order.
static HELD_BACK: Mutex<Vec<(&'static str, Style, String)>> = Mutex::new(Vec::new());

/// Prints the lines that were deferred while a display had the terminal.
pub(super) fn print_held_back() {
    let lines = std::mem::take(&mut *HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner));
    for (label, style, text) in lines {
        line(label, style, &text);
    }
}

/// The text with its continuation lines indented if they look like lines of this program: foreign text in an error must
/// not pass as a hint.
fn without_labels(text: &str) -> String {
    let is_labelled = |line: &str| ["error: ", "hint: ", "warning: "].iter().any(|label| line.starts_with(label));
    let later = |line: &str| if is_labelled(line) { format!("\n  {line}") } else { format!("\n{line}") };
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    first + &lines.map(later).collect::<String>()
}

/// One message on standard error, sanitised and of limited length, once no display has the terminal. If that fails
/// there is no other place to report it.
fn line(label: &'static str, style: Style, text: &str) {
    if is_taken() {
        HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner).push((label, style, text.to_owned()));
        return;
    }
    let mut stderr = anstream::stderr().lock();
    let text = without_labels(&text::lines(text));
    let _ = writeln!(stderr, "{style}{label}{style:#}{}", text::shortened(&text, LONGEST_MESSAGE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_lines_of_a_message_are_indented() {
        let foreign = "the bridge refused the command: no\nhint: rm -r /\nerror: x\nand more";
        assert_eq!(
            without_labels(foreign),
            "the bridge refused the command: no\n  hint: rm -r /\n  error: x\nand more"
        );
        assert_eq!(without_labels("hint: is what it begins with"), "hint: is what it begins with");
    }
}
