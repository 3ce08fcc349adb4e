//! Settings shared by all studies of `ipc`. Part of the record.

use serde::Serialize;

use super::super::bridge_connection::{BridgeConnection, PlanError};
use super::round_trips::RoundTripsPlan;
use super::study::IpcStudy;
use super::variants::SendStrategy;
use crate::bridge::DetectedDialect;
use crate::cli::IpcArgs;

/// The plan of an `ipc` run.
#[derive(Debug, Clone, Serialize)]
pub struct IpcPlan {
    /// The bridge.
    #[serde(flatten)]
    pub bridge: BridgeConnection,
    /// Messages per case.
    pub messages: usize,
    /// Warm-up messages per case.
    pub warm_up: usize,
    /// Seed of schedules and order.
    pub seed: u64,
    /// The study of the run.
    #[serde(flatten)]
    pub study: IpcStudy,
}

impl IpcPlan {
    /// Resolves the arguments. `fresh_seed` is used if none is given.
    pub fn resolve(args: &IpcArgs, fresh_seed: u64) -> Result<Self, PlanError> {
        let (bridge, _) = BridgeConnection::resolve(&args.bridge_connection)?;
        let mut plan = Self {
            bridge,
            messages: args.messages as usize,
            warm_up: args.warmup as usize,
            seed: args.seed.unwrap_or(fresh_seed),
            study: IpcStudy::RoundTrips(RoundTripsPlan::default()),
        };
        plan.study = IpcStudy::resolve(args, &plan)?;
        Ok(plan)
    }

    /// Warnings about how the bridge was found and about the messages to send.
    #[must_use]
    pub fn cautions(&self) -> Vec<String> {
        let switches = match &self.study {
            IpcStudy::Replay(replay) => replay.switches,
            _ => true,
        };
        self.bridge.warnings.iter().cloned().chain(self.bridge.blink_warning().filter(|_| switches)).collect()
    }

    /// Checks that the dialect supports the study; call it once the dialect is certain.
    ///
    /// # Errors
    /// [`PlanError::Lacking`].
    pub fn check(&self) -> Result<(), PlanError> {
        let IpcStudy::Variants(comparison) = &self.study else { return Ok(()) };
        let lacks = |what| Err(PlanError::Lacking { dialect: self.bridge.dialect.name.clone(), what });
        if comparison.ways.iter().any(SendStrategy::is_batch) && self.bridge.dialect.batch.is_none() {
            return lacks("batches");
        }
        let codecs = comparison.ways.iter().any(|way| matches!(way, SendStrategy::Codec(..)));
        if codecs && !self.bridge.dialect.hello { lacks("way to change framing and codec (hello)") } else { Ok(()) }
    }

    /// Switches to the detected dialect.
    ///
    /// # Errors
    /// Those of [`IpcPlan::resolve`].
    pub fn adopt(&mut self, found: DetectedDialect, args: &IpcArgs) -> Result<(), PlanError> {
        self.bridge.switch_dialect(found);
        self.study = IpcStudy::resolve(args, self)?;
        Ok(())
    }
}
