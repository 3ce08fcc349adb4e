//! Which reply answers which request, where both are only watched.
//!
//! A reply with an id answers the request with that id; where requests have ids that replies do not repeat, the order of the requests
//! decides. Without ids there is only the order, and two threads of the bridge
//! answer: as long as everything unanswered waits for the same thread, the oldest is meant. When both kinds wait, a bare reply may
//! belong to either, so nothing is concluded until nothing waits any more.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::bridge::Ack;
use crate::bridge::tap::MessageId;

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A request that was made at `asked_ns`; with what the reply means, where that is known.
    Of {
        /// When it was asked, in nanoseconds.
        asked_ns: u64,
        /// Which kind of reply it is.
        ack: Option<Ack>,
    },
    /// One of several, nobody knows which.
    Unassigned,
    /// Nothing that was asked: a greeting, or an event.
    Unasked,
}

/// A request with an id.
#[derive(Debug, Clone, Copy)]
struct Named {
    place: u64,
    asked_ns: u64,
    wants: Option<Ack>,
}

/// Requests that wait for their replies.
#[derive(Debug, Default)]
pub struct Matcher {
    by_id: HashMap<MessageId, Named>,
    /// The ids of these in the order of asking.
    id_at: BTreeMap<u64, MessageId>,
    asked: u64,
    in_order: VecDeque<(u64, Ack)>,
    mixed: bool,
}

impl Matcher {
    /// A request. Without an id it is waited for only if a reply is due to it, which `wants` says.
    pub fn ask(&mut self, asked_ns: u64, id: Option<MessageId>, wants: Option<Ack>) {
        match (id, wants) {
            (Some(id), _) => {
                self.asked += 1;
                self.id_at.insert(self.asked, id.clone());
                let before = self.by_id.insert(id, Named { place: self.asked, asked_ns, wants });
                before.map(|before| self.id_at.remove(&before.place));
            }
            (None, Some(ack)) => {
                self.in_order.push_back((asked_ns, ack));
                self.mixed |= self.in_order.iter().any(|(_, other)| *other != ack);
            }
            (None, None) => {}
        }
    }

    /// A reply. `tells` is what it says of itself.
    pub fn answer(&mut self, id: Option<&MessageId>, tells: Option<Ack>) -> Answer {
        if let Some(id) = id {
            return self.take_named(id, tells);
        }
        let Some((asked_ns, ack)) = self.in_order.pop_front() else { return Answer::Unasked };
        let mixed = self.mixed;
        self.mixed &= !self.in_order.is_empty();
        if mixed { Answer::Unassigned } else { Answer::Of { asked_ns, ack: Some(ack) } }
    }

    /// A reply without an id, to what can only be one of the requests that have one: the oldest.
    pub fn answer_oldest_named(&mut self, tells: Option<Ack>) -> Answer {
        let Some((_, id)) = self.id_at.pop_first() else { return Answer::Unasked };
        self.take_named(&id, tells)
    }

    fn take_named(&mut self, id: &MessageId, tells: Option<Ack>) -> Answer {
        let Some(Named { place, asked_ns, wants }) = self.by_id.remove(id) else { return Answer::Unasked };
        self.id_at.remove(&place);
        Answer::Of { asked_ns, ack: tells.or(wants) }
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.by_id.len() + self.in_order.len()) as u64
    }

    /// Forgets what waits, and says how much it was.
    pub fn clear(&mut self) -> u64 {
        let waiting = self.waiting();
        *self = Self::default();
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked_ns: u64, ack: Ack) -> Answer {
        Answer::Of { asked_ns, ack: Some(ack) }
    }

    #[test]
    fn ids_match_in_any_order() {
        let mut matcher = Matcher::default();
        let id = |number| Some(MessageId::Number(number));
        matcher.ask(1, id(1), Some(Ack::Applied));
        matcher.ask(2, id(2), Some(Ack::Received));
        assert_eq!(matcher.answer(id(2).as_ref(), None), of(2, Ack::Received));
        assert_eq!(matcher.answer(id(1).as_ref(), Some(Ack::Received)), of(1, Ack::Received), "the reply knows best");
        assert_eq!(matcher.answer(id(1).as_ref(), None), Answer::Unasked);
    }

    #[test]
    fn where_replies_do_not_repeat_the_id_the_oldest_request_is_meant() {
        let mut matcher = Matcher::default();
        for (at, id) in [(1, 9), (2, 8), (3, 7), (4, 8)] {
            matcher.ask(at, Some(MessageId::Number(id)), Some(Ack::Applied));
        }
        assert_eq!(matcher.answer(Some(&MessageId::Number(9)), None), of(1, Ack::Applied));
        assert_eq!(matcher.answer(None, None), Answer::Unasked, "an event");
        let in_order = [0; 3].map(|_| matcher.answer_oldest_named(None));
        assert_eq!(in_order, [of(3, Ack::Applied), of(4, Ack::Applied), Answer::Unasked]);
        assert_eq!(matcher.waiting(), 0);
    }

    #[test]
    fn bare_replies_of_one_kind_match_by_order() {
        let mut matcher = Matcher::default();
        assert_eq!(matcher.answer(None, None), Answer::Unasked, "the greeting");
        matcher.ask(1, None, Some(Ack::Received));
        matcher.ask(2, None, None);
        matcher.ask(3, None, Some(Ack::Received));
        assert_eq!(
            [matcher.answer(None, None), matcher.answer(None, None)],
            [of(1, Ack::Received), of(3, Ack::Received)]
        );
    }

    #[test]
    fn when_both_kinds_wait_nothing_is_concluded_until_none_does() {
        let mut matcher = Matcher::default();
        for (at, ack) in [(1, Ack::Applied), (2, Ack::Received)] {
            matcher.ask(at, None, Some(ack));
        }
        assert_eq!(matcher.answer(None, None), Answer::Unassigned);
        matcher.ask(3, None, Some(Ack::Received));
        assert_eq!([matcher.answer(None, None), matcher.answer(None, None)], [Answer::Unassigned; 2]);
        matcher.ask(4, None, Some(Ack::Applied));
        assert_eq!(matcher.answer(None, None), of(4, Ack::Applied));
        matcher.ask(5, None, Some(Ack::Applied));
        assert_eq!((matcher.clear(), matcher.waiting()), (1, 0));
    }
}
