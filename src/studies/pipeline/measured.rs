//! What saved sweeps have measured of the model that is to answer.

use std::sync::atomic::AtomicBool;

use super::models::ModelSource;
use crate::failure::Failure;
use crate::host;
use crate::plan::MeasuredSettings;
use crate::record::Run;
use crate::studies::Observer;
use crate::studies::model_check::Use;
use crate::studies::saved_runs::saved_runs_of;
use crate::studies::setup::locate;

/// The settings that the newest sweep of this machine and this model chose; `None` without one.
pub(crate) fn measured_settings(
    source: ModelSource<'_>,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<MeasuredSettings>, Failure> {
    let located = locate(source.model, source.config, Use::header(0), observer, stop)?;
    let is_of_model = |run: &Run| run.subject["header_hash"] == located.facts.header_hash.as_str();
    let runs: Vec<Run> = saved_runs_of(&host::machine()).into_iter().filter(is_of_model).collect();
    Ok(MeasuredSettings::of(&runs))
}
