//! The socket thread: accepts one client at a time, reads, understands, queues, and answers what only has to be received.

use std::borrow::Cow;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::decode::{Characters, Decoder, READ_BYTES};
use super::delay::Delay;
use super::message::{Answer, Moments, Order, Queued, Understood};
use super::shared::Shared;
use super::spec::CREDIT_NS;
use super::{instrumented, stock};
use crate::bridge::{Ack, Dialect};
use crate::clock::nanos;

/// The pause after a failed accept, such as one for want of file descriptors, in nanoseconds.
const ACCEPT_AGAIN_NS: u64 = 10_000_000;

/// Serves clients, one after the other, until the bridge is stopped.
pub(super) fn serve(listener: &TcpListener, shared: &Shared) {
    let mut delay = Delay::received(&shared.spec);
    loop {
        let Ok((stream, _)) = listener.accept() else {
            if shared.stop.wait_until(&shared.clock, shared.clock.now_ns() + ACCEPT_AGAIN_NS) {
                continue;
            }
            return;
        };
        let client = Arc::new(Client::new(stream));
        if !shared.admit(&client) {
            return;
        }
        shared.tally.connections.add(1);
        Conversation { shared, client: &client, delay: &mut delay, read_until_ns: 0, served_until_ns: 0 }.run();
        shared.dismiss();
    }
}

/// What is between the bridge and one client.
struct Conversation<'a> {
    shared: &'a Shared,
    client: &'a Client,
    delay: &'a mut Delay,
    /// When a slow reader has read what it has taken from the socket.
    read_until_ns: u64,
    /// When a bridge of bounded capacity has served what it has taken.
    served_until_ns: u64,
}

impl Conversation<'_> {
    fn run(&mut self) {
        let spec = &self.shared.spec;
        if !spec.silent {
            self.client.send(format!("{}\n", spec.dialect.greeting).as_bytes());
        }
        let mut decoder = Decoder::new(if parses(spec.dialect) { Characters::Whole } else { Characters::Torn });
        let mut buffer = [0; READ_BYTES];
        while self.shared.wait_out_stall() {
            let Some(count) = self.client.read(&mut buffer) else { return };
            if !self.pace(count) {
                return;
            }
            let received_ns = self.shared.clock.now_ns();
            if decoder.feed(&buffer[..count], |line| self.hear(line, received_ns)).is_break() {
                return;
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

    /// Takes one line. Breaks when the bridge was stopped.
    fn hear(&mut self, line: &str, received_ns: u64) -> ControlFlow<()> {
        if self.client.is_cut() || line.trim_ascii().is_empty() {
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
        let understood = if parses(spec.dialect) {
            instrumented::understand(line, spec.dialect)
        } else {
            stock::understand(line, spec.dialect)
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
                return self.answer(|replied_ns| ticket.line(&Moments { replied_ns, ..moments }, shared));
            }
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
            Some(refusal) => self.answer(|_| Cow::Owned(refusal)),
            None => ControlFlow::Continue(()),
        }
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
            Queued { ordinal, actions, answer: answer.map(|ticket| Answer { ticket, moments }) }
        });
        let ticket = ticket.filter(|_| ack.is_some());
        let met = match queued {
            Ok(met) => met,
            Err(overflow) => {
                shared.tally.overflowed.add(1);
                let Some(ticket) = ticket else { return ControlFlow::Continue(()) };
                return self.answer(|replied_ns| ticket.overflow_line(&Moments { replied_ns, ..moments }, overflow));
            }
        };
        // Waking takes microseconds that belong to nobody's round trip; a delayed reply does not notice them.
        let reply_first = ticket.is_some() && !self.waits();
        if met.sleeping && !reply_first {
            shared.queue.wake();
        }
        let moments = Moments { queue_depth: Some(met.depth), ..moments };
        let flow = match ticket {
            Some(ticket) => self.answer(|replied_ns| ticket.line(&Moments { replied_ns, ..moments }, shared)),
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
    fn answer(&mut self, line: impl FnOnce(u64) -> Cow<'static, str>) -> ControlFlow<()> {
        let (shared, client) = (self.shared, self.client);
        let on_time = !self.waits() || shared.wait_until(shared.clock.now_ns().saturating_add(self.delay.next_ns()));
        let answered = on_time
            && match shared.spec.delayed_ack {
                Duration::ZERO => shared.reply(client, line),
                delay => shared.reply_by(client, line, |bytes| {
                    client.send_in_pieces(bytes, delay, &shared.clock, |at_ns| shared.wait_until(at_ns));
                }),
            };
        if answered { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Whether lines are read as JSON, which a dialect needs to echo ids; the others look for words.
fn parses(dialect: &Dialect) -> bool {
    dialect.ids
}
