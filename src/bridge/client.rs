//! The client: one connection to a bridge, lines out, replies in, every wait bounded.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::BridgeError;
use super::framing::{LOOK_UP, LineReader};
use super::reply::Reply;

/// A connection to a bridge.
#[derive(Debug)]
pub struct Client {
    addresses: Vec<SocketAddr>,
    timeout: Duration,
    stream: TcpStream,
    lines: LineReader,
    greeting: String,
}

impl Client {
    /// Connects to the first of `addresses` that answers, and reads the greeting. `timeout` bounds the connection, the
    /// greeting, and later each reply and each write.
    ///
    /// # Errors
    /// [`BridgeError::NobodyThere`], [`BridgeError::NoGreeting`], [`BridgeError::Garbled`] if what greets is no
    /// bridge, and the others of a read.
    pub fn connect(addresses: &[SocketAddr], timeout: Duration, stop: &AtomicBool) -> Result<Self, BridgeError> {
        let stream = open(addresses, timeout)?;
        let mut client = Self {
            addresses: addresses.to_vec(),
            timeout,
            stream,
            lines: LineReader::default(),
            greeting: String::new(),
        };
        client.read_greeting(stop)?;
        Ok(client)
    }

    fn read_greeting(&mut self, stop: &AtomicBool) -> Result<(), BridgeError> {
        let deadline = Instant::now() + self.timeout;
        let line = self.lines.next_line(&mut self.stream, deadline, stop);
        let address = self.stream.peer_addr().unwrap_or(self.addresses[0]);
        let line = line.map_err(|error| match error {
            BridgeError::NoReply { .. } => BridgeError::NoGreeting { address, waited: self.timeout },
            other => other,
        })?;
        Reply::parse(line)?;
        self.greeting = String::from_utf8_lossy(line).into_owned();
        Ok(())
    }

    /// Drops the connection with whatever may still arrive on it, and makes a new one. Afterwards replies match requests
    /// from zero again.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn reconnect(&mut self, stop: &AtomicBool) -> Result<(), BridgeError> {
        // The stock bridge serves one client at a time: the old connection must be gone before it takes the new one.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        *self = Self::connect(&self.addresses, self.timeout, stop)?;
        Ok(())
    }

    /// The line with which the bridge greeted.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// How long each wait may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Writes one line, newline included.
    ///
    /// # Errors
    /// [`BridgeError::NotReading`] when the bridge has not taken it within the timeout, [`BridgeError::Interrupted`],
    /// [`BridgeError::Closed`], [`BridgeError::Io`].
    pub fn send(&mut self, line: &[u8], stop: &AtomicBool) -> Result<(), BridgeError> {
        write_line(&mut self.stream, line, self.timeout, stop)
    }

    /// The next reply, parsed.
    ///
    /// # Errors
    /// [`BridgeError::NoReply`] at the deadline, and the others of a read or of [`Reply::parse`].
    pub fn receive(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Reply, BridgeError> {
        let line = self.lines.next_line(&mut self.stream, deadline, stop).map_err(|error| match error {
            // Deadlines are set a timeout ahead of some moment: that is the wait that the user knows.
            BridgeError::NoReply { .. } => BridgeError::NoReply { waited: self.timeout },
            other => other,
        })?;
        Reply::parse(line)
    }

    /// One exchange: sends the line and waits for its reply.
    ///
    /// # Errors
    /// Those of [`Client::send`] and [`Client::receive`].
    pub fn exchange(&mut self, line: &[u8], stop: &AtomicBool) -> Result<Reply, BridgeError> {
        self.send(line, stop)?;
        self.receive(Instant::now() + self.timeout, stop)
    }

    /// Reads until nothing has come for `quiet`, and counts the lines that came. Against a bridge that speaks by itself it
    /// ends after four times that.
    ///
    /// # Errors
    /// Those of a read, but for silence, which is what it waits for.
    pub fn settle(&mut self, quiet: Duration) -> Result<u64, BridgeError> {
        // Short enough to be waited for whatever the user wishes.
        let stop = AtomicBool::new(false);
        let end = Instant::now() + 4 * quiet;
        let mut lines = 0;
        while Instant::now() < end {
            match self.lines.next_line(&mut self.stream, Instant::now() + quiet, &stop) {
                Ok(_) => lines += 1,
                Err(BridgeError::NoReply { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(lines)
    }

    /// Forgets the lines that came along with the last reply, and says how many they were.
    pub fn discard_unasked(&mut self) -> u64 {
        self.lines.discard()
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
        Ok(LineWriter { stream, timeout: self.timeout })
    }
}

/// The writing half of a connection.
#[derive(Debug)]
pub struct LineWriter {
    stream: TcpStream,
    timeout: Duration,
}

impl LineWriter {
    /// Writes one line, newline included.
    ///
    /// # Errors
    /// Those of [`Client::send`], and [`BridgeError::Interrupted`] when `halt` is set while it waits.
    pub fn send(&mut self, line: &[u8], halt: &AtomicBool) -> Result<(), BridgeError> {
        write_line(&mut self.stream, line, self.timeout, halt)
    }
}

fn open(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, BridgeError> {
    let mut refused = BridgeError::Io(std::io::Error::other("no address was given"));
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout) {
            Ok(stream) => {
                // One message, one segment: Nagle's algorithm would hold small ones back.
                stream.set_nodelay(true).map_err(BridgeError::Io)?;
                let look_up = Some(LOOK_UP.min(timeout));
                stream.set_read_timeout(look_up).map_err(BridgeError::Io)?;
                stream.set_write_timeout(look_up).map_err(BridgeError::Io)?;
                return Ok(stream);
            }
            Err(source) => refused = BridgeError::NobodyThere { address: *address, source },
        }
    }
    Err(refused)
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
