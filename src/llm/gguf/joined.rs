//! The parts of a split model as one header.

use super::hash::Fnv1a;
use super::header::Gguf;

impl Gguf {
    /// Joins the headers of all parts, in order: metadata of the first, tensors and bytes of all. `None` without parts.
    /// Offsets of tensors stay relative to their own file. The hash of several parts combines the hashes of each.
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
