//! Properties of a model, from its header, that invalidate common assumptions of measurements.

use super::context_memory::ContextMemory;
use super::hyperparameters::PerBlock;
use super::inspect::ModelFacts;

impl ModelFacts {
    /// Remarks on running this model with a context of `n_ctx` tokens; 0 means its trained context.
    #[must_use]
    pub fn concerns(&self, n_ctx: u64) -> Vec<String> {
        let beyond = self.figures.trained_context.filter(|trained| n_ctx > *trained);
        let beyond = beyond.map(|trained| {
            format!(
                "the context of {n_ctx} tokens is longer than the {trained} that the model was trained for: speed and \
                 memory are those of the longer context, but beyond {trained} tokens the text is meaningless"
            )
        });
        let window = match self.context_memory {
            ContextMemory::Attention => None,
            ContextMemory::SlidingWindow { tokens } => {
                let tokens =
                    tokens.map_or_else(|| "its last tokens".into(), |tokens| format!("the last {tokens} tokens"));
                Some(format!(
                    "the model has a sliding window: some blocks keep only {tokens}, so the cache grows less than the \
                     context, and a prompt's prefix cannot always be reused"
                ))
            }
            ContextMemory::Recurrent => Some(
                "the model is recurrent: it keeps a state instead of a KV cache, so memory hardly depends on the \
                 context, and a prompt's prefix can only be reused as a whole"
                    .into(),
            ),
            ContextMemory::Hybrid => Some(
                "some blocks of the model keep a state instead of keys and values: a prompt's prefix can only be \
                 reused as a whole"
                    .into(),
            ),
        };
        beyond.into_iter().chain(window).chain(self.uneven()).collect()
    }

    /// Blocks of different sizes, so that layers are not interchangeable.
    fn uneven(&self) -> Option<String> {
        let figures = [
            ("heads", &self.figures.heads),
            ("KV heads", &self.figures.kv_heads),
            ("feed-forward", &self.figures.feed_forward),
        ];
        let uneven: Vec<String> = figures
            .into_iter()
            .filter_map(|(name, figure)| {
                let figure = figure.as_ref()?;
                matches!(figure, PerBlock::Each(_)).then_some(())?;
                figure.one().is_none().then(|| format!("{name} {figure}"))
            })
            .collect();
        (!uneven.is_empty()).then(|| {
            format!(
                "the model's blocks differ in size ({}), so memory is not proportional to the number of layers",
                uneven.join("; ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::gguf::{Gguf, HeaderBuilder, TensorType};
    use super::super::gpu_profile::GpuProfile;
    use super::*;

    fn facts(architecture: &str, fill: impl FnOnce(&mut HeaderBuilder)) -> ModelFacts {
        let mut header = HeaderBuilder::new();
        header.text("general.architecture", architecture);
        header.u32(&format!("{architecture}.context_length"), 2_048);
        fill(&mut header);
        header.tensor("token_embd.weight", &[32], TensorType::by_name("F32").unwrap());
        let (mut bytes, data) = header.finish();
        bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
        ModelFacts::of(&Gguf::read(Cursor::new(bytes)).unwrap(), GpuProfile::built_in()).unwrap()
    }

    #[test]
    fn context_beyond_the_trained_one_is_a_warning() {
        let plain = facts("llama", |_| ());
        assert_eq!(plain.concerns(0), [""; 0]);
        assert_eq!(plain.concerns(2_048), [""; 0]);
        let concerns = plain.concerns(4_096);
        assert!(concerns.len() == 1 && concerns[0].contains("4096 tokens is longer than the 2048"), "{concerns:?}");
    }

    #[test]
    fn sliding_windows_states_and_uneven_blocks_are_warnings() {
        let window = facts("gemma3", |header| header.u32("gemma3.attention.sliding_window", 1_024));
        assert!(window.concerns(0)[0].contains("keep only the last 1024 tokens"), "{:?}", window.concerns(0));
        let none = facts("phi3", |header| header.u32("phi3.attention.sliding_window", 0));
        assert_eq!(none.context_memory, ContextMemory::Attention);
        let recurrent = facts("mamba", |header| header.u32("mamba.ssm.state_size", 16));
        assert_eq!(recurrent.context_memory, ContextMemory::Recurrent);
        assert!(recurrent.concerns(0)[0].contains("recurrent"));
        let hybrid = facts("jamba", |header| header.u32("jamba.ssm.state_size", 16));
        assert!(hybrid.context_memory.has_state() && hybrid.concerns(0)[0].contains("some blocks"));
        let uneven = facts("llama", |header| {
            header.u32("llama.block_count", 2);
            header.i32s("llama.attention.head_count_kv", [2, 8].into_iter());
        });
        assert!(uneven.concerns(0)[0].contains("KV heads 2 to 8, by block"), "{:?}", uneven.concerns(0));
        let even = facts("llama", |header| header.i32s("llama.attention.head_count_kv", [8, 8].into_iter()));
        assert_eq!(even.concerns(0), [""; 0]);
    }
}
