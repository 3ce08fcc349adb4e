//! Totals of a tapped session: reply times and, for each direction, messages, bytes, sizes and gaps. Memory use is
//! bounded for any session length.

use std::collections::BTreeMap;

use super::matcher::{ReplyMatch, ReplyMatcher};
use crate::bridge::Ack;
use crate::bridge::tap::{ForwardedMessage, MessageMetadata, TapSide};
use crate::stats::Reservoir;

/// Traffic in one direction.
#[derive(Debug, Default)]
pub struct DirectionTraffic {
    /// Messages, without blank lines.
    pub messages: u64,
    /// Bytes passed on, including incomplete messages.
    pub bytes: u64,
    /// Size of each message on the wire, in bytes.
    pub sizes_bytes: Reservoir,
    /// Time from each message to the next on the same connection, in nanoseconds.
    pub gaps_ns: Reservoir,
    /// Time each message spent in the tap, in nanoseconds.
    pub held_ns: Reservoir,
    /// Messages by name.
    pub names: BTreeMap<String, u64>,
    last_ns: Option<u64>,
}

/// Totals of both directions.
#[derive(Debug, Default)]
pub struct TapTotals {
    /// What the application sent.
    pub app: DirectionTraffic,
    /// What Unity sent.
    pub unity: DirectionTraffic,
    /// Reply times in nanoseconds by kind of reply; `None` if the kind is unknown.
    pub replies_ns: BTreeMap<Option<Ack>, Reservoir>,
    /// Replies that may belong to more than one request.
    pub unassigned: u64,
    /// Messages from Unity that answer nothing: greetings and unsolicited messages.
    pub unasked: u64,
    /// Requests whose connection ended before a reply.
    pub unanswered: u64,
    /// Connections from the application.
    pub connections: u64,
    matcher: ReplyMatcher,
}

impl TapTotals {
    /// Starts a connection.
    pub fn begin(&mut self) {
        self.connections += 1;
        for direction in [&mut self.app, &mut self.unity] {
            direction.last_ns = None;
        }
    }

    /// Adds a message; messages must be added in order of arrival.
    pub fn add(&mut self, passed: &ForwardedMessage, metadata: &MessageMetadata) {
        if metadata.is_blank() {
            return;
        }
        let direction = match passed.from {
            TapSide::App => &mut self.app,
            TapSide::Unity => &mut self.unity,
        };
        direction.add(passed, metadata);
        match passed.from {
            TapSide::App if metadata.wants_none => {}
            TapSide::App => self.matcher.ask(passed.at_ns, metadata.id.clone(), metadata.wants),
            TapSide::Unity => match self.answered(metadata) {
                ReplyMatch::Of { asked_ns, ack } => {
                    self.replies_ns.entry(ack).or_default().push(passed.at_ns.saturating_sub(asked_ns));
                }
                ReplyMatch::Unassigned => self.unassigned += 1,
                ReplyMatch::Unasked => self.unasked += 1,
            },
        }
    }

    fn answered(&mut self, metadata: &MessageMetadata) -> ReplyMatch {
        match self.matcher.answer(metadata.id.as_ref(), metadata.tells) {
            ReplyMatch::Unasked if metadata.is_reply && metadata.id.is_none() => {
                self.matcher.answer_oldest_named(metadata.tells)
            }
            answer => answer,
        }
    }

    /// Ends the connection.
    pub fn end(&mut self) {
        self.unanswered += self.matcher.clear();
    }
}

impl DirectionTraffic {
    fn add(&mut self, passed: &ForwardedMessage, metadata: &MessageMetadata) {
        self.messages += 1;
        self.sizes_bytes.push(passed.size_bytes);
        self.held_ns.push(passed.held_ns);
        if let Some(last_ns) = self.last_ns {
            self.gaps_ns.push(passed.at_ns.saturating_sub(last_ns));
        }
        self.last_ns = Some(passed.at_ns);
        *self.names.entry(metadata.name.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Framing;

    fn add(account: &mut TapTotals, from: TapSide, at_ns: u64, text: &str) {
        let content = text.as_bytes().to_vec();
        let size_bytes = text.len() as u64 + 1;
        let passed = ForwardedMessage { from, at_ns, held_ns: 7, size_bytes, framing: Framing::Lines, content };
        account.add(&passed, &MessageMetadata::of(&passed.content));
    }

    #[test]
    fn totals_of_a_stock_session() {
        let mut account = TapTotals::default();
        account.begin();
        add(&mut account, TapSide::Unity, 5, "{}");
        add(&mut account, TapSide::App, 100, r#"{"command":"set_expression"}"#);
        add(&mut account, TapSide::Unity, 150, "{}");
        add(&mut account, TapSide::App, 200, r#"{"command":"ping"}"#);
        add(&mut account, TapSide::App, 300, "");
        add(&mut account, TapSide::App, 400, r#"{"command":"set_auto_blink"}"#);
        add(&mut account, TapSide::Unity, 1_000, "{}");
        add(&mut account, TapSide::App, 2_000, r#"{"command":"reset_expressions"}"#);
        account.end();
        assert_eq!(account.replies_ns[&Some(Ack::Received)].values(), [50]);
        assert_eq!(account.replies_ns[&Some(Ack::Applied)].values(), [600]);
        assert_eq!((account.unasked, account.unanswered, account.unassigned), (1, 1, 0));
        assert_eq!(account.app.gaps_ns.values(), [100, 200, 1_600]);
        assert_eq!((account.app.messages, account.unity.messages), (4, 3));
        assert_eq!(account.app.names["other"], 1);
    }

    #[test]
    fn public_api_replies_without_ids_are_matched() {
        let mut account = TapTotals::default();
        account.begin();
        add(&mut account, TapSide::Unity, 5, r#"{"type":"ready","data":{}}"#);
        add(&mut account, TapSide::App, 100, r#"{"type":"set_expression","data":{"expression":"Joy"},"id":"a-1"}"#);
        add(&mut account, TapSide::Unity, 120, r#"{"type":"status","data":{"fps":60}}"#);
        add(&mut account, TapSide::Unity, 150, r#"{"type":"expression_set","data":{}}"#);
        account.end();
        let replies: Vec<u64> = account.replies_ns.values().flat_map(Reservoir::values).copied().collect();
        assert_eq!((replies, account.unasked, account.unanswered), (vec![50], 2, 0));
    }
}
