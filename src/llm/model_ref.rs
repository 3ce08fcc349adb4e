//! What `--model` names: a file, or a synthetic model.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::synth::{DEFAULT_SEED, Shape, ShapeError};

/// What a synthetic model's name begins with.
const PREFIX: &str = "synth:";

/// A model as it is named on the command line: `synth:SHAPE`, `synth:SHAPE@SEED`, or a path.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelRef {
    /// A GGUF file.
    File(PathBuf),
    /// A synthetic model, which is made when it is not in the cache.
    Synthetic {
        /// Its shape.
        shape: &'static Shape,
        /// The seed of its noise.
        seed: u64,
    },
}

/// Why a name names no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelRefError {
    /// Nothing was written.
    #[error("a model is a GGUF file or synth:SHAPE")]
    Empty,
    /// No shape of that name.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// What follows the `@` is no seed.
    #[error("'{text}' is not a seed: a whole number is")]
    Seed {
        /// What follows it.
        text: String,
    },
}

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, ModelRefError> {
        let Some(name) = text.strip_prefix(PREFIX) else {
            return if text.is_empty() { Err(ModelRefError::Empty) } else { Ok(Self::File(text.into())) };
        };
        let (name, seed) = match name.split_once('@') {
            None => (name, DEFAULT_SEED),
            Some((name, seed)) => (name, seed.parse().map_err(|_| ModelRefError::Seed { text: seed.into() })?),
        };
        Ok(Self::Synthetic { shape: Shape::named(name)?, seed })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Synthetic { shape, seed: DEFAULT_SEED } => write!(f, "{PREFIX}{}", shape.name),
            Self::Synthetic { shape, seed } => write!(f, "{PREFIX}{}@{seed}", shape.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["synth:demo", "synth:tiny@7", "models/a.gguf", "synth.gguf", "C:\\models\\a.gguf"] {
            assert_eq!(text.parse::<ModelRef>().unwrap().to_string(), text);
        }
        assert_eq!("synth:demo@1".parse::<ModelRef>().unwrap(), "synth:demo".parse().unwrap());
        assert!(matches!("synth:tiny@7".parse(), Ok(ModelRef::Synthetic { seed: 7, .. })));
        for (text, named) in [("", "GGUF"), ("synth:", "zephyr-7b"), ("synth:huge", "huge"), ("synth:demo@x", "'x'")] {
            let error = text.parse::<ModelRef>().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
