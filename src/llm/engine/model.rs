//! A model in memory.

use std::path::Path;

use llama_cpp_2::LlamaModelLoadError;
use llama_cpp_2::model::{LlamaChatMessage, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use super::super::conversation::{ChatMessage, app_prompt, zephyr_prompt};
use super::ffi::{self, Context};
use super::loading::{self, Loaded};
use super::log::{LogLevel, LogLine};
use super::{Backend, ContextSpec, EngineError, Placement, Session, Token, seeded_tokens};

/// A model in memory, where its placement wanted it.
#[derive(Debug)]
pub struct Model {
    llama: LlamaModel,
    backend: &'static Backend,
    facts: LoadFacts,
}

/// What llama.cpp says of a model that it has loaded, and how the loading went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFacts {
    /// What llama.cpp calls it: `llama 7B Q5_K - Medium`.
    pub description: String,
    /// Parameters.
    pub n_params: u64,
    /// All of its tensors, in bytes.
    pub size_bytes: u64,
    /// Blocks; one more can be placed on a GPU, the output layer.
    pub n_layer: u32,
    /// Tokens of context that it was trained for.
    pub n_ctx_train: u32,
    /// Tokens in its vocabulary.
    pub n_vocab: u32,
    /// How long llama.cpp took, in nanoseconds. A mapped file may be read later still, when its weights are first used.
    pub load_ns: u64,
    /// What llama.cpp warned of while loading: memory that could not be locked, for one.
    pub warnings: Vec<LogLine>,
}

/// A conversation, ready to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPrompt {
    /// All of it.
    pub tokens: Vec<Token>,
    /// Whose form it has: `the model's own`, or `zephyr`.
    pub template: &'static str,
}

impl Model {
    /// Loads a model. `progress` is called on this thread with the share that is done, from 0 to 1; by returning false
    /// it stops the loading, which then ends in [`EngineError::LoadStopped`].
    ///
    /// llama.cpp trusts the files that it is given: read the header with a careful reader before.
    pub fn load(
        backend: &'static Backend,
        path: &Path,
        placement: &Placement,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, EngineError> {
        let log = backend.log();
        // Asking for a byte also finds folders and what may not be read.
        std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read(&mut file, &mut [0]))
            .map_err(|source| EngineError::Unreadable { path: path.into(), source })?;
        let name = path.to_str().ok_or_else(|| EngineError::NotUnicode { path: path.into() })?;
        log.hide(name.strip_suffix(&*path.file_name().unwrap_or_default().to_string_lossy()).unwrap_or_default());

        let position = log.position();
        let (llama, load_ns) = match loading::load(&backend.llama, path, placement, progress) {
            Loaded::Model(llama, load_ns) => (llama, load_ns),
            Loaded::Stopped => return Err(EngineError::LoadStopped),
            Loaded::Refused(LlamaModelLoadError::NullResult) => {
                return Err(EngineError::Load { path: path.into(), log: log.reasons(position) });
            }
            Loaded::Refused(error) => {
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
        let facts = LoadFacts {
            description: ffi::description(&llama),
            n_params: llama.n_params(),
            size_bytes: llama.size(),
            n_layer: llama.n_layer(),
            n_ctx_train: llama.n_ctx_train(),
            n_vocab,
            load_ns,
            warnings: log.since(position, LogLevel::Warn),
        };
        Ok(Self { llama, backend, facts })
    }

    /// What it is.
    #[must_use]
    pub fn facts(&self) -> &LoadFacts {
        &self.facts
    }

    /// A context on it. Several may live at once; each has its own memory.
    pub fn session(&self, spec: &ContextSpec) -> Result<Session<'_>, EngineError> {
        spec.check()?;
        let log = self.backend.log();
        let position = log.position();
        let context =
            Context::new(&self.llama, spec).ok_or_else(|| EngineError::Context { log: log.reasons(position) })?;
        Ok(Session::new(self, context, spec))
    }

    /// A text as tokens, with the token that begins a text if the model wants one.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<Token> {
        self.llama.vocab().tokenize(text.as_bytes(), true, false).into_iter().map(|token| token.0).collect()
    }

    /// What is sent to the model of a conversation: its messages in the form that the model's file asks for, else in that
    /// of Zephyr, with the beginning of an answer.
    #[must_use]
    pub fn chat_prompt(&self, messages: &[ChatMessage]) -> ChatPrompt {
        let (text, template) = match self.own_template(messages) {
            Some(text) => (text, "the model's own"),
            None => (zephyr_prompt(messages), "zephyr"),
        };
        let tokens = self.llama.vocab().tokenize(text.as_bytes(), true, true);
        ChatPrompt { tokens: tokens.into_iter().map(|token| token.0).collect(), template }
    }

    /// What the application sends the model of a conversation: its messages in the application's hand-made form, whatever form the
    /// model's file asks for.
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

    /// What tokens say, without those that only give a text its form.
    #[must_use]
    pub fn text(&self, tokens: &[Token]) -> String {
        let vocab = self.llama.vocab();
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|token| vocab.token_to_piece(LlamaToken(*token), false, None)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The `n` tokens that prompts are measured with: as [`seeded_tokens`] draws them, after the token that begins a
    /// text if the model wants one.
    #[must_use]
    pub fn measured_tokens(&self, n: usize) -> Vec<Token> {
        let vocab = self.llama.vocab();
        let first = vocab.should_add_bos().then(|| vocab.bos().0).filter(|token| self.knows(*token));
        seeded_tokens(n, self.facts.n_vocab, first)
    }

    /// Whether the vocabulary has that token.
    pub(super) fn knows(&self, token: Token) -> bool {
        u32::try_from(token).is_ok_and(|number| number < self.facts.n_vocab)
    }

    /// llama.cpp's own model.
    pub(super) fn llama(&self) -> &LlamaModel {
        &self.llama
    }

    /// The llama.cpp that it lives in.
    #[must_use]
    pub fn backend(&self) -> &'static Backend {
        self.backend
    }
}
