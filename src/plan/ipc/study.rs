//! What a run of `ipc` is about: exactly one study.

use serde::Serialize;

use super::super::reach::PlanError;
use super::breakdown::BreakdownPlan;
use super::max_rate::MaxRatePlan;
use super::plan::IpcPlan;
use super::replay::ReplayPlan;
use super::round_trips::RoundTripsPlan;
use super::variants::VariantsPlan;
use crate::cli::IpcArgs;
use crate::plural::counted;

/// One study. On the command line each has a flag of its own, in the group `study`; none of them is the round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "study", rename_all = "snake_case")]
pub enum Study {
    /// Round trips, received and applied: the default.
    RoundTrips(RoundTripsPlan),
    /// The highest rate that the bridge sustains: `--find-max-rate`.
    MaxRate(MaxRatePlan),
    /// A tapped session, played again: `--replay`.
    Replay(ReplayPlan),
    /// Where the time of a round trip goes: `--breakdown`.
    Breakdown(BreakdownPlan),
    /// Ways to send, compared.
    Variants(VariantsPlan),
}

impl Study {
    /// The study that the arguments ask for. `plan` is resolved but for its study.
    pub(super) fn resolve(args: &IpcArgs, plan: &IpcPlan) -> Result<Self, PlanError> {
        if let Some(session) = &args.replay {
            return Ok(Self::Replay(ReplayPlan::resolve(session, args, plan)?));
        }
        if args.find_max_rate {
            return Ok(Self::MaxRate(MaxRatePlan::resolve(args)));
        }
        if args.breakdown {
            return Ok(Self::Breakdown(BreakdownPlan::new(plan.dialect.stamps)));
        }
        if let Some(comparison) = VariantsPlan::resolve(args, plan) {
            return Ok(Self::Variants(comparison));
        }
        Ok(Self::RoundTrips(RoundTripsPlan::resolve(args, plan)))
    }

    /// What is about to be done, in a few words.
    #[must_use]
    pub fn announcement(&self, plan: &IpcPlan) -> String {
        match self {
            Self::Variants(comparison) => format!(
                "{} of sending in {} of {}",
                counted(comparison.ways.len(), "way"),
                counted(comparison.rounds, "round"),
                counted(plan.messages, "message")
            ),
            Self::RoundTrips(round) => {
                format!("{} of {}", counted(round.cases.len(), "case"), counted(plan.messages, "message"))
            }
            Self::Replay(session) => {
                format!("{} of session {}", counted(session.schedule.len(), "message"), session.session)
            }
            Self::MaxRate(search) => match search.p99_budget {
                Some(budget) => format!("highest rate with p99 within {budget:?}"),
                None => "highest rate".into(),
            },
            Self::Breakdown(_) => {
                format!("breakdown of {} a kind of reply", counted(plan.messages, "round trip"))
            }
        }
    }
}
