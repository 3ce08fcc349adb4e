//! Matches replies with requests when both are only observed.
//!
//! A reply with an id answers the request with that id; if replies do not repeat the ids of requests, the order of
//! requests decides. Without ids there is only the order, and two threads of the bridge reply: while all unanswered
//! requests wait for the same thread, the oldest one is answered. While requests of both kinds wait, a reply without an
//! id may belong to either, so nothing is concluded until none is waiting.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::bridge::Ack;
use crate::bridge::tap::MessageId;

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMatch {
    /// A request made at `asked_ns`, with the meaning of the reply if known.
    Of {
        /// Time of the request, in nanoseconds.
        asked_ns: u64,
        /// Kind of reply.
        ack: Option<Ack>,
    },
    /// One of several requests; unknown which.
    Unassigned,
    /// No request: a greeting or an unsolicited message.
    Unasked,
}

/// A request with an id.
#[derive(Debug, Clone, Copy)]
struct IdentifiedRequest {
    place: u64,
    asked_ns: u64,
    wants: Option<Ack>,
}

/// Requests waiting for replies.
#[derive(Debug, Default)]
pub struct ReplyMatcher {
    by_id: HashMap<MessageId, IdentifiedRequest>,
    /// Their ids in the order of the requests.
    id_at: BTreeMap<u64, MessageId>,
    asked: u64,
    in_order: VecDeque<(u64, Ack)>,
    mixed: bool,
}

impl ReplyMatcher {
    /// Adds a request. Without an id, it is awaited only if a reply is due, as given by `wants`.
    pub fn ask(&mut self, asked_ns: u64, id: Option<MessageId>, wants: Option<Ack>) {
        match (id, wants) {
            (Some(id), _) => {
                self.asked += 1;
                self.id_at.insert(self.asked, id.clone());
                let before = self.by_id.insert(id, IdentifiedRequest { place: self.asked, asked_ns, wants });
                before.map(|before| self.id_at.remove(&before.place));
            }
            (None, Some(ack)) => {
                self.in_order.push_back((asked_ns, ack));
                self.mixed |= self.in_order.iter().any(|(_, other)| *other != ack);
            }
            (None, None) => {}
        }
    }

    /// Matches a reply. `tells` is the kind that the reply states.
    pub fn answer(&mut self, id: Option<&MessageId>, tells: Option<Ack>) -> ReplyMatch {
        if let Some(id) = id {
            return self.take_named(id, tells);
        }
        let Some((asked_ns, ack)) = self.in_order.pop_front() else { return ReplyMatch::Unasked };
        let mixed = self.mixed;
        self.mixed &= !self.in_order.is_empty();
        if mixed { ReplyMatch::Unassigned } else { ReplyMatch::Of { asked_ns, ack: Some(ack) } }
    }

    /// Matches a reply without an id that can only belong to a request with one: the oldest.
    pub fn answer_oldest_named(&mut self, tells: Option<Ack>) -> ReplyMatch {
        let Some((_, id)) = self.id_at.pop_first() else { return ReplyMatch::Unasked };
        self.take_named(&id, tells)
    }

    fn take_named(&mut self, id: &MessageId, tells: Option<Ack>) -> ReplyMatch {
        let Some(IdentifiedRequest { place, asked_ns, wants }) = self.by_id.remove(id) else {
            return ReplyMatch::Unasked;
        };
        self.id_at.remove(&place);
        ReplyMatch::Of { asked_ns, ack: tells.or(wants) }
    }

    /// Number of waiting requests.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.by_id.len() + self.in_order.len()) as u64
    }

    /// Drops all waiting requests and returns their number.
    pub fn clear(&mut self) -> u64 {
        let waiting = self.waiting();
        *self = Self::default();
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked_ns: u64, ack: Ack) -> ReplyMatch {
        ReplyMatch::Of { asked_ns, ack: Some(ack) }
    }

    #[test]
    fn ids_match_in_any_order() {
        let mut matcher = ReplyMatcher::default();
        let id = |number| Some(MessageId::Number(number));
        matcher.ask(1, id(1), Some(Ack::Applied));
        matcher.ask(2, id(2), Some(Ack::Received));
        assert_eq!(matcher.answer(id(2).as_ref(), None), of(2, Ack::Received));
        assert_eq!(
            matcher.answer(id(1).as_ref(), Some(Ack::Received)),
            of(1, Ack::Received),
            "the kind stated by the reply takes precedence"
        );
        assert_eq!(matcher.answer(id(1).as_ref(), None), ReplyMatch::Unasked);
    }

    #[test]
    fn replies_without_the_id_answer_the_oldest_request() {
        let mut matcher = ReplyMatcher::default();
        for (at, id) in [(1, 9), (2, 8), (3, 7), (4, 8)] {
            matcher.ask(at, Some(MessageId::Number(id)), Some(Ack::Applied));
        }
        assert_eq!(matcher.answer(Some(&MessageId::Number(9)), None), of(1, Ack::Applied));
        assert_eq!(matcher.answer(None, None), ReplyMatch::Unasked, "an event");
        let in_order = [0; 3].map(|_| matcher.answer_oldest_named(None));
        assert_eq!(in_order, [of(3, Ack::Applied), of(4, Ack::Applied), ReplyMatch::Unasked]);
        assert_eq!(matcher.waiting(), 0);
    }

    #[test]
    fn replies_without_ids_of_one_kind_match_by_order() {
        let mut matcher = ReplyMatcher::default();
        assert_eq!(matcher.answer(None, None), ReplyMatch::Unasked, "the greeting");
        matcher.ask(1, None, Some(Ack::Received));
        matcher.ask(2, None, None);
        matcher.ask(3, None, Some(Ack::Received));
        assert_eq!(
            [matcher.answer(None, None), matcher.answer(None, None)],
            [of(1, Ack::Received), of(3, Ack::Received)]
        );
    }

    #[test]
    fn no_match_while_requests_of_both_kinds_wait() {
        let mut matcher = ReplyMatcher::default();
        for (at, ack) in [(1, Ack::Applied), (2, Ack::Received)] {
            matcher.ask(at, None, Some(ack));
        }
        assert_eq!(matcher.answer(None, None), ReplyMatch::Unassigned);
        matcher.ask(3, None, Some(Ack::Received));
        assert_eq!([matcher.answer(None, None), matcher.answer(None, None)], [ReplyMatch::Unassigned; 2]);
        matcher.ask(4, None, Some(Ack::Applied));
        assert_eq!(matcher.answer(None, None), of(4, Ack::Applied));
        matcher.ask(5, None, Some(Ack::Applied));
        assert_eq!((matcher.clear(), matcher.waiting()), (1, 0));
    }
}
