//! The parts of a model that is split over several files, as one.

use super::hash::Fnv1a;
use super::header::Gguf;

impl Gguf {
    /// One header for all parts, in their order: the metadata of the first, the tensors and bytes of all. `None` without
    /// parts. Offsets of tensors stay those within their own file. The hash of several parts is made of the hashes of each.
    #[must_use]
    pub fn joined(parts: &[Self]) -> Option<Self> {
        let (first, others) = parts.split_first()?;
        let mut whole = first.clone();
        for part in others {
            whole.tensors.extend(part.tensors.iter().cloned());
            whole.header_bytes = whole.header_bytes.saturating_add(part.header_bytes);
            whole.file_bytes = whole.file_bytes.saturating_add(part.file_bytes);
        }
        if !others.is_empty() {
            let mut hash = Fnv1a::new();
            for part in parts {
                hash.update(&part.header_hash.to_le_bytes());
            }
            whole.header_hash = hash.value();
        }
        Some(whole)
    }
}
