//! Runs two variants interleaved, and stops when the result is clear.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::observer::{Observer, Phase};
use super::variant_run::run_variant;
use crate::failure::Failure;
use crate::plan::{CampaignPlan, VariantRole};
use crate::record::RunFigures;

/// The runs so far; each list is in the order of the pairs.
#[derive(Debug, Default)]
pub(crate) struct CampaignRuns {
    /// Runs of A.
    pub(crate) a: Vec<RunFigures>,
    /// Runs of B.
    pub(crate) b: Vec<RunFigures>,
    /// First run of A in the pairs with an A/A pair.
    pub(crate) first: Vec<RunFigures>,
    /// Second run of A in these pairs.
    pub(crate) again: Vec<RunFigures>,
}

/// Runs all pairs in `folder`, or stops early when `is_decided` returns true after a pair. `None` if interrupted.
pub(crate) fn run_campaign(
    plan: &CampaignPlan,
    folder: &Path,
    observer: &dyn Observer,
    stop: &AtomicBool,
    mut is_decided: impl FnMut(&CampaignRuns) -> bool,
) -> Result<Option<CampaignRuns>, Failure> {
    let total: usize = plan.rounds.iter().map(Vec::len).sum();
    let phase = observer.phase("runs", total as u64);
    let mut runs = CampaignRuns::default();
    for (index, roles) in plan.rounds.iter().enumerate() {
        if !run_pair(plan, (index, roles), folder, &mut runs, &*phase, stop)? {
            return Ok(None);
        }
        if is_decided(&runs) {
            break;
        }
    }
    Ok(Some(runs))
}

/// Runs one pair; returns whether all of its runs completed.
fn run_pair(
    plan: &CampaignPlan,
    (index, roles): (usize, &[VariantRole]),
    folder: &Path,
    runs: &mut CampaignRuns,
    phase: &dyn Phase,
    stop: &AtomicBool,
) -> Result<bool, Failure> {
    for role in roles {
        let name = match role {
            VariantRole::A => "a",
            VariantRole::B => "b",
            VariantRole::Again => "a-again",
        };
        let out = folder.join(name).join(format!("{:03}", index + 1));
        let Some(run) = run_variant(plan.variant(*role), &out, stop)? else { return Ok(false) };
        match role {
            VariantRole::A => runs.a.push(run),
            VariantRole::B => runs.b.push(run),
            VariantRole::Again => runs.again.push(run),
        }
        phase.counter().fetch_add(1, Ordering::Relaxed);
    }
    if roles.contains(&VariantRole::Again) {
        runs.first.extend(runs.a.last().cloned());
    }
    Ok(true)
}
