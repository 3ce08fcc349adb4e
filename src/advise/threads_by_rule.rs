//! Thread counts where nothing was measured: the documented rule, with one core left for the avatar.

use serde_json::Value;

use super::by_threads::setting_of;
use super::recommendation::{Choice, Objective};
use super::recommendation_input::RecommendationInput;
use super::threads::later_rule;
use crate::record::{Run, TokenTest};

/// Why a rule decides the thread count, and none of these runs.
pub(super) fn why_by_rule(runs: &[Run]) -> String {
    match runs.iter().rfind(|run| run.command == "threads") {
        None => "there is no threads run of this model on this machine".into(),
        Some(run) => format!("the threads run {} did not measure enough; give it a longer --budget", run.run_id),
    }
}

/// The count for one of the two tests.
pub(super) fn by_rule(input: &RecommendationInput, test: TokenTest, runs: &[Run]) -> Choice {
    let logical = input.logical_cpus.or(input.physical_cores);
    let Some(logical) = logical.and_then(|count| u32::try_from(count).ok()).filter(|&count| count > 0) else {
        return Choice {
            value: None,
            ..Choice::by_rule(setting_of(test), Value::Null, "the number of cores is not known")
        };
    };
    let physical = input.physical_cores.and_then(|count| u32::try_from(count).ok()).unwrap_or(logical).min(logical);
    let (threads, reason) = match (test, input.objective) {
        (_, Objective::Light) => ((physical / 2).max(1), "half of the cores, the rest for other programs"),
        (TokenTest::Generation, _) => {
            let beside_avatar = physical.saturating_sub(1).max(1);
            (later_rule(physical, logical).min(beside_avatar), "the documented rule, with one core left for the avatar")
        }
        (TokenTest::Prompt, _) => (physical, "prompts are short and use all cores"),
    };
    Choice::by_rule(setting_of(test), threads, format!("{reason}; {}", why_by_rule(runs)))
}
