//! The breakdown of round trips: of which messages.

use serde::Serialize;

/// Line length of the messages, in bytes: about what Workly's own commands take.
const BYTES: usize = 100;

/// What the breakdown will do, for each kind of reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakdownPlan {
    /// Line length on the wire that is asked for, newline included.
    pub size_bytes: usize,
    /// Whether the bridge stamps its stations; otherwise there are only bounds.
    pub exact: bool,
}

impl BreakdownPlan {
    /// The breakdown on a bridge with or without stamps.
    pub(super) fn new(stamps: bool) -> Self {
        Self { size_bytes: BYTES, exact: stamps }
    }
}
