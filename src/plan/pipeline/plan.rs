//! What `pipeline` will do: which settings, how many turns, beside what. Part of the record.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::cpus::usable_counts;
use super::super::reach::{PlanError, Reach};
use super::arm::{Arm, ArmError, read_recommendation};
use crate::advise::threads::later_rule;
use crate::bridge::{Applies, Target};
use crate::cli::{Beside, PipelineArgs};
use crate::config::WorklyConfig;
use crate::llm::{Conversation, GpuProfile};
use crate::measure::{Delivery, PacedSpec, ReactionError, RenderSpec};
use crate::record::Topology;

/// What the person says, in turn: the messages that the application's own scripts test it with.
const MESSAGES: [&str; 5] =
    ["Bonjour !", "Comment vas-tu ?", "Parle-moi de toi", "Quelle est ta fonction ?", "Merci pour tes réponses"];

/// The system prompt where the configuration has none.
const SYSTEM_PROMPT: &str = "Tu es Kira, une compagne virtuelle attentive et joyeuse. Tu réponds en français, en quelques phrases \
                             simples, et tu montres tes émotions.";

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
    Reach(#[from] PlanError),
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
    pub reach: Reach,
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
    /// Messages that the conversation remembers.
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
        let (mut reach, config) = Reach::resolve(&args.reach)?;
        reach.warnings.extend(config.refusal.as_ref().map(|refusal| {
            format!("{refusal}: the application refuses the file without a message and runs on its defaults, so its own settings are \
                     those of the profile {}", profile_of(&config).name)
        }));
        let batches = reach.dialect.batch.as_ref().is_some_and(|batch| batch.applies == Applies::All);
        let app = Arm::app(profile_of(&config));
        let arm = |text: &str| arm(text, &app, batches, &|app| recommended(app, &config, topology, batches));
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
            system_prompt,
            arms,
            reach,
        })
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

    /// Turns after which the history is full: each adds a question and an answer.
    #[must_use]
    pub fn full_after(&self) -> usize {
        self.context_limit.div_ceil(2)
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
fn recommended(app: Arm, config: &WorklyConfig, topology: &Topology, batches: bool) -> Arm {
    if let Some(values) = &config.performance {
        return app.recommended(values, batches, "the performance section of the configuration".into());
    }
    let (cores, cpus) = usable_counts(topology);
    // The rule takes two threads on a single core; more than may be used only hold each other back.
    let threads = later_rule(cores, cpus).min(cpus);
    let values = Map::from_iter(["n_threads", "n_threads_batch"].map(|key| (key.into(), threads.into())));
    app.recommended(&values, batches, "rules alone: run workly-perf recommend for measured ones".into())
}

fn arm(text: &str, app: &Arm, batches: bool, recommended: &dyn Fn(Arm) -> Arm) -> Result<Arm, ArmError> {
    let (base, changes) = text.split_once(',').unwrap_or((text, ""));
    let (base, changes) = if base.contains('=') { ("app", text) } else { (base, changes) };
    let arm = match base {
        "app" => app.clone(),
        "recommended" => recommended(app.clone()),
        path if Path::new(path).exists() => {
            let source =
                format!("the recommendation in {}", Path::new(path).file_name().unwrap_or_default().to_string_lossy());
            app.clone().recommended(&read_recommendation(Path::new(path))?, batches, source)
        }
        _ => return Err(ArmError::Unknown { text: text.into() }),
    };
    if changes.is_empty() { Ok(arm) } else { arm.changed(text, changes) }
}

/// The commands of a reaction beside the expression: blinking as the configuration has it, and head movements where their values are
/// known, so that the avatar is left as it was found.
fn beside(reach: &Reach, config: &WorklyConfig) -> Vec<(String, Map<String, Value>)> {
    let blink = reach.dialect.probes.applied.as_ref().map(|probe| (probe.command.clone(), probe.switched(reach.blink)));
    let embedded = matches!(reach.target, Target::Embedded(_));
    let default = || embedded.then(|| HEAD_MOVEMENT.iter().map(|(key, value)| ((*key).into(), json!(value))).collect());
    let head = config.head_movement.clone().or_else(default).map(|mut data: Map<String, Value>| {
        data.entry("enabled").or_insert(Value::Bool(true));
        ("set_auto_head_movement".to_owned(), data)
    });
    blink.into_iter().chain(head).collect()
}
