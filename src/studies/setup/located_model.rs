//! The model of a command: found, or created if it is synthetic, with its header checked before llama.cpp reads the
//! file.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
#[cfg(feature = "llama")]
use std::sync::atomic::Ordering;

#[cfg(feature = "llama")]
use serde_json::{Value, json};

use super::super::model_check::{Use, check_model_file};
use super::super::observer::Observer;
use super::chat_model::chat_model;
use super::ready::ready;
use super::simulated::synthetic_weights;
#[cfg(feature = "llama")]
use crate::clock::ms;
use crate::failure::Failure;
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, LoadFacts, Model, Placement};
use crate::llm::{ModelFacts, ModelRef};
use crate::plan::{ModelChoice, ModelOrigin};
use crate::record::Simulation;

/// A model file with a valid header.
#[derive(Debug)]
pub(crate) struct LocatedModel {
    /// The file.
    pub(crate) path: PathBuf,
    /// Origin of the choice.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only what runs a model records it.
    pub(crate) found_by: ModelOrigin,
    /// Facts from its header.
    pub(crate) facts: ModelFacts,
}

/// The model of `flag`, otherwise that of the configuration. A file new to this machine is first tried in a separate
/// process, as far as the command will use it.
pub(crate) fn locate(
    flag: Option<&ModelRef>,
    config: Option<&Path>,
    wanted: Use,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<LocatedModel, Failure> {
    let choice = ModelChoice::find(flag, config)?;
    let path = ready(&choice.model, observer, stop)?;
    let (files, facts) = chat_model(&path)?;
    if !choice.model.is_synthetic() {
        check_model_file(&files, wanted, observer, stop)?;
    }
    Ok(LocatedModel { path, found_by: choice.found_by, facts })
}

/// Loads a model and shows progress.
#[cfg(feature = "llama")]
pub(crate) fn load(
    backend: &'static Backend,
    path: &Path,
    placement: &Placement,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Model, Failure> {
    let progress = observer.phase("loading", 100);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share from 0 to 1.
    let mut watch = |share: f32| {
        progress.counter().store((share * 100.0) as u64, Ordering::Relaxed);
        !stop.load(Ordering::Relaxed)
    };
    match Model::load(backend, path, placement, &mut watch) {
        Ok(model) => {
            let facts = model.facts();
            progress.finish(&format!("loaded {} in {:.0} ms", facts.description, ms(facts.load_ns)));
            Ok(model)
        }
        Err(error) => Err(error.into()),
    }
}

impl LocatedModel {
    /// The file name without the user's folders.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The subject of a run: the model according to llama.cpp and its header, with llama-bench's names if it has any,
    /// plus the command's own keys.
    #[cfg(feature = "llama")]
    pub(crate) fn subject(&self, facts: &LoadFacts, more: Value) -> Value {
        let mut subject = json!({
            "model_filename": self.name(),
            "found_by": self.found_by,
            "model_type": facts.description,
            "model_size": facts.size_bytes,
            "model_n_params": facts.n_params,
            "header_hash": self.facts.header_hash,
            "quantisation": self.facts.quantisation,
        });
        if let (Value::Object(subject), Value::Object(more)) = (&mut subject, more) {
            subject.extend(more);
        }
        subject
    }

    /// Random weights are marked in every output.
    pub(crate) fn simulated(&self) -> Vec<Simulation> {
        synthetic_weights(&self.facts)
    }
}
