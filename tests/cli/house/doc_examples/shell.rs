//! Command lines as a shell reads them, as far as the documentation needs it.

/// Part of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A word: as typed, and without its quotes.
    Word { typed: String, value: String },
    /// `|`, `>`, `;`, `&&`: what stands between commands, or before a file.
    Operator(String),
}

/// A line of shell in its parts.
pub(crate) fn parts(line: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut typed, mut value, mut quote) = (String::new(), String::new(), None);
    let end_word = |typed: &mut String, value: &mut String, parts: &mut Vec<Part>| {
        if !typed.is_empty() {
            parts.push(Part::Word { typed: std::mem::take(typed), value: std::mem::take(value) });
        }
    };
    for character in line.chars() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                typed.push(character);
            }
            (Some(open), _) if open == character => {
                quote = None;
                typed.push(character);
            }
            (None, '|' | '>' | ';' | '&') => {
                end_word(&mut typed, &mut value, &mut parts);
                match parts.last_mut() {
                    Some(Part::Operator(operator)) => operator.push(character),
                    _ => parts.push(Part::Operator(character.to_string())),
                }
            }
            (None, _) if character.is_whitespace() => end_word(&mut typed, &mut value, &mut parts),
            _ => {
                typed.push(character);
                value.push(character);
            }
        }
    }
    end_word(&mut typed, &mut value, &mut parts);
    parts
}

/// The commands of a line as words, each with whether it ends in an operator that starts a file name.
pub(crate) fn simple_commands(parts: &[Part]) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut names_file = false;
    for part in parts {
        match part {
            Part::Operator(operator) => {
                names_file = operator.starts_with('>');
                if !names_file {
                    commands.push(Vec::new());
                }
            }
            Part::Word { .. } if names_file => names_file = false,
            Part::Word { value, .. } => commands.last_mut().unwrap().push(value.clone()),
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// The line with the words of each `workly-perf` replaced by what the function makes of them.
pub(crate) fn rewritten(line: &str, mut change: impl FnMut(Vec<String>) -> Vec<String>) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut command: Vec<Part> = Vec::new();
    let mut finish = |command: &mut Vec<Part>, out: &mut Vec<String>| {
        let values: Vec<String> = command.iter().map(value).collect();
        if values.first().is_some_and(|word| is_this_program(word)) {
            out.extend(change(values).iter().map(|word| quoted(word)));
        } else {
            out.extend(command.iter().map(typed));
        }
        command.clear();
    };
    let mut names_file = false;
    for part in parts(line) {
        match &part {
            Part::Operator(operator) => {
                finish(&mut command, &mut out);
                names_file = operator.starts_with('>');
                out.push(operator.clone());
            }
            Part::Word { typed, .. } if names_file => {
                out.push(typed.clone());
                names_file = false;
            }
            Part::Word { .. } => command.push(part),
        }
    }
    finish(&mut command, &mut out);
    out.join(" ")
}

fn value(part: &Part) -> String {
    match part {
        Part::Word { value, .. } | Part::Operator(value) => value.clone(),
    }
}

fn typed(part: &Part) -> String {
    match part {
        Part::Word { typed, .. } | Part::Operator(typed) => typed.clone(),
    }
}

/// Whether a command's first word names the program, with or without a folder.
pub(crate) fn is_this_program(word: &str) -> bool {
    word.rsplit('/').next() == Some("workly-perf")
}

/// A word that a shell reads as it is.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@%+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[test]
fn lines_are_split_at_operators_and_quotes_removed() {
    let line = "for x; workly-perf a --b 'c d' > out.csv | tee x";
    let commands = simple_commands(&parts(line));
    assert_eq!(commands, [vec!["for", "x"], vec!["workly-perf", "a", "--b", "c d"], vec!["tee", "x"]]);
    let changed = rewritten(line, |mut words| {
        words.push("e*".to_owned());
        words
    });
    assert_eq!(changed, "for x ; workly-perf a --b 'c d' 'e*' > out.csv | tee x");
    assert_eq!(rewritten("cat runs/*/x > y", |words| words), "cat runs/*/x > y");
    assert!(is_this_program("a/b/workly-perf") && !is_this_program("workly-perf-1/x"));
}
