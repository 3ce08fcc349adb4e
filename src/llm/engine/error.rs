//! Errors between a model file and its tokens.

use std::path::PathBuf;

use super::SpecError;
use crate::plural::counted;

/// Why the engine failed, with the cause from llama.cpp's log if it has one.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// llama.cpp cannot start in this process.
    #[error("llama.cpp cannot start: {detail}")]
    Backend {
        /// The reason.
        detail: String,
    },
    /// The file is missing or unreadable.
    #[error("cannot read the model {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// llama.cpp only accepts Unicode file names.
    #[error("the name of the model {} is not Unicode", path.display())]
    NotUnicode {
        /// The file.
        path: PathBuf,
    },
    /// llama.cpp cannot load the file.
    #[error("llama.cpp cannot load {}{}", path.display(), cause(log))]
    Load {
        /// The file.
        path: PathBuf,
        /// Log lines, the cause first.
        log: Vec<String>,
    },
    /// The model has no vocabulary, so that it accepts no input.
    #[error("{} has no vocabulary", path.display())]
    NoVocabulary {
        /// The file.
        path: PathBuf,
    },
    /// The model does not continue texts but encodes them first.
    #[error("{} is an encoder-decoder, which this engine does not support", path.display())]
    NotGenerative {
        /// The file.
        path: PathBuf,
    },
    /// Loading was interrupted.
    #[error("loading was interrupted")]
    LoadStopped,
    /// Invalid description of a context.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// llama.cpp cannot create the context.
    #[error("llama.cpp cannot create a context{}", cause(log))]
    Context {
        /// Log lines, the cause first.
        log: Vec<String>,
    },
    /// llama.cpp failed to project the memory of a placement.
    #[error("llama.cpp cannot project the memory of this placement (status {status}){}", cause(log))]
    Projection {
        /// Status of the call.
        status: i32,
        /// Log lines, the cause first.
        log: Vec<String>,
    },
    /// There are no tokens to process.
    #[error("no tokens were given")]
    NoTokens,
    /// The context is too small.
    #[error("{n_tokens} tokens do not fit into a context of {n_ctx}")]
    TooLong {
        /// Tokens required.
        n_tokens: usize,
        /// Tokens available.
        n_ctx: usize,
    },
    /// A token that is not in the vocabulary.
    #[error("the vocabulary has {n_vocab} tokens; token {token} does not exist")]
    UnknownToken {
        /// The token.
        token: i32,
        /// Tokens in the vocabulary.
        n_vocab: usize,
    },
    /// llama.cpp failed during computation.
    #[error("llama.cpp failed with code {code} while computing{}", cause(log))]
    Decode {
        /// Return value of `llama_decode`.
        code: i32,
        /// Log lines, the cause first.
        log: Vec<String>,
    },
    /// The stop flag was set; the measurement so far is not a complete sample.
    #[error("interrupted{}", after(*done))]
    Stopped {
        /// Tokens processed so far.
        done: usize,
    },
}

/// Empty if no tokens were processed, as in a projection.
fn after(done: usize) -> String {
    if done == 0 { String::new() } else { format!(" after {}", counted(done, "token")) }
}

/// The cause from a log, as the end of a message.
fn cause(log: &[String]) -> String {
    log.first().map(|line| format!(": {}", without_frame(line))).unwrap_or_default()
}

/// A log line without llama.cpp's function names and without what the message already states.
fn without_frame(line: &str) -> &str {
    let is_function = |name: &str| name.contains('_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match line.split_once(": ") {
        Some((frame, words)) if is_function(frame) || frame == "error loading model" => without_frame(words),
        _ => line.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ends_with_the_first_cause_from_the_log() {
        let load = |log: &[&str]| EngineError::Load {
            path: "a.gguf".into(),
            log: log.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(load(&[]).to_string(), "llama.cpp cannot load a.gguf");
        assert_eq!(load(&["bad magic", "failed to load model"]).to_string(), "llama.cpp cannot load a.gguf: bad magic");
        let unknown = "llama_model_load: error loading model: unknown model architecture: 'foo'";
        let expected = "llama.cpp cannot load a.gguf: unknown model architecture: 'foo'";
        assert_eq!(load(&[unknown, "llama_model_load_from_file_impl: failed to load model"]).to_string(), expected);
        let context =
            EngineError::Context { log: vec!["llama_init_from_model: failed to initialize: no memory".into()] };
        assert_eq!(context.to_string(), "llama.cpp cannot create a context: failed to initialize: no memory");
    }
}
