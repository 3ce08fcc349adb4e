//! A model in memory.

use std::path::Path;

use llama_cpp_2::LlamaModelLoadError;
use llama_cpp_2::model::{LlamaChatMessage, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use super::super::conversation::{ChatMessage, app_prompt, zephyr_prompt};
use super::ffi::{self, LlamaContext};
use super::loading::{self, LoadResult};
use super::log::{LogLevel, LogLine};
use super::{
    Backend, ContextSpec, EngineError, HostWeights, LockOutcome, ModelSession, Placement, Token, seeded_tokens,
};

/// A model in memory, in its requested placement.
#[derive(Debug)]
pub struct Model {
    llama: LlamaModel,
    backend: &'static Backend,
    facts: LoadFacts,
}

/// llama.cpp's description of a loaded model, and facts about loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFacts {
    /// Description: `llama 7B Q5_K - Medium`.
    pub description: String,
    /// Number of parameters.
    pub n_params: u64,
    /// Size of all tensors in bytes.
    pub size_bytes: u64,
    /// Number of blocks; the output layer can be placed on a GPU as well.
    pub n_layer: u32,
    /// Trained context, in tokens.
    pub n_ctx_train: u32,
    /// Size of the vocabulary.
    pub n_vocab: u32,
    /// Loading time in nanoseconds. Parts of a mapped file may only be read when their weights are first used.
    pub load_ns: u64,
    /// Warnings while loading.
    pub warnings: Vec<LogLine>,
    /// Where the weights in the machine's memory are.
    pub weights: HostWeights,
    /// Why the weights could not be locked in memory, if that was asked for and failed: llama.cpp goes on without.
    pub lock_fault: Option<String>,
}

impl LoadFacts {
    /// What became of the request to lock the weights, if there was one.
    #[must_use]
    pub fn lock(&self) -> LockOutcome {
        LockOutcome { fault: self.lock_fault.clone(), repacked_bytes: self.weights.repacked_bytes }
    }
}

/// A conversation as a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPrompt {
    /// All of its tokens.
    pub tokens: Vec<Token>,
    /// Name of the template: `the model's own` or `zephyr`.
    pub template: &'static str,
}

impl Model {
    /// Loads a model. `progress` is called on this thread with the share done, from 0 to 1; returning false stops
    /// loading with [`EngineError::LoadStopped`].
    ///
    /// llama.cpp trusts its files: check the header with our own reader first.
    pub fn load(
        backend: &'static Backend,
        path: &Path,
        placement: &Placement,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, EngineError> {
        let log = backend.log();
        // Reading a byte also detects folders and missing permissions.
        std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read(&mut file, &mut [0]))
            .map_err(|source| EngineError::Unreadable { path: path.into(), source })?;
        let name = path.to_str().ok_or_else(|| EngineError::NotUnicode { path: path.into() })?;
        log.hide(name.strip_suffix(&*path.file_name().unwrap_or_default().to_string_lossy()).unwrap_or_default());

        let position = log.position();
        let (llama, load_ns) = match loading::load(&backend.llama, path, placement, progress) {
            LoadResult::Model(llama, load_ns) => (llama, load_ns),
            LoadResult::Stopped => return Err(EngineError::LoadStopped),
            LoadResult::Refused(LlamaModelLoadError::NullResult) => {
                return Err(EngineError::Load { path: path.into(), log: log.reasons(position) });
            }
            LoadResult::Refused(error) => {
                return Err(EngineError::Load { path: path.into(), log: vec![error.to_string()] });
            }
        };
        let n_vocab = u32::try_from(llama.n_vocab()).unwrap_or(0);
        if n_vocab == 0 {
            return Err(EngineError::NoVocabulary { path: path.into() });
        }
        if !ffi::continues_text(&llama) {
            return Err(EngineError::NotGenerative { path: path.into() });
        }
        let said = log.since(position, LogLevel::Info);
        let weights = HostWeights::said(said.iter().map(|line| line.text.as_str()), &ffi::device_names());
        let (lock_fault, warnings) = lock_fault(said.into_iter().filter(|line| line.level >= LogLevel::Warn).collect());
        let facts = LoadFacts {
            description: ffi::description(&llama),
            n_params: llama.n_params(),
            size_bytes: llama.size(),
            n_layer: llama.n_layer(),
            n_ctx_train: llama.n_ctx_train(),
            n_vocab,
            load_ns,
            warnings,
            weights,
            lock_fault,
        };
        Ok(Self { llama, backend, facts })
    }

    /// Facts about the model.
    #[must_use]
    pub fn facts(&self) -> &LoadFacts {
        &self.facts
    }

    /// Creates a context. Several may exist at once; each has its own memory.
    pub fn session(&self, spec: &ContextSpec) -> Result<ModelSession<'_>, EngineError> {
        spec.check()?;
        let log = self.backend.log();
        let position = log.position();
        let context =
            LlamaContext::new(&self.llama, spec).ok_or_else(|| EngineError::Context { log: log.reasons(position) })?;
        Ok(ModelSession::new(self, context, spec))
    }

    /// Tokenises a text, with the begin-of-text token if the model wants one.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<Token> {
        self.llama.vocab().tokenize(text.as_bytes(), true, false).into_iter().map(|token| token.0).collect()
    }

    /// Renders a conversation with the template in the model's file, or Zephyr's if there is none, ready for an answer.
    #[must_use]
    pub fn chat_prompt(&self, messages: &[ChatMessage]) -> ChatPrompt {
        let (text, template) = match self.own_template(messages) {
            Some(text) => (text, "the model's own"),
            None => (zephyr_prompt(messages), "zephyr"),
        };
        let tokens = self.llama.vocab().tokenize(text.as_bytes(), true, true);
        ChatPrompt { tokens: tokens.into_iter().map(|token| token.0).collect(), template }
    }

    /// Renders a conversation in the application's own format, regardless of the model's template.
    #[must_use]
    pub fn app_prompt(&self, messages: &[ChatMessage]) -> ChatPrompt {
        let tokens = self.llama.vocab().tokenize(app_prompt(messages).as_bytes(), true, true);
        ChatPrompt { tokens: tokens.into_iter().map(|token| token.0).collect(), template: "the application's own" }
    }

    fn own_template(&self, messages: &[ChatMessage]) -> Option<String> {
        let template = self.llama.chat_template(None).ok()?;
        let said = |message: &ChatMessage| LlamaChatMessage::new(message.role.word().into(), message.text.clone()).ok();
        let messages: Vec<LlamaChatMessage> = messages.iter().map(said).collect::<Option<_>>()?;
        self.llama.apply_chat_template(&template, &messages, true).ok()
    }

    /// The text of tokens, without control tokens.
    #[must_use]
    pub fn text(&self, tokens: &[Token]) -> String {
        let vocab = self.llama.vocab();
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|token| vocab.token_to_piece(LlamaToken(*token), false, None)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The `n` tokens used to measure prompts: drawn by [`seeded_tokens`], after the begin-of-text token if the model
    /// wants one.
    #[must_use]
    pub fn measured_tokens(&self, n: usize) -> Vec<Token> {
        let vocab = self.llama.vocab();
        let first = vocab.should_add_bos().then(|| vocab.bos().0).filter(|token| self.knows(*token));
        seeded_tokens(n, self.facts.n_vocab, first)
    }

    /// Whether the token ends a reply: end of turn, end of text and the like, as the model's file says.
    #[must_use]
    pub fn ends_generation(&self, token: Token) -> bool {
        self.knows(token) && self.llama.vocab().is_eog(LlamaToken(token))
    }

    /// Whether the vocabulary contains the token.
    pub(super) fn knows(&self, token: Token) -> bool {
        u32::try_from(token).is_ok_and(|number| number < self.facts.n_vocab)
    }

    /// The llama.cpp model.
    pub(super) fn llama(&self) -> &LlamaModel {
        &self.llama
    }

    /// Its backend.
    #[must_use]
    pub fn backend(&self) -> &'static Backend {
        self.backend
    }
}

/// Separates llama.cpp's first warning that memory could not be locked, and its advice, from the others.
fn lock_fault(lines: Vec<LogLine>) -> (Option<String>, Vec<LogLine>) {
    /// Parts of llama.cpp's messages on Unix, on Windows, on systems without locks, and of its advice.
    const OF_LOCK: [&str; 6] = [
        "failed to mlock",
        "mlock not supported",
        "VirtualLock",
        "ProcessWorkingSetSize",
        "RLIMIT_MEMLOCK",
        "wire_limit",
    ];
    let (of_lock, others): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| OF_LOCK.iter().any(|part| line.text.contains(part)));
    let first = of_lock.into_iter().next().map(|line| line.text.trim_start_matches("warning: ").to_owned());
    (first, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_lock_is_told_apart_from_other_warnings() {
        let warn = |text: &str| LogLine { level: LogLevel::Warn, text: text.into() };
        let others = vec![warn("load: control token 2 is not marked as EOG")];
        let of_lock = [
            "warning: failed to mlock 98304-byte buffer (after previously locking 0 bytes): Cannot allocate memory",
            "Try increasing RLIMIT_MEMLOCK ('ulimit -l' as root).",
        ];
        let lines = others.iter().cloned().chain(of_lock.map(warn)).collect();
        let says = "failed to mlock 98304-byte buffer (after previously locking 0 bytes): Cannot allocate memory";
        assert_eq!(lock_fault(lines), (Some(says.into()), others.clone()));
        assert_eq!(lock_fault(others.clone()), (None, others));
        let windows = "warning: failed to VirtualLock 4096-byte buffer (after previously locking 0 bytes): no quota";
        assert!(lock_fault(vec![warn(windows)]).0.is_some_and(|says| says.starts_with("failed to VirtualLock")));
    }
}
