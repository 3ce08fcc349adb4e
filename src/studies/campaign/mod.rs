//! Two variants of a measuring command, run in turns.

mod runs;
mod variant_run;

pub(crate) use runs::{CampaignRuns, run_campaign};
