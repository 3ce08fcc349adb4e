//! Unsolicited status messages, if the dialect has them: the frame rate, once per second.

use super::public_api;
use super::shared::Shared;
use crate::bridge::{ReplyForm, Wire};

/// Period of the messages.
const PERIOD_NS: u64 = 1_000_000_000;

/// Counts frames and reports them.
#[derive(Debug)]
pub(super) struct Status {
    is_told: bool,
    frames: u32,
    since_ns: u64,
}

impl Status {
    pub(super) fn new(shared: &Shared) -> Self {
        let is_told = shared.spec.dialect.replies.form == ReplyForm::Event && !shared.spec.silent;
        Self { is_told, frames: 0, since_ns: shared.clock.now_ns() }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self, shared: &Shared) {
        if !self.is_told {
            return;
        }
        self.frames += 1;
        let now_ns = shared.clock.now_ns();
        let passed_ns = now_ns - self.since_ns;
        if passed_ns < PERIOD_NS {
            return;
        }
        let fps = f64::from(self.frames) / (passed_ns as f64 / 1e9);
        if let Some(client) = shared.client().filter(|client| !client.is_cut()) {
            client.send(|wire: Wire| wire.pack(&public_api::status(fps)).into());
        }
        (self.frames, self.since_ns) = (0, now_ns);
    }
}
