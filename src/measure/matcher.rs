//! Which reply answers which request, where both are only watched.
//!
//! A reply with an id answers the request with that id. Without ids there is only the order, and two threads of the bridge
//! answer: as long as everything unanswered waits for the same thread, the oldest is meant. When both kinds wait, a bare reply may
//! belong to either, so nothing is concluded until nothing waits any more.

use std::collections::{HashMap, VecDeque};

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

/// Requests that wait for their replies.
#[derive(Debug, Default)]
pub struct Matcher {
    by_id: HashMap<MessageId, (u64, Option<Ack>)>,
    in_order: VecDeque<(u64, Ack)>,
    mixed: bool,
}

impl Matcher {
    /// A request. Without an id it is waited for only if a reply is due to it, which `wants` says.
    pub fn ask(&mut self, asked_ns: u64, id: Option<MessageId>, wants: Option<Ack>) {
        match (id, wants) {
            (Some(id), _) => drop(self.by_id.insert(id, (asked_ns, wants))),
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
            return match self.by_id.remove(id) {
                Some((asked_ns, wants)) => Answer::Of { asked_ns, ack: tells.or(wants) },
                None => Answer::Unasked,
            };
        }
        let Some((asked_ns, ack)) = self.in_order.pop_front() else { return Answer::Unasked };
        let mixed = self.mixed;
        self.mixed &= !self.in_order.is_empty();
        if mixed { Answer::Unassigned } else { Answer::Of { asked_ns, ack: Some(ack) } }
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
