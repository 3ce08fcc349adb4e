//! The kind of a GGUF file: a model that generates text, or something else stored in this format.

use serde::Serialize;

use super::gguf::{Gguf, Value};

/// Kind of a file, according to its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A model that continues text token by token.
    Generator,
    /// A model that converts texts to vectors.
    Encoder,
    /// A model that encodes a whole text before it generates another.
    EncoderDecoder,
    /// A model that fills in a whole text in several passes.
    Diffusion,
    /// A model that drafts tokens for another.
    Draft,
    /// A model that produces sound.
    Speech,
    /// A change to another model's weights, such as a `LoRA`.
    Adapter,
    /// A direction added to another model's activations.
    ControlVector,
    /// Converts images or sound to another model's embeddings.
    Projector,
    /// Statistics used in quantisation.
    ImportanceMatrix,
    /// A vocabulary without weights.
    Vocabulary,
    /// Metadata alone.
    Empty,
}

/// Architectures of llama.cpp that do not generate text token by token.
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
    /// The kind described by a header; for a split model, by the joined header.
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

    /// Description: `an adapter (…)`.
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
    fn non_generating_files_are_recognised() {
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
    fn declared_type_precedes_the_architecture() {
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
