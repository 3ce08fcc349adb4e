//! A model file for a conversation: described from its header, and rejected by name if unusable, before llama.cpp reads
//! it.

use std::path::Path;

use crate::failure::Failure;
use crate::llm::{GpuProfile, ModelFacts, ModelFault, ModelFiles, check_soundness};

/// The model at `path`, with all parts of a split one, and the facts in its header.
///
/// # Errors
/// Exit code 5, with the file name and the fault: not a GGUF file, a missing part, not a model that generates text, or
/// inconsistent contents.
pub(crate) fn chat_model(path: &Path) -> Result<(ModelFiles, ModelFacts), Failure> {
    let files = ModelFiles::open(path)?;
    let facts = ModelFacts::of_files(&files, GpuProfile::built_in())?;
    if !facts.kind.is_generator() {
        let error = anyhow::anyhow!("{} is {}. Workly cannot chat with it", path.display(), facts.kind.words());
        return Err(Failure::unreadable(error).hint("name a model that generates text"));
    }
    check_soundness(path, &files.header).map_err(|fault| unsound(path, &fault))?;
    Ok((files, facts))
}

fn unsound(path: &Path, fault: &ModelFault) -> Failure {
    Failure::unreadable(anyhow::anyhow!("{}: {fault}", path.display()))
        .hint("the file is defective: download or convert it again, or name another with --model")
}
