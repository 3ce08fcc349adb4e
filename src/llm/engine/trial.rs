//! A small-scale trial of everything that commands do with a model, in a process that may crash, before one does it
//! that must not.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaModel};
use llama_cpp_2::token::LlamaToken;
use serde::{Deserialize, Serialize};

use super::{Backend, ContextSpec, EngineError, Model, Placement, PlacementTarget, project};

/// Step of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStep {
    /// Reading the vocabulary and tokenising with it.
    Vocabulary,
    /// Creating the model and a context without memory.
    Placement,
    /// Loading the weights.
    Weights,
    /// Computing with them.
    Generation,
}

/// Context size sufficient for a few tokens.
const SMALL: u32 = 64;

/// Tokens of the prompt and of the reply.
const PROMPT: usize = 4;
const REPLY: usize = 2;

/// Maximum threads for a few tokens.
const MOST_THREADS: usize = 8;

fn small() -> ContextSpec {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS);
    let n_threads = u32::try_from(threads).unwrap_or(1);
    ContextSpec {
        n_ctx: SMALL,
        n_batch: SMALL,
        n_ubatch: SMALL,
        n_threads,
        n_threads_batch: n_threads,
        ..ContextSpec::default()
    }
}

/// Tokenises with the vocabulary of the model at `path`, converts each of its tokens to text, and creates the model and
/// a context without memory, with `layers` layers on the machine's GPUs. No weights are read. `begins` is called at
/// each step.
///
/// # Errors
/// If llama.cpp rejects the model. It may also end the process, which is the point of a trial.
pub fn try_header(
    backend: &'static Backend,
    path: &Path,
    n_gpu_layers: u32,
    mut begins: impl FnMut(TrialStep),
) -> Result<(), EngineError> {
    begins(TrialStep::Vocabulary);
    let log = backend.log();
    let position = log.position();
    let parameters = LlamaModelParams::default().with_vocab_only(true);
    let model = LlamaModel::load_from_file(&backend.llama, path, &parameters)
        .map_err(|_| EngineError::Load { path: path.into(), log: log.reasons(position) })?;
    use_vocabulary(&model);
    drop(model);
    begins(TrialStep::Placement);
    let target = if n_gpu_layers == 0 { PlacementTarget::Cpu } else { PlacementTarget::Machine };
    project(backend, path, n_gpu_layers, &small(), target).map(drop)
}

/// Loads the weights of the model at `path` with that many layers on the machine's GPUs, and computes some tokens.
///
/// # Errors
/// As [`try_header`], including interruption.
pub fn try_weights(
    backend: &'static Backend,
    path: &Path,
    n_gpu_layers: u32,
    mut begins: impl FnMut(TrialStep),
    stop: &AtomicBool,
) -> Result<(), EngineError> {
    begins(TrialStep::Weights);
    let placement = Placement { n_gpu_layers: Some(n_gpu_layers), ..Placement::default() };
    let goes_on = || !stop.load(std::sync::atomic::Ordering::Relaxed);
    let model = Model::load(backend, path, &placement, &mut |_| goes_on())?;
    let mut session = model.session(&small())?;
    begins(TrialStep::Generation);
    session.turn(&model.measured_tokens(PROMPT), REPLY, stop).map(drop)
}

/// Tokenises texts with every valid first byte of UTF-8, as text and as parts of a conversation, and converts all
/// tokens back.
fn use_vocabulary(model: &LlamaModel) {
    if model.n_vocab() < 1 {
        return;
    }
    let vocabulary = model.vocab();
    for text in texts() {
        for parses_special in [false, true] {
            vocabulary.tokenize(text.as_bytes(), true, parses_special);
        }
    }
    for token in 0..model.n_vocab() {
        vocabulary.token_to_piece(LlamaToken(token), false, None);
    }
    if let Ok(template) = model.chat_template(None)
        && let Ok(message) = LlamaChatMessage::new("user".into(), "Bonjour !".into())
    {
        // llama.cpp does not apply unknown templates; the test is that it survives the attempt.
        let _ = model.apply_chat_template(&template, &[message], true);
    }
}

/// Texts with every kind of character.
fn texts() -> [String; 3] {
    let plain: String = (0..0x80).filter_map(char::from_u32).collect();
    // Every first byte of sequences of two, three and four bytes.
    let leads = (0x80..0x800)
        .step_by(0x40)
        .chain((0x800..0x1_0000).step_by(0x800))
        .chain((0x1_0000..0x11_0000).step_by(0x1_0000));
    let wide: String = leads.filter_map(char::from_u32).collect();
    let said = "Bonjour !\n\nComment vas-tu ?  Quelle est ta fonction ? 🦀 \u{200d}été 12 345,67 <|user|>\r\n";
    [plain, wide, said.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_every_byte_possible_in_utf_8() {
        let texts = texts().concat();
        let missing: Vec<u8> = (0..=u8::MAX).filter(|byte| !texts.as_bytes().contains(byte)).collect();
        // Two of these cannot start a character, three are beyond the last one; the rest do not occur in UTF-8.
        let beyond: Vec<u8> = [0xc0, 0xc1].into_iter().chain(0xf5..=0xff).collect();
        let missing: Vec<u8> = missing.into_iter().filter(|byte| !(0x80..0xc0).contains(byte)).collect();
        assert_eq!(missing, beyond);
    }
}
