//! Where a reply of fixed length would have ended in the application, which stops at the model's end-of-generation token.

use super::super::token_figures::average;
use crate::record::{Direction, Metric};

/// Where a reply of fixed length would have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyEnd {
    /// The speaker has no end-of-generation token: a simulated model.
    Unknown,
    /// Not within the fixed length.
    Beyond,
    /// After this many tokens: the next one was an end-of-generation token.
    After(usize),
}

impl ReplyEnd {
    /// Of a reply, by which of its tokens end generation.
    #[must_use]
    pub fn of(tokens: &[i32], is_end: impl Fn(i32) -> bool) -> Self {
        tokens.iter().position(|token| is_end(*token)).map_or(Self::Beyond, Self::After)
    }

    /// The length at that point, in tokens, if it is within the fixed length.
    #[must_use]
    pub fn after(self) -> Option<usize> {
        match self {
            Self::After(tokens) => Some(tokens),
            Self::Unknown | Self::Beyond => None,
        }
    }
}

/// How many replies would have ended (`replies_ended`, n is all of them) and their mean length then (`tokens_at_end`, n is those
/// that ended); nothing if that is unknown.
#[must_use]
pub fn end_metrics(ends: &[ReplyEnd]) -> Vec<Metric> {
    let known: Vec<ReplyEnd> = ends.iter().copied().filter(|end| *end != ReplyEnd::Unknown).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let lengths: Vec<f64> = known.iter().filter_map(|end| end.after()).map(|tokens| tokens as f64).collect();
    vec![
        Metric::plain("replies_ended", "replies", lengths.len() as f64, known.len() as u64, Direction::None),
        average("tokens_at_end", "tokens", &lengths, Direction::None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MetricStatus;

    #[test]
    fn reply_ends_at_its_first_end_of_generation_token() {
        let of = |tokens: &[i32]| ReplyEnd::of(tokens, |token| token == 2);
        assert_eq!(
            (of(&[7, 8, 2, 9, 2]), of(&[7, 8]), of(&[2])),
            (ReplyEnd::After(2), ReplyEnd::Beyond, ReplyEnd::After(0))
        );
    }

    #[test]
    fn lengths_are_those_of_replies_that_ended() {
        let metrics = end_metrics(&[ReplyEnd::After(10), ReplyEnd::Beyond, ReplyEnd::After(20)]);
        let figures: Vec<_> = metrics.iter().map(|metric| (metric.name.as_str(), metric.value, metric.n)).collect();
        assert_eq!(figures, [("replies_ended", Some(2.0), 3), ("tokens_at_end", Some(15.0), 2)]);
    }

    #[test]
    fn no_reply_that_ended_is_a_count_of_none_and_a_missing_length() {
        let metrics = end_metrics(&[ReplyEnd::Beyond; 3]);
        assert_eq!((metrics[0].value, metrics[0].n), (Some(0.0), 3));
        assert_eq!((metrics[1].value, metrics[1].status), (None, MetricStatus::TooFew));
        assert!(end_metrics(&[ReplyEnd::Unknown; 3]).is_empty(), "a simulated model has no such token");
    }
}
