//! The outline of the command.

use std::path::Path;

use anyhow::Context;

use super::super::report::{show, show_styled};
use super::failure::undo_line;
use super::{shown, source};
use crate::advise::Recommendation;
use crate::cli::ApplyArgs;
use crate::config::{ConfigChange, ConfigFile, ConfigHistory};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::settings_patch;
use crate::plural::counted;
use crate::term::Printer;
use crate::text;

/// What cannot be known about a file that sets `auto`.
pub(in super::super) const UNPROVEN_AUTO: &str = "ai.gpu_profile is \"auto\", which only later versions of the \
    application support, and the file does not show that this version does: an earlier version silently ignores the \
    complete file and runs on its defaults";

/// Shows the change, asks for confirmation, writes it.
pub(in super::super) fn run(args: &ApplyArgs, printer: Printer) -> Result<Exit, Failure> {
    if args.list {
        let history = ConfigHistory::open(&args.config)?;
        show(&shown::versions(&history)?, printer)?;
        return Ok(Exit::Done);
    }
    let (change, effect) = match args.undo {
        Some(number) => (ConfigHistory::open(&args.config)?.restore(number)?, Vec::new()),
        None => recommended(args, printer)?,
    };
    if change.is_none() {
        printer.note(&format!("{} already has these settings: nothing to change", change.path().display()));
        return Ok(Exit::Done);
    }
    show_styled(&shown::change(&change, &effect), printer)?;
    if args.dry_run {
        printer.note("nothing was written (--dry-run)");
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
                return Err(Failure::new(Exit::Usage, anyhow::anyhow!("there is no terminal for the confirmation"))
                    .hint("use --yes to write without confirmation, or --dry-run to only show the change"));
            }
        }
    }
    written(&change, &args.config, printer)?;
    Ok(Exit::Done)
}

/// Shows and writes the change of a recommendation that was confirmed beforehand.
pub(in super::super) fn consented(
    recommendation: &Recommendation,
    config: &Path,
    printer: Printer,
) -> Result<(), Failure> {
    let (change, effect) = change(recommendation, config, false, printer)?;
    if change.is_none() {
        printer.note(&format!("{} already has these settings: nothing to change", config.display()));
        return Ok(());
    }
    show_styled(&shown::change(&change, &effect), printer)?;
    written(&change, config, printer)
}

fn written(change: &ConfigChange, config: &Path, printer: Printer) -> Result<(), Failure> {
    let others = change.other_names();
    let version = change.write()?;
    if others > 0 {
        printer.warning(&format!(
            "{} had {} (hard links), under which the old content remains",
            config.display(),
            counted(others, "other name")
        ));
    }
    printer.note(&format!("written to {}; previous version: {}", config.display(), text::path(&version.path)));
    printer.note(&format!("to undo it: {}; the application reads ai.gpu_profile when it starts", undo_line(config)));
    Ok(())
}

/// The change of the recommendation, and its effects.
fn recommended(args: &ApplyArgs, printer: Printer) -> Result<(ConfigChange, Vec<String>), Failure> {
    let recommendation = source::read(args.recommendation.as_deref(), printer)?;
    for part in &recommendation.simulated {
        printer.warning(&format!("SIMULATED: {} ({}): this recommendation is based on it", part.what, part.parameters));
    }
    change(&recommendation, &args.config, args.strip_bom, printer)
}

/// The change of that file, and its effects on the application and other programs, in sentences.
fn change(
    recommendation: &Recommendation,
    config: &Path,
    strip_bom: bool,
    printer: Printer,
) -> Result<(ConfigChange, Vec<String>), Failure> {
    let file = ConfigFile::open(config)?;
    let change = file.change(&settings_patch(recommendation).strip_byte_order_mark(strip_bom))?;
    if change.keeps_unproven_auto() {
        printer.warning(UNPROVEN_AUTO);
    }
    Ok((change, shown::effect(recommendation, &file)))
}
