//! Whether the options that the documentation names exist.

use clap::CommandFactory;
use workly_perf::cli::Cli;

use super::shell::is_this_program;

/// The program as clap knows it, with its global options in every command.
fn program() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// Why the program would refuse this command line.
pub(crate) fn refusal(words: &[String]) -> Option<String> {
    use clap::Parser;
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let refused = Cli::try_parse_from(words).err()?;
    (!matches!(refused.kind(), DisplayHelp | DisplayVersion)).then(|| refused.to_string())
}

/// The options of a command line.
pub(crate) fn options(words: &[String]) -> Vec<&str> {
    let ours = words.iter().take_while(|word| *word != "--");
    let options = ours.filter(|word| word.starts_with('-') && word.len() > 1);
    options.map(|word| word.split('=').next().unwrap_or_default()).collect()
}

/// The first command of a line of any text that runs this program, from the program's name on.
pub(crate) fn mentioned(words: &[String]) -> Option<&[String]> {
    let at = words.iter().position(|word| is_this_program(word))?;
    let known = words.get(at + 1).is_some_and(|name| program().find_subcommand(name).is_some());
    known.then(|| &words[at..])
}

/// Why inline code names something that does not exist: `workly-perf COMMAND --option`, or the same without the program.
/// It may be incomplete and have placeholders.
pub(crate) fn unknown_in_code(code: &str) -> Option<String> {
    let words: Vec<String> = code.split_whitespace().take_while(|word| *word != "|").map(str::to_owned).collect();
    let named = words.first().is_some_and(|word| is_this_program(word));
    let rest = if named { &words[1..] } else { &words[..] };
    let program = program();
    let name = rest.first()?;
    let Some(mut command) = program.find_subcommand(name) else {
        let placeholder = name.starts_with('-') || name.contains('…') || name.chars().all(char::is_uppercase);
        return (named && !placeholder).then(|| format!("there is no command {name}"));
    };
    if let Some(inner) = rest.get(1).and_then(|name| command.find_subcommand(name)) {
        command = inner;
    }
    let known = |option: &str| {
        command.get_arguments().any(|argument| {
            argument.get_long().is_some_and(|long| option == format!("--{long}"))
                || argument.get_short().is_some_and(|short| option == format!("-{short}"))
        })
    };
    let options = options(rest);
    let complete =
        |option: &&str| option.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
    let unknown = options.into_iter().filter(complete).find(|option| !known(option))?;
    Some(format!("{name} has no option {unknown}"))
}

#[test]
fn unknown_commands_and_options_are_found_and_placeholders_are_not() {
    for code in [
        "workly-perf COMMAND --help",
        "ipc --replay FILE",
        "ipc --batch",
        "cargo run --nothing",
        "workly-perf",
        "threads -q",
        "workly-perf report DIR | head -1",
    ] {
        assert_eq!(unknown_in_code(code), None, "{code}");
    }
    for code in ["workly-perf ipx", "ipc --wings", "workly-perf model fetch --wings", "workly-perf threads --bridge x"]
    {
        assert!(unknown_in_code(code).is_some(), "{code}");
    }
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(refusal(&words("workly-perf ipc --messages 0")).is_some());
    assert_eq!(refusal(&words("workly-perf ipc --help")), None);
    assert_eq!(mentioned(&words("- do a/workly-perf ipc --x")), Some(&words("a/workly-perf ipc --x")[..]));
    assert_eq!(mentioned(&words("git clone workly-perf")), None);
}
