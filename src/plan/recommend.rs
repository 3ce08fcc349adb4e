//! The plan of `recommend`: objective, model and settings, and what may be measured.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::settings::objective;
use crate::advise::Objective;
use crate::bridge::Target;
use crate::cli::RecommendArgs;
use crate::config::ConfigFile;
use crate::llm::ModelRef;

/// How thoroughly missing figures are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// In less than a minute with a small model.
    Quick,
    /// Every thread count, with and without a competing load.
    Thorough,
}

/// The current settings of the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurrentSettings {
    /// `ai.gpu_profile`; also `None` if the application rejects the file.
    pub profile: Option<String>,
    /// The section `performance`.
    pub performance: Map<String, Value>,
}

impl CurrentSettings {
    /// The settings of a configuration; empty without one.
    #[must_use]
    pub fn of(config: Option<&ConfigFile>) -> Self {
        let Some(config) = config else { return Self::default() };
        let usable = config.refusal().is_none().then_some(config);
        Self {
            profile: usable.and_then(|config| Some(config.gpu_profile()?.word().to_owned())),
            performance: match config.value(&["performance"]) {
                Some(Value::Object(section)) => section,
                _ => Map::new(),
            },
        }
    }

    /// The thread count written by an earlier recommendation.
    #[must_use]
    pub fn written_threads(&self) -> Option<u32> {
        self.performance.get("n_threads")?.as_u64().and_then(|count| u32::try_from(count).ok())
    }
}

/// The plan of a `recommend` run.
#[derive(Debug, Clone)]
pub struct RecommendPlan {
    /// The objective.
    pub objective: Objective,
    /// How thoroughly missing figures are measured; `None` uses saved runs only.
    pub effort: Option<Effort>,
    /// The named saved runs; empty means all of this machine.
    pub from: Vec<PathBuf>,
    /// The named model.
    pub model: Option<ModelRef>,
    /// The named configuration.
    pub config: Option<PathBuf>,
    /// The named bridge.
    pub bridge: Option<Target>,
    /// GPU memory to recommend for, in bytes; 0 means no GPU, `None` this machine's GPU.
    pub vram_bytes: Option<u64>,
    /// The current settings of the configuration.
    pub current: CurrentSettings,
    /// Whether started commands hide their progress.
    pub quiet_runs: bool,
}

impl RecommendPlan {
    /// Resolves the arguments together with the configuration that was read.
    #[must_use]
    pub fn resolve(args: &RecommendArgs, config: Option<&ConfigFile>, quiet_runs: bool) -> Self {
        Self {
            objective: objective(args.objective),
            effort: match (args.quick, args.thorough) {
                (_, true) => Some(Effort::Thorough),
                _ if args.no_measure || !args.from.is_empty() => None,
                _ => Some(Effort::Quick),
            },
            from: args.from.clone(),
            model: args.model.clone(),
            config: args.config.clone().or_else(|| args.write.clone()),
            bridge: args.bridge.clone(),
            vram_bytes: args.vram,
            current: CurrentSettings::of(config),
            quiet_runs,
        }
    }

    /// Name in the record for what may be measured.
    #[must_use]
    pub fn budget(&self) -> &'static str {
        match self.effort {
            Some(Effort::Quick) => "quick",
            Some(Effort::Thorough) => "thorough",
            None => "saved runs",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str, config: Option<&str>) -> RecommendPlan {
        let cli = Cli::try_parse_from(["workly-perf", "recommend"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Recommend(args) = cli.command else { panic!("{line} is recommend") };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.unwrap_or("{}")).unwrap();
        let config = config.map(|_| ConfigFile::open(file.path()).unwrap());
        RecommendPlan::resolve(&args, config.as_ref(), true)
    }

    #[test]
    fn effort_and_settings_are_resolved() {
        let saved = plan("--no-measure --config here.json --write there.json", None);
        assert_eq!((saved.budget(), saved.config), ("saved runs", Some("here.json".into())));
        let quick = plan("--quick --write there.json --objective fast --vram 6", None);
        assert_eq!((quick.budget(), quick.config), ("quick", Some("there.json".into())));
        assert_eq!((quick.objective, quick.vram_bytes), (Objective::Fast, Some(6 << 30)));
        assert_eq!(plan("--thorough", None).budget(), "thorough");
        assert_eq!(plan("", None).budget(), "quick", "measured unless ruled out");
        assert_eq!(plan("--from a-run", None).budget(), "saved runs");
    }

    #[test]
    fn current_settings_are_those_of_the_configuration() {
        let text = r#"{"ai": {"gpu_profile": "balanced"}, "performance": {"n_threads": 6}}"#;
        let current = plan("", Some(text)).current;
        assert_eq!((current.profile.as_deref(), current.written_threads()), (Some("balanced"), Some(6)));
        let none = plan("", None).current;
        assert_eq!((none.profile.as_deref(), none.written_threads()), (None, None));
        let odd = plan("", Some(r#"{"performance": 3}"#)).current;
        assert_eq!((odd.performance.len(), odd.written_threads()), (0, None));
    }
}
