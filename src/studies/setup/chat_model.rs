//! A file that is to be talked with: described from its header, and refused by name where that cannot be, before llama.cpp sees
//! it.

use std::path::Path;

use crate::failure::Failure;
use crate::llm::{GpuProfile, ModelFacts, ModelFault, ModelFiles, check_soundness};

/// The model at `path`, all parts of a split one, and what its header says.
///
/// # Errors
/// Exit code 5, with the name of the file and what is wrong: it is no GGUF file, a part is missing, it is something else than a
/// model that generates text, or its contents contradict each other.
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
