//! GGUF model files: a reader of headers that trusts nothing in them, and a writer.
//!
//! The reader looks at the header alone: metadata and the list of tensors, versions 2 and 3, little-endian. Every length,
//! count and offset is held against the file's length and a limit before it is used, so that a bad, cut or hostile file
//! ends in a named [`GgufFault`]: never a panic, a large allocation, or more time than reading the header takes.

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
