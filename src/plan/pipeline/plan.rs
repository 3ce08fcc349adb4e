//! What `pipeline` will do: which settings, how many turns, beside what. Part of the record.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::cpus::usable_counts;
use super::super::reach::{BridgeConnection, PlanError};
use super::arm::{Arm, ArmError, read_recommendation};
use crate::advise::threads::later_rule;
use crate::bridge::{Applies, Target};
use crate::cli::{Beside, PipelineArgs};
use crate::config::WorklyConfig;
use crate::llm::{Conversation, GpuProfile};
use crate::measure::{Delivery, PacedSpec, ReactionError, RenderSpec};
use crate::record::{Fact, Topology};

/// What the person says, in turn: the messages that the application's own scripts test it with.
const MESSAGES: [&str; 5] =
    ["Bonjour !", "Comment vas-tu ?", "Parle-moi de toi", "Quelle est ta fonction ?", "Merci pour tes réponses"];

/// The system prompt where the configuration has none; of it, as much as the application's own has.
const SYSTEM_PROMPT: &str = include_str!("system_prompt.fr.txt");

/// Tokens of the application's own system prompt, about.
const SYSTEM_PROMPT_TOKENS: usize = 440;

/// Head movements where the configuration says nothing of them: only an embedded bridge is sent these.
const HEAD_MOVEMENT: [(&str, f64); 3] = [("min_interval", 3.0), ("max_interval", 8.0), ("max_angle", 15.0)];

/// The most first turns that are taken with each set of settings: every one needs a context of its own.
const FIRST_TURNS: u32 = 10;

/// Rounds in which model, bridge and render load are measured alone and together: the fewest that carry an interval.
const CONTENTION_ROUNDS: u32 = 6;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The settings before.
    Before,
    /// The settings after.
    After,
}

impl Side {
    /// Its word in paths.
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
    Arm(#[from] ArmError),
    /// The bridge cannot be sent reactions in that way.
    #[error(transparent)]
    Reaction(#[from] ReactionError),
}

/// Everything that `pipeline` will do.
#[derive(Debug, Clone, Serialize)]
pub struct PipelinePlan {
    /// The bridge.
    #[serde(flatten)]
    pub reach: BridgeConnection,
    /// The settings, and what they are to be compared with.
    pub arms: Vec<(Side, Arm)>,
    /// Turns with each.
    pub turns: u32,
    /// First turns with each, in a fresh context.
    pub first_turns: u32,
    /// The longest that turns and contention may take together, in seconds.
    pub budget_s: f64,
    /// A card that is not here, in bytes, for which memory is foreseen.
    pub vram_bytes: Option<u64>,
    /// What is to stay free of a card, in bytes.
    pub reserve_bytes: u64,
    /// Tokens of a reply.
    pub reply_tokens: u32,
    /// Tokens that count as the first words.
    pub first_words: u32,
    /// Exchanges that the conversation remembers: questions with their answers.
    pub context_limit: usize,
    /// The load beside the turns.
    pub render: Option<RenderSpec>,
    /// The load that contention is measured with.
    pub contention_render: RenderSpec,
    /// Rounds of the contention; 0 leaves it out.
    pub contention_rounds: u32,
    /// Stand-ins in place of the model, for each set of settings.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_texts")]
    pub paced: Vec<PacedSpec>,
    /// Seed of the order.
    pub seed: u64,
    /// What the person says; their text is the plan's own and the same in every run.
    pub messages: [&'static str; 5],
    /// The system prompt: private where it is the user's own, so that the record keeps its length alone.
    #[serde(skip)]
    pub system_prompt: String,
    /// Its length in bytes.
    pub system_prompt_bytes: usize,
    /// Whether the configuration has one; otherwise it is ours.
    pub system_prompt_by_config: bool,
    /// Commands of a reaction beside the expression.
    pub beside: Vec<(String, Map<String, Value>)>,
}

#[allow(clippy::ptr_arg)] // serde hands over references to what the field is.
fn as_texts<S: serde::Serializer>(specs: &[PacedSpec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(specs.iter().map(ToString::to_string))
}

impl PipelinePlan {
    /// Resolves the arguments for a machine. `fresh_seed` is used where none was given.
    pub fn resolve(args: &PipelineArgs, topology: &Topology, fresh_seed: u64) -> Result<Self, PipelinePlanError> {
        let (mut reach, config) = BridgeConnection::resolve(&args.reach)?;
        reach.warnings.extend(config.refusal.as_ref().map(|refusal| {
            format!(
                "{refusal}: the application silently rejects the file and runs on its defaults, so its settings are \
                those of the profile {}",
                profile_of(&config).name
            )
        }));
        let batches = reach.dialect.batch.as_ref().is_some_and(|batch| batch.applies == Applies::All);
        let count = |fact: &Fact<u64>| fact.value().and_then(|count| u32::try_from(*count).ok());
        let cpus = count(&topology.logical_cpus);
        let app = Arm::app(profile_of(&config), cpus);
        let reachable: Vec<Arm> = GpuProfile::built_in().iter().map(|profile| Arm::app(profile, cpus)).collect();
        let arm = |text: &str| {
            let arm = arm(text, &app, &|app| recommended(app, &config, topology))?;
            Ok::<_, ArmError>(arm.judged(&app, &reachable))
        };
        let mut arms = vec![(Side::Before, arm(&args.before)?)];
        if args.after != "none" {
            arms.push((Side::After, arm(&args.after)?));
        }
        if !batches && arms.iter().any(|(_, arm)| arm.reaction == Delivery::Batch) {
            return Err(ReactionError::NoBatches { dialect: reach.dialect.name.clone() }.into());
        }
        let system_prompt = config.system_prompt.clone().unwrap_or_else(|| SYSTEM_PROMPT.into());
        Ok(Self {
            beside: beside(&reach, &config),
            turns: args.turns,
            first_turns: args.turns.min(FIRST_TURNS),
            budget_s: args.budget.as_secs_f64(),
            vram_bytes: args.vram.map(|size| size.bytes),
            reserve_bytes: args.reserve.bytes,
            reply_tokens: args.reply_tokens,
            first_words: args.first_words,
            context_limit: config.context_limit.unwrap_or(Conversation::CONTEXT_LIMIT),
            render: (args.under_load == Beside::Render).then_some(args.render),
            contention_render: args.render,
            contention_rounds: if args.no_contention { 0 } else { CONTENTION_ROUNDS },
            paced: args.paced.clone(),
            seed: args.seed.unwrap_or(fresh_seed),
            messages: MESSAGES,
            system_prompt_bytes: system_prompt.len(),
            system_prompt_by_config: config.system_prompt.is_some(),
            system_prompt,
            arms,
            reach,
        })
    }

    /// Cuts a system prompt of ours at a word, so that it has as many tokens as the application's own: vocabularies differ. `tokens` counts
    /// those of a text.
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
    pub fn arm(&self, side: Side) -> Option<&Arm> {
        self.arms.iter().find(|(other, _)| *other == side).map(|(_, arm)| arm)
    }

    /// Where in the plan the settings of one side are.
    #[must_use]
    pub fn place(&self, side: Side) -> Option<usize> {
        self.arms.iter().position(|(other, _)| *other == side)
    }

    /// Turns after which the history is full: each adds an exchange.
    #[must_use]
    pub fn full_after(&self) -> usize {
        self.context_limit
    }

    /// The conversation before its first turn.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        Conversation::new(self.system_prompt.clone(), self.context_limit)
    }

    /// What the person says in that turn.
    #[must_use]
    pub fn message(&self, turn: u32) -> &'static str {
        self.messages[turn as usize % self.messages.len()]
    }
}

/// The profile of the configuration, else the first: also where the application refuses the file.
fn profile_of(config: &WorklyConfig) -> &'static GpuProfile {
    let named = config.gpu_profile.as_deref().filter(|_| config.refusal.is_none());
    let named = named.and_then(|name| GpuProfile::built_in().iter().find(|one| one.name == name));
    named.unwrap_or(&GpuProfile::built_in()[0])
}

/// What is recommended where no recommendation was named: what `apply` has written into the configuration, else the thread count of
/// the documents' later rule.
fn recommended(app: Arm, config: &WorklyConfig, topology: &Topology) -> Arm {
    if let Some(values) = &config.performance {
        return app.recommended(values, "the performance section of the configuration".into());
    }
    let (cores, cpus) = usable_counts(topology);
    // The rule takes two threads on a single core; more than may be used only hold each other back.
    let threads = later_rule(cores, cpus).min(cpus);
    let values = Map::from_iter(["n_threads", "n_threads_batch"].map(|key| (key.into(), threads.into())));
    app.recommended(&values, "based only on rules; for measured settings, run workly-perf recommend".into())
}

fn arm(text: &str, app: &Arm, recommended: &dyn Fn(Arm) -> Arm) -> Result<Arm, ArmError> {
    let (base, changes) = text.split_once(',').unwrap_or((text, ""));
    let (base, changes) = if base.contains('=') { ("app", text) } else { (base, changes) };
    let arm = match base {
        "app" => app.clone(),
        "recommended" => recommended(app.clone()),
        path if Path::new(path).exists() => {
            let source =
                format!("the recommendation in {}", Path::new(path).file_name().unwrap_or_default().to_string_lossy());
            app.clone().recommended(&read_recommendation(Path::new(path))?, source)
        }
        _ => return Err(ArmError::Unknown { text: text.into() }),
    };
    if changes.is_empty() { Ok(arm) } else { arm.changed(text, changes) }
}

/// The commands of a reaction beside the expression: blinking as the configuration has it, and head movements where their values are
/// known, so that the avatar is left as it was found.
fn beside(reach: &BridgeConnection, config: &WorklyConfig) -> Vec<(String, Map<String, Value>)> {
    let blink = reach.dialect.probes.applied.as_ref().map(|probe| (probe.command.clone(), probe.switched(reach.blink)));
    let embedded = matches!(reach.target, Target::Embedded(_));
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
        PipelinePlan::resolve(&args, &crate::host::topology(), 1).unwrap()
    }

    #[test]
    fn the_system_prompt_is_as_long_as_the_application_s_in_any_vocabulary() {
        let mut plan = plan("");
        let whole = plan.system_prompt.clone();
        // A vocabulary of two letters a token, and one of ten.
        plan.fit_system_prompt(|text| text.len() / 2);
        assert!((860..=882).contains(&plan.system_prompt_bytes), "{}", plan.system_prompt_bytes);
        assert!(whole.starts_with(&plan.system_prompt) && plan.system_prompt.len() == plan.system_prompt_bytes);
        plan.system_prompt = whole.clone();
        plan.fit_system_prompt(|text| text.len() / 10);
        assert_eq!(plan.system_prompt, whole, "nothing is made up");
        let mut own = PipelinePlan { system_prompt_by_config: true, ..plan };
        own.fit_system_prompt(str::len);
        assert_eq!(own.system_prompt, whole, "the user's own is not cut");
    }

    #[test]
    fn the_application_s_context_limit_counts_exchanges() {
        let plan = plan("");
        assert_eq!((plan.context_limit, plan.full_after()), (10, 10));
    }
}
