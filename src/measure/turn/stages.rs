//! The timestamps of a turn, and the stages between them.

use super::reaction::{ReactionFault, ReactionTimes};
use super::reply_end::ReplyEnd;
use crate::record::TurnStage;

/// One turn. Times are nanoseconds of the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The user's message arrived.
    pub asked_ns: u64,
    /// The prompt was tokenised.
    pub prompted_ns: u64,
    /// Each token of the answer was chosen.
    pub tokens_ns: Vec<u64>,
    /// The reaction was due: from here the emotion is chosen.
    pub decided_ns: u64,
    /// The emotion was chosen and about to be handed over.
    pub handed_ns: u64,
    /// Outcome of the reaction.
    pub reaction: Result<ReactionTimes, ReactionFault>,
    /// Prompt length in tokens.
    pub prompt_tokens: usize,
    /// Name of the template.
    pub template: &'static str,
    /// The expression that was chosen.
    pub expression: Option<String>,
    /// Whether a word of the reply decided it.
    pub by_word: bool,
    /// The answer.
    pub text: String,
    /// Where the application would have ended it.
    pub end: ReplyEnd,
}

impl Turn {
    /// Length of a stage in nanoseconds; `None` if one of its ends was not reached or cannot be observed.
    #[must_use]
    pub fn stage_ns(&self, stage: TurnStage) -> Option<u64> {
        let reaction = self.reaction.as_ref().ok();
        let (from, to) = match stage {
            TurnStage::PromptBuild => (self.asked_ns, self.prompted_ns),
            TurnStage::FirstToken => (self.prompted_ns, *self.tokens_ns.first()?),
            TurnStage::Reply => (*self.tokens_ns.first()?, self.decided_ns),
            TurnStage::Emotion => (self.decided_ns, self.handed_ns),
            TurnStage::Received => (self.handed_ns, reaction?.received_ns?),
            TurnStage::Applied => (reaction?.received_ns?, reaction?.applied_ns?),
        };
        Some(to.saturating_sub(from))
    }

    /// From the message to the first token, in nanoseconds.
    #[must_use]
    pub fn ttft_ns(&self) -> Option<u64> {
        Some(self.tokens_ns.first()? - self.asked_ns)
    }

    /// From the message to the last token, in nanoseconds.
    #[must_use]
    pub fn ttlt_ns(&self) -> Option<u64> {
        Some(self.tokens_ns.last()? - self.asked_ns)
    }

    /// From the message until the application would have ended the answer, in nanoseconds; `None` if not within its fixed length.
    #[must_use]
    pub fn ends_ns(&self) -> Option<u64> {
        Some(self.tokens_ns.get(self.end.after()?)? - self.asked_ns)
    }

    /// From the message to the expression, in nanoseconds: all stages. `None` if the time is known only within bounds.
    #[must_use]
    pub fn visible_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.applied_ns? - self.asked_ns)
    }

    /// From the message until the bridge had read the expression, in nanoseconds: the earliest that it can show.
    #[must_use]
    pub fn notified_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.received_ns? - self.asked_ns)
    }

    /// From the message to the latest time at which the expression can have shown, in nanoseconds.
    #[must_use]
    pub fn visible_latest_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.latest_ns? - self.asked_ns)
    }

    /// From the decision until the expression shows, in nanoseconds.
    #[must_use]
    pub fn reaction_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.applied_ns? - self.decided_ns)
    }

    /// Commands per second of a reaction with several commands; `None` for a single command, which has no rate, and if
    /// nothing confirms that they were applied.
    #[must_use]
    pub fn commands_per_s(&self) -> Option<f64> {
        let times = self.reaction.as_ref().ok().filter(|times| times.commands > 1)?;
        let took_ns = times.applied_ns?.saturating_sub(times.began_ns);
        (took_ns > 0).then(|| times.commands as f64 * 1e9 / took_ns as f64)
    }

    /// Tokens per second of the answer, without its first token.
    #[must_use]
    pub fn tokens_per_s(&self) -> Option<f64> {
        let (first, last) = (self.tokens_ns.first()?, self.tokens_ns.last()?);
        (last > first).then(|| (self.tokens_ns.len() - 1) as f64 * 1e9 / (last - first) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::BridgeError;

    fn turn() -> Turn {
        Turn {
            asked_ns: 100,
            prompted_ns: 150,
            tokens_ns: vec![1_150, 1_250, 1_350],
            decided_ns: 1_350,
            handed_ns: 1_360,
            reaction: Ok(ReactionTimes {
                began_ns: 1_370,
                received_ns: Some(1_400),
                applied_ns: Some(9_400),
                latest_ns: Some(9_400),
                commands: 3,
                is_held: false,
            }),
            prompt_tokens: 10,
            template: "none",
            expression: Some("joy".into()),
            by_word: false,
            text: String::new(),
            end: ReplyEnd::After(1),
        }
    }

    #[test]
    fn stages_add_up_to_the_turn() {
        let turn = turn();
        let stages: Vec<_> = TurnStage::ALL.iter().map(|stage| turn.stage_ns(*stage)).collect();
        assert_eq!(stages, [Some(50), Some(1_000), Some(200), Some(10), Some(40), Some(8_000)]);
        assert_eq!(stages.into_iter().sum::<Option<u64>>(), turn.visible_ns());
        assert_eq!((turn.ttft_ns(), turn.ttlt_ns(), turn.reaction_ns()), (Some(1_050), Some(1_250), Some(8_050)));
        assert_eq!(turn.tokens_per_s(), Some(1e7));
        assert_eq!(turn.ends_ns(), Some(1_150), "the second token ends the reply");
        assert_eq!(Turn { end: ReplyEnd::Beyond, ..turn }.ends_ns(), None);
    }

    #[test]
    fn failed_bridge_leaves_the_other_stages() {
        let turn = Turn { reaction: Err(BridgeError::Closed { mid_line: false }.into()), ..turn() };
        assert_eq!(turn.stage_ns(TurnStage::Emotion), Some(10));
        assert_eq!((turn.stage_ns(TurnStage::Received), turn.visible_ns()), (None, None));
        assert_eq!(turn.ttlt_ns(), Some(1_250));
    }
}
