//! The requested model.

use std::path::Path;

use crate::llm::ModelRef;

/// The named model, otherwise that of a configuration.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Such a build loads no model.
pub(crate) struct ModelSource<'a> {
    /// The named model.
    pub(crate) model: Option<&'a ModelRef>,
    /// The named configuration.
    pub(crate) config: Option<&'a Path>,
}
