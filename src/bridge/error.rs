//! Errors between the client and a bridge.

use std::net::SocketAddr;
use std::time::Duration;

/// How the message of [`BridgeError::Surplus`] ends.
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
        /// What was given.
        text: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The name does not resolve.
    #[error("cannot resolve host '{host}': {source}")]
    Unresolvable {
        /// The name.
        host: String,
        /// The resolver's answer.
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
        /// Where it was looked for.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The port cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    NotListening {
        /// Where.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Nobody connects.
    #[error("no bridge connected to {address} within {waited:?}")]
    NobodyCame {
        /// Where it was waited for.
        address: SocketAddr,
        /// How long.
        waited: Duration,
    },
    /// The connection is open, but nothing arrives.
    #[error("{address} {} and sent no greeting within {waited:?}", if *came { "connected" } else { "accepted the connection" })]
    NoGreeting {
        /// The bridge.
        address: SocketAddr,
        /// Whether the bridge connected to us.
        came: bool,
        /// How long it was given.
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
        /// How much is taken.
        limit_bytes: usize,
    },
    /// A reply that says that the command failed.
    #[error("the bridge refused the command: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// The reply did not come in time.
    #[error("{} {waited:?}", NO_REPLY)]
    NoReply {
        /// How long it was given.
        waited: Duration,
    },
    /// Surplus replies arrived, so that replies cannot be assigned by order.
    #[error("{count} more {} {MORE_THAN_SENT}", if *count == 1 { "reply" } else { "replies" })]
    Surplus {
        /// How many.
        count: u64,
    },
    /// Some messages of a series got no reply that can be used.
    #[error("{usable} usable replies to {sent} messages{}", late(*lost))]
    Unanswered {
        /// Messages.
        sent: usize,
        /// Replies that can be used.
        usable: usize,
        /// Messages without any reply.
        lost: u64,
    },
    /// The message could not be written: the bridge no longer reads.
    #[error("{} {waited:?}", NOT_READING)]
    NotReading {
        /// How long it was given.
        waited: Duration,
    },
    /// The other end closed the connection.
    #[error("the bridge closed the connection{}", if *mid_line { " in the middle of a line" } else { "" })]
    Closed {
        /// Whether bytes of an unfinished line had come before.
        mid_line: bool,
    },
    /// Ctrl-C came while waiting.
    #[error("interrupted")]
    Interrupted,
    /// Anything else that the socket answered.
    #[error("the connection failed: {0}")]
    Io(std::io::Error),
}

/// The kind of fault, as far as it matters for the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A reply, or room for a message, did not come in time.
    Late,
    /// More replies came than messages were sent.
    Surplus,
    /// Unity's main thread does not answer, while its socket thread does.
    MainThreadPaused,
    /// A signal ended the wait: no fault of the bridge.
    Interrupted,
    /// Anything else.
    Other,
}

impl BridgeError {
    /// What kind of fault it is.
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

/// The subject and the verb of a sentence about an address, which is named once where that is what was given.
fn resolved(host: &str, address: &SocketAddr) -> String {
    let is_same = [address.to_string(), address.ip().to_string()].iter().any(|text| text == host);
    if is_same { format!("{host} is ") } else { format!("{host} is {address}, which is ") }
}

fn late(lost: u64) -> String {
    if lost == 0 { String::new() } else { format!(", and {NO_REPLY} the timeout to {lost}") }
}
