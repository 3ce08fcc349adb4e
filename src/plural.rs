//! Counts with their nouns: `1 round`, `2 rounds`.

use std::fmt::Display;

/// The count with its noun, given in the singular: `1 reply`, `0 replies`. Of several words, the last is the noun.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let word = noun_for(&count, noun);
    format!("{count} {word}")
}

/// The noun in the grammatical number of a count that is written elsewhere.
#[must_use]
pub fn noun_for<N: PartialEq + From<u8>>(count: &N, noun: &str) -> String {
    if *count == N::from(1) { noun.to_owned() } else { plural(noun) }
}

/// `is` or `are`, `has` or `have`: the first for one, the second for all other counts.
#[must_use]
pub fn verb_for<'a, N: PartialEq + From<u8>>(count: &N, one: &'a str, more: &'a str) -> &'a str {
    if *count == N::from(1) { one } else { more }
}

fn plural(noun: &str) -> String {
    let ends_in = |endings: &[&str]| endings.iter().any(|ending| noun.ends_with(ending));
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ends_in(&["s", "x", "ch", "sh"]) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        for (count, noun, text) in [
            (1, "round", "1 round"),
            (0, "round", "0 rounds"),
            (2, "reply", "2 replies"),
            (1, "reply", "1 reply"),
            (3, "process", "3 processes"),
            (2, "way", "2 ways"),
            (2, "kept version", "2 kept versions"),
            (5, "batch", "5 batches"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
        assert_eq!(counted(1.0, "frame"), "1 frame");
        assert_eq!(counted(1.5, "frame"), "1.5 frames");
        assert_eq!((verb_for(&1, "is", "are"), verb_for(&0, "is", "are")), ("is", "are"));
    }
}
