//! The client: one connection to a bridge that sends messages and receives replies. Every wait has a timeout.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::endpoint::Endpoint;
use super::error::BridgeError;
use super::framing::{LOOK_UP, MessageReader};
use super::message::Message;
use super::pending::PendingMessages;
use super::readiness;
use super::reply::Reply;
use super::unrelated::UnrelatedMessages;
use super::wire::{Codec, Wire};
use super::writer::{LineWriter, SendOptions, write_message};

/// Timeout for an optional greeting.
const GREETING_OR_NOT: Duration = Duration::from_millis(300);

/// Maximum stored length of a greeting, in characters. Greetings of all dialects are much shorter.
const LONGEST_GREETING: usize = 1_000;

/// First message number of a client, above those of a replay, which are fixed when it is planned.
const FIRST_NUMBER: u64 = 1 << 29;

/// A reply, and the message that it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedReply<T> {
    /// The number of that message; assigned by order if replies carry no id.
    pub number: u64,
    /// The reply.
    pub reply: Reply,
    /// The caller's clock after the reply was read, before it was parsed.
    pub at: T,
}

/// A connection to a bridge.
///
/// Every read handles unrelated messages in the same way: unsolicited messages of the dialect are skipped; foreign
/// messages are counted ([`Client::foreign`]) and answer nothing; a reply to a message that is not awaited is surplus
/// ([`Client::settle`]). None of these extends a deadline, and the stop flag is checked before each message.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    dialect: &'static Dialect,
    timeout: Duration,
    stream: TcpStream,
    messages: MessageReader,
    wire: Wire,
    sending: SendOptions,
    greeting: String,
    unrelated: UnrelatedMessages,
    next_number: u64,
}

impl Client {
    /// Connects to the first of `addresses` that answers, and reads the greeting, as [`Client::open`] does in the stock
    /// dialect.
    ///
    /// # Errors
    /// Those of [`Client::open`].
    pub fn connect(addresses: &[SocketAddr], timeout: Duration, stop: &AtomicBool) -> Result<Self, BridgeError> {
        Self::open(Endpoint::Connect(addresses.to_vec()), Dialect::stock(), timeout, stop)
    }

    /// Connects, or waits for the bridge to connect, and reads the greeting. `timeout` bounds the connection, the
    /// greeting, and later each reply and each write.
    ///
    /// # Errors
    /// [`BridgeError::NobodyThere`], [`BridgeError::NobodyCame`], [`BridgeError::NoGreeting`], [`BridgeError::Garbled`]
    /// if what greets is no bridge, and the others of a read.
    pub fn open(
        endpoint: Endpoint,
        dialect: &'static Dialect,
        timeout: Duration,
        stop: &AtomicBool,
    ) -> Result<Self, BridgeError> {
        let stream = endpoint.open(timeout, stop)?;
        let mut client = Self {
            endpoint,
            dialect,
            timeout,
            stream,
            messages: MessageReader::default(),
            wire: Wire::LINES,
            sending: SendOptions::default(),
            greeting: String::new(),
            unrelated: UnrelatedMessages::default(),
            next_number: FIRST_NUMBER,
        };
        client.read_greeting(stop)?;
        Ok(client)
    }

    fn read_greeting(&mut self, stop: &AtomicBool) -> Result<(), BridgeError> {
        let wait = if self.dialect.greets { self.timeout } else { self.timeout.min(GREETING_OR_NOT) };
        let address = self.address()?;
        let line = match self.messages.next(&mut self.stream, Instant::now() + wait, stop) {
            Ok(line) => line,
            Err(BridgeError::NoReply { .. }) if !self.dialect.greets => return Ok(()),
            Err(BridgeError::NoReply { .. }) => {
                let came = self.endpoint.listening_on().is_some();
                return Err(BridgeError::NoGreeting { address, came, waited: wait });
            }
            Err(error) => return Err(error),
        };
        Reply::parse(line, Codec::Json)?;
        self.greeting = Codec::Json.excerpt(line, LONGEST_GREETING);
        Ok(())
    }

    /// Drops the connection with anything that may still arrive on it, and makes a new one with the same framing and
    /// codec. No message is pending on it, and surplus replies of the old one are forgotten: see
    /// [`Client::take_surplus`].
    ///
    /// # Errors
    /// Those of [`Client::open`] and [`Client::negotiate`].
    pub fn reconnect(&mut self, stop: &AtomicBool) -> Result<(), BridgeError> {
        let (wire, sending) = (self.wire, self.sending);
        // The stock bridge serves one client at a time: the old connection must be closed before it accepts the new
        // one.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let fresh = Self::open(self.endpoint.clone(), self.dialect, self.timeout, stop)?;
        self.unrelated.surplus = 0;
        // Message numbers distinguish the new connection from the old one.
        *self = Self { unrelated: std::mem::take(&mut self.unrelated), next_number: self.next_number, ..fresh };
        self.set_sending(sending)?;
        if wire == Wire::LINES { Ok(()) } else { self.negotiate(wire, stop) }
    }

    /// Switches to another dialect.
    pub fn switch_dialect(&mut self, dialect: &'static Dialect) {
        self.dialect = dialect;
    }

    /// Changes framing and codec with `hello`, which the dialect must have. No reply may be pending on the connection.
    ///
    /// # Errors
    /// [`BridgeError::Refused`] if the bridge refuses or reports another result; those of [`Client::exchange`].
    pub fn negotiate(&mut self, wire: Wire, stop: &AtomicBool) -> Result<(), BridgeError> {
        let hello = json!({"framing": wire.framing, "codec": wire.codec});
        let data = hello.as_object().cloned().unwrap_or_default();
        let mut message = Message::new(self.dialect, &self.dialect.body("hello", &data), self.wire, 0);
        let number = self.number(1);
        self.send(message.line(number), stop)?;
        let agreed = self.hello_reply(number, stop)?;
        if ["framing", "codec"].iter().any(|key| agreed.get(*key) != hello.get(*key)) {
            return Err(BridgeError::Refused { message: format!("requested {hello}, got {}", Value::Object(agreed)) });
        }
        self.wire = wire;
        self.messages.set_framing(wire.framing);
        Ok(())
    }

    /// The reply to a `hello`: it has the id of the request, or names the framing.
    fn hello_reply(&mut self, number: u64, stop: &AtomicBool) -> Result<Map<String, Value>, BridgeError> {
        let (codec, deadline) = (self.wire.codec, Instant::now() + self.timeout);
        loop {
            let payload = next_payload(&mut self.messages, &mut self.stream, self.timeout, deadline, stop)?;
            let reply = Reply::read(payload, codec)?;
            let said: Map<String, Value> = codec.decode(payload).unwrap_or_default();
            let answers = said.contains_key("framing") || reply.refusal.is_some();
            if reply.id == Some(Message::id_of(number)) || reply.id.is_none() && answers {
                return reply.into_result().map(|_| said);
            }
            self.unrelated.note_unexpected(&reply, payload, codec);
        }
    }

    /// Current framing and codec.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Sets how messages are written to the socket, for this connection and its replacements.
    ///
    /// # Errors
    /// [`BridgeError::Io`].
    pub fn set_sending(&mut self, sending: SendOptions) -> Result<(), BridgeError> {
        self.stream.set_nodelay(sending.nodelay).map_err(BridgeError::Io)?;
        self.sending = sending;
        Ok(())
    }

    /// The bridge's greeting; empty if it sent none.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Frame rates that the bridge reported by itself, in order of arrival.
    #[must_use]
    pub fn reported_fps(&self) -> &[f64] {
        &self.unrelated.fps
    }

    /// Number of foreign messages, and the beginning of the first one; `None` if there were none.
    #[must_use]
    pub fn foreign(&self) -> Option<(u64, &str)> {
        Some((self.unrelated.foreign, self.unrelated.first_foreign.as_deref()?))
    }

    /// The first of `count` unused message numbers. See [`Message::line`].
    pub fn number(&mut self, count: u64) -> u64 {
        let first = self.next_number;
        self.next_number += count;
        first
    }

    /// The timeout of each wait.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Writes one message, including framing.
    ///
    /// # Errors
    /// [`BridgeError::NotReading`] if the bridge did not accept it within the timeout, [`BridgeError::Interrupted`],
    /// [`BridgeError::Closed`], [`BridgeError::Io`].
    pub fn send(&mut self, line: &[u8], stop: &AtomicBool) -> Result<(), BridgeError> {
        write_message(&mut self.stream, line, self.sending, self.timeout, stop)
    }

    /// The next reply in this dialect to any message, for callers that track many messages themselves.
    ///
    /// # Errors
    /// [`BridgeError::NoReply`] at the deadline, [`BridgeError::Garbled`], [`BridgeError::Refused`], and the others of
    /// a read.
    pub fn receive(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Reply, BridgeError> {
        self.next_reply(deadline, stop, || ())?.0.into_result()
    }

    /// The reply to one of the pending messages. Replies to others are surplus.
    ///
    /// # Errors
    /// Those of [`Client::receive`].
    pub fn receive_for(
        &mut self,
        waiting: &mut PendingMessages,
        deadline: Instant,
        stop: &AtomicBool,
    ) -> Result<MatchedReply<()>, BridgeError> {
        self.receive_for_at(waiting, deadline, stop, || ())
    }

    /// Like [`Client::receive_for`], with the value of `now` between arrival and parsing of the reply.
    ///
    /// # Errors
    /// Those of [`Client::receive`].
    pub fn receive_for_at<T>(
        &mut self,
        waiting: &mut PendingMessages,
        deadline: Instant,
        stop: &AtomicBool,
        now: impl Fn() -> T,
    ) -> Result<MatchedReply<T>, BridgeError> {
        loop {
            let (reply, at) = self.next_reply(deadline, stop, &now)?;
            match waiting.take(&reply, self.dialect.ids) {
                Some(number) => return reply.into_result().map(|reply| MatchedReply { number, reply, at }),
                None if reply.refusal.is_some() && !reply.has_our_id() => {
                    return reply.into_result().map(|reply| MatchedReply { number: 0, reply, at });
                }
                None => self.unrelated.surplus += 1,
            }
        }
    }

    /// The next message that is a reply in this dialect, with the value of `now` after it was read.
    fn next_reply<T>(
        &mut self,
        deadline: Instant,
        stop: &AtomicBool,
        now: impl Fn() -> T,
    ) -> Result<(Reply, T), BridgeError> {
        loop {
            let payload = next_payload(&mut self.messages, &mut self.stream, self.timeout, deadline, stop)?;
            let at = now();
            let reply = Reply::read(payload, self.wire.codec)?;
            if self.unrelated.is_reply(&reply, payload, (self.dialect, self.wire.codec)) {
                return Ok((reply, at));
            }
        }
    }

    /// The next message of any kind, for detecting the dialect.
    pub(super) fn receive_any(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Reply, BridgeError> {
        let payload = next_payload(&mut self.messages, &mut self.stream, self.timeout, deadline, stop)?;
        Reply::read(payload, self.wire.codec)
    }

    /// One exchange: sends the message with a new number and waits for its reply.
    ///
    /// # Errors
    /// Those of [`Client::send`] and [`Client::receive`].
    pub fn exchange(&mut self, message: &mut Message, stop: &AtomicBool) -> Result<Reply, BridgeError> {
        let number = self.number(1);
        self.send(message.line(number), stop)?;
        let deadline = Instant::now() + self.timeout;
        self.receive_for(&mut PendingMessages::for_one(number), deadline, stop).map(|answered| answered.reply)
    }

    /// Reads until nothing has arrived for `quiet`. Returns the number of surplus replies since the last call,
    /// including those read now; no message may be pending. If the bridge never falls silent, it ends after four times
    /// `quiet`.
    ///
    /// # Errors
    /// Those of a read, except for silence, which is expected.
    pub fn settle(&mut self, quiet: Duration) -> Result<u64, BridgeError> {
        // Short enough that it need not be interrupted.
        let stop = AtomicBool::new(false);
        let end = Instant::now() + 4 * quiet;
        loop {
            let deadline = end.min(Instant::now() + quiet);
            match self.next_reply(deadline, &stop, || ()) {
                Ok(_) | Err(BridgeError::Garbled { .. }) => self.unrelated.surplus += 1,
                Err(BridgeError::NoReply { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.take_surplus())
    }

    /// Number of surplus replies since the last call, without reading more.
    pub fn take_surplus(&mut self) -> u64 {
        std::mem::take(&mut self.unrelated.surplus)
    }

    /// Skips and counts messages that have been read but were not awaited; called before sending a message whose reply
    /// can only be matched by order.
    pub fn skip_unread(&mut self) {
        while let Some(payload) = self.messages.next_read() {
            let codec = self.wire.codec;
            match Reply::read(payload, codec) {
                Ok(reply) if !self.unrelated.is_reply(&reply, payload, (self.dialect, codec)) => {}
                Ok(_) | Err(_) => self.unrelated.surplus += 1,
            }
        }
    }

    /// The address it is connected to.
    ///
    /// # Errors
    /// [`BridgeError::Io`] if the connection is closed.
    pub fn address(&self) -> Result<SocketAddr, BridgeError> {
        self.stream.peer_addr().map_err(BridgeError::Io)
    }

    /// A second, write-only handle, for a thread that sends on schedule while this one receives.
    ///
    /// # Errors
    /// [`BridgeError::Io`] if the system has no more handles.
    pub fn writer(&self) -> Result<LineWriter, BridgeError> {
        let stream = self.stream.try_clone().map_err(BridgeError::Io)?;
        readiness::wait_at_most(&stream, LOOK_UP.min(self.timeout)).map_err(BridgeError::Io)?;
        Ok(LineWriter { stream, sending: self.sending, timeout: self.timeout })
    }
}

/// The next message, without framing.
fn next_payload<'m>(
    messages: &'m mut MessageReader,
    stream: &mut TcpStream,
    timeout: Duration,
    deadline: Instant,
    stop: &AtomicBool,
) -> Result<&'m [u8], BridgeError> {
    messages.next(stream, deadline, stop).map_err(|error| match error {
        // The error states the timeout from which the deadline was computed.
        BridgeError::NoReply { .. } => BridgeError::NoReply { waited: timeout },
        other => other,
    })
}
