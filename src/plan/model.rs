//! Which model a command uses: that of the flag, otherwise that of Workly's configuration.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::shared::read_config;
use crate::config::{ConfigError, WorklyConfig};
use crate::llm::{CacheError, ModelRef, fetched_file};

/// Folder of Workly's configuration, inside its own.
const DATA_FOLDER: &str = "data";

/// Origin of the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ModelOrigin {
    /// `--model`.
    #[serde(rename = "--model")]
    Flag,
    /// `ai.model_path` of the configuration.
    #[serde(rename = "config")]
    Config,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelChoiceError {
    /// The file does not exist.
    #[error("there is no model at {}{}", path.display(), match found_by {
        ModelOrigin::Flag => "",
        ModelOrigin::Config => " (ai.model_path of the configuration)",
    })]
    Missing {
        /// Expected path.
        path: PathBuf,
        /// Where the path came from.
        found_by: ModelOrigin,
    },
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is a published model that has not been fetched.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Neither the command line nor a configuration names a model.
    #[error("no model is given: {}", match config {
        Some(path) => format!("{} has no ai.model_path", path.display()),
        None => "there is no configuration with one".to_owned(),
    })]
    NotNamed {
        /// The configuration that was read, if any.
        config: Option<PathBuf>,
    },
}

/// The chosen model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelChoice {
    /// The model. The file of a [`ModelRef::File`] or [`ModelRef::Published`] existed when the choice was made.
    pub model: ModelRef,
    /// Origin of the choice.
    pub found_by: ModelOrigin,
}

impl ModelChoice {
    /// The model of `flag`, otherwise of the configuration at `config`, otherwise of the one in its default location.
    /// With a flag, no configuration is read.
    pub fn find(flag: Option<&ModelRef>, config: Option<&Path>) -> Result<Self, ModelChoiceError> {
        let (path, config) = if flag.is_some() { (None, WorklyConfig::default()) } else { read_config(config)? };
        Self::resolve(flag, path.as_deref(), &config)
    }

    /// The model of `flag`, otherwise of the configuration read from `config_path`.
    pub fn resolve(
        flag: Option<&ModelRef>,
        config_path: Option<&Path>,
        config: &WorklyConfig,
    ) -> Result<Self, ModelChoiceError> {
        let choice = match (flag, config_path, &config.model_path) {
            (Some(model), _, _) => Self { model: model.clone(), found_by: ModelOrigin::Flag },
            (None, Some(config_path), Some(model)) => {
                let path = application_folder(config_path).join(model);
                Self { model: ModelRef::File(path), found_by: ModelOrigin::Config }
            }
            (None, config_path, _) => {
                return Err(ModelChoiceError::NotNamed { config: config_path.map(Path::to_owned) });
            }
        };
        match &choice.model {
            ModelRef::File(path) if !path.exists() => {
                Err(ModelChoiceError::Missing { path: path.clone(), found_by: choice.found_by })
            }
            ModelRef::Published(model) => {
                fetched_file(model)?;
                Ok(choice)
            }
            _ => Ok(choice),
        }
    }
}

/// The base folder of relative paths in a configuration: the parent of `data`, or the configuration's own folder
/// elsewhere.
pub(super) fn application_folder(config: &Path) -> PathBuf {
    // A relative path, as from within `data`, would not show the folder.
    let full = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    let folder = full.parent().unwrap_or(Path::new(""));
    match (folder.file_name(), folder.parent()) {
        (Some(name), Some(above)) if name == DATA_FOLDER => above.to_owned(),
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_path_is_relative_to_the_application_folder() {
        let app = tempfile::tempdir().unwrap();
        let config_path = app.path().join("data").join("config.json");
        let config = WorklyConfig { model_path: Some("models/m.gguf".into()), ..WorklyConfig::default() };
        let resolve = || ModelChoice::resolve(None, Some(&config_path), &config);
        let expected = app.path().join("models").join("m.gguf");
        let missing = resolve().unwrap_err().to_string();
        assert!(missing.contains("m.gguf") && missing.contains("ai.model_path"), "{missing}");
        std::fs::create_dir(app.path().join("models")).unwrap();
        std::fs::write(&expected, "").unwrap();
        let choice = resolve().unwrap();
        assert_eq!(choice, ModelChoice { model: ModelRef::File(expected.clone()), found_by: ModelOrigin::Config });
        let absolute = WorklyConfig { model_path: Some(expected), ..WorklyConfig::default() };
        assert_eq!(ModelChoice::resolve(None, Some(Path::new("elsewhere.json")), &absolute).unwrap(), choice);
    }

    #[test]
    fn flag_takes_precedence_and_there_is_no_fallback() {
        let synthetic: ModelRef = "synth:demo".parse().unwrap();
        let config = WorklyConfig { model_path: Some("m.gguf".into()), ..WorklyConfig::default() };
        let choice = ModelChoice::resolve(Some(&synthetic), Some(Path::new("data/config.json")), &config).unwrap();
        assert_eq!(choice, ModelChoice { model: synthetic, found_by: ModelOrigin::Flag });
        let file = ModelRef::File("no/such.gguf".into());
        let missing = ModelChoice::resolve(Some(&file), None, &config);
        assert!(matches!(missing, Err(ModelChoiceError::Missing { found_by: ModelOrigin::Flag, .. })));
        let none = WorklyConfig::default();
        let not_named = ModelChoice::resolve(None, Some(Path::new("c.json")), &none).unwrap_err().to_string();
        assert!(not_named.contains("c.json has no ai.model_path"), "{not_named}");
        assert!(matches!(ModelChoice::resolve(None, None, &none), Err(ModelChoiceError::NotNamed { config: None })));
    }

    #[test]
    fn configuration_elsewhere_is_relative_to_its_own_folder() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(application_folder(Path::new("my.json")), here);
        assert_eq!(application_folder(Path::new("data/config.json")), here);
    }
}
