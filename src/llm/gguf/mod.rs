//! GGUF model files: a header reader that trusts nothing, and a writer.
//!
//! The reader only reads the header: metadata and the list of tensors, versions 2 and 3, little-endian. Every length,
//! count and offset is checked against the file's length and a limit before use, so that an invalid, truncated or
//! hostile file gives a named [`GgufFault`], and never a panic, a large allocation, or more time than reading the
//! header takes.

mod bare;
mod cursor;
mod error;
mod hash;
mod header;
mod joined;
mod metadata;
#[cfg(test)]
mod mutations;
mod tensor;
mod tensor_type;
mod value;
mod write;

pub use bare::without_vocabulary;
pub use error::{GgufError, GgufFault};
pub(crate) use hash::Fnv1a;
pub use header::Gguf;
pub use metadata::Metadata;
pub use tensor::TensorInfo;
pub use tensor_type::{TENSOR_TYPES, TensorType};
pub use value::{Array, Value, ValueType};
pub use write::HeaderBuilder;
