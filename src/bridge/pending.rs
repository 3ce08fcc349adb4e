//! Pending messages, and which of them a reply answers.

use std::collections::VecDeque;

use super::message::Message;
use super::reply::Reply;

/// Numbers of messages without a reply so far, in sending order. See [`super::Client::number`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingMessages {
    numbers: VecDeque<u64>,
}

impl PendingMessages {
    /// A single pending message.
    #[must_use]
    pub fn for_one(number: u64) -> Self {
        Self { numbers: VecDeque::from([number]) }
    }

    /// Adds a message that was sent.
    pub fn push(&mut self, number: u64) {
        self.numbers.push_back(number);
    }

    /// Number of pending messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether none is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Removes and returns the message that a reply answers: the one it names, or the oldest if replies carry no id.
    /// `None` if it answers none of them.
    pub(super) fn take(&mut self, reply: &Reply, by_id: bool) -> Option<u64> {
        if !by_id {
            return self.numbers.pop_front();
        }
        let number = reply.id.and_then(Message::index_of)?;
        let place = self.numbers.iter().position(|waiting| *waiting == number)?;
        self.numbers.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(number: u64) -> Reply {
        Reply { id: Some(Message::id_of(number)), ..Reply::default() }
    }

    #[test]
    fn reply_with_an_id_answers_its_message_once() {
        let mut waiting = PendingMessages::default();
        (4..7).for_each(|number| waiting.push(number));
        assert_eq!(waiting.take(&reply(5), true), Some(5));
        assert_eq!(waiting.take(&reply(5), true), None, "a second copy");
        assert_eq!(waiting.take(&reply(3), true), None, "an earlier message");
        assert_eq!(waiting.take(&Reply::default(), true), None, "no id");
        assert_eq!(waiting.len(), 2);
    }

    #[test]
    fn reply_without_an_id_answers_the_oldest() {
        let mut waiting = PendingMessages::for_one(1);
        waiting.push(2);
        let taken = [0; 3].map(|_| waiting.take(&Reply::default(), false));
        assert_eq!((taken, waiting.is_empty()), ([Some(1), Some(2), None], true));
    }
}
