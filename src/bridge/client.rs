//! The client: one connection to a bridge, messages out, replies in, every wait bounded.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use super::endpoint::Endpoint;
use super::error::BridgeError;
use super::framing::MessageReader;
use super::message::Message;
use super::reply::Reply;
use super::wire::{Codec, Wire};

/// How long a greeting is waited for that need not come.
const GREETING_OR_NOT: Duration = Duration::from_millis(300);

/// How messages are handed to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Small messages go out at once; otherwise Nagle's algorithm holds one back while another is unacknowledged.
    pub nodelay: bool,
    /// Each message is written in two pieces, as a program that writes a length and then a text does.
    pub split: bool,
}

impl Default for Sending {
    fn default() -> Self {
        Self { nodelay: true, split: false }
    }
}

/// A connection to a bridge.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    dialect: &'static Dialect,
    timeout: Duration,
    stream: TcpStream,
    messages: MessageReader,
    wire: Wire,
    sending: Sending,
    greeting: String,
    reported_fps: Vec<f64>,
}

impl Client {
    /// Connects to the first of `addresses` that answers, and reads the greeting, as [`Client::open`] does in the stock dialect.
    ///
    /// # Errors
    /// Those of [`Client::open`].
    pub fn connect(addresses: &[SocketAddr], timeout: Duration, stop: &AtomicBool) -> Result<Self, BridgeError> {
        Self::open(Endpoint::Connect(addresses.to_vec()), Dialect::stock(), timeout, stop)
    }

    /// Connects, or waits for the bridge to connect, and reads the greeting. `timeout` bounds the connection, the greeting, and
    /// later each reply and each write.
    ///
    /// # Errors
    /// [`BridgeError::NobodyThere`], [`BridgeError::NobodyCame`], [`BridgeError::NoGreeting`], [`BridgeError::Garbled`] if what
    /// greets is no bridge, and the others of a read.
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
            sending: Sending::default(),
            greeting: String::new(),
            reported_fps: Vec::new(),
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
            Err(BridgeError::NoReply { .. }) => return Err(BridgeError::NoGreeting { address, waited: wait }),
            Err(error) => return Err(error),
        };
        Reply::parse(line, Codec::Json)?;
        self.greeting = String::from_utf8_lossy(line).into_owned();
        Ok(())
    }

    /// Drops the connection with whatever may still arrive on it, and makes a new one, on which framing and codec are what they
    /// were. Afterwards replies match requests from zero again.
    ///
    /// # Errors
    /// Those of [`Client::open`] and [`Client::negotiate`].
    pub fn reconnect(&mut self, stop: &AtomicBool) -> Result<(), BridgeError> {
        let (wire, sending) = (self.wire, self.sending);
        // The stock bridge serves one client at a time: the old connection must be gone before it takes the new one.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let fresh = Self::open(self.endpoint.clone(), self.dialect, self.timeout, stop)?;
        let reported_fps = std::mem::take(&mut self.reported_fps);
        *self = Self { reported_fps, ..fresh };
        self.set_sending(sending)?;
        if wire == Wire::LINES { Ok(()) } else { self.negotiate(wire, stop) }
    }

    /// Speaks that dialect from now on.
    pub fn speak(&mut self, dialect: &'static Dialect) {
        self.dialect = dialect;
    }

    /// Changes framing and codec with `hello`; the dialect must have it. Nothing may be owed on the connection.
    ///
    /// # Errors
    /// [`BridgeError::Refused`] when the bridge will not, or says that it did something else; those of [`Client::exchange`].
    pub fn negotiate(&mut self, wire: Wire, stop: &AtomicBool) -> Result<(), BridgeError> {
        let hello = json!({"framing": wire.framing, "codec": wire.codec});
        let data = hello.as_object().cloned().unwrap_or_default();
        let mut message = Message::new(self.dialect, &self.dialect.body("hello", &data), self.wire, 0);
        self.send(message.line(0), stop)?;
        let codec = self.wire.codec;
        let payload = self.payload(Instant::now() + self.timeout, stop)?;
        Reply::parse(payload, codec)?;
        let agreed: Map<String, Value> = codec.decode(payload).unwrap_or_default();
        if ["framing", "codec"].iter().any(|key| agreed.get(*key) != hello.get(*key)) {
            return Err(BridgeError::Refused { message: format!("asked for {hello}, got {}", Value::Object(agreed)) });
        }
        self.wire = wire;
        self.messages.set_framing(wire.framing);
        Ok(())
    }

    /// Framing and codec as they are now.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Sets how messages are handed over, for this connection and those that replace it.
    ///
    /// # Errors
    /// [`BridgeError::Io`].
    pub fn set_sending(&mut self, sending: Sending) -> Result<(), BridgeError> {
        self.stream.set_nodelay(sending.nodelay).map_err(BridgeError::Io)?;
        self.sending = sending;
        Ok(())
    }

    /// The line with which the bridge greeted; empty if it did not.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Frames a second that the bridge told by itself, in the order in which they came.
    #[must_use]
    pub fn reported_fps(&self) -> &[f64] {
        &self.reported_fps
    }

    /// How long each wait may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Writes one message, frame included.
    ///
    /// # Errors
    /// [`BridgeError::NotReading`] when the bridge has not taken it within the timeout, [`BridgeError::Interrupted`],
    /// [`BridgeError::Closed`], [`BridgeError::Io`].
    pub fn send(&mut self, line: &[u8], stop: &AtomicBool) -> Result<(), BridgeError> {
        write_message(&mut self.stream, line, self.sending, self.timeout, stop)
    }

    /// The next reply, parsed. What the bridge says by itself is passed over.
    ///
    /// # Errors
    /// [`BridgeError::NoReply`] at the deadline, and the others of a read or of [`Reply::parse`].
    pub fn receive(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Reply, BridgeError> {
        self.receive_at(deadline, stop, || ()).map(|(reply, ())| reply)
    }

    /// The same, and what `now` read between the arrival of the reply and its parsing.
    ///
    /// # Errors
    /// Those of [`Client::receive`].
    pub fn receive_at<T>(
        &mut self,
        deadline: Instant,
        stop: &AtomicBool,
        now: impl Fn() -> T,
    ) -> Result<(Reply, T), BridgeError> {
        loop {
            let codec = self.wire.codec;
            let payload = self.payload(deadline, stop)?;
            let arrived = now();
            let reply = Reply::parse(payload, codec)?;
            if !self.is_unsolicited(&reply) {
                return Ok((reply, arrived));
            }
            self.reported_fps.extend(reply.fps);
        }
    }

    /// The next message, without its frame.
    fn payload(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<&[u8], BridgeError> {
        let waited = self.timeout;
        self.messages.next(&mut self.stream, deadline, stop).map_err(|error| match error {
            // Deadlines are set a timeout ahead of some moment: that is the wait that the user knows.
            BridgeError::NoReply { .. } => BridgeError::NoReply { waited },
            other => other,
        })
    }

    fn is_unsolicited(&self, reply: &Reply) -> bool {
        reply.event.as_ref().is_some_and(|event| self.dialect.replies.unsolicited.contains(event))
    }

    /// One exchange: sends the message and waits for its reply.
    ///
    /// # Errors
    /// Those of [`Client::send`] and [`Client::receive`].
    pub fn exchange(&mut self, line: &[u8], stop: &AtomicBool) -> Result<Reply, BridgeError> {
        self.send(line, stop)?;
        self.receive(Instant::now() + self.timeout, stop)
    }

    /// Reads until nothing has come for `quiet`, and counts the messages that came, but for those that the bridge sends by
    /// itself. Against a bridge that never falls silent it ends after four times that.
    ///
    /// # Errors
    /// Those of a read, but for silence, which is what it waits for.
    pub fn settle(&mut self, quiet: Duration) -> Result<u64, BridgeError> {
        // Short enough to be waited for whatever the user wishes.
        let stop = AtomicBool::new(false);
        let end = Instant::now() + 4 * quiet;
        let mut messages = 0;
        while Instant::now() < end {
            let codec = self.wire.codec;
            match self.payload(Instant::now() + quiet, &stop).map(|payload| Reply::parse(payload, codec)) {
                Ok(Ok(reply)) if self.is_unsolicited(&reply) => self.reported_fps.extend(reply.fps),
                Ok(_) => messages += 1,
                Err(BridgeError::NoReply { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(messages)
    }

    /// Forgets the messages that came along with the last reply, and says how many they were.
    pub fn discard_unasked(&mut self) -> u64 {
        self.messages.discard()
    }

    /// Where it is connected to.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when the connection is gone.
    pub fn address(&self) -> Result<SocketAddr, BridgeError> {
        self.stream.peer_addr().map_err(BridgeError::Io)
    }

    /// A second handle that only writes, for a thread that sends on schedule while this one receives.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when the system has no more handles.
    pub fn writer(&self) -> Result<LineWriter, BridgeError> {
        let stream = self.stream.try_clone().map_err(BridgeError::Io)?;
        Ok(LineWriter { stream, sending: self.sending, timeout: self.timeout })
    }
}

/// The writing half of a connection.
#[derive(Debug)]
pub struct LineWriter {
    stream: TcpStream,
    sending: Sending,
    timeout: Duration,
}

impl LineWriter {
    /// Writes one message, frame included.
    ///
    /// # Errors
    /// Those of [`Client::send`], and [`BridgeError::Interrupted`] when `halt` is set while it waits.
    pub fn send(&mut self, line: &[u8], halt: &AtomicBool) -> Result<(), BridgeError> {
        write_message(&mut self.stream, line, self.sending, self.timeout, halt)
    }
}

fn write_message(
    stream: &mut TcpStream,
    message: &[u8],
    sending: Sending,
    timeout: Duration,
    stop: &AtomicBool,
) -> Result<(), BridgeError> {
    if !sending.split {
        return write_line(stream, message, timeout, stop);
    }
    let (first, second) = message.split_at(message.len() / 2);
    write_line(stream, first, timeout, stop)?;
    write_line(stream, second, timeout, stop)
}

/// Writes the whole line, or says why not within the timeout. The first write takes all of it unless the bridge lags.
fn write_line(stream: &mut TcpStream, line: &[u8], timeout: Duration, stop: &AtomicBool) -> Result<(), BridgeError> {
    let mut rest = line;
    let mut deadline = None;
    loop {
        match stream.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                    return Err(BridgeError::Closed { mid_line: false });
                }
                _ => return Err(BridgeError::Io(error)),
            },
        }
        if rest.is_empty() {
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            return Err(BridgeError::Interrupted);
        }
        // Only a line that did not go out at once needs the time.
        if Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + timeout) {
            return Err(BridgeError::NotReading { waited: timeout });
        }
    }
}
