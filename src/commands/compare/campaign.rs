//! Runs two variants in turns, looks when it may, and stops when the answer is clear.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::command::Compared;
use super::variant_run::run_variant;
use crate::cli::CompareArgs;
use crate::compare::{Comparison, Gate, Look, Question, compare, looks};
use crate::failure::Failure;
use crate::plan::{CampaignPlan, Role};
use crate::plural::counted;
use crate::record::RunFigures;
use crate::term::{Printer, Progress};

/// The error that a comparison may make, whenever it stops.
const ALPHA: f64 = 0.05;

/// The runs so far, each list in the order of the pairs.
#[derive(Default)]
struct Runs {
    a: Vec<RunFigures>,
    b: Vec<RunFigures>,
    /// A and its second run, of those pairs that have one.
    first: Vec<RunFigures>,
    again: Vec<RunFigures>,
}

/// The campaign's result; `None` when it was interrupted.
pub(super) fn campaign(
    args: &CompareArgs,
    gate: &Gate,
    plan: &CampaignPlan,
    folder: &Path,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Option<Compared>, Failure> {
    let total: usize = plan.rounds.iter().map(Vec::len).sum();
    let progress = Progress::start(printer, "runs", total as u64);
    let mut runs = Runs::default();
    let mut schedule: Option<Vec<Look>> = None;
    let mut judged = None;
    for (index, roles) in plan.rounds.iter().enumerate() {
        if !measure(plan, index, roles, folder, &mut runs, &progress, stop)? {
            progress.clear();
            return Ok(None);
        }
        let pairs = index + 1;
        // How many figures there are to judge, and so how often one may look, is known after the first pair.
        let schedule = schedule.get_or_insert_with(|| {
            let first = judge(args, gate, &runs, ALPHA);
            looks(plan.rounds.len(), first.gating().count(), ALPHA)
        });
        if let Some(look) = schedule.iter().find(|look| look.pairs == pairs) {
            let comparison = judge(args, gate, &runs, look.alpha);
            let is_decided = comparison.is_decided();
            judged = Some((comparison, pairs));
            if is_decided {
                break;
            }
        }
    }
    progress.clear();
    let looks: Vec<_> =
        schedule.unwrap_or_default().iter().map(|look| json!({"pairs": look.pairs, "alpha": look.alpha})).collect();
    Ok(judged.map(|(comparison, pairs)| {
        if pairs < plan.rounds.len() {
            printer.note(&format!("clear after {pairs} of {}", counted(plan.rounds.len(), "pair")));
        }
        let conditions = json!({"plan": plan, "looks": looks, "pairs_run": pairs});
        Compared { comparison, conditions, folder: None }
    }))
}

/// Makes the runs of one pair; whether all of them came to their end.
fn measure(
    plan: &CampaignPlan,
    index: usize,
    roles: &[Role],
    folder: &Path,
    runs: &mut Runs,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<bool, Failure> {
    for role in roles {
        let place = match role {
            Role::A => "a",
            Role::B => "b",
            Role::Again => "a-again",
        };
        let out = folder.join(place).join(format!("{:03}", index + 1));
        let Some(run) = run_variant(plan.variant(*role), &out, stop)? else { return Ok(false) };
        match role {
            Role::A => runs.a.push(run),
            Role::B => runs.b.push(run),
            Role::Again => runs.again.push(run),
        }
        progress.counter().fetch_add(1, Ordering::Relaxed);
    }
    if roles.contains(&Role::Again) {
        runs.first.extend(runs.a.last().cloned());
    }
    Ok(true)
}

fn judge(args: &CompareArgs, gate: &Gate, runs: &Runs, alpha: f64) -> Comparison {
    let same = (!runs.again.is_empty()).then_some((runs.first.as_slice(), runs.again.as_slice()));
    compare(&Question {
        base: &runs.a,
        new: &runs.b,
        same,
        paired: true,
        variants: true,
        allow_different: args.allow_different,
        gate,
        alpha,
    })
}
