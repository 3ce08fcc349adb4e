//! The stages of a turn, and a recorded turn: where its time went.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::case::Case;

/// The key of the turns in a case's conditions.
const KEY: &str = "waterfalls";

/// One stage from the user's message to the expression. Each stage starts where the previous one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnStage {
    /// The prompt is rendered and tokenised.
    PromptBuild,
    /// The prompt is processed, until the first token is chosen.
    FirstToken,
    /// The reply is generated until the reaction is decided: its first words, or all of it.
    Reply,
    /// The emotion is chosen.
    Emotion,
    /// The expression is passed to the bridge's thread, sent and read.
    Received,
    /// The wait for Unity's frame or frames, and the work in it.
    Applied,
}

impl TurnStage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::PromptBuild, Self::FirstToken, Self::Reply, Self::Emotion, Self::Received, Self::Applied];

    /// Its name in records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PromptBuild => "prompt_build",
            Self::FirstToken => "first_token",
            Self::Reply => "reply",
            Self::Emotion => "emotion",
            Self::Received => "received",
            Self::Applied => "applied",
        }
    }
}

impl fmt::Display for TurnStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One turn: the duration of each stage and of the whole, in milliseconds. `None`: a stage was not reached, or the
/// bridge does not report it. The text is not recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waterfall {
    /// The stages, in order.
    pub stages_ms: BTreeMap<TurnStage, Option<f64>>,
    /// From the message to the first token.
    pub ttft_ms: Option<f64>,
    /// From the message to the expression.
    pub visible_ms: Option<f64>,
    /// From the message until the bridge had read the expression.
    pub told_ms: Option<f64>,
    /// From the message to the latest time at which the expression can have become visible.
    pub visible_latest_ms: Option<f64>,
    /// From the message to the last token.
    pub ttlt_ms: Option<f64>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the reply.
    pub reply_tokens: usize,
    /// Tokens before the end-of-generation token at which the application would have ended the reply; `null` if there is none.
    pub ends_after: Option<usize>,
    /// The template of the prompt.
    pub template: String,
    /// The expression that was chosen.
    pub expression: Option<String>,
    /// How it was chosen: `word` or `turn`.
    pub expression_by: String,
    /// Why the reaction failed.
    pub bridge: Option<String>,
}

impl Waterfall {
    /// The turns of a case, if it has any.
    #[must_use]
    pub fn of(case: &Case) -> Option<Vec<Self>> {
        let turns: Vec<Self> = serde_json::from_value(case.conditions.get(KEY)?.clone()).ok()?;
        (!turns.is_empty()).then_some(turns)
    }

    /// Stores turns in the conditions of a case.
    pub fn keep(turns: &[Self], case: &mut Case) {
        if let (Some(conditions), Ok(turns)) = (case.conditions.as_object_mut(), serde_json::to_value(turns)) {
            conditions.insert(KEY.into(), turns);
        }
    }

    /// The duration of a stage.
    #[must_use]
    pub fn stage_ms(&self, stage: TurnStage) -> Option<f64> {
        self.stages_ms.get(&stage).copied().flatten()
    }

    /// The sum of its stages; `None` if no stage was reached.
    #[must_use]
    pub fn whole_ms(&self) -> Option<f64> {
        let stages: Vec<f64> = self.stages_ms.values().copied().flatten().collect();
        (!stages.is_empty()).then(|| stages.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn stage_names_match_the_record() {
        for stage in TurnStage::ALL {
            assert_eq!(json!(stage), json!(stage.word()));
        }
        assert!(TurnStage::ALL.is_sorted());
    }

    #[test]
    fn turns_round_trip() {
        let stages_ms = TurnStage::ALL.map(|stage| (stage, (stage != TurnStage::Applied).then_some(1.5)));
        let turn = Waterfall { stages_ms: stages_ms.into(), prompt_tokens: 12, ..Waterfall::default() };
        let mut case = run().cases.remove(0);
        assert_eq!(Waterfall::of(&case), None);
        Waterfall::keep(std::slice::from_ref(&turn), &mut case);
        let keys: Vec<&String> = case.conditions[KEY][0]["stages_ms"].as_object().unwrap().keys().collect();
        assert_eq!(keys, TurnStage::ALL.map(TurnStage::word), "in order");
        assert_eq!(Waterfall::of(&case), Some(vec![turn.clone()]));
        assert_eq!((turn.whole_ms(), turn.stage_ms(TurnStage::Applied)), (Some(7.5), None));
    }

    #[test]
    fn turns_of_older_records_lack_newer_fields() {
        let mut case = run().cases.remove(0);
        case.conditions = json!({ "waterfalls": [{ "stages_ms": { "reply": 2.0 }, "ttlt_ms": 3.0 }] });
        let turns = Waterfall::of(&case).unwrap();
        assert_eq!((turns[0].whole_ms(), turns[0].ttlt_ms, turns[0].told_ms), (Some(2.0), Some(3.0), None));
    }
}
