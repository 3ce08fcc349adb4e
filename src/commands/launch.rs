//! `workly-perf launch`.

use std::process::ExitStatus;

use super::apply::recommendation;
use crate::cli::LaunchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::launch::end_as;
use crate::plan::{LaunchPlan, LaunchSettings};
use crate::studies::launch::{LaunchRun, longest_context};
use crate::term::Printer;

/// Starts the program, waits for its end, and ends in the same way. Only returns if it could not be started.
pub(super) fn run(args: &LaunchArgs, printer: Printer) -> Result<Exit, Failure> {
    let status = launched(args, printer)?;
    // Everything the launch needed has been cleaned up, since this does not return.
    end_as(status)
}

fn launched(args: &LaunchArgs, printer: Printer) -> Result<ExitStatus, Failure> {
    let found = if let Some(path) = &args.profile {
        // A named recommendation must be valid.
        LaunchSettings::of(&recommendation(Some(path), printer)?, args)
    } else {
        let (found, warning) = LaunchSettings::configured(args);
        if let Some(warning) = warning {
            printer.warning(&warning);
        }
        found
    };
    let plan = LaunchPlan::resolve(args, found);
    let longest = longest_context(&plan);
    let plan = plan.with_longest_context(longest);
    LaunchRun::prepare(&plan, args.out.as_deref(), printer).run(&args.command)
}
