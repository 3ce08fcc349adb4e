//! What a GGUF file is: a model that generates text, or one of the many other things that are kept in such files.

use serde::Serialize;

use super::gguf::{Gguf, Value};

/// What a file is, as far as its metadata tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A model that continues text, token by token.
    Generator,
    /// A model that turns texts into vectors.
    Encoder,
    /// A model that encodes a whole text before it generates another.
    EncoderDecoder,
    /// A model that fills in a whole text in several passes.
    Diffusion,
    /// A model that drafts tokens for another one.
    Draft,
    /// A model that produces sound.
    Speech,
    /// A change to another model's weights, such as a `LoRA`.
    Adapter,
    /// A direction that is added to another model's activations.
    ControlVector,
    /// What turns images or sound into another model's embeddings.
    Projector,
    /// Statistics that a quantiser weighs weights by.
    ImportanceMatrix,
    /// A vocabulary without weights.
    Vocabulary,
    /// Metadata alone.
    Empty,
}

/// Architectures of llama.cpp that generate no text token by token.
const OTHERS: [(&str, ModelKind); 24] = [
    ("bert", ModelKind::Encoder),
    ("eurobert", ModelKind::Encoder),
    ("gemma-embedding", ModelKind::Encoder),
    ("jina-bert-v2", ModelKind::Encoder),
    ("jina-bert-v3", ModelKind::Encoder),
    ("llama-embed", ModelKind::Encoder),
    ("modern-bert", ModelKind::Encoder),
    ("neo-bert", ModelKind::Encoder),
    ("nomic-bert", ModelKind::Encoder),
    ("nomic-bert-moe", ModelKind::Encoder),
    ("t5encoder", ModelKind::Encoder),
    ("t5", ModelKind::EncoderDecoder),
    ("dream", ModelKind::Diffusion),
    ("llada", ModelKind::Diffusion),
    ("llada-moe", ModelKind::Diffusion),
    ("rnd1", ModelKind::Diffusion),
    ("dflash", ModelKind::Draft),
    ("eagle3", ModelKind::Draft),
    ("gemma4-assistant", ModelKind::Draft),
    ("pockettts", ModelKind::Speech),
    ("qwen3tts", ModelKind::Speech),
    ("wavtokenizer-dec", ModelKind::Speech),
    ("clip", ModelKind::Projector),
    ("controlvector", ModelKind::ControlVector),
];

impl ModelKind {
    /// The kind of what a header describes. The parts of a split model are looked at together.
    #[must_use]
    pub fn of(gguf: &Gguf) -> Self {
        let text = |key: &str| gguf.metadata.get(key).and_then(Value::as_text);
        let architecture = text("general.architecture").unwrap_or_default();
        match text("general.type") {
            Some("adapter") => return Self::Adapter,
            Some("mmproj") => return Self::Projector,
            Some("imatrix") => return Self::ImportanceMatrix,
            _ => {}
        }
        if text("adapter.type").is_some() {
            return Self::Adapter;
        }
        if let Some((_, kind)) = OTHERS.iter().find(|(name, _)| *name == architecture) {
            return *kind;
        }
        if gguf.tensors.is_empty() {
            let has_tokens = gguf.metadata.get("tokenizer.ggml.tokens").is_some();
            return if has_tokens { Self::Vocabulary } else { Self::Empty };
        }
        let causal = gguf.metadata.get(&format!("{architecture}.attention.causal")).and_then(Value::as_bool);
        if causal == Some(false) { Self::Encoder } else { Self::Generator }
    }

    /// Whether it generates text token by token, as a conversation needs.
    #[must_use]
    pub fn is_generator(self) -> bool {
        self == Self::Generator
    }

    /// What it is, in words: `an adapter (…)`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Generator => "a model that generates text",
            Self::Encoder => "an encoder: it turns texts into vectors and generates none",
            Self::EncoderDecoder => "an encoder-decoder: it encodes a whole text before it generates one",
            Self::Diffusion => "a diffusion model: it fills in a whole text at once instead of continuing one",
            Self::Draft => "a draft model: it only proposes tokens to the model it was made for",
            Self::Speech => "an audio model: it generates no text",
            Self::Adapter => "an adapter (LoRA): it changes the weights of another model and is not a model itself",
            Self::ControlVector => "a control vector: it steers another model and is none itself",
            Self::Projector => "a projector (mmproj): it turns images or sound into another model's embeddings",
            Self::ImportanceMatrix => "an importance matrix: statistics for a quantiser",
            Self::Vocabulary => "a vocabulary without weights",
            Self::Empty => "metadata without weights",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::gguf::{HeaderBuilder, TensorType};
    use super::*;

    fn kind(fill: impl FnOnce(&mut HeaderBuilder)) -> ModelKind {
        let mut header = HeaderBuilder::new();
        fill(&mut header);
        let (mut bytes, data) = header.finish();
        bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
        ModelKind::of(&Gguf::read(Cursor::new(bytes)).unwrap())
    }

    fn with_weights(header: &mut HeaderBuilder, architecture: &str) {
        header.text("general.architecture", architecture);
        header.tensor("token_embd.weight", &[32], TensorType::by_name("F32").unwrap());
    }

    #[test]
    fn what_generates_no_text_is_told_from_what_does() {
        for (architecture, expected) in [
            ("llama", ModelKind::Generator),
            ("mamba", ModelKind::Generator),
            ("one-of-tomorrow", ModelKind::Generator),
            ("bert", ModelKind::Encoder),
            ("t5", ModelKind::EncoderDecoder),
            ("clip", ModelKind::Projector),
            ("dream", ModelKind::Diffusion),
        ] {
            assert_eq!(kind(|header| with_weights(header, architecture)), expected, "{architecture}");
        }
        let not_causal = kind(|header| {
            with_weights(header, "llama");
            header.bool("llama.attention.causal", false);
        });
        assert_eq!(not_causal, ModelKind::Encoder);
    }

    #[test]
    fn the_type_that_a_file_names_comes_before_its_architecture() {
        for (said, expected) in [
            ("model", ModelKind::Generator),
            ("adapter", ModelKind::Adapter),
            ("mmproj", ModelKind::Projector),
            ("imatrix", ModelKind::ImportanceMatrix),
        ] {
            let found = kind(|header| {
                header.text("general.type", said);
                with_weights(header, "llama");
            });
            assert_eq!(found, expected, "{said}");
        }
        let vocabulary = kind(|header| {
            header.text("general.architecture", "llama");
            header.texts("tokenizer.ggml.tokens", ["a"].into_iter());
        });
        assert_eq!(vocabulary, ModelKind::Vocabulary);
        assert_eq!(kind(|header| header.text("general.architecture", "llama")), ModelKind::Empty);
    }
}
