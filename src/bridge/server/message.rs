//! A message between the threads: its changes, and the reply it wants.

use std::borrow::Cow;

use serde_json::Value;

use super::action::Action;
use super::hello::Hello;
use super::queue::Overflow;
use super::shared::Shared;
use super::{founding, instrumented, public_api};
use crate::bridge::{Ack, Wire};

/// Result of parsing a line.
#[derive(Debug)]
pub(super) enum ParsedMessage {
    /// Not a message; with the reply, if the dialect has one.
    Malformed(Option<Value>),
    /// A message without an applicable command; with the reply, if the dialect has one.
    Unknown(Option<Value>),
    /// A request for another framing or codec.
    Hello(Hello),
    /// Commands to apply.
    Commands(QueuedCommands),
    /// A query answered by the socket thread; changes nothing and is not queued.
    Query(ReplyContext),
}

/// Changes to queue, and their reply.
#[derive(Debug)]
pub(super) struct QueuedCommands {
    /// Empty if the command lacks an argument; it is answered nevertheless.
    pub(super) actions: Vec<Action>,
    /// Number of contained commands that cannot be applied.
    pub(super) rejected: u64,
    /// The thread that replies, if any.
    pub(super) ack: Option<Ack>,
    pub(super) reply_context: ReplyContext,
}

/// What is needed to answer a request.
#[derive(Debug)]
pub(super) enum ReplyContext {
    /// Nothing: the reply is `{}`.
    Bare,
    /// The reply names the request and contains timestamps.
    Named(Box<instrumented::InstrumentedReply>),
    /// The reply has a status.
    Status(Box<founding::StatusReply>),
    /// The reply is an event in an envelope.
    Event(Box<public_api::EventReply>),
}

impl ReplyContext {
    /// The reply in the given wire format.
    pub(super) fn pack(&self, times: &MessageTimes, shared: &Shared, wire: Wire) -> Cow<'static, [u8]> {
        match self {
            Self::Bare => Cow::Borrowed(b"{}\n"),
            Self::Named(reply_context) => Cow::Owned(reply_context.pack(times, shared, wire)),
            Self::Status(reply_context) => Cow::Owned(wire.pack(reply_context)),
            Self::Event(reply_context) => Cow::Owned(reply_context.pack(wire)),
        }
    }

    /// The reply to a message refused by a full queue. Only the instrumented dialect defines one.
    pub(super) fn pack_overflow(
        &self,
        times: &MessageTimes,
        shared: &Shared,
        overflow: Overflow,
        wire: Wire,
    ) -> Cow<'static, [u8]> {
        match self {
            Self::Named(reply_context) => Cow::Owned(reply_context.pack_overflow(times, overflow, wire)),
            Self::Bare | Self::Status(_) | Self::Event(_) => self.pack(times, shared, wire),
        }
    }
}

/// Timestamps of a message, on the bridge's clock.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_field_names)]
pub(super) struct MessageTimes {
    /// The read that completed the line returned.
    pub(super) received_ns: u64,
    /// The line was parsed.
    pub(super) parsed_ns: u64,
    /// Messages already in the queue when this one was added.
    pub(super) queue_depth: Option<u64>,
    /// The frame that applied it; `None` without a frame rate.
    pub(super) frame: Option<FrameStart>,
    /// The main thread took it from the queue.
    pub(super) dequeued_ns: Option<u64>,
    /// The command was applied.
    pub(super) applied_ns: Option<u64>,
    /// The reply is about to be written.
    pub(super) replied_ns: u64,
}

/// A frame of the main thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameStart {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Start time on the bridge's clock.
    pub(super) begin_ns: u64,
}

/// A message queued for the main thread.
#[derive(Debug)]
pub(super) struct QueuedMessage {
    /// Number of the message among all received, from 1.
    pub(super) ordinal: u64,
    /// When the read that completed its line returned, on the bridge's clock.
    pub(super) received_ns: u64,
    pub(super) actions: Vec<Action>,
    /// Present if the main thread replies.
    pub(super) answer: Option<PendingReply>,
}

/// A reply due from the main thread.
#[derive(Debug)]
pub(super) struct PendingReply {
    pub(super) reply_context: ReplyContext,
    pub(super) times: MessageTimes,
}
