//! The outline of the command.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::outputs::{check, put_out};
use crate::cli::{CompareArgs, FailOn};
use crate::compare::{
    Comparison, ComparisonOutcome, ComparisonSpec, FigureSelection, Gate, Interleaved, RunPairs, compare,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::CampaignPlan;
use crate::plural::counted;
use crate::record::{RecordFolder, read_runs};
use crate::report;
use crate::studies::LOCAL_RUNS;
use crate::studies::campaign::{CampaignRuns, run_campaign};
use crate::term::Printer;
use crate::text;

/// A comparison, and how it was requested.
pub(super) struct RequestedComparison {
    pub(super) comparison: Comparison,
    pub(super) conditions: Value,
    /// The folder of the runs, if they were measured here.
    pub(super) folder: Option<RecordFolder>,
}

/// Reads or measures, judges, prints, writes.
pub(in super::super) fn run(args: &CompareArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let gate = gate(args)?;
    let compared = match (&args.base, &args.new) {
        (Some(base), Some(new)) => saved(args, &gate, base, new, printer)?,
        _ => match measured(args, &gate, printer, stop)? {
            Some(compared) => compared,
            None => return Ok(Exit::Interrupted),
        },
    };
    let fail_from = match args.fail_on {
        FailOn::From(share) => Some(share),
        FailOn::Never => None,
    };
    let outcome = compared.comparison.outcome(fail_from);
    put_out(&compared, outcome, args, printer)?;
    if args.self_test {
        self_test(&compared.comparison, outcome, printer)
    } else {
        ended(&compared.comparison, outcome, args, printer)
    }
}

/// The selected gate, with the overrides of the command line.
fn gate(args: &CompareArgs) -> Result<Gate, Failure> {
    let path = Path::new(&args.gate);
    let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) || path.is_file();
    let mut gate = if is_file {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))
            .map_err(|error| Failure::new(Exit::Unreadable, error).hint("check the path after --gate"))?;
        Gate::parse(&text)?
    } else {
        Gate::named(&args.gate)?
    };
    if !args.metrics.is_empty() {
        gate.metrics = args.metrics.iter().map(|text| FigureSelection::of(text)).collect();
    }
    if let Some(share) = args.min_effect {
        gate.min_effect_percent = share * 100.0;
        gate.metrics.iter_mut().for_each(|selection| selection.min_effect_percent = None);
    }
    Ok(gate)
}

fn saved(
    args: &CompareArgs,
    gate: &Gate,
    base: &Path,
    new: &Path,
    printer: Printer,
) -> Result<RequestedComparison, Failure> {
    let read = |path: &Path| {
        let saved = read_runs(path, &|name| gate.takes(name))?;
        saved.left_out.iter().for_each(|sentence| printer.warning(sentence));
        Ok::<_, Failure>(saved.runs)
    };
    let (base_runs, new_runs) = (read(base)?, read(new)?);
    let comparison = compare(&ComparisonSpec {
        base: &base_runs,
        new: &new_runs,
        same: None,
        paired: args.paired,
        variants: false,
        allow_different: args.allow_different,
        gate,
        alpha: 0.05,
    });
    Ok(RequestedComparison { comparison, conditions: json!({"base": shown(base), "new": shown(new)}), folder: None })
}

/// A path as text, even if it is not Unicode.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn measured(
    args: &CompareArgs,
    gate: &Gate,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Option<RequestedComparison>, Failure> {
    let plan = CampaignPlan::resolve(args, rand::random())?;
    check(args)?;
    let folder = match &args.out {
        Some(path) => RecordFolder::create(path)?,
        None => RecordFolder::create_in(Path::new(LOCAL_RUNS), Timestamp::now(), "compare")?,
    };
    printer.note(&format!("A: {}", plan.a.args.join(" ")));
    printer.note(&format!("B: {}", plan.b.args.join(" ")));
    let planned = plan.rounds.len();
    let mut comparison = Interleaved::new(gate, planned, args.allow_different);
    let is_decided = |runs: &CampaignRuns| {
        let same = (!runs.again.is_empty()).then_some((runs.first.as_slice(), runs.again.as_slice()));
        comparison.is_decided(RunPairs { a: &runs.a, b: &runs.b, same })
    };
    let runs = run_campaign(&plan, folder.path(), &printer, stop, is_decided)?;
    let result = runs.and_then(|_| comparison.result());
    if let Some(result) = result.as_ref().filter(|result| result.pairs < planned) {
        printer.note(&format!("significant after {} of {}", result.pairs, counted(planned, "pair")));
    }
    printer.note(&format!("runs: {}", text::path(folder.path())));
    Ok(result.map(|result| {
        let looks = result.looks.iter().map(|look| json!({"pairs": look.pairs, "alpha": look.alpha}));
        let conditions = json!({"plan": plan, "looks": looks.collect::<Vec<_>>(), "pairs_run": result.pairs});
        RequestedComparison { comparison: result.comparison, conditions, folder: Some(folder) }
    }))
}

/// The exit code of a comparison.
fn ended(
    comparison: &Comparison,
    outcome: ComparisonOutcome,
    args: &CompareArgs,
    printer: Printer,
) -> Result<Exit, Failure> {
    let said = || report::headline(comparison, outcome);
    match outcome {
        ComparisonOutcome::Pass => Ok(Exit::Done),
        ComparisonOutcome::Regressed => Ok(Exit::Negative),
        ComparisonOutcome::Inconclusive if !args.strict => {
            printer.warning(&format!("inconclusive (not a pass): {}", said()));
            printer.hint("use more runs or a quieter machine; with --strict this is exit code 4");
            Ok(Exit::Done)
        }
        ComparisonOutcome::Inconclusive => Err(Failure::new(Exit::Failed, anyhow::anyhow!("inconclusive: {}", said()))
            .hint("use more runs or a quieter machine; without --strict this is a warning")),
        ComparisonOutcome::Invalid => Err(Failure::new(Exit::Failed, anyhow::anyhow!(said())).hint(remedy(comparison))),
    }
}

fn remedy(comparison: &Comparison) -> &'static str {
    let fewest = comparison.base_runs.len().min(comparison.new_runs.len());
    let mut runs: Vec<&String> = comparison.base_runs.iter().chain(&comparison.new_runs).collect();
    let all = runs.len();
    runs.sort_unstable();
    runs.dedup();
    if fewest == 0 {
        "give runs with figures: the folder of a run, a folder of runs, or a summary.csv of several runs"
    } else if comparison.base_runs == comparison.new_runs {
        "BASE and NEW are the same: give the runs before the change first, then those after it"
    } else if runs.len() < all {
        "give each run once, on one side only"
    } else if !comparison.refusals.is_empty() {
        "measure both on the same machine with the same build; --allow-different allows another machine, build or subject"
    } else if fewest < 4 {
        "a test needs several runs per side: 4 and 4, or --ab; only the budgets of a gate judge a single run"
    } else {
        "measure again, or select other figures with --metrics or --gate"
    }
}

/// An injected slowdown must be detected: otherwise this machine is too noisy for this number of pairs.
fn self_test(comparison: &Comparison, outcome: ComparisonOutcome, printer: Printer) -> Result<Exit, Failure> {
    if outcome == ComparisonOutcome::Regressed {
        printer.note("self-test passed: the injected slowdown of 20 % was detected");
        return Ok(Exit::Done);
    }
    let said = report::headline(comparison, outcome);
    Err(Failure::new(Exit::Failed, anyhow::anyhow!("the injected slowdown of 20 % was not detected: {said}"))
        .hint("the machine is too noisy for this number of pairs: raise --pairs, or close other programs"))
}
