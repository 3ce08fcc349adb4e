//! What the configuration says about the application that `launch` starts: its model, and the context its prompts need.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::app_profile::profile_of;
use super::model::application_folder;
use super::pipeline::SYSTEM_PROMPT_TOKENS;
use crate::config::WorklyConfig;
use crate::llm::Conversation;

/// The application's own limit per reply, in tokens, if the configuration sets none.
const MAX_TOKENS: u64 = 512;

/// Allowance for one message of the user, in tokens. The application does not limit them.
const QUESTION_TOKENS: u64 = 256;

/// Tags around one message, in tokens: `<|assistant|>`, `</|assistant|>` and two line ends, at worst one token per
/// byte.
const TAG_TOKENS: u64 = 30;

/// The longest context that the settings file may request.
const MOST_CONTEXT: u64 = 1 << 20;

/// The application according to its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchedApp {
    /// The model file. `None` if the configuration has none, or if the application rejects the configuration.
    pub model: Option<PathBuf>,
    /// Tokens that a prompt and its reply may need; `None` without a configuration.
    pub n_ctx_min: Option<u64>,
    /// Layers that its GPU profile requests; negative means all.
    pub n_gpu_layers: i64,
}

/// Limits within which a setting may change the context, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ContextLimits {
    /// What the application's prompts may need. `None`: a setting never shortens the context.
    pub n_ctx_min: Option<u64>,
    /// What the model and free memory allow. `None` if unknown.
    pub n_ctx_max: Option<u64>,
}

impl LaunchedApp {
    /// Evaluates the configuration at `path`.
    #[must_use]
    pub fn of(path: &Path, config: &WorklyConfig) -> Self {
        let is_read = config.refusal.is_none();
        let model = config.model_path.as_ref().filter(|_| is_read).map(|model| application_folder(path).join(model));
        Self { model, n_ctx_min: Some(longest_prompt(config, is_read)), n_gpu_layers: profile_of(config).n_gpu_layers }
    }

    /// The name of the model file.
    #[must_use]
    pub fn model_file(&self) -> Option<String> {
        Some(self.model.as_ref()?.file_name()?.to_string_lossy().into_owned())
    }
}

/// Tokens of the longest prompt with its reply: system prompt, remembered exchanges and the question. A text never has
/// more tokens than bytes, so the system prompt is not underestimated.
fn longest_prompt(config: &WorklyConfig, is_read: bool) -> u64 {
    let count = |value: Option<usize>, otherwise: u64| {
        value.filter(|_| is_read).and_then(|value| u64::try_from(value).ok()).unwrap_or(otherwise)
    };
    let system = config.system_prompt.as_ref().map(String::len);
    let system = count(system, SYSTEM_PROMPT_TOKENS as u64);
    let exchanges = count(config.context_limit, Conversation::CONTEXT_LIMIT as u64);
    let reply = config.max_tokens.filter(|_| is_read).unwrap_or(MAX_TOKENS);
    let exchange = reply.saturating_add(QUESTION_TOKENS + 2 * TAG_TOKENS);
    // The question and its reply count as one more exchange.
    let all = exchange.saturating_mul(exchanges.saturating_add(1)).saturating_add(system + TAG_TOKENS);
    all.min(MOST_CONTEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(config: &WorklyConfig) -> LaunchedApp {
        LaunchedApp::of(Path::new("/apps/workly/data/config.json"), config)
    }

    #[test]
    fn ten_exchanges_exceed_the_context_of_every_profile() {
        let found = app(&WorklyConfig::default());
        assert_eq!((found.n_ctx_min, found.model), (Some(440 + 30 + 11 * (512 + 256 + 60)), None));
        assert_eq!(found.n_gpu_layers, -1, "the first profile");
    }

    #[test]
    fn short_history_with_short_replies_needs_less() {
        let config = WorklyConfig {
            system_prompt: Some("Tu es Kira, vêtue d'été.".into()),
            context_limit: Some(1),
            max_tokens: Some(64),
            gpu_profile: Some("cpu_fallback".into()),
            model_path: Some("models/zephyr.gguf".into()),
            ..WorklyConfig::default()
        };
        let found = app(&config);
        assert_eq!(found.n_ctx_min, Some(27 + 30 + 2 * (64 + 256 + 60)));
        assert_eq!((found.n_gpu_layers, found.model_file().as_deref()), (0, Some("zephyr.gguf")));
        // On Windows, absolute means with a drive.
        let folder = std::path::absolute("/apps/workly").expect("a current folder");
        assert_eq!(found.model, Some(folder.join("models/zephyr.gguf")));
        let refused = app(&WorklyConfig { refusal: Some("a byte order mark".into()), ..config });
        assert_eq!(refused, app(&WorklyConfig::default()), "the application then runs on its defaults");
    }

    #[test]
    fn huge_numbers_are_limited_to_the_longest_context() {
        let config =
            WorklyConfig { context_limit: Some(usize::MAX), max_tokens: Some(u64::MAX), ..WorklyConfig::default() };
        assert_eq!(app(&config).n_ctx_min, Some(1 << 20));
    }
}
