//! The outline of the command.

use std::path::Path;

use anyhow::Context;

use super::super::failure::Failure;
use super::super::report::show;
use super::{shown, source};
use crate::cli::ApplyArgs;
use crate::config::{Change, ConfigFile, History};
use crate::exit::Exit;
use crate::plan::settings_patch;
use crate::term::Printer;

/// Shows the change, asks, makes it.
pub(in super::super) fn run(args: &ApplyArgs, printer: Printer) -> Result<Exit, Failure> {
    if args.list {
        let history = History::open(&args.config)?;
        show(&shown::versions(&history)?, printer)?;
        return Ok(Exit::Done);
    }
    let change = match args.undo {
        Some(number) => History::open(&args.config)?.restore(number)?,
        None => recommended(args, printer)?,
    };
    if change.is_none() {
        printer.note(&format!("{} already is like that: nothing to change", change.path().display()));
        return Ok(Exit::Done);
    }
    show(&shown::change(&change), printer)?;
    if args.dry_run {
        printer.note("nothing was written: --dry-run");
        return Ok(Exit::Negative);
    }
    if !args.yes {
        let question = format!("Write this to {}?", change.path().display());
        let answer = printer.consent(&question).context("cannot read the answer");
        match answer.map_err(|error| Failure::new(Exit::Unreadable, error))? {
            Some(true) => {}
            Some(false) => {
                printer.note("nothing was written");
                return Ok(Exit::Done);
            }
            None => {
                return Err(Failure::new(Exit::Usage, anyhow::anyhow!("there is no terminal to ask on"))
                    .hint("--yes writes without a question, --dry-run only shows"));
            }
        }
    }
    written(&change, &args.config, printer)?;
    Ok(Exit::Done)
}

/// Shows and makes a change that was consented to beforehand.
pub(in super::super) fn consented(change: &Change, config: &Path, printer: Printer) -> Result<(), Failure> {
    if change.is_none() {
        printer.note(&format!("{} already is like that: nothing to change", config.display()));
        return Ok(());
    }
    show(&shown::change(change), printer)?;
    written(change, config, printer)
}

fn written(change: &Change, config: &Path, printer: Printer) -> Result<(), Failure> {
    let version = change.write()?;
    printer.note(&format!("written to {}; before: {}", config.display(), version.path.display()));
    let named = if config == Path::new(crate::plan::DEFAULT_CONFIG) {
        String::new()
    } else {
        format!(" --config {}", config.display())
    };
    printer.note(&format!("to undo it: workly-perf apply --undo{named}; Workly reads it when it starts"));
    Ok(())
}

/// What the recommendation would change.
fn recommended(args: &ApplyArgs, printer: Printer) -> Result<Change, Failure> {
    let recommendation = source::read(args.recommendation.as_deref(), printer)?;
    for part in &recommendation.simulated {
        printer.warning(&format!("SIMULATED: {} ({}) took part in what this rests on", part.what, part.parameters));
    }
    Ok(ConfigFile::open(&args.config)?.change(&settings_patch(&recommendation))?)
}
