//! Facts of this machine and of this binary, read-only.
//!
//! What cannot be read is said with its reason, never filled in. Nothing that names the user, the machine or a folder
//! of theirs is read, so a record can be shown to anyone.

mod build;
mod cpu;
mod fingerprint;
mod machine;
mod power;
mod quota;
mod reading;
mod virtualised;

pub use build::build;
pub use machine::machine;
