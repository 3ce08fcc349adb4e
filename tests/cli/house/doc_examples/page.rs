//! Checks one page: every command line runs and ends as marked, and what the page shows has the shape of what is printed.

use std::cell::RefCell;
use std::path::Path;

use super::blocks::{Block, Mark, blocks, commands, inline_code};
use super::folder::WorklyFolder;
use super::options::{mentioned, options, refusal, unknown_in_code};
use super::shape::difference;
use super::shell::{is_this_program, parts, simple_commands};

/// Programs that may run beside ours.
const HARMLESS: [&str; 4] = ["cat", "tee", "head", "mkdir"];

/// What is wrong with a page, one sentence each.
pub(crate) fn faults(name: &str, text: &str) -> Vec<String> {
    let blocks = match blocks(text) {
        Ok(blocks) => blocks,
        Err(fault) => return vec![format!("{name}: {fault}")],
    };
    let page = Page { folder: RefCell::new(None), faults: RefCell::default(), name };
    for (line, code) in inline_code(text) {
        if let Some(fault) = unknown_in_code(&code) {
            page.fault(line, &format!("`{code}`: {fault}"));
        }
    }
    for block in &blocks {
        page.check(block);
    }
    page.faults.into_inner()
}

struct Page<'a> {
    name: &'a str,
    /// Made when the first command needs it; then that of the whole page.
    folder: RefCell<Option<WorklyFolder>>,
    faults: RefCell<Vec<String>>,
}

impl Page<'_> {
    fn fault(&self, line: usize, fault: &str) {
        self.faults.borrow_mut().push(format!("{}:{line}: {fault}", self.name));
    }

    fn with_folder<T>(&self, run: impl FnOnce(&WorklyFolder) -> T) -> T {
        run(self.folder.borrow_mut().get_or_insert_with(WorklyFolder::new))
    }

    fn check(&self, block: &Block) {
        for mark in &block.marks {
            match mark {
                Mark::File { name, from: Some(from) } => self.with_folder(|folder| folder.copy(name, from)),
                Mark::File { name, from: None } => {
                    self.with_folder(|folder| folder.write(name, &(block.text.join("\n") + "\n")));
                }
                Mark::First { run } => self.run(block, run, &[0]),
                _ => {}
            }
        }
        match block.language.as_str() {
            "sh" => self.check_commands(block),
            "text" => self.check_output(block),
            "" if commands(block).iter().any(|line| is_command(line)) => self.check_commands(block),
            _ => self.check_mentions(block),
        }
    }

    fn check_commands(&self, block: &Block) {
        let commands = commands(block);
        for mark in &block.marks {
            if let Some(command) = about(mark)
                && !commands.iter().any(|shown| shown == command)
            {
                self.fault(block.line, &format!("a mark is about `{command}`, which the block does not show"));
            }
        }
        for shown in &commands {
            if self.has_options(block, shown) && !not_run(block, shown) {
                let run = self.replaced(block, shown);
                self.run(block, run, &exit_codes(block, shown));
            }
        }
    }

    /// The line to run for a shown one.
    fn replaced<'b>(&self, block: &'b Block, shown: &'b str) -> &'b str {
        let found = block.marks.iter().find_map(|mark| match mark {
            Mark::Replace { shown: of, run } if of == shown => Some(run),
            _ => None,
        });
        let Some(run) = found else { return shown };
        self.has_options(block, run);
        let (before, after) = (simple_commands(&parts(shown)), simple_commands(&parts(run)));
        let kept = before.first().zip(after.first()).is_some_and(|(before, after)| {
            let has = options(after);
            before.get(1) == after.get(1) && options(before).iter().all(|option| has.contains(option))
        });
        if !kept {
            self.fault(block.line, &format!("`{run}` lacks options of `{shown}`"));
        }
        run
    }

    /// Whether every option exists, in whatever runs or does not run, and every script.
    fn has_options(&self, block: &Block, line: &str) -> bool {
        let before = self.faults.borrow().len();
        for words in simple_commands(&parts(line)) {
            if let Some(at) = words.iter().position(|word| is_this_program(word))
                && let Some(refusal) = refusal(&words[at..])
            {
                self.fault(block.line, &format!("`{line}`: {refusal}"));
            }
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            for script in words.iter().filter(|word| word.starts_with("scripts/")) {
                if !root.join(script).exists() {
                    self.fault(block.line, &format!("`{line}`: there is no {script}"));
                }
            }
        }
        self.faults.borrow().len() == before
    }

    /// Blocks of other languages: commands in them have options that exist.
    fn check_mentions(&self, block: &Block) {
        for line in &block.text {
            for words in simple_commands(&parts(line)) {
                if let Some(unknown) = mentioned(&words).and_then(|words| unknown_in_code(&words.join(" "))) {
                    self.fault(block.line, &format!("`{}`: {unknown}", line.trim()));
                }
            }
        }
    }

    fn run(&self, block: &Block, line: &str, codes: &[i32]) {
        let words = simple_commands(&parts(line));
        let strange = words.iter().find(|words| !is_this_program(&words[0]) && !HARMLESS.contains(&words[0].as_str()));
        if let Some(words) = strange {
            let fault = format!("`{line}`: {} cannot run here; mark the line: not run `…`: REASON", words[0]);
            return self.fault(block.line, &fault);
        }
        let outcome = self.with_folder(|folder| folder.run(line));
        // In a pipe the exit code is that of the last program.
        let failed = outcome.code == Some(0) && outcome.stderr.lines().any(|line| line.starts_with("error:"));
        if !outcome.code.is_some_and(|code| codes.contains(&code)) || failed {
            let end = outcome.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
            self.fault(block.line, &format!("`{line}`: {end}, expected {codes:?}\n{}", outcome.stderr.trim_end()));
        }
    }

    /// What the page shows as output.
    fn check_output(&self, block: &Block) {
        if let Some(shown) = block.text.first().and_then(|line| line.strip_prefix("$ ")) {
            if not_run(block, shown) || !self.has_options(block, shown) {
                return;
            }
            let run = self.replaced(block, shown);
            let outcome = self.with_folder(|folder| folder.run(run));
            return self.compare(block, &block.text[1..], &(outcome.stderr + &outcome.stdout));
        }
        for mark in &block.marks {
            match mark {
                Mark::NotRun { command: None, .. } => return,
                Mark::OutputOf { command } => {
                    if !self.has_options(block, command) {
                        return;
                    }
                    let outcome = self.with_folder(|folder| folder.run(command));
                    if !outcome.code.is_some_and(|code| exit_codes(block, command).contains(&code)) {
                        let fault = format!("`{command}`: exit code {:?}\n{}", outcome.code, outcome.stderr);
                        self.fault(block.line, &fault);
                    }
                    return self.compare(block, &block.text, &outcome.stdout);
                }
                Mark::OutputIn { path } => {
                    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
                    let Ok(file) = file else { return self.fault(block.line, &format!("there is no {path}")) };
                    // What insta writes above a snapshot.
                    let kept = if Path::new(path).extension().is_some_and(|extension| extension == "snap") {
                        file.splitn(3, "---\n").last().unwrap_or_default()
                    } else {
                        &file
                    };
                    return self.compare(block, &block.text, kept);
                }
                _ => {}
            }
        }
        self.fault(block.line, "output without a mark: output of `COMMAND`, output in PATH or not run: REASON");
    }

    fn compare(&self, block: &Block, shown: &[String], printed: &str) {
        if let Some(difference) = difference(shown, printed) {
            self.fault(block.line, &difference);
        }
    }
}

/// Whether a line of a block without a language is a command.
fn is_command(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    is_this_program(first)
        || first.len() > "scripts/".len() && first.starts_with("scripts/")
        || ["cargo", "sudo", "python3"].contains(&first)
}

/// The shown command that a mark is about.
fn about(mark: &Mark) -> Option<&String> {
    match mark {
        Mark::NotRun { command, .. } | Mark::Exit { command, .. } => command.as_ref(),
        Mark::Replace { shown, .. } => Some(shown),
        _ => None,
    }
}

fn not_run(block: &Block, shown: &str) -> bool {
    let about = |command: &Option<String>| command.as_ref().is_none_or(|command| command == shown);
    block.marks.iter().any(|mark| matches!(mark, Mark::NotRun { command, .. } if about(command)))
}

/// The exit codes that a shown command may have; those of the line before those of the block.
fn exit_codes(block: &Block, shown: &str) -> Vec<i32> {
    let of = |wanted: Option<&str>| {
        block.marks.iter().find_map(|mark| match mark {
            Mark::Exit { command, codes } if command.as_deref() == wanted => Some(codes.clone()),
            _ => None,
        })
    };
    of(Some(shown)).or_else(|| of(None)).unwrap_or_else(|| vec![0])
}
