//! Finds the position of each value in a JSON text without interpreting it: everything else remains as written.
//!
//! Refuses anything that is not JSON (RFC 8259), duplicate keys, and nesting beyond a limit.

use std::collections::HashSet;
use std::ops::Range;

/// Maximum nesting of objects and arrays.
const DEEPEST: usize = 100;

/// A value: its position and, for an object, its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueNode {
    /// Its bytes.
    pub(super) span: Range<usize>,
    /// The members of an object, in the order of the text; `None` for any other value.
    pub(super) members: Option<Vec<Member>>,
}

/// A key of an object and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// The key as UTF-16, which JSON escapes use: a lone surrogate is a valid key.
    key: Vec<u16>,
    /// The key's bytes, quotes included.
    pub(super) key_span: Range<usize>,
    /// The value.
    pub(super) value: ValueNode,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JsonFault {
    /// The text continues with something unexpected.
    Expected {
        /// Its offset, in bytes.
        at: usize,
        /// What is expected.
        what: &'static str,
    },
    /// Something that the application accepts although it is not JSON (RFC 8259), or beyond a limit of this reader.
    Lenient {
        /// Its offset, in bytes.
        at: usize,
        /// What it is.
        what: &'static str,
    },
    /// A duplicate key of an object.
    Duplicate {
        /// Offset of the second one, in bytes.
        at: usize,
        /// The key.
        key: String,
    },
}

impl ValueNode {
    /// The member of that key.
    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        self.members.as_ref()?.iter().find(|member| member.is(key))
    }
}

impl Member {
    /// Whether this is its key.
    pub(super) fn is(&self, key: &str) -> bool {
        self.key.iter().copied().eq(key.encode_utf16())
    }
}

/// The top-level value of a text; it starts at `from`, after a byte order mark.
pub(super) fn scan(text: &str, from: usize) -> Result<ValueNode, JsonFault> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: from };
    let root = scanner.value(0)?;
    scanner.space();
    if scanner.at < text.len() { Err(scanner.expected("the end")) } else { Ok(root) }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn expected(&self, what: &'static str) -> JsonFault {
        JsonFault::Expected { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Consumes this byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<ValueNode, JsonFault> {
        self.space();
        let start = self.at;
        let mut members = None;
        match self.peek() {
            Some(b'{' | b'[') if depth == DEEPEST => {
                return Err(JsonFault::Lenient { at: self.at, what: "more than 100 levels of nesting" });
            }
            Some(b'{') => members = Some(self.object(depth)?),
            Some(b'[') => self.array(depth)?,
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        }
        Ok(ValueNode { span: start..self.at, members })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, JsonFault> {
        let (mut members, mut keys) = (Vec::new(), HashSet::new());
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            self.string()?;
            let key_span = start..self.at;
            let key = units(&self.text[start + 1..self.at - 1]);
            if !keys.insert(key.clone()) {
                return Err(JsonFault::Duplicate { at: start, key: String::from_utf16_lossy(&key) });
            }
            self.space();
            if !self.take(b':') {
                return Err(self.expected("':'"));
            }
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_span, value });
            self.space();
            if self.take(b'}') {
                return Ok(members);
            }
            if !self.take(b',') {
                return Err(self.expected("',' or '}'"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonFault> {
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    fn string(&mut self) -> Result<(), JsonFault> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u')
                            if self.bytes[self.at..]
                                .iter()
                                .skip(1)
                                .take(4)
                                .filter(|b| b.is_ascii_hexdigit())
                                .count()
                                == 4 =>
                        {
                            self.at += 5;
                        }
                        _ => return Err(self.expected("a valid JSON escape")),
                    }
                }
                Some(0..=0x1f) => return Err(self.expected("an escape instead of a control character")),
                Some(_) => self.at += 1,
                None => return Err(self.expected("'\"'")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        self.no_number()?;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    /// The words that Python's reader accepts as numbers.
    fn no_number(&self) -> Result<(), JsonFault> {
        let rest = &self.bytes[self.at..];
        let found = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
        found.map_or(Ok(()), |what| Err(JsonFault::Lenient { at: self.at, what }))
    }

    fn word(&mut self) -> Result<(), JsonFault> {
        self.no_number()?;
        for word in ["true", "false", "null"] {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(self.expected("a value"))
    }
}

/// The characters of a string's content, with escapes resolved. The scanner has checked them.
fn units(inside: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(inside.len());
    let mut rest = inside.chars();
    while let Some(character) = rest.next() {
        let plain = match character {
            '\\' => match rest.next() {
                Some('u') => {
                    let digits = rest.as_str().get(..4).unwrap_or_default();
                    rest = rest.as_str().get(4..).unwrap_or_default().chars();
                    units.push(u16::from_str_radix(digits, 16).unwrap_or(0xfffd));
                    continue;
                }
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                other => other.unwrap_or('\\'),
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> JsonFault {
        scan(text, 0).unwrap_err()
    }

    #[test]
    fn values_have_their_positions() {
        let text = " {\"a\" : [1, {\"b\": -0.5E+7}], \"\\u00e9\\n\": {\"c\": \"\\\"}\"} , \"d\": null}\r\n";
        let root = scan(text, 0).unwrap();
        assert_eq!(&text[root.member("a").unwrap().value.span.clone()], "[1, {\"b\": -0.5E+7}]");
        let inner = root.member("é\n").unwrap();
        assert_eq!(&text[inner.key_span.clone()], "\"\\u00e9\\n\"");
        assert_eq!(&text[inner.value.member("c").unwrap().value.span.clone()], "\"\\\"}\"");
        assert_eq!(root.member("a").unwrap().value.members, None);
        assert_eq!(root.member("b"), None);
        assert_eq!(root.members.unwrap().len(), 3);
    }

    #[test]
    fn lone_surrogate_is_a_valid_key() {
        let root = scan(r#"{"\ud83d": 1, "\ud83d\ude00": 2, "\ud83e": 3}"#, 0).unwrap();
        assert!(root.member("😀").unwrap().is("😀"));
        assert_eq!(root.members.unwrap().len(), 3);
    }

    #[test]
    fn non_json_is_named_with_its_position() {
        for (text, at, what) in [
            ("", 0, "a value"),
            ("{", 1, "a key"),
            ("{\"a\"}", 4, "':'"),
            ("{\"a\":1 \"b\"", 7, "',' or '}'"),
            ("{\"a\":1,}", 7, "a key"),
            ("[1,]", 3, "a value"),
            ("[1 2]", 3, "',' or ']'"),
            ("{} {}", 3, "the end"),
            ("[01]", 2, "',' or ']'"),
            ("[-]", 2, "a digit"),
            ("[1.]", 3, "a digit"),
            ("[1e]", 3, "a digit"),
            ("[nan]", 1, "a value"),
            ("[-inf]", 2, "a digit"),
            ("['a']", 1, "a value"),
            ("[\"\\x\"]", 3, "a valid JSON escape"),
            ("[\"\\u12g4\"]", 3, "a valid JSON escape"),
            ("[\"\\u12", 3, "a valid JSON escape"),
            ("[\"a\nb\"]", 3, "control character"),
            ("[\"a", 3, "'\"'"),
            ("// x\n{}", 0, "a value"),
        ] {
            let JsonFault::Expected { at: found, what: expected } = fault(text) else { panic!("{text}") };
            assert!(found == at && expected.contains(what), "{text}: {found} {expected}");
        }
        for (text, at, what) in
            [("[NaN]", 1, "NaN"), ("[1, -Infinity]", 4, "-Infinity"), ("{\"a\":Infinity}", 5, "Infinity")]
        {
            assert_eq!(fault(text), JsonFault::Lenient { at, what });
        }
        let deep = fault(&"[".repeat(1_000_000));
        assert_eq!(deep, JsonFault::Lenient { at: 100, what: "more than 100 levels of nesting" });
        assert!(scan(&("[".repeat(100) + &"]".repeat(100)), 0).is_ok());
    }

    #[test]
    fn duplicate_key_is_rejected_in_any_spelling() {
        let fault = fault(r#"{"a": [{"x": 1, "é": 2, "\u00e9": 3}]}"#);
        assert_eq!(fault, JsonFault::Duplicate { at: 25, key: "é".into() });
        assert!(scan(r#"{"a": {"a": 1}, "b": {"a": 1}}"#, 0).is_ok());
    }
}
