//! Characters that control a terminal, change the text direction or break a document are escaped.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character must be escaped: control characters (C0, DEL, C1), marks that change the text direction,
/// separators that some readers treat as line ends, and noncharacters, which XML refuses.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    let is_directional =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_separator = matches!(c, '\u{2028}' | '\u{2029}');
    let is_no_character = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || is_directional || is_separator || is_no_character
}

/// The text on one line: line ends and tabs become spaces, other unsafe characters their JSON escape (`\u001b`).
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\r' | '\t').then_some(' '))
}

/// The text with its lines and tabs; other unsafe characters become their JSON escape (`\u001b`), so that JSON keeps
/// its meaning.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t').then_some(c))
}

/// The text as data on one line: every unsafe character, including line ends and tabs, becomes its JSON escape, so that
/// distinct texts remain distinct.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    escaped(text, |_| None)
}

/// The first `most` characters, and the number of further ones; the text itself if it is not longer.
#[must_use]
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            Cow::Owned(format!("{}… (+{more} characters)", &text[..end]))
        }
    }
}

/// `instead` is the replacement of an unsafe character; without one, the escape is used.
fn escaped(text: &str, instead: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) && instead(c) != Some(c)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\r' && rest.peek() == Some(&'\n') && instead('\n').is_some() {
            continue; // The line end follows.
        }
        match (is_unsafe(c), instead(c)) {
            (false, _) => escaped.push(c),
            (true, Some(instead)) => escaped.push(instead),
            (true, None) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidi_characters_are_escaped() {
        assert_eq!(line("\u{1b}]0;owned\u{7}\u{9b}2J"), "\\u001b]0;owned\\u0007\\u009b2J");
        assert_eq!(line("gpj.\u{202e}exe\u{2066}"), "gpj.\\u202eexe\\u2066");
        assert_eq!(line("a\u{fffe}b\u{ffff}c\u{1ffff}"), "a\\ufffeb\\uffffc\\ud83f\\udfff");
        assert_eq!(line("naïve 漢字 👩‍💻 µs"), "naïve 漢字 👩‍💻 µs", "what is only foreign stays");
    }

    #[test]
    fn line_ends_become_spaces_only_on_one_line() {
        assert_eq!(line("a\r\nb\tc\rd"), "a b c d");
        assert_eq!(lines("a\r\nb\tc\rd"), "a\nb\tc\\u000dd");
        assert!(matches!(lines("a\n\tb"), Cow::Borrowed(_)));
        assert_eq!(cell("=1\r\n+2\t-3 @x"), "=1\\u000d\\u000a+2\\u0009-3 @x", "data are not changed");
    }

    #[test]
    fn escaped_json_is_equivalent() {
        let value = serde_json::json!({"name": "a\u{1b}b\u{9b}c\u{202e}d\u{7f}\u{1fffe}\n"});
        let shown = format!("{value:#}");
        let safe = lines(&shown);
        assert!(!safe.chars().any(|c| is_unsafe(c) && c != '\n'), "{safe:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn truncated_text_states_the_missing_length() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äöü… (+1 characters)");
    }
}
