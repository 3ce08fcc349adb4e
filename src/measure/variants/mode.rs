//! Names of the ways to send.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::bridge::SendOptions;

/// Whether and how a sender waits for replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendMode {
    /// The next command is sent when the reply to the previous one has arrived.
    Request,
    /// Commands are sent when due; replies are read as they arrive.
    Pipelined,
    /// Commands are sent when due; no reply is awaited.
    FireAndForget,
}

const MODES: [(&str, SendMode); 3] =
    [("request", SendMode::Request), ("pipelined", SendMode::Pipelined), ("fire-and-forget", SendMode::FireAndForget)];

/// How bytes are handed to TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpVariant {
    /// The socket options.
    pub sending: SendOptions,
    name: &'static str,
}

const fn tcp(name: &'static str, nodelay: bool, split: bool) -> (&'static str, TcpVariant) {
    (name, TcpVariant { sending: SendOptions { nodelay, split }, name })
}

const TCP: [(&str, TcpVariant); 4] = [
    tcp("nodelay", true, false),
    tcp("nagle", false, false),
    tcp("split-writes", true, true),
    tcp("nagle+split-writes", false, true),
];

fn named<T: Copy>(text: &str, names: &[(&'static str, T)]) -> Result<T, String> {
    names.iter().find(|(name, _)| *name == text).map(|(_, way)| *way).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("'{text}' is none of {}", names.join(", "))
    })
}

impl FromStr for SendMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(text, &MODES)
    }
}

impl fmt::Display for SendMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MODES.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name))
    }
}

impl Serialize for SendMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for TcpVariant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(text, &TCP)
    }
}

impl fmt::Display for TcpVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for TcpVariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_parses_from_its_name() {
        for (name, mode) in MODES {
            assert_eq!((name.parse(), mode.to_string().as_str()), (Ok(mode), name));
        }
        for (name, way) in TCP {
            assert_eq!((name.parse(), way.to_string().as_str()), (Ok(way), name));
        }
        assert!("smoke".parse::<SendMode>().unwrap_err().contains("fire-and-forget"));
    }
}
