//! The plan of `pipeline`: settings, number of turns, parallel load. Part of the record.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::app_profile::profile_of;
use super::super::bridge_connection::{BridgeConnection, PlanError};
use super::companion_settings::{CompanionSettings, CompanionSettingsError};
use super::in_force::launch_run;
use super::recommended::{MeasuredSettings, read_recommendation, recommended};
use crate::bridge::{BatchEffect, Target};
use crate::cli::{CompetingLoadArg, PipelineArgs};
use crate::config::WorklyConfig;
use crate::llm::{Conversation, GpuProfile};
use crate::measure::{Delivery, PaceSpec, ReactionError, RenderSpec};
use crate::record::{Fact, Topology};

/// The user's messages, in order: those of the application's own test scripts.
const MESSAGES: [&str; 5] =
    ["Bonjour !", "Comment vas-tu ?", "Parle-moi de toi", "Quelle est ta fonction ?", "Merci pour tes réponses"];

/// The system prompt if the configuration has none; cut to the length of the application's own.
const SYSTEM_PROMPT: &str = include_str!("system_prompt.fr.txt");

/// Approximate length of the application's own system prompt, in tokens.
pub(in crate::plan) const SYSTEM_PROMPT_TOKENS: usize = 440;

/// Head movements if the configuration has none; only sent to an embedded bridge.
const HEAD_MOVEMENT: [(&str, f64); 3] = [("min_interval", 3.0), ("max_interval", 8.0), ("max_angle", 15.0)];

/// Maximum number of first turns per set of settings; each needs a fresh context.
const FIRST_TURNS: u32 = 10;

/// Rounds in which model, bridge and render-like load are measured alone and together: the minimum for an interval.
const CONTENTION_ROUNDS: u32 = 6;

/// Side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PipelineSide {
    /// The settings before.
    Before,
    /// The settings after.
    After,
}

impl PipelineSide {
    /// Name in paths.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PipelinePlanError {
    /// The bridge cannot be resolved.
    #[error(transparent)]
    BridgeConnection(#[from] PlanError),
    /// A set of settings is unusable.
    #[error(transparent)]
    Arm(#[from] CompanionSettingsError),
    /// The bridge does not support this delivery of reactions.
    #[error(transparent)]
    Reaction(#[from] ReactionError),
}

/// The plan of a `pipeline` run.
#[derive(Debug, Clone, Serialize)]
pub struct PipelinePlan {
    /// The bridge.
    #[serde(flatten)]
    pub bridge_connection: BridgeConnection,
    /// The settings, with their side of the comparison.
    pub arms: Vec<(PipelineSide, CompanionSettings)>,
    /// Turns per set of settings.
    pub turns: u32,
    /// First turns per set of settings, each in a fresh context.
    pub first_turns: u32,
    /// Time limit for turns and contention together, in seconds.
    pub budget_s: f64,
    /// Memory of an absent GPU to project for, in bytes.
    pub vram_bytes: Option<u64>,
    /// GPU memory to keep free, in bytes.
    pub reserve_bytes: u64,
    /// Tokens per reply.
    pub reply_tokens: u32,
    /// Number of tokens that count as the first words.
    pub first_words: u32,
    /// Exchanges kept in the conversation.
    pub context_limit: usize,
    /// Load in parallel to the turns.
    pub render: Option<RenderSpec>,
    /// Load for the contention measurement.
    pub contention_render: RenderSpec,
    /// Rounds of the contention measurement; 0 omits it.
    pub contention_rounds: u32,
    /// Paced speakers in place of the model, one per set of settings.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_texts")]
    pub paced: Vec<PaceSpec>,
    /// Seed of the order.
    pub seed: u64,
    /// The user's messages; their text is built in and the same in every run.
    pub messages: [&'static str; 5],
    /// The system prompt: the user's own is private, so that only its length is recorded.
    #[serde(skip)]
    pub system_prompt: String,
    /// Its length in bytes.
    pub system_prompt_bytes: usize,
    /// Whether it is from the configuration; otherwise it is built in.
    pub system_prompt_by_config: bool,
    /// Commands of a reaction besides the expression.
    pub beside: Vec<(String, Map<String, Value>)>,
}

#[allow(clippy::ptr_arg)] // Signature required by serde.
fn as_texts<S: serde::Serializer>(specs: &[PaceSpec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(specs.iter().map(ToString::to_string))
}

impl PipelinePlan {
    /// Resolves the arguments for a machine. `measured` is what sweeps of it have measured; `fresh_seed` is used where no seed was
    /// given.
    pub fn resolve(
        args: &PipelineArgs,
        topology: &Topology,
        measured: Option<&MeasuredSettings>,
        fresh_seed: u64,
    ) -> Result<Self, PipelinePlanError> {
        let (mut bridge_connection, config) = BridgeConnection::resolve(&args.bridge_connection)?;
        bridge_connection.warnings.extend(config.refusal.as_ref().map(|refusal| {
            format!(
                "{refusal}: the application silently rejects the file and runs on its defaults, so its settings are \
                those of the profile {}",
                profile_of(&config).name
            )
        }));
        let batches = bridge_connection.dialect.batch.as_ref().is_some_and(|batch| batch.applies == BatchEffect::All);
        let count = |fact: &Fact<u64>| fact.value().and_then(|count| u32::try_from(*count).ok());
        let cpus = count(&topology.logical_cpus);
        let app = CompanionSettings::app(profile_of(&config), cpus);
        let reachable: Vec<CompanionSettings> =
            GpuProfile::built_in().iter().map(|profile| CompanionSettings::app(profile, cpus)).collect();
        let arm = |text: &str| {
            let arm = arm(text, &app, &|app| recommended(app, &config, measured, topology))?;
            Ok::<_, CompanionSettingsError>(arm.judged(&app, &reachable))
        };
        let mut arms = vec![(PipelineSide::Before, arm(&args.before)?)];
        if args.after != "none" {
            arms.push((PipelineSide::After, arm(&args.after)?));
        }
        if !batches && arms.iter().any(|(_, arm)| arm.reaction == Delivery::Batch) {
            return Err(ReactionError::NoBatches { dialect: bridge_connection.dialect.name.clone() }.into());
        }
        let system_prompt = config.system_prompt.clone().unwrap_or_else(|| SYSTEM_PROMPT.into());
        Ok(Self {
            beside: beside(&bridge_connection, &config),
            turns: args.turns,
            first_turns: args.turns.min(FIRST_TURNS),
            budget_s: args.budget.as_secs_f64(),
            vram_bytes: args.vram.map(|size| size.bytes),
            reserve_bytes: args.reserve.bytes,
            reply_tokens: args.reply_tokens,
            first_words: args.first_words,
            context_limit: config.context_limit.unwrap_or(Conversation::CONTEXT_LIMIT),
            render: (args.under_load == CompetingLoadArg::Render).then_some(args.render),
            contention_render: args.render,
            contention_rounds: if args.no_contention { 0 } else { CONTENTION_ROUNDS },
            paced: args.paced.clone(),
            seed: args.seed.unwrap_or(fresh_seed),
            messages: MESSAGES,
            system_prompt_bytes: system_prompt.len(),
            system_prompt_by_config: config.system_prompt.is_some(),
            system_prompt,
            arms,
            bridge_connection,
        })
    }

    /// Cuts a built-in system prompt at a word boundary to the token count of the application's own, since vocabularies
    /// differ. `tokens` counts the tokens of a text.
    pub fn fit_system_prompt(&mut self, tokens: impl Fn(&str) -> usize) {
        if self.system_prompt_by_config {
            return;
        }
        let prompt = &self.system_prompt;
        let spaces = prompt.char_indices().filter(|(_, letter)| letter.is_whitespace()).map(|(at, _)| at);
        let ends: Vec<usize> = spaces.chain([prompt.len()]).collect();
        let fitting = ends.partition_point(|end| tokens(&prompt[..*end]) <= SYSTEM_PROMPT_TOKENS);
        self.system_prompt.truncate(ends[fitting.saturating_sub(1)]);
        self.system_prompt_bytes = self.system_prompt.len();
    }

    /// The settings of one side.
    #[must_use]
    pub fn arm(&self, side: PipelineSide) -> Option<&CompanionSettings> {
        self.arms.iter().find(|(other, _)| *other == side).map(|(_, arm)| arm)
    }

    /// Index of one side's settings.
    #[must_use]
    pub fn place(&self, side: PipelineSide) -> Option<usize> {
        self.arms.iter().position(|(other, _)| *other == side)
    }

    /// Number of turns after which the history is full; each adds an exchange.
    #[must_use]
    pub fn full_after(&self) -> usize {
        self.context_limit
    }

    /// The conversation before its first turn.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        Conversation::new(self.system_prompt.clone(), self.context_limit)
    }

    /// The user's message in that turn.
    #[must_use]
    pub fn message(&self, turn: u32) -> &'static str {
        self.messages[turn as usize % self.messages.len()]
    }
}

fn arm(
    text: &str,
    app: &CompanionSettings,
    recommended: &dyn Fn(CompanionSettings) -> CompanionSettings,
) -> Result<CompanionSettings, CompanionSettingsError> {
    let (base, changes) = text.split_once(',').unwrap_or((text, ""));
    let (base, changes) = if base.contains('=') { ("app", text) } else { (base, changes) };
    let arm = match base {
        "app" => app.clone(),
        "recommended" => recommended(app.clone()),
        path if Path::new(path).exists() => {
            if let Some(run) = launch_run(Path::new(path)) {
                let fault = |detail| CompanionSettingsError::NoParameters { path: path.into(), detail };
                let arm = app.clone().measured(&run).map_err(fault)?;
                return if changes.is_empty() { Ok(arm) } else { arm.changed(text, changes) };
            }
            let source =
                format!("the recommendation in {}", Path::new(path).file_name().unwrap_or_default().to_string_lossy());
            app.clone().recommended(&read_recommendation(Path::new(path))?, source)
        }
        _ => return Err(CompanionSettingsError::Unknown { text: text.into() }),
    };
    if changes.is_empty() { Ok(arm) } else { arm.changed(text, changes) }
}

/// Commands besides the expression: blinking as configured, and head movements if their values are known, so that the
/// avatar's state is preserved.
fn beside(bridge_connection: &BridgeConnection, config: &WorklyConfig) -> Vec<(String, Map<String, Value>)> {
    let blink = bridge_connection
        .dialect
        .probes
        .applied
        .as_ref()
        .map(|probe| (probe.command.clone(), probe.switched(bridge_connection.blink)));
    let embedded = matches!(bridge_connection.target, Target::Embedded(_));
    let default = || embedded.then(|| HEAD_MOVEMENT.iter().map(|(key, value)| ((*key).into(), json!(value))).collect());
    let head = config.head_movement.clone().or_else(default).map(|mut data: Map<String, Value>| {
        data.entry("enabled").or_insert(Value::Bool(true));
        ("set_auto_head_movement".to_owned(), data)
    });
    blink.into_iter().chain(head).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> PipelinePlan {
        let words = "workly-perf pipeline --bridge embedded".split(' ').chain(line.split_whitespace());
        let Command::Pipeline(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not pipeline") };
        PipelinePlan::resolve(&args, &crate::host::topology(), None, 1).unwrap()
    }

    #[test]
    fn system_prompt_has_the_applications_length_in_any_vocabulary() {
        let mut plan = plan("");
        let whole = plan.system_prompt.clone();
        // A vocabulary with two letters per token, and one with ten.
        plan.fit_system_prompt(|text| text.len() / 2);
        assert!((860..=882).contains(&plan.system_prompt_bytes), "{}", plan.system_prompt_bytes);
        assert!(whole.starts_with(&plan.system_prompt) && plan.system_prompt.len() == plan.system_prompt_bytes);
        plan.system_prompt = whole.clone();
        plan.fit_system_prompt(|text| text.len() / 10);
        assert_eq!(plan.system_prompt, whole, "text is never added");
        let mut own = PipelinePlan { system_prompt_by_config: true, ..plan };
        own.fit_system_prompt(str::len);
        assert_eq!(own.system_prompt, whole, "the user's own prompt is not cut");
    }

    #[test]
    fn applications_context_limit_counts_exchanges() {
        let plan = plan("");
        assert_eq!((plan.context_limit, plan.full_after()), (10, 10));
    }
}
