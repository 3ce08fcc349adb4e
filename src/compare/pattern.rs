//! Names with `*` for any text: how gates and command lines select cases and metrics.

/// Whether `text` matches `pattern`: literally, except that `*` matches any text, including none.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_matches_any_text() {
        for (pattern, text) in [("*", ""), ("*", "a/b"), ("a*", "a"), ("*/tg*", "idle/tg64/threads=2"), ("p50", "p50")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("p50", "p500"), ("a*b", "ac"), ("", "a"), ("*b", "ab/c")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
