//! What a run of `ipc` is about: exactly one study.

use serde::Serialize;

use super::plan::IpcPlan;
use super::round_trips::RoundTripsPlan;
use crate::cli::IpcArgs;

/// One study. On the command line each has a flag of its own, in the group `study`; none of them is the round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "study", rename_all = "snake_case")]
pub enum Study {
    /// Round trips, received and applied: the default.
    RoundTrips(RoundTripsPlan),
}

impl Study {
    /// The study that the arguments ask for. `plan` is resolved but for its study.
    pub(super) fn resolve(args: &IpcArgs, plan: &IpcPlan) -> Self {
        Self::RoundTrips(RoundTripsPlan::resolve(args, plan))
    }

    /// What is about to be done, in a few words.
    #[must_use]
    pub fn announcement(&self, plan: &IpcPlan) -> String {
        match self {
            Self::RoundTrips(round) => format!("{} cases of {} messages", round.cases.len(), plan.messages),
        }
    }
}
