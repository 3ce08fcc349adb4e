//! Batches: which commands are sent together, and when.

use std::ops::Range;

use super::super::open::MessageSource;
use crate::bridge::Message;

/// Commands sent as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFill {
    /// Indices of the arrivals.
    pub commands: Range<usize>,
    /// When the message is due, in nanoseconds from the start.
    pub due_ns: u64,
}

/// Groups arrivals (ascending, in nanoseconds from the start) into batches of at most `size`: a batch is sent with the
/// arrival that fills it, or `window_ns` after its first one. A batch of one is sent at once.
#[must_use]
pub fn batch_fills(arrivals_ns: &[u64], size: usize, window_ns: u64) -> Vec<BatchFill> {
    let mut fills = Vec::new();
    let mut first = 0;
    while first < arrivals_ns.len() {
        let closes_ns = arrivals_ns[first].saturating_add(window_ns);
        let rest = &arrivals_ns[first..arrivals_ns.len().min(first + size.max(1))];
        let count = rest.iter().take_while(|at_ns| **at_ns <= closes_ns).count();
        let due_ns = if count == size.max(1) { rest[count - 1] } else { closes_ns };
        fills.push(BatchFill { commands: first..first + count, due_ns });
        first += count;
    }
    fills
}

/// Messages for a run of batches: one is prepared for each number of commands.
#[derive(Debug)]
pub struct Batches<'a> {
    /// The message with n commands at index n - 1.
    pub by_count: &'a mut [Message],
    /// The batches to send.
    pub fills: &'a [BatchFill],
}

impl MessageSource for Batches<'_> {
    fn line(&mut self, index: usize, number: u64) -> &[u8] {
        let count = self.fills.get(index).map_or(1, |fill| fill.commands.len());
        let place = (count - 1).min(self.by_count.len() - 1);
        self.by_count[place].line(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(arrivals_ns: &[u64], size: usize, window_ns: u64) -> Vec<(usize, u64)> {
        batch_fills(arrivals_ns, size, window_ns).into_iter().map(|fill| (fill.commands.len(), fill.due_ns)).collect()
    }

    #[test]
    fn batch_of_one_is_sent_at_once() {
        assert_eq!(due(&[3, 5, 5], 1, 100), [(1, 3), (1, 5), (1, 5)]);
    }

    #[test]
    fn full_batch_is_sent_with_its_last_command() {
        assert_eq!(due(&[0, 10, 20, 30], 2, 1_000), [(2, 10), (2, 30)]);
    }

    #[test]
    fn partial_batch_is_sent_when_its_window_closes() {
        assert_eq!(due(&[0, 10, 200, 205], 3, 50), [(2, 50), (2, 250)]);
        assert_eq!(due(&[0, 50], 3, 50), [(2, 50)], "the window includes its end");
    }

    #[test]
    fn every_command_is_sent_once_and_never_early() {
        let arrivals: Vec<u64> = (0..1_000_u64).map(|i| i * 997 % 13_000 + i * 700).collect();
        let mut arrivals = arrivals;
        arrivals.sort_unstable();
        for size in [1, 2, 7, 100] {
            let fills = batch_fills(&arrivals, size, 9_000);
            let mut next = 0;
            for fill in &fills {
                assert_eq!(fill.commands.start, next);
                next = fill.commands.end;
                assert!(fill.commands.len() <= size && !fill.commands.is_empty());
                assert!(
                    arrivals[fill.commands.clone()].iter().all(|at| *at <= fill.due_ns && fill.due_ns - at <= 9_000)
                );
            }
            assert_eq!(next, arrivals.len());
        }
    }
}
