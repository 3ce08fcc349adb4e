//! Which model is asked for.

use std::path::Path;

use crate::llm::ModelRef;

/// The model that was named, else that of a configuration.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Such a build loads no model.
pub(crate) struct ModelSource<'a> {
    /// The model that was named.
    pub(crate) model: Option<&'a ModelRef>,
    /// The configuration that was named.
    pub(crate) config: Option<&'a Path>,
}
