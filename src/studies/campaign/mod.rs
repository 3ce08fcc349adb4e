//! Two variants of a measuring command, run interleaved.

mod runs;
mod variant_run;

pub(crate) use runs::{CampaignRuns, run_campaign};
