//! The only way out: every reply of either thread is counted here and may get an injected fault.

use std::borrow::Cow;

use super::client::ConnectedClient;
use super::faults::ReplyFault;
use super::hello::garbled as garbled_on;
use super::shared::Shared;
use super::stop::lock;
use crate::bridge::Wire;

impl Shared {
    /// Sends a reply with one write, or applies the specified fault. `reply` builds it from the time of writing, in the
    /// wire format of that time. Returns false if the bridge was stopped.
    pub(super) fn reply(&self, client: &ConnectedClient, reply: impl FnOnce(u64, Wire) -> Cow<'static, [u8]>) -> bool {
        self.reply_by(client, reply, |bytes| client.write(bytes))
    }

    /// Like [`Shared::reply`], with `write` doing the writing.
    pub(super) fn reply_by(
        &self,
        client: &ConnectedClient,
        reply: impl FnOnce(u64, Wire) -> Cow<'static, [u8]>,
        write: impl Fn(&[u8]),
    ) -> bool {
        if client.is_cut() {
            return true;
        }
        let Some(next_fault) = self.next_fault() else { return false };
        self.counts.replies_due.add(1);
        match next_fault {
            ReplyFault::Drop | ReplyFault::Wait { .. } => {}
            ReplyFault::Cut => client.cut(),
            ReplyFault::Send { garbled, times } => {
                self.counts.replies_sent.add(times.into());
                let message = |wire| {
                    if garbled { Cow::Borrowed(garbled_on(wire)) } else { reply(self.clock.now_ns(), wire) }
                };
                client.send_by(message, |bytes| (0..times).for_each(|_| write(bytes)));
            }
        }
        true
    }

    /// Whether the bridge is stalled now.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled_until_ns().is_some()
    }

    /// Waits while the bridge is stalled. Returns false if it was stopped.
    pub(super) fn wait_out_stall(&self) -> bool {
        self.stalled_until_ns().is_none_or(|until_ns| self.stop.wait_until(&self.clock, until_ns))
    }

    fn stalled_until_ns(&self) -> Option<u64> {
        let faults = self.faults.as_ref()?;
        lock(faults).stalled_until_ns(self.clock.now_ns())
    }

    /// The fate of the next reply, after any stall. `None` if the bridge was stopped.
    fn next_fault(&self) -> Option<ReplyFault> {
        let Some(faults) = &self.faults else { return Some(ReplyFault::NO_FAULT) };
        loop {
            let next_fault = lock(faults).next(self.clock.now_ns());
            match next_fault {
                ReplyFault::Wait { until_ns } if self.stop.wait_until(&self.clock, until_ns) => {}
                ReplyFault::Wait { .. } => return None,
                next_fault => return Some(next_fault),
            }
        }
    }
}
