//! Models without a download: valid GGUF files of real shapes, with random weights and a vocabulary of our own.
//!
//! Speed and memory depend on shape and quantisation, which are those of real files, and not on the values of the
//! weights. The generated text is gibberish, and the files are marked as synthetic. The same shape and seed give the
//! same bytes on every platform.

mod blocks;
mod error;
mod file;
mod mark;
mod mixture;
mod model;
mod noise;
mod shape;
mod vocabulary;

pub use error::{ShapeError, SynthError};
pub use file::{Overwrite, WriteProgress};
pub use mark::{FORMAT_VERSION, SyntheticMark};
pub use model::SyntheticModel;
pub use shape::{DEFAULT_SEED, ModelShape};

pub(super) use file::{PART_SUFFIX, part_prefix};
