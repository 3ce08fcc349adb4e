//! Messages from a bridge that answer nothing: skipped and counted.

use super::dialect::Dialect;
use super::reply::{EXCERPT, MessageKind, Reply};
use super::wire::Codec;

/// Maximum number of stored frame rates, so that a bridge that reports continuously does not fill the memory.
const MOST_REPORTS: usize = 65_536;

/// Counts of such messages on a client's connections.
#[derive(Debug, Clone, Default)]
pub(super) struct UnrelatedMessages {
    /// Surplus replies, not yet reported.
    pub(super) surplus: u64,
    /// Foreign messages.
    pub(super) foreign: u64,
    /// Excerpt of the first one.
    pub(super) first_foreign: Option<String>,
    /// Frame rates that the bridge reported by itself, in frames per second.
    pub(super) fps: Vec<f64>,
}

impl UnrelatedMessages {
    /// Returns whether a message is a reply; otherwise counts it.
    pub(super) fn is_reply(
        &mut self,
        reply: &Reply,
        payload: &[u8],
        (dialect, codec): (&'static Dialect, Codec),
    ) -> bool {
        match reply.kind(dialect) {
            MessageKind::Reply => return true,
            MessageKind::Unsolicited if self.fps.len() < MOST_REPORTS => self.fps.extend(reply.fps),
            MessageKind::Unsolicited => {}
            MessageKind::Foreign => self.note_foreign(payload, codec),
        }
        false
    }

    /// Counts a message that was not awaited.
    pub(super) fn note_unexpected(&mut self, reply: &Reply, payload: &[u8], codec: Codec) {
        if reply.has_our_id() {
            self.surplus += 1;
        } else {
            self.note_foreign(payload, codec);
        }
    }

    fn note_foreign(&mut self, payload: &[u8], codec: Codec) {
        self.foreign += 1;
        self.first_foreign.get_or_insert_with(|| codec.excerpt(payload, EXCERPT));
    }
}
