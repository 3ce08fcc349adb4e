//! The socket thread: accepts one client at a time, reads, understands, queues, and answers what only has to be received.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::acceptor::Acceptor;
use super::client::Client;
use super::decode::{Decoder, READ_BYTES};
use super::delay::Delay;
use super::hello::{Hello, LONGEST_MESSAGE_BYTES, too_long};
use super::message::{Answer, Moments, Order, Queued, Understood};
use super::shared::Shared;
use super::spec::CREDIT_NS;
use super::{founding, instrumented, public_api, stock};
use crate::bridge::framing::Inbox;
use crate::bridge::{Ack, ReplyForm, Wire};
use crate::clock::nanos;

/// Connections of clients that have left which a stock bridge keeps open. The real one keeps them all; this bound is there so that
/// a bridge that runs for weeks does not run out of file descriptors.
const MOST_LEFT_OPEN: usize = 64;

/// Serves clients, one after the other, until the bridge is stopped.
pub(super) fn serve(acceptor: &Acceptor, shared: &Shared) {
    let is_stock = shared.spec.dialect.replies.form == ReplyForm::Bare;
    let mut delay = Delay::received(&shared.spec);
    // Both outlive the client in the stock script: the text that was read and is not a whole line yet, and the socket.
    let mut unread = Decoder::default();
    let mut left_open = VecDeque::new();
    while let Some(stream) = acceptor.next(shared) {
        let client = Arc::new(Client::new(stream, shared.spec.sets_nodelay()));
        if !shared.admit(&client) {
            return;
        }
        shared.tally.connections.add(1);
        let (client, delay, unread) = (&client, &mut delay, &mut unread);
        Conversation { shared, client, delay, unread, read_until_ns: 0, served_until_ns: 0 }.run();
        shared.dismiss();
        if is_stock {
            left_open.push_back(Arc::clone(client));
            if left_open.len() > MOST_LEFT_OPEN {
                left_open.pop_front();
            }
        }
    }
}

/// What is between the bridge and one client.
struct Conversation<'a> {
    shared: &'a Shared,
    client: &'a Client,
    delay: &'a mut Delay,
    /// What a stock bridge has read and not understood yet, from this client or from one before it.
    unread: &'a mut Decoder,
    /// When a slow reader has read what it has taken from the socket.
    read_until_ns: u64,
    /// When a bridge of bounded capacity has served what it has taken.
    served_until_ns: u64,
}

impl Conversation<'_> {
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

    /// Reads as the stock bridge does: each read is turned into text by itself, and what the client leaves unfinished is put
    /// before the next client's first message.
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
                // Stopped, or a line too long to keep: neither is for the next client.
                *decoder = Decoder::default();
                self.client.hang_up();
                return;
            }
        }
    }

    /// Reads message by message, however the reads cut them.
    fn hear_whole(&mut self) {
        let mut inbox = Inbox::new(LONGEST_MESSAGE_BYTES);
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

    /// Lets the time pass that a slow reader takes for so many bytes. False when the bridge was stopped.
    fn pace(&mut self, bytes: usize) -> bool {
        let Some(bytes_per_s) = self.shared.spec.slow_reader else { return true };
        let taken_ns = (bytes as u64).saturating_mul(1_000_000_000) / bytes_per_s;
        self.read_until_ns = self.read_until_ns.max(self.shared.clock.now_ns()) + taken_ns;
        self.shared.stop.wait_until(&self.shared.clock, self.read_until_ns)
    }

    /// Lets the time pass that a bridge of bounded capacity takes for one message. It never spins, so that what measures it on
    /// the same machine is not starved; what it wakes too late it makes up for. False when the bridge was stopped.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn serve(&mut self) -> bool {
        let Some(capacity_per_s) = self.shared.spec.capacity else { return true };
        let clock = &self.shared.clock;
        let rested_ns = clock.now_ns().saturating_sub(CREDIT_NS);
        self.served_until_ns = self.served_until_ns.max(rested_ns).saturating_add((1e9 / capacity_per_s) as u64);
        self.shared.stop.rest_until(clock, self.served_until_ns)
    }

    /// Takes one message. Breaks when the bridge was stopped.
    fn hear(&mut self, payload: &[u8], wire: Wire, received_ns: u64) -> ControlFlow<()> {
        if self.client.is_cut() || payload.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        if !self.shared.wait_out_stall() || !self.serve() {
            return ControlFlow::Break(());
        }
        let (spec, tally) = (&self.shared.spec, &self.shared.tally);
        let ordinal = tally.received.add(1);
        if spec.silent {
            return ControlFlow::Continue(());
        }
        let understood = match spec.dialect.replies.form {
            ReplyForm::Bare => stock::understand(payload, spec.dialect),
            ReplyForm::Stamped => instrumented::understand(payload, spec.dialect, wire),
            ReplyForm::Status => founding::understand(payload, spec.dialect),
            ReplyForm::Event => public_api::understand(payload, spec.dialect),
        };
        let work = spec.parse_delay;
        if !work.is_zero() && !self.shared.wait_until(self.shared.clock.now_ns().saturating_add(nanos(work))) {
            return ControlFlow::Break(());
        }
        let moments = Moments { received_ns, parsed_ns: self.shared.clock.now_ns(), ..Moments::default() };
        let refusal = match understood {
            Understood::Order(order) => return self.obey(order, ordinal, moments),
            Understood::Question(ticket) => {
                let shared = self.shared;
                return self.answer(|replied_ns, wire| ticket.pack(&Moments { replied_ns, ..moments }, shared, wire));
            }
            Understood::Hello(hello) => return self.agree(&hello),
            Understood::Malformed(refusal) => {
                tally.malformed.add(1);
                refusal
            }
            Understood::Unknown(refusal) => {
                tally.ignored.add(1);
                refusal
            }
        };
        tally.rejected.add(1);
        match refusal {
            Some(refusal) => self.say(&refusal),
            None => ControlFlow::Continue(()),
        }
    }

    /// Answers a `hello`; a reply that changes the wire is honest, or nobody could tell what holds after it.
    fn agree(&mut self, hello: &Hello) -> ControlFlow<()> {
        let Some(wire) = hello.wire else { return self.say(&hello.reply) };
        let tally = &self.shared.tally;
        tally.replies_due.add(1);
        tally.replies_sent.add(1);
        self.client.switch(|old| old.pack(&hello.reply).into(), wire);
        ControlFlow::Continue(())
    }

    fn say(&mut self, message: &Value) -> ControlFlow<()> {
        self.answer(|_, wire| wire.pack(message).into())
    }

    fn obey(&mut self, order: Order, ordinal: u64, moments: Moments) -> ControlFlow<()> {
        let Order { actions, rejected, ack, ticket } = order;
        let shared = self.shared;
        shared.tally.rejected.add(rejected);
        // The ticket goes with the message where the main thread answers; otherwise it stays here.
        let mut ticket = Some(ticket);
        let queued = shared.queue.push(|met| {
            let moments = Moments { queue_depth: Some(met.depth), ..moments };
            let answer = if ack == Some(Ack::Applied) { ticket.take() } else { None };
            let received_ns = moments.received_ns;
            Queued { ordinal, received_ns, actions, answer: answer.map(|ticket| Answer { ticket, moments }) }
        });
        let ticket = ticket.filter(|_| ack.is_some());
        let met = match queued {
            Ok(met) => met,
            Err(overflow) => {
                shared.tally.overflowed.add(1);
                let Some(ticket) = ticket else { return ControlFlow::Continue(()) };
                return self.answer(|replied_ns, wire| {
                    ticket.pack_overflow(&Moments { replied_ns, ..moments }, shared, overflow, wire)
                });
            }
        };
        // Waking takes microseconds that belong to nobody's round trip; a delayed reply does not notice them.
        let reply_first = ticket.is_some() && !self.waits();
        if met.sleeping && !reply_first {
            shared.queue.wake();
        }
        let moments = Moments { queue_depth: Some(met.depth), ..moments };
        let flow = match ticket {
            Some(ticket) => {
                self.answer(|replied_ns, wire| ticket.pack(&Moments { replied_ns, ..moments }, shared, wire))
            }
            None => ControlFlow::Continue(()),
        };
        if met.sleeping && reply_first {
            shared.queue.wake();
        }
        flow
    }

    /// Whether replies of this thread go out later than they could.
    fn waits(&self) -> bool {
        !self.delay.is_none() || !self.shared.spec.timer_tick.is_zero()
    }

    /// Answers from this thread, after the delay. Breaks when the bridge was stopped.
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
