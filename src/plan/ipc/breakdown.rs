//! The plan of a breakdown of round trips.

use serde::Serialize;

/// Message size in bytes, typical of Workly's commands.
const BYTES: usize = 100;

/// What is measured for each kind of reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakdownPlan {
    /// Requested size on the wire, including the line feed, in bytes.
    pub size_bytes: usize,
    /// Whether the bridge sends timestamps; otherwise there are only bounds.
    pub exact: bool,
}

impl BreakdownPlan {
    /// The breakdown for a bridge with or without timestamps.
    pub(super) fn new(stamps: bool) -> Self {
        Self { size_bytes: BYTES, exact: stamps }
    }
}
