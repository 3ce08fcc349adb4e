//! Just enough of Rust's grammar to find the rooms that a source file uses.

/// A copy of the code with comments, strings and characters blanked out. Line numbers and byte positions are preserved.
pub(super) fn code_of(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < code.len() {
        let end = at + length_of_text(&code, at);
        if end == at {
            at += 1;
        } else {
            blank(&mut code[at..end]);
            at = end;
        }
    }
    String::from_utf8(code).expect("whole characters are blanked")
}

/// Number of bytes from `at` that are a comment, string or character; 0 for code.
fn length_of_text(code: &[u8], at: usize) -> usize {
    let rest = &code[at..];
    if rest.starts_with(b"//") {
        return rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return length_of_block_comment(rest);
    }
    let in_a_word = at > 0 && is_word(code[at - 1]);
    if rest[0] == b'"' {
        return 1 + length_until_quote(&rest[1..], b'"');
    }
    if rest[0] == b'r' && (!in_a_word || code[at - 1] == b'b' || code[at - 1] == b'c') {
        return length_of_raw_string(rest);
    }
    // A lifetime has no closing quote after its first character.
    let first = rest.get(1).map_or(1, |byte| byte.leading_ones().max(1) as usize);
    if rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || rest.get(1 + first) == Some(&b'\'')) {
        return 1 + length_until_quote(&rest[1..], b'\'');
    }
    0
}

/// Bytes up to and including the closing quote; a backslash escapes.
fn length_until_quote(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Bytes of a `/* */` comment, which may be nested.
fn length_of_block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Bytes of `r"…"` or `r#"…"#`; 0 for anything else (a raw identifier, a word starting with r).
fn length_of_raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let closing = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let body = &rest[hashes + 2..];
    let end = body.windows(closing.len()).position(|window| window == closing);
    end.map_or(rest.len(), |end| hashes + 2 + end + closing.len())
}

/// Replaces everything except line ends by blanks.
fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// Code (see [`code_of`]) with every item under `#[cfg(test)]` blanked out, too.
pub(super) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(found) = code[from..].find(MARK) {
        let start = from + found;
        let end = end_of_item(code.as_bytes(), start + MARK.len());
        blank(&mut kept[start..end]);
        from = end;
    }
    String::from_utf8(kept).expect("whole characters are blanked")
}

/// End of the item that starts at `at`: after its braces, or after its semicolon if it has none.
fn end_of_item(code: &[u8], mut at: usize) -> usize {
    let (mut braces, mut others) = (0_i32, 0_i32);
    while at < code.len() {
        match code[at] {
            b'{' => braces += 1,
            b'}' => braces -= 1,
            b'(' | b'[' => others += 1,
            b')' | b']' => others -= 1,
            _ => {}
        }
        let closed = code[at] == b'}' || code[at] == b';';
        at += 1;
        if closed && braces == 0 && others == 0 {
            return at;
        }
    }
    code.len()
}

/// Words of the code with their positions.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code.as_bytes()[at..].iter().position(|byte| is_word(*byte))?;
        let length = code.as_bytes()[start..].iter().take_while(|byte| is_word(**byte)).count();
        at = start + length;
        Some((start, &code[start..at]))
    })
}

/// Names of the crate's root used by the code, with positions: `clock` in `crate::clock::ms`, in `use crate::{clock,
/// exit}`, and in `super::clock` if that leads to the root. `depth` is the depth of the file's module below the root.
pub(super) fn root_names(code: &str, depth: usize) -> Vec<(usize, String)> {
    names_after(code, depth, 1)
}

/// The same for the module `steps` levels above the file's module, which may take several `super`.
pub(super) fn names_above(code: &str, steps: usize) -> Vec<(usize, String)> {
    names_after(code, steps, 0)
}

/// The names after `depth` times `super`, where `crate` counts as `steps_of_crate` times (0: not at all).
fn names_after(code: &str, depth: usize, steps_of_crate: usize) -> Vec<(usize, String)> {
    let words: Vec<(usize, &str)> = words(code).collect();
    let mut names = Vec::new();
    for (index, (at, word)) in words.iter().enumerate() {
        let follows_path = code[..*at].trim_end().ends_with("::");
        let steps = match *word {
            "crate" if steps_of_crate > 0 => steps_of_crate,
            "super" if !follows_path => words[index..].iter().take_while(|(_, word)| *word == "super").count(),
            _ => continue,
        };
        if *word == "super" && steps != depth {
            continue;
        }
        let (last, text) = words[index + steps - 1];
        if let Some(path) = code[last + text.len()..].trim_start().strip_prefix("::") {
            names.extend(first_names(path).into_iter().map(|name| (*at, name)));
        }
    }
    names
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else { return vec![first_name(path)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        let ends_group = character == '}' && depth == 0;
        if ends_group || (character == ',' && depth == 0) {
            names.push(first_name(&group[start..at]));
            start = at + 1;
        }
        match character {
            _ if ends_group => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The first name of a path; `*` for a glob.
fn first_name(path: &str) -> String {
    let path = path.trim_start();
    if path.starts_with('*') {
        return "*".into();
    }
    path.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// The line number, from 1, of a position in the code.
pub(super) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Whether a byte is part of a word.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[test]
fn comments_and_strings_are_blanked_and_lines_preserved() {
    let text =
        "a // crate::x\n/* crate::y /* z */ */ b\n\"crate::\\\" c\" r#\"d \"e\"# '\"' 'f' 'é' &'g h '\\'' br\"i\" j";
    let code = code_of(text);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "&'g", "h", "b", "j"]);
    assert_eq!(code.len(), text.len());
    assert_eq!(code.matches('\n').count(), 2);
}

#[test]
fn test_items_are_blanked_to_their_end() {
    let code =
        "use a;\n#[cfg(test)]\n#[other]\nmod tests { fn x() { y[1]; } }\nuse b;\n#[cfg(test)]\nuse c;\nfn d() {}";
    let kept = without_tests(code);
    assert_eq!(kept.split_whitespace().collect::<Vec<_>>().join(" "), "use a; use b; fn d() {}");
}

#[test]
fn every_form_of_root_path_is_found() {
    let names = |code: &str, depth| root_names(code, depth).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names("use crate::clock::{ms, nanos};", 2), ["clock"]);
    assert_eq!(names("let x = crate::stats::of(pub(crate) y);", 2), ["stats"]);
    assert_eq!(
        names("use crate::{\n    bridge::{Ack, Dialect},\n    exit,\n    record::Fact,\n};", 2),
        ["bridge", "exit", "record"]
    );
    assert_eq!(names("use super::super::term::Printer; use super::sibling;", 2), ["term"]);
    assert_eq!(names("use super::clock;", 1), ["clock"]);
    assert_eq!(names("use crate::*;", 1), ["*"]);
    assert!(names("use super::sibling; use other_crate::x;", 2).is_empty());
}
