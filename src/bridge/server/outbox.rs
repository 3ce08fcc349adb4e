//! The only way out: every reply of either thread is counted here and may get an injected fault.

use std::borrow::Cow;

use super::client::Client;
use super::faults::Fate;
use super::hello::garbled as garbled_on;
use super::shared::Shared;
use super::stop::hold;
use crate::bridge::Wire;

impl Shared {
    /// Sends a reply with one write, or applies the specified fault. `reply` builds it from the time of writing, in the
    /// wire format of that time. Returns false if the bridge was stopped.
    pub(super) fn reply(&self, client: &Client, reply: impl FnOnce(u64, Wire) -> Cow<'static, [u8]>) -> bool {
        self.reply_by(client, reply, |bytes| client.write(bytes))
    }

    /// Like [`Shared::reply`], with `write` doing the writing.
    pub(super) fn reply_by(
        &self,
        client: &Client,
        reply: impl FnOnce(u64, Wire) -> Cow<'static, [u8]>,
        write: impl Fn(&[u8]),
    ) -> bool {
        if client.is_cut() {
            return true;
        }
        let Some(fate) = self.fate() else { return false };
        self.tally.replies_due.add(1);
        match fate {
            Fate::Drop | Fate::Wait { .. } => {}
            Fate::Cut => client.cut(),
            Fate::Send { garbled, times } => {
                self.tally.replies_sent.add(times.into());
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
        hold(faults).stalled_until_ns(self.clock.now_ns())
    }

    /// The fate of the next reply, after any stall. `None` if the bridge was stopped.
    fn fate(&self) -> Option<Fate> {
        let Some(faults) = &self.faults else { return Some(Fate::HONEST) };
        loop {
            let fate = hold(faults).next(self.clock.now_ns());
            match fate {
                Fate::Wait { until_ns } if self.stop.wait_until(&self.clock, until_ns) => {}
                Fate::Wait { .. } => return None,
                fate => return Some(fate),
            }
        }
    }
}
