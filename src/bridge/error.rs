//! Errors between the client and a bridge.

use std::net::SocketAddr;
use std::time::Duration;

/// End of the message of [`BridgeError::Surplus`].
const MORE_THAN_SENT: &str = "came than messages were sent";

/// Beginning of the message about a late reply.
const NO_REPLY: &str = "no reply within";

/// Beginning of the message about a bridge that accepts no more bytes.
const NOT_READING: &str = "the bridge accepted no more bytes for";

/// Why a bridge could not be reached or did not respond correctly.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The text is neither `embedded[:SPEC]` nor `HOST:PORT`.
    #[error("'{text}' is not a bridge address: {detail}")]
    BadAddress {
        /// The given text.
        text: String,
        /// The fault.
        detail: String,
    },
    /// The name does not resolve.
    #[error("cannot resolve host '{host}': {source}")]
    Unresolvable {
        /// The name.
        host: String,
        /// The resolver's error.
        source: std::io::Error,
    },
    /// The bridge has no authentication and no encryption, so other machines are refused unless allowed.
    #[error("{}not a loopback address of this machine", resolved(host, address))]
    NotLoopback {
        /// The name or address as given.
        host: String,
        /// What it resolves to.
        address: SocketAddr,
    },
    /// No process listens.
    #[error("no bridge is listening on {address}: {source}")]
    NobodyThere {
        /// The address tried.
        address: SocketAddr,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The port cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    NotListening {
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// No bridge connected.
    #[error("no bridge connected to {address} within {waited:?}")]
    NobodyCame {
        /// The listening address.
        address: SocketAddr,
        /// Time waited.
        waited: Duration,
    },
    /// The connection is open, but nothing arrives.
    #[error("{address} {} and sent no greeting within {waited:?}", if *came { "connected" } else { "accepted the connection" })]
    NoGreeting {
        /// The bridge.
        address: SocketAddr,
        /// Whether the bridge connected to us.
        came: bool,
        /// Time waited.
        waited: Duration,
    },
    /// Its messages match no known dialect.
    #[error("the bridge's greeting is {greeting:?}, and its replies match no known dialect")]
    UnknownDialect {
        /// Its greeting.
        greeting: String,
    },
    /// A line that is not a JSON object.
    #[error("the bridge sent {line:?}, which is not a JSON object")]
    Garbled {
        /// The line, cut to 80 characters.
        line: String,
    },
    /// A line without an end. Later messages on that connection cannot be separated from it.
    #[error("the bridge sent over {limit_bytes} bytes without ending the line")]
    LineTooLong {
        /// Maximum accepted length.
        limit_bytes: usize,
    },
    /// A reply reporting that the command failed.
    #[error("the bridge refused the command: {message}")]
    Refused {
        /// Its error message.
        message: String,
    },
    /// The reply did not come in time.
    #[error("{} {waited:?}", NO_REPLY)]
    NoReply {
        /// Time waited.
        waited: Duration,
    },
    /// Surplus replies arrived, so that replies cannot be assigned by order.
    #[error("{count} more {} {MORE_THAN_SENT}", if *count == 1 { "reply" } else { "replies" })]
    Surplus {
        /// Their number.
        count: u64,
    },
    /// Some messages of a series have no usable reply.
    #[error("{usable} usable replies to {sent} messages{}", late(*lost))]
    Unanswered {
        /// Messages sent.
        sent: usize,
        /// Usable replies.
        usable: usize,
        /// Lost messages.
        lost: u64,
    },
    /// The message could not be written: the bridge no longer reads.
    #[error("{} {waited:?}", NOT_READING)]
    NotReading {
        /// Time waited.
        waited: Duration,
    },
    /// The other end closed the connection.
    #[error("the bridge closed the connection{}", if *mid_line { " in the middle of a line" } else { "" })]
    Closed {
        /// Whether an incomplete line had been received.
        mid_line: bool,
    },
    /// Interrupted by Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Any other socket error.
    #[error("the connection failed: {0}")]
    Io(std::io::Error),
}

/// The kind of fault, as relevant for the fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A reply was late, or the socket buffer stayed full.
    Late,
    /// More replies than messages.
    Surplus,
    /// Unity's main thread does not reply, but its socket thread does.
    MainThreadPaused,
    /// A signal ended the wait; not a fault of the bridge.
    Interrupted,
    /// Anything else.
    Other,
}

impl BridgeError {
    /// The kind of this fault.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::NoReply { .. } | Self::NotReading { .. } => FaultKind::Late,
            Self::Unanswered { lost, .. } if *lost > 0 => FaultKind::Late,
            Self::Surplus { .. } => FaultKind::Surplus,
            Self::Interrupted => FaultKind::Interrupted,
            _ => FaultKind::Other,
        }
    }
}

/// Subject and verb of a sentence about an address, which is not repeated if it was the input.
fn resolved(host: &str, address: &SocketAddr) -> String {
    let is_same = [address.to_string(), address.ip().to_string()].iter().any(|text| text == host);
    if is_same { format!("{host} is ") } else { format!("{host} is {address}, which is ") }
}

fn late(lost: u64) -> String {
    if lost == 0 { String::new() } else { format!(", and {NO_REPLY} the timeout to {lost}") }
}
