//! Names with `*` for any text: how gates and command lines select cases and metrics.

/// Whether `text` matches `pattern`: literally, except that `*` matches any text, including none. The first occurrence of each part
/// is taken, so there is no backtracking.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_matches_any_text() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("*/tg*", "idle/tg64/threads=2"),
            ("p50", "p50"),
            ("**", "é"),
            ("a*b*c*d", "a-b-b-c-c-d-d"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("p50", "p500"),
            ("a*b", "ac"),
            ("", "a"),
            ("*b", "ab/c"),
            ("a*a", "a"),
            ("*ab*ab", "cab"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// Regression: backtracking made a gate with many stars run forever.
    #[test]
    fn many_stars_do_not_backtrack() {
        let text = "a".repeat(2_000);
        assert!(matches(&("*a".repeat(500) + "*"), &text));
        assert!(!matches(&("*a".repeat(500) + "*b"), &text));
        assert!(!matches(&("a*".repeat(500) + "b"), &text));
    }
}
