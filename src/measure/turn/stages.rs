//! The moments of a turn, and the stages between them.

use super::reaction::{ReactionFault, ReactionTimes};
use crate::record::TurnStage;

/// One turn. Moments are nanoseconds of the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The person's sentence was there.
    pub asked_ns: u64,
    /// The prompt was tokens.
    pub prompted_ns: u64,
    /// Each token of the answer was chosen.
    pub tokens_ns: Vec<u64>,
    /// The reaction was decided on: from here the emotion is chosen.
    pub decided_ns: u64,
    /// The emotion was chosen, and about to be handed over.
    pub handed_ns: u64,
    /// What became of the reaction, or why nothing did.
    pub reaction: Result<ReactionTimes, ReactionFault>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Whose form the prompt has.
    pub template: &'static str,
    /// The expression that was chosen.
    pub expression: Option<String>,
    /// Whether a word of the reply chose it.
    pub by_word: bool,
    /// The answer.
    pub text: String,
}

impl Turn {
    /// How long a stage took, in nanoseconds; `None` where a station of it was not reached or cannot be seen.
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

    /// From the sentence to the first token, in nanoseconds.
    #[must_use]
    pub fn ttft_ns(&self) -> Option<u64> {
        Some(self.tokens_ns.first()? - self.asked_ns)
    }

    /// From the sentence to the last token.
    #[must_use]
    pub fn ttlt_ns(&self) -> Option<u64> {
        Some(self.tokens_ns.last()? - self.asked_ns)
    }

    /// From the sentence to the face: all stages. `None` where the moment is known within bounds only.
    #[must_use]
    pub fn visible_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.applied_ns? - self.asked_ns)
    }

    /// From the sentence until the bridge had read the expression: the earliest that the face can show.
    #[must_use]
    pub fn told_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.received_ns? - self.asked_ns)
    }

    /// From the sentence to the latest moment at which the face can have shown.
    #[must_use]
    pub fn visible_latest_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.latest_ns? - self.asked_ns)
    }

    /// The reaction's own time: from the decision until it shows.
    #[must_use]
    pub fn reaction_ns(&self) -> Option<u64> {
        Some(self.reaction.as_ref().ok()?.applied_ns? - self.decided_ns)
    }

    /// Commands a second while a reaction of several was carried out; `None` for a single command, which has no rate, and where
    /// nothing says that they were.
    #[must_use]
    pub fn commands_per_s(&self) -> Option<f64> {
        let times = self.reaction.as_ref().ok().filter(|times| times.commands > 1)?;
        let took_ns = times.applied_ns?.saturating_sub(times.began_ns);
        (took_ns > 0).then(|| times.commands as f64 * 1e9 / took_ns as f64)
    }

    /// Tokens a second of the answer, its first token left out.
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
        }
    }

    #[test]
    fn the_stages_add_up_to_the_whole() {
        let turn = turn();
        let stages: Vec<_> = TurnStage::ALL.iter().map(|stage| turn.stage_ns(*stage)).collect();
        assert_eq!(stages, [Some(50), Some(1_000), Some(200), Some(10), Some(40), Some(8_000)]);
        assert_eq!(stages.into_iter().sum::<Option<u64>>(), turn.visible_ns());
        assert_eq!((turn.ttft_ns(), turn.ttlt_ns(), turn.reaction_ns()), (Some(1_050), Some(1_250), Some(8_050)));
        assert_eq!(turn.tokens_per_s(), Some(1e7));
    }

    #[test]
    fn a_bridge_that_died_leaves_the_rest_of_the_turn() {
        let turn = Turn { reaction: Err(BridgeError::Closed { mid_line: false }.into()), ..turn() };
        assert_eq!(turn.stage_ns(TurnStage::Emotion), Some(10));
        assert_eq!((turn.stage_ns(TurnStage::Received), turn.visible_ns()), (None, None));
        assert_eq!(turn.ttlt_ns(), Some(1_250));
    }
}
