//! A message between the threads: what it changes, and how it wants to be answered.

use std::borrow::Cow;

use serde_json::Value;

use super::action::Action;
use super::hello::Hello;
use super::queue::Overflow;
use super::shared::Shared;
use super::{founding, instrumented, public_api};
use crate::bridge::{Ack, Wire};

/// What the socket thread made of a line.
#[derive(Debug)]
pub(super) enum Understood {
    /// Not a message; with what is said to that, in a dialect that does.
    Malformed(Option<Value>),
    /// A message without a command that can be carried out; likewise.
    Unknown(Option<Value>),
    /// The wish for another framing or codec.
    Hello(Hello),
    /// Something to do.
    Order(Order),
    /// A question to the socket thread, which changes nothing and is queued nowhere.
    Question(Ticket),
}

/// Changes to queue, and the reply they get.
#[derive(Debug)]
pub(super) struct Order {
    /// Empty when the command lacks an argument: it is answered all the same.
    pub(super) actions: Vec<Action>,
    /// Commands inside that cannot be carried out.
    pub(super) rejected: u64,
    /// Who answers, if anyone does.
    pub(super) ack: Option<Ack>,
    pub(super) ticket: Ticket,
}

/// What has to be known of a request to answer it.
#[derive(Debug)]
pub(super) enum Ticket {
    /// Nothing: the reply is `{}`.
    Bare,
    /// The reply names the request and gives its moments.
    Named(Box<instrumented::Ticket>),
    /// The reply has a status.
    Status(Box<founding::Ticket>),
    /// The reply is an event in an envelope.
    Event(Box<public_api::Ticket>),
}

impl Ticket {
    /// The reply as that wire wants it.
    pub(super) fn pack(&self, moments: &Moments, shared: &Shared, wire: Wire) -> Cow<'static, [u8]> {
        match self {
            Self::Bare => Cow::Borrowed(b"{}\n"),
            Self::Named(ticket) => Cow::Owned(ticket.pack(moments, shared, wire)),
            Self::Status(ticket) => Cow::Owned(wire.pack(ticket)),
            Self::Event(ticket) => Cow::Owned(ticket.pack(wire)),
        }
    }

    /// The reply to a message for which there was no room. Only the instrumented dialect has words for that.
    pub(super) fn pack_overflow(
        &self,
        moments: &Moments,
        shared: &Shared,
        overflow: Overflow,
        wire: Wire,
    ) -> Cow<'static, [u8]> {
        match self {
            Self::Named(ticket) => Cow::Owned(ticket.pack_overflow(moments, overflow, wire)),
            Self::Bare | Self::Status(_) | Self::Event(_) => self.pack(moments, shared, wire),
        }
    }
}

/// When the stations of a message were passed, by the bridge's clock.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_field_names)]
pub(super) struct Moments {
    /// The read that completed the line returned.
    pub(super) received_ns: u64,
    /// The line was understood.
    pub(super) parsed_ns: u64,
    /// Messages that waited already when it was queued.
    pub(super) queue_depth: Option<u64>,
    /// The frame that applied it; none without a frame rate.
    pub(super) frame: Option<Frame>,
    /// The main thread took it from the queue.
    pub(super) dequeued_ns: Option<u64>,
    /// It took effect.
    pub(super) applied_ns: Option<u64>,
    /// The reply is about to be written.
    pub(super) replied_ns: u64,
}

/// A frame of the main thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Its number among those that were begun, from 1.
    pub(super) number: u64,
    /// When it began, by the bridge's clock.
    pub(super) begin_ns: u64,
}

/// A message on its way to the main thread.
#[derive(Debug)]
pub(super) struct Queued {
    /// The message's place among all that were received, from 1.
    pub(super) ordinal: u64,
    /// The read that completed its line returned, by the bridge's clock.
    pub(super) received_ns: u64,
    pub(super) actions: Vec<Action>,
    /// Present when the main thread is the one to answer.
    pub(super) answer: Option<Answer>,
}

/// A reply that the main thread owes.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) ticket: Ticket,
    pub(super) moments: Moments,
}
