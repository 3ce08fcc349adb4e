//! The fenced blocks of a page with their marks, and its inline code.

/// A fenced block.
pub(crate) struct Block {
    /// Line of its opening fence, from 1.
    pub(crate) line: usize,
    /// Its language, such as `sh`; may be empty.
    pub(crate) language: String,
    /// Its lines.
    pub(crate) text: Vec<String>,
    /// The marks directly above it.
    pub(crate) marks: Vec<Mark>,
}

/// One mark of an `<!-- examples … -->` comment. `CONTRIBUTING.md` describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Not run, with the reason; without a command, the whole block.
    NotRun { command: Option<String>, reason: String },
    /// Allowed exit codes; without a command, of the whole block.
    Exit { command: Option<String>, codes: Vec<i32> },
    /// Run `run` where the page shows `shown`.
    Replace { shown: String, run: String },
    /// Run this first.
    First { run: String },
    /// A file or folder that commands find, copied from the repository, or with the text of this block.
    File { name: String, from: Option<String> },
    /// The block shows what this command prints.
    OutputOf { command: String },
    /// The block shows what this file of the repository has.
    OutputIn { path: String },
}

/// What opens a comment with marks.
const OPENING: &str = "<!-- examples";

/// The blocks of a page; an error names its line.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let lines: Vec<&str> = page.lines().collect();
    let mut blocks = Vec::new();
    let mut marks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_start();
        if line.starts_with(OPENING) {
            let end = (at..lines.len()).find(|line| lines[*line].contains("-->"));
            let end = end.ok_or(format!("line {}: the comment has no end", at + 1))?;
            marks = comment_marks(&lines[at..=end]).map_err(|fault| format!("line {}: {fault}", at + 1))?;
            let next = lines.get(end + 1).is_some_and(|line| line.trim_start().starts_with("```"));
            if !next {
                return Err(format!("line {}: marks must be directly above a block", at + 1));
            }
            at = end + 1;
        } else if let Some(language) = line.strip_prefix("```") {
            let end = (at + 1..lines.len()).find(|line| lines[*line].trim() == "```");
            let end = end.ok_or(format!("line {}: the block has no end", at + 1))?;
            let text = lines[at + 1..end].iter().map(ToString::to_string).collect();
            let language = language.trim().to_owned();
            blocks.push(Block { line: at + 1, language, text, marks: std::mem::take(&mut marks) });
            at = end + 1;
        } else {
            at += 1;
        }
    }
    Ok(blocks)
}

/// The marks of a comment: one per line, or one on the line of the opening after a colon.
fn comment_marks(lines: &[&str]) -> Result<Vec<Mark>, String> {
    let text = lines.join("\n");
    let text = text.trim_start().trim_start_matches(OPENING).trim_start_matches(':');
    let text = text.split("-->").next().unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(mark).collect()
}

/// Parses one mark.
fn mark(text: &str) -> Result<Mark, String> {
    let fault = || format!("'{text}' is no mark; CONTRIBUTING.md lists them");
    let mut parts = text.split('`');
    let words: Vec<&str> = parts.next().unwrap_or_default().split_whitespace().collect();
    let (command, rest) = (parts.next().map(str::to_owned), parts.next().unwrap_or_default().trim());
    let last = parts.next().map(str::to_owned);
    match (words.as_slice(), command) {
        (["not", "run"], Some(command)) if rest.len() > 1 => {
            let reason = rest.trim_start_matches(':').trim().to_owned();
            Ok(Mark::NotRun { command: Some(command), reason })
        }
        (["not", "run:", reason @ ..], None) if !reason.is_empty() => {
            Ok(Mark::NotRun { command: None, reason: reason.join(" ") })
        }
        (["exit", codes @ ..], command) if !codes.is_empty() => {
            let codes = codes.iter().filter(|word| **word != "or").map(|word| word.trim_end_matches(',').parse());
            let codes: Result<_, _> = codes.collect();
            Ok(Mark::Exit { command, codes: codes.map_err(|_| fault())? })
        }
        (["run"], Some(run)) if rest == "for" => last.map(|shown| Mark::Replace { shown, run }).ok_or_else(fault),
        (["first"], Some(run)) => Ok(Mark::First { run }),
        (["file", name], None) => Ok(Mark::File { name: (*name).to_owned(), from: None }),
        (["file", name, "from", from], None) => {
            Ok(Mark::File { name: (*name).to_owned(), from: Some((*from).to_owned()) })
        }
        (["output", "of"], Some(command)) => Ok(Mark::OutputOf { command }),
        (["output", "in", path], None) => Ok(Mark::OutputIn { path: (*path).to_owned() }),
        _ => Err(fault()),
    }
}

/// The command lines in a block of commands: without comments, continued lines joined, white space collapsed.
pub(crate) fn commands(block: &Block) -> Vec<String> {
    let joined = block.text.join("\n").replace("\\\n", " ");
    let lines = joined.lines().map(|line| without_comment(line).split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

/// A line of shell without its comment.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut previous = ' ';
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') if previous.is_whitespace() => return &line[..at],
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        previous = character;
    }
    line
}

/// The inline code of a page, outside of its blocks, with line numbers.
pub(crate) fn inline_code(page: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (at, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            found.extend(line.split('`').skip(1).step_by(2).map(|code| (at + 1, code.to_owned())));
        }
    }
    found
}

#[test]
fn blocks_have_their_marks_and_commands_no_comments() {
    let page = "text\n<!-- examples\nnot run `a b`: needs c\nexit 0, 1 or 4\n-->\n```sh\na  b  # why\nd '#' \\\n  e\n```\n```\nf\n```\n";
    let blocks = blocks(page).unwrap();
    assert_eq!((blocks[0].line, blocks[0].language.as_str(), blocks.len()), (6, "sh", 2));
    assert_eq!(
        blocks[0].marks,
        [
            Mark::NotRun { command: Some("a b".into()), reason: "needs c".into() },
            Mark::Exit { command: None, codes: vec![0, 1, 4] },
        ]
    );
    assert_eq!(commands(&blocks[0]), ["a b", "d '#' e"]);
    assert_eq!((blocks[1].marks.len(), commands(&blocks[1])), (0, vec!["f".to_owned()]));
}

#[test]
fn every_kind_of_mark_is_read_and_others_are_refused() {
    let command = |text: &str| text.to_owned();
    for (text, expected) in [
        ("not run: it is long", Mark::NotRun { command: None, reason: "it is long".into() }),
        ("run `a --b` for `a`", Mark::Replace { shown: command("a"), run: command("a --b") }),
        ("first `a`", Mark::First { run: command("a") }),
        ("file gate.toml", Mark::File { name: "gate.toml".into(), from: None }),
        ("file RUN from results/x", Mark::File { name: "RUN".into(), from: Some("results/x".into()) }),
        ("output of `a`", Mark::OutputOf { command: command("a") }),
        ("output in a.snap", Mark::OutputIn { path: "a.snap".into() }),
        ("exit 3 `a`", Mark::Exit { command: Some(command("a")), codes: vec![3] }),
    ] {
        assert_eq!(mark(text), Ok(expected), "{text}");
    }
    for text in ["not run", "not run:", "not run `a`", "exit", "exit no", "run `a`", "skip", "file", "output of a"] {
        assert!(mark(text).is_err(), "{text}");
    }
    assert!(blocks("<!-- examples: not run: x -->\n\n```\n```\n").is_err_and(|fault| fault.contains("directly above")));
}
