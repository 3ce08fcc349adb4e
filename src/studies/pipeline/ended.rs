//! Where the application would have ended the replies, which have a fixed length here.

use crate::clock::ms;
use crate::measure::{ReplyEnd, Turn, average, end_metrics};
use crate::record::{Direction, Metric};
use crate::stats::mean_of;

/// How many replies would have ended, after how many tokens and when; nothing for a simulated model.
pub(super) fn metrics(turns: &[Turn]) -> Vec<Metric> {
    let ends: Vec<ReplyEnd> = turns.iter().map(|turn| turn.end).collect();
    let mut metrics = end_metrics(&ends);
    if !metrics.is_empty() {
        metrics.push(average("ttlt_at_end", "ms", &times_ms(turns), Direction::Lower));
    }
    metrics
}

fn times_ms(turns: &[Turn]) -> Vec<f64> {
    turns.iter().filter_map(Turn::ends_ns).map(ms).collect()
}

/// The same in words. `title` is the side.
pub(super) fn sentence(title: &str, turns: &[Turn]) -> Option<String> {
    let known: Vec<&Turn> = turns.iter().filter(|turn| turn.end != ReplyEnd::Unknown).collect();
    let fixed = known.first()?.tokens_ns.len();
    let ended: Vec<f64> = known.iter().filter_map(|turn| turn.end.after()).map(|tokens| tokens as f64).collect();
    let (n, all) = (ended.len(), known.len());
    let begins =
        format!("{title}: replies have {fixed} tokens here; the application ends them at an end-of-generation token");
    let Some((tokens, at_ms)) = mean_of(&ended).zip(mean_of(&times_ms(turns))) else {
        return Some(format!("{begins}, which none of {all} had by then."));
    };
    Some(format!(
        "{begins}, which {n} of {all} had, after {:.1} tokens and {:.0} ms (means, n {n}).",
        tokens.value, at_ms.value
    ))
}

#[cfg(test)]
mod tests {
    use super::super::planted::{STAGES_US, turn};
    use super::*;

    fn ended(number: u64, end: ReplyEnd) -> Turn {
        Turn { end, ..turn(number, &STAGES_US) }
    }

    #[test]
    fn replies_that_ended_are_counted_with_their_length_and_time() {
        let turns = [ended(0, ReplyEnd::After(0)), ended(1, ReplyEnd::Beyond), ended(2, ReplyEnd::After(1))];
        let found = metrics(&turns);
        let figures: Vec<_> =
            found.iter().map(|metric| (metric.name.as_str(), metric.value.unwrap(), metric.n)).collect();
        // The first token comes after 150.4 ms, the second and last after 450.4 ms.
        assert_eq!(figures[..2], [("replies_ended", 2.0, 3), ("tokens_at_end", 0.5, 2)]);
        assert!(
            figures[2].0 == "ttlt_at_end" && (figures[2].1 - 300.4).abs() < 1e-9 && figures[2].2 == 2,
            "{figures:?}"
        );
        assert_eq!(
            sentence("Before (app)", &turns).unwrap(),
            "Before (app): replies have 2 tokens here; the application ends them at an end-of-generation token, which 2 of 3 had, \
             after 0.5 tokens and 300 ms (means, n 2)."
        );
    }

    #[test]
    fn replies_without_an_end_are_said_and_simulated_ones_are_not() {
        let says = sentence("Before (app)", &[ended(0, ReplyEnd::Beyond)]).unwrap();
        assert!(says.ends_with("which none of 1 had by then."), "{says}");
        let simulated = [turn(0, &STAGES_US)];
        assert!(metrics(&simulated).is_empty() && sentence("Before (app)", &simulated).is_none());
    }
}
