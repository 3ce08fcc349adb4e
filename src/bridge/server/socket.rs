//! The socket thread: accepts one client at a time, reads, parses and queues messages, and sends *received* replies.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::acceptor::Acceptor;
use super::client::ConnectedClient;
use super::decode::{Decoder, READ_BYTES};
use super::delay::Delay;
use super::hello::{Hello, LONGEST_MESSAGE_BYTES, too_long};
use super::message::{MessageTimes, ParsedMessage, PendingReply, QueuedCommands, QueuedMessage};
use super::shared::Shared;
use super::spec::CREDIT_NS;
use super::{founding, instrumented, public_api, stock};
use crate::bridge::framing::ReceiveBuffer;
use crate::bridge::{Ack, ReplyForm, Wire};
use crate::clock::nanos;

/// Maximum number of connections of departed clients that are kept open. A stock bridge keeps all of them; the bound
/// lets this bridge run for weeks without running out of file descriptors.
const MOST_LEFT_OPEN: usize = 64;

/// Serves clients, one after the other, until the bridge is stopped.
pub(super) fn serve(acceptor: &Acceptor, shared: &Shared) {
    let is_stock = shared.spec.dialect.replies.form == ReplyForm::Bare;
    let mut delay = Delay::received(&shared.spec);
    // In the stock script, two things outlive the client: text that is not a complete line yet, and the socket.
    let mut unread = Decoder::default();
    let mut left_open = VecDeque::new();
    while let Some(stream) = acceptor.next(shared) {
        let client = Arc::new(ConnectedClient::new(stream, shared.spec.sets_nodelay()));
        if !shared.admit(&client) {
            return;
        }
        shared.counts.connections.add(1);
        let (client, delay, unread) = (&client, &mut delay, &mut unread);
        ClientConnection { shared, client, delay, unread, read_until_ns: 0, served_until_ns: 0 }.run();
        shared.dismiss();
        if is_stock {
            left_open.push_back(Arc::clone(client));
            if left_open.len() > MOST_LEFT_OPEN {
                left_open.pop_front();
            }
        }
    }
}

/// The connection with one client.
struct ClientConnection<'a> {
    shared: &'a Shared,
    client: &'a ConnectedClient,
    delay: &'a mut Delay,
    /// Text that a stock bridge has read but not parsed yet, from this client or an earlier one.
    unread: &'a mut Decoder,
    /// When a slow reader has read what it has taken from the socket.
    read_until_ns: u64,
    /// When a bridge with limited capacity has served what it has taken.
    served_until_ns: u64,
}

impl ClientConnection<'_> {
    fn run(&mut self) {
        let spec = &self.shared.spec;
        if !spec.silent {
            self.client.send(|wire| match spec.dialect.replies.form {
                ReplyForm::Event => wire.pack(&public_api::ready()).into(),
                _ => format!("{}\n", spec.dialect.greeting).into_bytes().into(),
            });
        }
        match spec.dialect.replies.form {
            ReplyForm::Bare => self.hear_torn(),
            _ => self.hear_whole(),
        }
    }

    /// Reads like the stock bridge: each read is decoded separately, and an incomplete line of one client precedes the
    /// next client's first message.
    fn hear_torn(&mut self) {
        let mut decoder = std::mem::take(self.unread);
        self.hear_torn_by(&mut decoder);
        *self.unread = decoder;
    }

    fn hear_torn_by(&mut self, decoder: &mut Decoder) {
        let mut buffer = [0; READ_BYTES];
        while self.shared.wait_out_stall() {
            let Some(count) = self.client.read(&mut buffer) else { return };
            if !self.pace(count) {
                return;
            }
            let received_ns = self.shared.clock.now_ns();
            if decoder.feed(&buffer[..count], |line| self.hear(line.as_bytes(), Wire::LINES, received_ns)).is_break() {
                // After a stop or an oversized line, nothing is kept for the next client.
                *decoder = Decoder::default();
                self.client.disconnect();
                return;
            }
        }
    }

    /// Reads message by message, independent of read boundaries.
    fn hear_whole(&mut self) {
        let mut inbox = ReceiveBuffer::new(LONGEST_MESSAGE_BYTES);
        while self.shared.wait_out_stall() {
            let Some(count) = self.client.read(inbox.room()) else { return };
            if !self.pace(count) {
                return;
            }
            inbox.filled(count);
            let received_ns = self.shared.clock.now_ns();
            let mut wire = self.client.wire();
            while let Some(message) = inbox.next() {
                let flow = match message {
                    Ok(message) => self.hear(inbox.bytes(message), wire, received_ns),
                    Err(message) => {
                        let said = self.say(&too_long(message.bytes));
                        if message.passable { said } else { ControlFlow::Break(()) }
                    }
                };
                if flow.is_break() {
                    return;
                }
                wire = self.client.wire();
                inbox.set_framing(wire.framing);
            }
        }
    }

    /// Waits for as long as a slow reader takes for `bytes`. Returns false if the bridge was stopped.
    fn pace(&mut self, bytes: usize) -> bool {
        let Some(bytes_per_s) = self.shared.spec.slow_reader else { return true };
        let taken_ns = (bytes as u64).saturating_mul(1_000_000_000) / bytes_per_s;
        self.read_until_ns = self.read_until_ns.max(self.shared.clock.now_ns()) + taken_ns;
        self.shared.stop.wait_until(&self.shared.clock, self.read_until_ns)
    }

    /// Waits for as long as a bridge with limited capacity takes for one message. Never spins, so as not to starve the
    /// measuring process on the same machine; late wake-ups are compensated. Returns false if the bridge was stopped.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn serve(&mut self) -> bool {
        let Some(capacity_per_s) = self.shared.spec.capacity else { return true };
        let clock = &self.shared.clock;
        let rested_ns = clock.now_ns().saturating_sub(CREDIT_NS);
        self.served_until_ns = self.served_until_ns.max(rested_ns).saturating_add((1e9 / capacity_per_s) as u64);
        self.shared.stop.rest_until(clock, self.served_until_ns)
    }

    /// Handles one message. Breaks if the bridge was stopped.
    fn hear(&mut self, payload: &[u8], wire: Wire, received_ns: u64) -> ControlFlow<()> {
        if self.client.is_cut() || payload.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        if !self.shared.wait_out_stall() || !self.serve() {
            return ControlFlow::Break(());
        }
        let (spec, counts) = (&self.shared.spec, &self.shared.counts);
        let ordinal = counts.received.add(1);
        if spec.silent {
            return ControlFlow::Continue(());
        }
        let understood = match spec.dialect.replies.form {
            ReplyForm::Bare => stock::parse(payload, spec.dialect),
            ReplyForm::Stamped => instrumented::parse(payload, spec.dialect, wire),
            ReplyForm::Status => founding::parse(payload, spec.dialect),
            ReplyForm::Event => public_api::parse(payload, spec.dialect),
        };
        let work = spec.parse_delay;
        if !work.is_zero() && !self.shared.wait_until(self.shared.clock.now_ns().saturating_add(nanos(work))) {
            return ControlFlow::Break(());
        }
        let times = MessageTimes { received_ns, parsed_ns: self.shared.clock.now_ns(), ..MessageTimes::default() };
        let refusal = match understood {
            ParsedMessage::Commands(order) => return self.obey(order, ordinal, times),
            ParsedMessage::Query(reply_context) => {
                let shared = self.shared;
                return self.answer(|replied_ns, wire| {
                    reply_context.pack(&MessageTimes { replied_ns, ..times }, shared, wire)
                });
            }
            ParsedMessage::Hello(hello) => return self.agree(&hello),
            ParsedMessage::Malformed(refusal) => {
                counts.malformed.add(1);
                refusal
            }
            ParsedMessage::Unknown(refusal) => {
                counts.ignored.add(1);
                refusal
            }
        };
        counts.rejected.add(1);
        match refusal {
            Some(refusal) => self.say(&refusal),
            None => ControlFlow::Continue(()),
        }
    }

    /// Answers a `hello`; replies that change the wire format get no injected fault, or the format in use would be
    /// unknown.
    fn agree(&mut self, hello: &Hello) -> ControlFlow<()> {
        let Some(wire) = hello.wire else { return self.say(&hello.reply) };
        let counts = &self.shared.counts;
        counts.replies_due.add(1);
        counts.replies_sent.add(1);
        self.client.switch(|old| old.pack(&hello.reply).into(), wire);
        ControlFlow::Continue(())
    }

    fn say(&mut self, message: &Value) -> ControlFlow<()> {
        self.answer(|_, wire| wire.pack(message).into())
    }

    fn obey(&mut self, order: QueuedCommands, ordinal: u64, times: MessageTimes) -> ControlFlow<()> {
        let QueuedCommands { actions, rejected, ack, reply_context } = order;
        let shared = self.shared;
        shared.counts.rejected.add(rejected);
        // The ticket goes with the message if the main thread replies; otherwise it stays here.
        let mut reply_context = Some(reply_context);
        let queued = shared.queue.push(|met| {
            let times = MessageTimes { queue_depth: Some(met.depth), ..times };
            let answer = if ack == Some(Ack::Applied) { reply_context.take() } else { None };
            let received_ns = times.received_ns;
            QueuedMessage {
                ordinal,
                received_ns,
                actions,
                answer: answer.map(|reply_context| PendingReply { reply_context, times }),
            }
        });
        let reply_context = reply_context.filter(|_| ack.is_some());
        let met = match queued {
            Ok(met) => met,
            Err(overflow) => {
                shared.counts.overflowed.add(1);
                let Some(reply_context) = reply_context else { return ControlFlow::Continue(()) };
                return self.answer(|replied_ns, wire| {
                    reply_context.pack_overflow(&MessageTimes { replied_ns, ..times }, shared, overflow, wire)
                });
            }
        };
        // Waking takes microseconds that belong to no round trip; next to an injected delay they do not matter.
        let reply_first = reply_context.is_some() && !self.waits();
        if met.sleeping && !reply_first {
            shared.queue.wake();
        }
        let times = MessageTimes { queue_depth: Some(met.depth), ..times };
        let flow = match reply_context {
            Some(reply_context) => {
                self.answer(|replied_ns, wire| reply_context.pack(&MessageTimes { replied_ns, ..times }, shared, wire))
            }
            None => ControlFlow::Continue(()),
        };
        if met.sleeping && reply_first {
            shared.queue.wake();
        }
        flow
    }

    /// Whether replies of this thread are delayed by injection.
    fn waits(&self) -> bool {
        !self.delay.is_none() || !self.shared.spec.timer_tick.is_zero()
    }

    /// Replies from this thread, after the delay. Breaks if the bridge was stopped.
    fn answer(&mut self, reply: impl FnOnce(u64, Wire) -> Cow<'static, [u8]>) -> ControlFlow<()> {
        let (shared, client) = (self.shared, self.client);
        let on_time = !self.waits() || shared.wait_until(shared.clock.now_ns().saturating_add(self.delay.next_ns()));
        let answered = on_time
            && match shared.spec.delayed_ack {
                Duration::ZERO => shared.reply(client, reply),
                delay => shared.reply_by(client, reply, |bytes| {
                    client.write_in_pieces(bytes, delay, &shared.clock, |at_ns| shared.wait_until(at_ns));
                }),
            };
        if answered { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
