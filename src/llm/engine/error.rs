//! What can go wrong between a file and its tokens.

use std::path::PathBuf;

use super::SpecError;
use crate::plural::counted;

/// Why the engine could not do its part. What llama.cpp's log names as the cause comes along where it knows more.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// llama.cpp cannot start in this process.
    #[error("llama.cpp cannot start: {detail}")]
    Backend {
        /// Why.
        detail: String,
    },
    /// The file is missing or may not be read.
    #[error("cannot read the model {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// llama.cpp takes names of files as Unicode text only.
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
        /// What the log says, the cause first.
        log: Vec<String>,
    },
    /// The model has no vocabulary: nothing can be put into it.
    #[error("{} has no vocabulary", path.display())]
    NoVocabulary {
        /// The file.
        path: PathBuf,
    },
    /// The model does not continue texts: it encodes them first.
    #[error("{} is an encoder-decoder, which this engine does not support", path.display())]
    NotGenerative {
        /// The file.
        path: PathBuf,
    },
    /// Loading was called off.
    #[error("loading was interrupted")]
    LoadStopped,
    /// The description of a context that cannot be.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// llama.cpp cannot make the context.
    #[error("llama.cpp cannot create a context{}", cause(log))]
    Context {
        /// What the log says, the cause first.
        log: Vec<String>,
    },
    /// llama.cpp gave up while foreseeing what a placement would take.
    #[error("llama.cpp cannot project the memory of this placement (status {status}){}", cause(log))]
    Projection {
        /// What the call returned.
        status: i32,
        /// What the log says, the cause first.
        log: Vec<String>,
    },
    /// There is nothing to process.
    #[error("no tokens were given")]
    NoTokens,
    /// The context is too small.
    #[error("{n_tokens} tokens do not fit into a context of {n_ctx}")]
    TooLong {
        /// Tokens that would have to fit.
        n_tokens: usize,
        /// Tokens that do.
        n_ctx: usize,
    },
    /// A token that the vocabulary does not have.
    #[error("the vocabulary has {n_vocab} tokens; token {token} does not exist")]
    UnknownToken {
        /// The token.
        token: i32,
        /// Tokens in the vocabulary.
        n_vocab: usize,
    },
    /// llama.cpp gave up while computing.
    #[error("llama.cpp failed with code {code} while computing{}", cause(log))]
    Decode {
        /// What `llama_decode` returned.
        code: i32,
        /// What the log says, the cause first.
        log: Vec<String>,
    },
    /// The flag was set; what was measured until then is no whole sample.
    #[error("interrupted after {}", counted(*done, "token"))]
    Stopped {
        /// Tokens that had been processed.
        done: usize,
    },
}

/// The cause in a log, as the end of a message.
fn cause(log: &[String]) -> String {
    log.first().map(|line| format!(": {}", without_frame(line))).unwrap_or_default()
}

/// A line of llama.cpp's log without the functions that wrote it and without what the message says already.
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
    fn a_message_ends_with_the_first_cause_and_not_with_the_general_end() {
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
