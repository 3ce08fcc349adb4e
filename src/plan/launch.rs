//! The plan of `launch`: which settings apply, and what is recorded.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::launched_app::{ContextLimits, LaunchedApp};
use super::settings::performance_section;
use super::shared::DEFAULT_CONFIG;
use crate::advise::{Recommendation, Setting};
use crate::cli::LaunchArgs;
use crate::config::{ConfigError, WorklyConfig};
use crate::record::Priority;

/// Schema version of the settings file.
const SETTINGS_SCHEMA: &str = "1.0";

/// Keys of the section that are not arguments of `Llama`.
const OWN_KEYS: [Setting; 2] = [Setting::Priority, Setting::WaitPolicy];

/// The OpenMP variable for llama.cpp's threads, and the value that lets waiting threads sleep.
const WAIT_POLICY: (&str, &str) = ("OMP_WAIT_POLICY", "passive");

/// Origin of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingsOrigin {
    /// The section `performance` of a configuration.
    Configuration,
    /// A recommendation.
    Recommendation,
    /// No settings.
    None,
}

/// Settings as found.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchSettings {
    /// Their origin.
    pub source: SettingsOrigin,
    /// The section `performance`.
    pub section: Map<String, Value>,
    /// What the configuration says about the application.
    pub app: LaunchedApp,
}

impl LaunchSettings {
    /// No settings.
    #[must_use]
    pub fn none() -> Self {
        Self { source: SettingsOrigin::None, section: Map::new(), app: LaunchedApp::default() }
    }

    /// The settings of a recommendation, for the application that these arguments start.
    #[must_use]
    pub fn of(recommendation: &Recommendation, args: &LaunchArgs) -> Self {
        // A fault in a configuration that was not requested does not affect the recommendation.
        let app = Self::of_configuration(args).map(|found| found.app).unwrap_or_default();
        Self { source: SettingsOrigin::Recommendation, section: performance_section(recommendation), app }
    }

    /// Like [`LaunchSettings::of_configuration`], with a warning instead of an error: a faulty configuration must not
    /// keep the program from starting.
    #[must_use]
    pub fn configured(args: &LaunchArgs) -> (Self, Option<String>) {
        if args.no_settings {
            return (Self::none(), None);
        }
        match Self::of_configuration(args) {
            Err(error) => (Self::none(), Some(format!("the program runs without the settings: {error}"))),
            Ok(found) if found.source == SettingsOrigin::None => {
                let warning = "no configuration with a section performance was found: only TCP_NODELAY is set; workly-perf apply \
                               writes the section";
                (found, Some(warning.into()))
            }
            Ok(found) => (found, None),
        }
    }

    /// The settings of the given configuration, or of the one in its default location: here, or next to the script to
    /// start. Empty if no configuration has any.
    ///
    /// # Errors
    /// A configuration that cannot be read.
    pub fn of_configuration(args: &LaunchArgs) -> Result<Self, ConfigError> {
        let usual = || {
            let beside = script(&args.command).and_then(Path::parent).map(|folder| folder.join(DEFAULT_CONFIG));
            [Some(PathBuf::from(DEFAULT_CONFIG)), beside].into_iter().flatten().find(|path| path.is_file())
        };
        let Some(path) = args.config.clone().or_else(usual) else { return Ok(Self::none()) };
        let config = WorklyConfig::read(&path)?;
        let app = LaunchedApp::of(&path, &config);
        Ok(match config.performance {
            Some(section) => Self { source: SettingsOrigin::Configuration, section, app },
            None => Self { app, ..Self::none() },
        })
    }
}

/// The first script on a command line.
fn script(command: &[std::ffi::OsString]) -> Option<&Path> {
    let is_script = |path: &&Path| {
        path.extension()
            .and_then(OsStr::to_str)
            .is_some_and(|kind| ["py", "pyw"].map(str::to_owned).contains(&kind.to_lowercase()))
    };
    command.iter().map(Path::new).find(is_script)
}

/// The plan of `launch` without the command itself, which is private and not recorded.
#[derive(Debug, Clone, Serialize)]
pub struct LaunchPlan {
    /// Origin of the settings.
    pub source: SettingsOrigin,
    /// The requested settings, without those left out.
    pub settings: Map<String, Value>,
    /// Their provenance as written by `apply`.
    #[serde(skip)]
    provenance: Option<Value>,
    /// Keys that are left out.
    pub left_out: Vec<&'static str>,
    /// What the configuration says about the application.
    #[serde(skip)]
    pub app: LaunchedApp,
    /// File name of the model for which the settings are meant; `None` for any.
    pub model_file: Option<String>,
    /// Limits within which a setting may change the context.
    pub limits: ContextLimits,
    /// Priority of the model's threads.
    pub priority: Priority,
    /// Whether connections to the bridge get `TCP_NODELAY`.
    pub nodelay: bool,
    /// Whether messages to Unity are recorded.
    pub tap: bool,
    /// The avatar's process, by ID or name; `None` means a process built with Unity.
    pub scene: Option<String>,
    /// How long calls are recorded.
    #[serde(rename = "measure_s", serialize_with = "as_seconds")]
    pub measure: Option<Duration>,
}

impl LaunchPlan {
    /// Combines the arguments with the settings found.
    #[must_use]
    pub fn resolve(args: &LaunchArgs, found: LaunchSettings) -> Self {
        let LaunchSettings { source, section: mut settings, app } = found;
        let left_out = args.without.keys();
        let provenance = settings.shift_remove("provenance");
        settings.retain(|key, _| !left_out.contains(&key.as_str()));
        let word = settings.get(Setting::Priority.key()).and_then(Value::as_str);
        let priority = Priority::ALL.into_iter().find(|priority| word == Some(priority.name())).unwrap_or_default();
        Self {
            source,
            settings,
            provenance,
            model_file: app.model_file(),
            limits: ContextLimits { n_ctx_min: app.n_ctx_min, n_ctx_max: None },
            app,
            priority,
            nodelay: !args.no_settings && !left_out.contains(&"nodelay"),
            left_out,
            tap: args.tap,
            scene: args.scene.clone(),
            measure: args.measure,
        }
    }

    /// The environment variable to set for the child if waiting threads should sleep.
    #[must_use]
    pub fn wait_policy(&self) -> Option<(&'static str, &'static str)> {
        (self.settings.get(Setting::WaitPolicy.key())? == WAIT_POLICY.1).then_some(WAIT_POLICY)
    }

    /// The same plan with the longest context that the model and free memory allow.
    #[must_use]
    pub fn with_longest_context(mut self, tokens: Option<u64>) -> Self {
        self.limits.n_ctx_max = tokens;
        self
    }

    /// The shim's settings file.
    #[must_use]
    pub fn settings_file(&self, tap_port: Option<u16>, calls: Option<&Path>) -> Value {
        let mut performance = self.settings.clone();
        for key in OWN_KEYS {
            performance.shift_remove(key.key());
        }
        performance.extend(self.provenance.clone().map(|provenance| ("provenance".to_owned(), provenance)));
        let mut file = json!({
            "schema": SETTINGS_SCHEMA,
            "performance": performance,
            "bridge": {"nodelay": self.nodelay, "tap_port": tap_port},
            "model_file": self.model_file,
            "limits": self.limits,
            "measure": calls.map(|path| path.to_string_lossy()),
        });
        file["priority"] = match self.priority {
            Priority::Normal => Value::Null,
            Priority::Low => json!({"scope": "llama", "nice": 10, "policy": "nice"}),
            Priority::Idle => json!({"scope": "llama", "nice": 19, "policy": "idle"}),
        };
        file
    }
}

#[allow(clippy::ref_option)] // Signature required by serde.
fn as_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(line: &str) -> LaunchArgs {
        let words =
            ["workly-perf", "launch"].into_iter().chain(line.split_whitespace()).chain(["--", "python", "main.py"]);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Launch(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn plan(line: &str, section: &Value) -> LaunchPlan {
        let section = section.as_object().unwrap().clone();
        let app = LaunchedApp { model: Some("models/m.gguf".into()), n_ctx_min: Some(900), n_gpu_layers: 0 };
        LaunchPlan::resolve(&args(line), LaunchSettings { source: SettingsOrigin::Configuration, section, app })
    }

    #[test]
    fn settings_file_has_the_shims_keys_only() {
        let section = json!({"n_threads": 1, "n_ctx": 2048, "priority": "low", "wait_policy": "passive",
                             "provenance": {"run": "r"}});
        let first = plan("--no-n-ctx", &section);
        let file = first.settings_file(None, None);
        assert_eq!(file["performance"], json!({"n_threads": 1, "provenance": {"run": "r"}}));
        assert_eq!(file["priority"], json!({"scope": "llama", "nice": 10, "policy": "nice"}));
        assert_eq!((first.wait_policy(), &file["measure"]), (Some(("OMP_WAIT_POLICY", "passive")), &Value::Null));
        let second = plan("--no-priority --no-wait-policy --no-nodelay", &section);
        let file = second.settings_file(Some(5557), Some(Path::new("/c")));
        assert_eq!((&file["priority"], second.wait_policy()), (&Value::Null, None));
        assert_eq!(file["bridge"], json!({"nodelay": false, "tap_port": 5557}));
        assert_eq!(file["measure"], "/c");
    }

    #[test]
    fn settings_file_has_the_model_and_the_context_limits() {
        let first = plan("", &json!({"n_ctx": 1024}));
        let file = first.settings_file(None, None);
        assert_eq!(file["model_file"], "m.gguf");
        assert_eq!(file["limits"], json!({"n_ctx_min": 900, "n_ctx_max": null}));
        let known = first.with_longest_context(Some(4096)).settings_file(None, None);
        assert_eq!(known["limits"], json!({"n_ctx_min": 900, "n_ctx_max": 4096}));
        let none = LaunchPlan::resolve(&args("--no-settings"), LaunchSettings::none()).settings_file(None, None);
        assert_eq!((&none["model_file"], &none["limits"]["n_ctx_min"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn values_of_other_types_are_checked_by_the_shim() {
        let odd = plan("", &json!({"priority": 3, "wait_policy": ["passive"], "n_threads": "x"}));
        assert_eq!((odd.priority, odd.wait_policy()), (Priority::Normal, None));
        assert_eq!(odd.settings_file(None, None)["performance"], json!({"n_threads": "x"}));
        let idle = plan("", &json!({"priority": "idle"}));
        assert_eq!(idle.settings_file(None, None)["priority"]["policy"], "idle");
    }

    #[test]
    fn configuration_next_to_the_script_is_found() {
        let held = tempfile::tempdir().unwrap();
        let folder = held.path().join("my Workly");
        std::fs::create_dir_all(folder.join("data")).unwrap();
        std::fs::write(folder.join("data/config.json"), r#"{"performance": {"n_threads": 3}}"#).unwrap();
        let mut args = args("");
        args.command = vec!["python".into(), "-u".into(), folder.join("main.py").into(), "x.json".into()];
        let found = LaunchSettings::of_configuration(&args).unwrap();
        assert_eq!((found.source, &found.section["n_threads"]), (SettingsOrigin::Configuration, &json!(3)));
    }
}
