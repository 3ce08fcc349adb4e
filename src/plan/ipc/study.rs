//! The study of an `ipc` run; each run has exactly one.

use serde::Serialize;

use super::super::bridge_connection::PlanError;
use super::breakdown::BreakdownPlan;
use super::max_rate::MaxRatePlan;
use super::plan::IpcPlan;
use super::replay::ReplayPlan;
use super::round_trips::RoundTripsPlan;
use super::variants::VariantsPlan;
use crate::cli::IpcArgs;
use crate::plural::counted;

/// One study. Each has its own flag in the group `study`; without a flag, round trips are measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "study", rename_all = "snake_case")]
pub enum IpcStudy {
    /// Round trips, *received* and *applied*: the default.
    RoundTrips(RoundTripsPlan),
    /// The maximum rate: `--find-max-rate`.
    MaxRate(MaxRatePlan),
    /// Replay of a tapped session: `--replay`.
    Replay(ReplayPlan),
    /// Parts of a round trip: `--breakdown`.
    Breakdown(BreakdownPlan),
    /// Comparison of ways to send.
    Variants(VariantsPlan),
}

impl IpcStudy {
    /// The requested study. `plan` is resolved except for its study.
    pub(super) fn resolve(args: &IpcArgs, plan: &IpcPlan) -> Result<Self, PlanError> {
        if let Some(session) = &args.replay {
            return Ok(Self::Replay(ReplayPlan::resolve(session, args, plan)?));
        }
        if args.find_max_rate {
            return Ok(Self::MaxRate(MaxRatePlan::resolve(args)));
        }
        if args.breakdown {
            return Ok(Self::Breakdown(BreakdownPlan::new(plan.bridge.dialect.stamps)));
        }
        if let Some(comparison) = VariantsPlan::resolve(args, plan) {
            return Ok(Self::Variants(comparison));
        }
        Ok(Self::RoundTrips(RoundTripsPlan::resolve(args, plan)))
    }

    /// A short description of what will be measured.
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
