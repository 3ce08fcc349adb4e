//! Settings shared by all studies of `ipc`. Part of the record.

use std::ops::Deref;

use serde::Serialize;

use super::super::reach::{BridgeConnection, PlanError};
use super::round_trips::RoundTripsPlan;
use super::study::Study;
use super::variants::SendStrategy;
use crate::bridge::Detected;
use crate::cli::IpcArgs;

/// The plan of an `ipc` run. Dereferences to its bridge connection.
#[derive(Debug, Clone, Serialize)]
pub struct IpcPlan {
    /// The bridge.
    #[serde(flatten)]
    pub reach: BridgeConnection,
    /// Messages per case.
    pub messages: usize,
    /// Warm-up messages per case.
    pub warm_up: usize,
    /// Seed of schedules and order.
    pub seed: u64,
    /// The study of the run.
    #[serde(flatten)]
    pub study: Study,
}

impl Deref for IpcPlan {
    type Target = BridgeConnection;

    fn deref(&self) -> &BridgeConnection {
        &self.reach
    }
}

impl IpcPlan {
    /// Resolves the arguments. `fresh_seed` is used if none is given.
    pub fn resolve(args: &IpcArgs, fresh_seed: u64) -> Result<Self, PlanError> {
        let (reach, _) = BridgeConnection::resolve(&args.reach)?;
        let mut plan = Self {
            reach,
            messages: args.messages as usize,
            warm_up: args.warmup as usize,
            seed: args.seed.unwrap_or(fresh_seed),
            study: Study::RoundTrips(RoundTripsPlan::default()),
        };
        plan.study = Study::resolve(args, &plan)?;
        Ok(plan)
    }

    /// Warnings about how the bridge was found and about the messages to send.
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let switches = match &self.study {
            Study::Replay(replay) => replay.switches,
            _ => true,
        };
        self.warnings.iter().cloned().chain(self.blink_warning().filter(|_| switches)).collect()
    }

    /// Checks that the dialect supports the study; call it once the dialect is certain.
    ///
    /// # Errors
    /// [`PlanError::Lacking`].
    pub fn check(&self) -> Result<(), PlanError> {
        let Study::Variants(comparison) = &self.study else { return Ok(()) };
        let lacks = |what| Err(PlanError::Lacking { dialect: self.dialect.name.clone(), what });
        if comparison.ways.iter().any(SendStrategy::is_batch) && self.dialect.batch.is_none() {
            return lacks("batches");
        }
        let codecs = comparison.ways.iter().any(|way| matches!(way, SendStrategy::Codec(..)));
        if codecs && !self.dialect.hello { lacks("way to change framing and codec (hello)") } else { Ok(()) }
    }

    /// Switches to the detected dialect.
    ///
    /// # Errors
    /// Those of [`IpcPlan::resolve`].
    pub fn adopt(&mut self, found: Detected, args: &IpcArgs) -> Result<(), PlanError> {
        self.reach.speak(found);
        self.study = Study::resolve(args, self)?;
        Ok(())
    }
}
