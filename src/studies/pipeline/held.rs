//! Held replies to reactions: late replies, not late commands.

use crate::measure::{Delivery, LEAST_HELD_PERCENT, REMEDY, Turn};
use crate::plan::CompanionSettings;
use crate::record::{Direction, Metric, MetricStatus};

/// Share of reactions with a held reply; `None` if their commands are not sent at once.
pub(super) fn metric(arm: &CompanionSettings, turns: &[Turn]) -> Option<Metric> {
    if arm.reaction != Delivery::Pipelined {
        return None;
    }
    let reactions: Vec<bool> = turns.iter().filter_map(|turn| Some(turn.reaction.as_ref().ok()?.is_held)).collect();
    let n = reactions.len() as u64;
    if n == 0 {
        return Some(Metric::absent("held_back", "%", 0, Direction::Lower, MetricStatus::TooFew));
    }
    let held = reactions.iter().filter(|is_held| **is_held).count();
    Some(Metric::plain("held_back", "%", 100.0 * held as f64 / n as f64, n, Direction::Lower))
}

/// The finding that replies were late although commands were not. `title` is the side.
pub(super) fn sentence(title: &str, arm: &CompanionSettings, turns: &[Turn]) -> Option<String> {
    let share = metric(arm, turns)?;
    let percent = share.value.filter(|percent| *percent >= LEAST_HELD_PERCENT)?;
    Some(format!(
        "{title}: in {percent:.0} % of its reactions (n {}) a reply was late although the command was not: the \
         bridge's side of the connection held it until the previous reply was acknowledged (Nagle's algorithm and \
         delayed acknowledgement). The stage applied and the visible reaction include this wait; the face does not \
         wait. {REMEDY}",
        share.n
    ))
}

#[cfg(test)]
mod tests {
    use super::super::planted::{failed_turn, plan, reacting_turn};
    use super::*;
    use crate::plan::PipelineSide;

    fn arm(reaction: &str) -> CompanionSettings {
        plan(&format!("--before app,reaction={reaction} --after none")).arm(PipelineSide::Before).unwrap().clone()
    }

    #[test]
    fn share_of_held_reactions_is_relative_to_those_that_arrived() {
        let turns = [reacting_turn(0, true), reacting_turn(1, false), reacting_turn(2, false), failed_turn(3)];
        let share = metric(&arm("pipelined"), &turns).unwrap();
        assert!((share.value.unwrap() - 100.0 / 3.0).abs() < 1e-9 && share.n == 3, "{share:?}");
        let says = sentence("Before (x)", &arm("pipelined"), &turns).unwrap();
        assert!(
            says.starts_with(
                "Before (x): in 33 % of its reactions (n 3) a reply was late although the command was not"
            )
        );
        assert!(says.ends_with(REMEDY), "{says}");
        assert_eq!(metric(&arm("pipelined"), &[failed_turn(0)]).unwrap().status, MetricStatus::TooFew);
    }

    #[test]
    fn occasional_frames_are_not_held_replies() {
        let turns: Vec<Turn> = (0..10).map(|number| reacting_turn(number, number == 0)).collect();
        assert_eq!(metric(&arm("pipelined"), &turns).unwrap().value, Some(10.0));
        assert_eq!(sentence("Before (x)", &arm("pipelined"), &turns), None);
    }

    #[test]
    fn commands_not_sent_at_once_have_no_held_metric() {
        for reaction in ["expression", "single"] {
            assert_eq!(metric(&arm(reaction), &[reacting_turn(0, true)]), None);
        }
    }
}
