//! Settings of the Windows console that decide whether text is displayed correctly.

use super::win32;
use crate::record::Fact;

/// How the console displays text. Only Windows has such settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleFacts {
    /// Code page of the output; 65001 is UTF-8.
    pub output_code_page: Fact<u32>,
    /// Code page of the input.
    pub input_code_page: Fact<u32>,
    /// Whether the console behind standard output interprets escape sequences.
    pub escape_sequences: Fact<bool>,
}

/// The current console settings.
#[must_use]
pub fn console() -> ConsoleFacts {
    let (output_code_page, input_code_page) = win32::code_pages();
    ConsoleFacts { output_code_page, input_code_page, escape_sequences: win32::escape_sequences() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_has_code_pages() {
        let console = console();
        assert!(!matches!(console.output_code_page, Fact::Failed(_) | Fact::NotMeasured), "{console:?}");
        if !cfg!(windows) {
            assert_eq!(console.output_code_page, Fact::Unsupported);
            assert_eq!(console.escape_sequences, Fact::Unsupported);
        }
    }
}
