//! A model on the command line: a file, a synthetic model, or a published one.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::ModelCache;
use super::cache::CacheError;
use super::fetch::PublishedModel;
use super::synth::{DEFAULT_SEED, ModelShape, ShapeError};

/// Name prefix of synthetic models.
const PREFIX: &str = "synth:";

/// A model as named on the command line: `synth:SHAPE`, `synth:SHAPE@SEED`, the name of a published model, or a path.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelRef {
    /// A GGUF file.
    File(PathBuf),
    /// A synthetic model, created if it is not in the cache.
    Synthetic {
        /// Its shape.
        shape: &'static ModelShape,
        /// Seed of its weights.
        seed: u64,
    },
    /// A model from a package registry; in the cache once fetched, and never fetched without request.
    Published(&'static PublishedModel),
}

/// Why a name does not denote a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelRefError {
    /// The name is empty.
    #[error("a model is a GGUF file, synth:SHAPE, or one of {}", PublishedModel::names().join(", "))]
    Empty,
    /// Unknown shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The text after the `@` is not a seed.
    #[error("'{text}' is not a seed: use a whole number")]
    Seed {
        /// That text.
        text: String,
    },
}

impl ModelRef {
    /// Whether its weights are random.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        matches!(self, Self::Synthetic { .. })
    }

    /// Name in reports: the file name without the user's folders, or `synth:SHAPE`.
    #[must_use]
    pub fn public_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Published(model) => model.file_name().to_owned(),
            Self::Synthetic { .. } => self.to_string(),
        }
    }
}

/// The file of a published model in this user's cache.
///
/// # Errors
/// [`CacheError::NotFetched`].
pub fn fetched_file(model: &'static PublishedModel) -> Result<PathBuf, CacheError> {
    let cache = ModelCache::of_user()?;
    let found = cache.find_published(model).map(|found| found.path);
    found.ok_or_else(|| CacheError::NotFetched { model, path: cache.path_of_published(model) })
}

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, ModelRefError> {
        let Some(name) = text.strip_prefix(PREFIX) else {
            if let Some(model) = PublishedModel::named(text) {
                return Ok(Self::Published(model));
            }
            return if text.is_empty() { Err(ModelRefError::Empty) } else { Ok(Self::File(text.into())) };
        };
        let (name, seed) = match name.split_once('@') {
            None => (name, DEFAULT_SEED),
            Some((name, seed)) => (name, seed.parse().map_err(|_| ModelRefError::Seed { text: seed.into() })?),
        };
        Ok(Self::Synthetic { shape: ModelShape::named(name)?, seed })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Synthetic { shape, seed: DEFAULT_SEED } => write!(f, "{PREFIX}{}", shape.name),
            Self::Synthetic { shape, seed } => write!(f, "{PREFIX}{}@{seed}", shape.name),
            Self::Published(model) => write!(f, "{}", model.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_round_trip() {
        for text in [
            "synth:demo",
            "synth:tiny@7",
            "models/a.gguf",
            "synth.gguf",
            "C:\\models\\a.gguf",
            "C:a.gguf",
            r"\\nas\models\a.gguf",
        ] {
            assert_eq!(text.parse::<ModelRef>().unwrap().to_string(), text);
        }
        assert_eq!("synth:demo@1".parse::<ModelRef>().unwrap(), "synth:demo".parse().unwrap());
        let published: ModelRef = "SMOLLM2".parse().unwrap();
        assert_eq!(published.to_string(), "SmolLM2-135M-Instruct");
        assert_eq!(published.to_string().parse::<ModelRef>().unwrap(), published, "the text parses back");
        assert_eq!(published.public_name(), "SmolLM2-135M-Instruct.Q4_1.gguf");
        assert!(matches!("./smollm2".parse(), Ok(ModelRef::File(_))), "a path always means a file");
        assert!(matches!("synth:tiny@7".parse(), Ok(ModelRef::Synthetic { seed: 7, .. })));
        for (text, named) in [("", "GGUF"), ("synth:", "zephyr-7b"), ("synth:huge", "huge"), ("synth:demo@x", "'x'")] {
            let error = text.parse::<ModelRef>().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
