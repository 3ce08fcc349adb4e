//! The plan of `ipc`: which bridge, which cases, how many messages. Part of the record.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::shared::{DEFAULT_CONFIG, as_ms, as_text, read_config};
use crate::bridge::{Ack, DEFAULT_PORT, Dialect, DialectError, Message, Target};
use crate::cli::IpcArgs;
use crate::config::{ConfigError, WorklyConfig};
use crate::measure::Load;

/// Line length of the cases that do not ask about size, in bytes: about what Workly's own commands take.
const BASE_BYTES: usize = 100;

/// Sizes of the whole round: the founding ones, and those around the stock bridge's 4,096-byte read.
const SIZES: [usize; 7] = [10, 100, 1_000, 4_095, 4_096, 4_097, 10_000];

/// Loads of the whole round. 50 messages a second leave a 60 fps bridge time between two of them.
const LOADS: [Load; 2] = [Load::Closed, Load::Poisson { rate_per_s: 50.0 }];

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The embedded bridge was told two different things.
    #[error("--dialect {asked} contradicts the embedded bridge's dialect={embedded}")]
    Dialects {
        /// What `--dialect` says.
        asked: String,
        /// What the bridge's own specification says.
        embedded: String,
    },
    /// No dialect has that name.
    #[error(transparent)]
    UnknownDialect(#[from] DialectError),
}

/// What decided on the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FoundBy {
    /// `--bridge`.
    #[serde(rename = "--bridge")]
    Flag,
    /// `unity.host` or `unity.port` of the configuration.
    #[serde(rename = "config")]
    Config,
    /// Nothing said otherwise.
    #[serde(rename = "default")]
    Default,
}

/// One case to measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IpcCase {
    /// Its path: `applied/closed/100B`.
    pub path: String,
    /// What the reply means.
    pub ack: Ack,
    /// When messages are sent.
    pub load: Load,
    /// Line length on the wire, newline included.
    pub size_bytes: usize,
    /// Line length that was asked for; less than `size_bytes` where no command is that short.
    pub asked_bytes: usize,
}

/// Everything that `ipc` will do.
#[derive(Debug, Clone, Serialize)]
pub struct IpcPlan {
    /// The bridge.
    #[serde(serialize_with = "as_text")]
    pub target: Target,
    /// What decided on it.
    pub found_by: FoundBy,
    /// The configuration that was read, if one was.
    pub config: Option<PathBuf>,
    /// What the bridge speaks.
    #[serde(serialize_with = "as_name")]
    pub dialect: &'static Dialect,
    /// Messages a case.
    pub messages: usize,
    /// Warm-up messages a case.
    pub warm_up: usize,
    /// Bound of each wait, in milliseconds.
    #[serde(rename = "timeout_ms", serialize_with = "as_ms")]
    pub timeout: Duration,
    /// Seed of schedules and order.
    pub seed: u64,
    /// Whether the avatar is to blink afterwards, as `avatar.auto_blink.enabled` says.
    pub blink: bool,
    /// Whether a bridge on another machine is allowed.
    pub allow_remote: bool,
    /// The cases, in reading order; the run shuffles them.
    pub cases: Vec<IpcCase>,
    /// What the reader must know about how the plan came about.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over references.
fn as_name<S: Serializer>(dialect: &&'static Dialect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&dialect.name)
}

impl IpcPlan {
    /// Resolves the arguments. `fresh_seed` is used where none was given.
    pub fn resolve(args: &IpcArgs, fresh_seed: u64) -> Result<Self, PlanError> {
        // An embedded bridge needs nothing of the configuration: a broken one is only in the way if it was asked for.
        let (config_path, config) = match (&args.config, &args.bridge) {
            (None, Some(Target::Embedded(_))) => (None, WorklyConfig::default()),
            (given, _) => read_config(given.as_deref())?,
        };
        let (target, found_by) = match &args.bridge {
            Some(target) => (target.clone(), FoundBy::Flag),
            None => bridge_of(&config),
        };
        let dialect = dialect_of(args.dialect.as_deref(), &target)?;
        let mut warnings = Vec::new();
        if config.auto_blink.is_none() && !matches!(target, Target::Embedded(_)) {
            warnings.push(format!(
                "no configuration says whether the avatar blinks ({}): it was left blinking",
                config_path.as_deref().map_or(DEFAULT_CONFIG.into(), |path| path.display().to_string()),
            ));
        }
        let blink = config.auto_blink.unwrap_or(true);
        let mut plan = Self {
            target,
            found_by,
            config: config_path,
            dialect,
            messages: args.messages as usize,
            warm_up: args.warmup as usize,
            timeout: args.timeout,
            seed: args.seed.unwrap_or(fresh_seed),
            blink,
            allow_remote: args.allow_remote,
            cases: Vec::new(),
            warnings,
        };
        plan.add_cases(args);
        Ok(plan)
    }

    fn add_cases(&mut self, args: &IpcArgs) {
        let whole_round = args.load.is_empty();
        let loads = if whole_round { &LOADS[..] } else { &args.load };
        for ack in [Ack::Received, Ack::Applied] {
            for &load in loads {
                self.add_case(ack, load, BASE_BYTES);
            }
        }
        let sizes = if args.sizes.is_empty() && whole_round { &SIZES[..] } else { &args.sizes };
        // The frame would drown what size costs, and so would arrivals far apart: sizes are compared on the received
        // round trip, closed loop, unless other loads were asked for.
        let loads = if whole_round { &LOADS[..1] } else { &args.load };
        for &load in loads {
            for &size in sizes {
                self.add_case(Ack::Received, load, size);
            }
        }
    }

    fn add_case(&mut self, ack: Ack, load: Load, asked_bytes: usize) {
        let size_bytes = self.message(ack, asked_bytes).size_bytes();
        let path = format!("{ack}/{load}/{size_bytes}B");
        if self.cases.iter().all(|case| case.path != path) {
            self.cases.push(IpcCase { path, ack, load, size_bytes, asked_bytes });
        }
    }

    /// The message of a case: harmless, and brought to its size.
    #[must_use]
    pub fn message(&self, ack: Ack, size_bytes: usize) -> Message {
        Message::of(self.dialect.probe(ack), self.blink, self.dialect.ids, size_bytes)
    }

    /// The messages that leave the avatar as it was found, each with its command.
    pub fn restoring(&self) -> impl Iterator<Item = (&str, Message)> {
        let message = |probe| Message::of(probe, self.blink, self.dialect.ids, 0);
        self.dialect.restore.iter().map(move |probe| (probe.command.as_str(), message(probe)))
    }
}

fn bridge_of(config: &WorklyConfig) -> (Target, FoundBy) {
    let found_by = match (&config.unity_host, config.unity_port) {
        (None, None) => FoundBy::Default,
        _ => FoundBy::Config,
    };
    let host = config.unity_host.clone().unwrap_or_else(|| "127.0.0.1".into());
    (Target::Remote { host, port: config.unity_port.unwrap_or(DEFAULT_PORT) }, found_by)
}

fn dialect_of(asked: Option<&str>, target: &Target) -> Result<&'static Dialect, PlanError> {
    match (asked.map(Dialect::named).transpose()?, target) {
        (Some(asked), Target::Embedded(spec)) if asked.name != spec.dialect.name => {
            Err(PlanError::Dialects { asked: asked.name.clone(), embedded: spec.dialect.name.clone() })
        }
        (None, Target::Embedded(spec)) => Ok(spec.dialect),
        (Some(asked), _) => Ok(asked),
        (None, Target::Remote { .. }) => Ok(Dialect::stock()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> Result<IpcPlan, PlanError> {
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        IpcPlan::resolve(&args, 42)
    }

    fn paths(line: &str) -> Vec<String> {
        plan(line).unwrap().cases.into_iter().map(|case| case.path).collect()
    }

    #[test]
    fn the_whole_round_has_both_acks_both_loads_and_the_sizes() {
        let expected = [
            "received/closed/100B",
            "received/poisson:50/100B",
            "applied/closed/100B",
            "applied/poisson:50/100B",
            "received/closed/73B",
            "received/closed/1000B",
            "received/closed/4095B",
            "received/closed/4096B",
            "received/closed/4097B",
            "received/closed/10000B",
        ];
        assert_eq!(paths("--bridge embedded"), expected);
        let smallest = &plan("--bridge embedded").unwrap().cases[4];
        assert_eq!((smallest.asked_bytes, smallest.size_bytes), (10, 73));
    }

    #[test]
    fn a_given_load_is_the_only_one_and_sizes_follow_it() {
        assert_eq!(paths("--bridge embedded --load fixed:10"), ["received/fixed:10/100B", "applied/fixed:10/100B"]);
        assert_eq!(
            paths("--bridge embedded --load closed --load closed --sizes 200,100"),
            ["received/closed/100B", "applied/closed/100B", "received/closed/200B"]
        );
    }

    #[test]
    fn the_bridge_comes_from_the_flag_then_the_configuration_then_the_default() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |text: &str, more: &str| {
            std::fs::write(file.path(), text).unwrap();
            let plan = plan(&format!("--config {} {more}", file.path().display())).unwrap();
            (plan.target.to_string(), plan.found_by, plan.blink)
        };
        let config = r#"{"unity": {"port": 6000}, "avatar": {"auto_blink": {"enabled": false}}}"#;
        assert_eq!(with(config, ""), ("127.0.0.1:6000".into(), FoundBy::Config, false));
        assert_eq!(with(config, "--bridge [::1]:7000"), ("[::1]:7000".into(), FoundBy::Flag, false));
        assert_eq!(with("{}", ""), ("127.0.0.1:5555".into(), FoundBy::Default, true));
    }

    #[test]
    fn the_dialect_is_the_bridge_s_own_unless_said() {
        let dialect = |line: &str| plan(line).map(|plan| plan.dialect.name.as_str());
        assert_eq!(dialect("--bridge 127.0.0.1:1").unwrap(), "stock");
        assert_eq!(dialect("--bridge 127.0.0.1:1 --dialect instrumented").unwrap(), "instrumented");
        assert_eq!(dialect("--bridge embedded:dialect=instrumented").unwrap(), "instrumented");
        let both = dialect("--bridge embedded --dialect instrumented");
        assert!(matches!(both, Err(PlanError::Dialects { .. })));
    }
}
