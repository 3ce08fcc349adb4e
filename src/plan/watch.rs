//! The plan of `watch`: what is read, how often, and by which rules. Part of the record.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::shared::DEFAULT_CONFIG;
use crate::advise::watch::{WatchRules, WatchRulesError};
use crate::cli::{GpuArg, WatchArgs};

/// Default time that a device is kept filled, in seconds.
const HOLD_S: f64 = 20.0;

/// The plan of a `watch` run.
#[derive(Debug, Clone, Serialize)]
pub struct WatchPlan {
    /// Seconds between readings.
    pub interval_s: f64,
    /// Seconds until it ends by itself; `None` means until it is stopped.
    pub duration_s: Option<f64>,
    /// The GPU to watch; `None` means the one with the most memory.
    #[serde(serialize_with = "as_address")]
    pub gpu: Option<GpuArg>,
    /// The named processes.
    pub processes: Vec<String>,
    /// The rules.
    pub rules: WatchRules,
    /// The configuration to change on a new state. Not recorded, since it is a path on this machine.
    #[serde(skip)]
    pub apply: Option<PathBuf>,
    /// Whether there is one.
    pub applies: bool,
    /// The device to fill.
    pub saturate: Option<SaturatePlan>,
}

/// A device to fill.
#[derive(Debug, Clone, Serialize)]
pub struct SaturatePlan {
    /// Target in percent.
    pub percent: f64,
    /// How long to hold it, in seconds.
    pub hold_s: f64,
    /// ggml's name of the device; `None` means the first GPU.
    pub device: Option<String>,
    /// For main memory: the size of the GPU that it represents, in bytes.
    pub card_bytes: u64,
}

/// Why a watch cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum WatchPlanError {
    /// The rules are neither built in nor a readable file.
    #[error("cannot read the watch rules {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The rules are invalid.
    #[error("{}: {source}", path.display())]
    Rules {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: WatchRulesError,
    },
}

impl WatchPlan {
    /// Resolves the arguments.
    pub fn resolve(args: &WatchArgs) -> Result<Self, WatchPlanError> {
        let hold_s = args.duration.map_or(HOLD_S, |duration| duration.as_secs_f64());
        Ok(Self {
            interval_s: args.interval.as_secs_f64(),
            duration_s: args.duration.filter(|_| args.saturate.is_none()).map(|duration| duration.as_secs_f64()),
            gpu: args.gpu,
            processes: args.process.clone(),
            rules: rules(&args.rules)?,
            apply: args.apply.then(|| args.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into())),
            applies: args.apply,
            saturate: args.saturate.map(|percent| SaturatePlan {
                percent,
                hold_s,
                device: args.device.clone(),
                card_bytes: args.card,
            }),
        })
    }
}

/// The built-in rules of that name, otherwise those in that file.
fn rules(named: &str) -> Result<WatchRules, WatchPlanError> {
    if let Some(rules) = WatchRules::built_in().iter().find(|rules| rules.name == named) {
        return Ok(rules.clone());
    }
    let path = Path::new(named);
    let text = std::fs::read_to_string(path).map_err(|source| WatchPlanError::Read { path: path.into(), source })?;
    WatchRules::parse(&text).map_err(|source| WatchPlanError::Rules { path: path.into(), source })
}

#[allow(clippy::ref_option)] // Signature required by serde.
fn as_address<S: serde::Serializer>(gpu: &Option<GpuArg>, serializer: S) -> Result<S::Ok, S::Error> {
    match gpu {
        None => serializer.serialize_none(),
        Some(GpuArg { index, part: None }) => serializer.collect_str(index),
        Some(GpuArg { index, part: Some(part) }) => serializer.collect_str(&format_args!("{index}.{part}")),
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // Thresholds are compared as written.
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> Result<WatchPlan, WatchPlanError> {
        let cli = Cli::try_parse_from(["workly-perf", "watch"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Watch(args) = cli.command else { panic!("{line} is watch") };
        WatchPlan::resolve(&args)
    }

    #[test]
    fn saturation_has_the_duration_of_a_watch() {
        let watch = plan("--for 5s --gpu 0.1").unwrap();
        assert_eq!(
            (watch.duration_s, watch.saturate.is_none(), watch.rules.name.as_str()),
            (Some(5.0), true, "steady")
        );
        assert_eq!(serde_json::to_value(&watch).unwrap()["gpu"], "0.1");
        let full = plan("--saturate 90% --for 5s").unwrap();
        assert_eq!((full.duration_s, full.saturate.map(|saturate| saturate.hold_s)), (None, Some(5.0)));
        assert_eq!(plan("--saturate 90%").unwrap().saturate.unwrap().hold_s, 20.0);
    }

    #[test]
    fn rules_are_loaded_by_name_or_from_a_file() {
        assert_eq!(plan("--rules documented").unwrap().rules.stay_s, 0.0);
        assert!(matches!(plan("--rules no/such.toml"), Err(WatchPlanError::Read { .. })));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "name = 'mine'").unwrap();
        let error = plan(&format!("--rules {}", file.path().display())).unwrap_err();
        assert!(matches!(error, WatchPlanError::Rules { .. }), "{error}");
    }
}
