//! No message says "1 rounds": counts and nouns are combined by `plural`, never by a format string.

use std::path::Path;

use super::architecture::rust_files;

/// Countable nouns, in the plural.
const NOUNS: [&str; 17] = [
    "rounds",
    "others",
    "turns",
    "replies",
    "pairs",
    "cases",
    "runs",
    "looks",
    "repetitions",
    "problems",
    "warnings",
    "processes",
    "samples",
    "placements",
    "versions",
    "connections",
    "measurements",
];

/// The nouns that a line of code writes after a placeholder, regardless of the count.
fn fixed_plurals(line: &str) -> Vec<&str> {
    let after = |place: &str| -> Option<&str> {
        let word = place.split(|letter: char| !letter.is_ascii_lowercase()).next()?;
        NOUNS.into_iter().find(|noun| *noun == word)
    };
    let mut found = Vec::new();
    for (at, _) in line.match_indices("} ") {
        let placeholder = line[..at].rfind('{').map_or("", |open| &line[open..at]);
        let is_placeholder = !placeholder.is_empty()
            && placeholder[1..].chars().all(|one| one.is_ascii_alphanumeric() || "_:.".contains(one));
        found.extend(after(&line[at + 2..]).filter(|_| is_placeholder));
    }
    found
}

#[test]
fn counts_agree_with_their_nouns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in rust_files(&root) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (number, line) in (1..).zip(code.lines()).filter(|(_, line)| !line.trim_start().starts_with("//")) {
            faults.extend(fixed_plurals(line).into_iter().map(|noun| format!("{}:{number}: {noun}", file.display())));
        }
    }
    assert!(faults.is_empty(), "use plural::counted:\n{}", faults.join("\n"));
}

#[test]
fn planted_plurals_are_found() {
    assert_eq!(fixed_plurals(r#"format!("n {} rounds, {same} others, {x:.1} turns")"#), ["rounds", "others", "turns"]);
    assert!(fixed_plurals(r#"format!("{}", counted(n, "round")); if x { 1 } else { rounds }"#).is_empty());
    assert!(fixed_plurals("match x { A => {} rounds => 2 }").len() < 2);
}
