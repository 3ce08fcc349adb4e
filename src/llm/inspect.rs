//! Describes a model from its header. Nothing is measured and no weights are read.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::context_memory::ContextMemory;
use super::file_type;
use super::gguf::{Array, Gguf, TensorInfo, Value};
use super::gpu_profile::{GpuProfile, ProfileDifference, ResolvedProfile};
use super::hyperparameters::{self, Hyperparameters};
use super::kv_cache::{KvCache, OTHER_CACHES};
use super::model_files::{ModelFiles, ModelFilesError};
use super::model_kind::ModelKind;
use super::synth::SyntheticMark;

/// Schema version of [`ModelFacts`] as JSON.
pub const FACTS_SCHEMA: &str = "1.1";

/// Why a valid GGUF file cannot be described as a model.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Not a model.
    #[error("the metadata names no architecture (general.architecture){}", what(*kind))]
    NoArchitecture {
        /// Kind of the file, as far as known.
        kind: ModelKind,
    },
    /// A key required by every reader has an unexpected type.
    #[error("metadata {key:?} is {found}, not {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// Expected type.
        expected: &'static str,
        /// Actual type.
        found: String,
    },
}

/// Description of a file without an architecture, if its metadata tells.
fn what(kind: ModelKind) -> String {
    if kind == ModelKind::Empty || kind.is_generator() { String::new() } else { format!(": this is {}", kind.words()) }
}

/// Why a file cannot be described as a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelFactsError {
    /// A fault in its files.
    #[error(transparent)]
    Files(#[from] ModelFilesError),
    /// A fault in their content.
    #[error("{}: {fault}", path.display())]
    Inspect {
        /// The file.
        path: std::path::PathBuf,
        /// The fault.
        #[source]
        fault: InspectError,
    },
}

impl InspectError {
    pub(super) fn wrong_type(key: &str, expected: &'static str, value: &Value) -> Self {
        let found = match value {
            Value::Text(_) => "a text".into(),
            Value::Bool(truth) => truth.to_string(),
            Value::Unsigned(number) => number.to_string(),
            Value::Signed(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Array(Array { element, count, .. }) => format!("an array of {count} ({element:?})"),
        };
        Self::WrongType { key: key.into(), expected, found }
    }
}

/// Number and size of the tensors of one storage type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeCensus {
    /// The storage type.
    pub kind: &'static str,
    /// Tensors.
    pub tensors: u64,
    /// Their elements.
    pub elements: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Bytes of the weights by purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PartBytes {
    /// Token, position and type embeddings.
    pub embeddings: u64,
    /// Queries, keys, values and their output.
    pub attention: u64,
    /// Feed-forward part, including experts.
    pub feed_forward: u64,
    /// Norms.
    pub norms: u64,
    /// Output layer; 0 if it shares the token embeddings.
    pub output: u64,
    /// Everything else.
    pub other: u64,
}

/// Facts about a model file. Control characters in texts are escaped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Schema version.
    pub schema: &'static str,
    /// Architecture, by llama.cpp's name.
    pub architecture: String,
    /// Kind of the file.
    pub kind: ModelKind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Present if the weights are random and this program wrote them.
    pub synthetic: Option<SyntheticMark>,
    /// FNV-1a of the header, 16 hexadecimal digits.
    pub header_hash: String,
    /// Version of the format.
    pub gguf_version: u32,
    /// Length of the file in bytes; of all parts together for a split model.
    pub file_bytes: u64,
    /// Length of the header in bytes, likewise.
    pub header_bytes: u64,
    /// The given part of a split model, counted from 1, and the number of parts.
    pub split: Option<(u64, u64)>,
    /// Number of weights.
    pub parameters: u64,
    /// Mean bits per weight.
    pub bits_per_weight: Option<f64>,
    /// Quantisation stated in the file, otherwise the storage type with the most bytes.
    pub quantisation: String,
    /// Storage types, sorted by size.
    pub types: Vec<TypeCensus>,
    /// Bytes by part.
    pub parts: PartBytes,
    /// Figures of the architecture.
    #[serde(flatten)]
    pub figures: Hyperparameters,
    /// Layers that can be put on a GPU: the blocks and the output layer.
    pub offloadable_layers: Option<u64>,
    /// Size of the vocabulary.
    pub vocabulary: Option<u64>,
    /// The tokenizer's kind, by llama.cpp's name.
    pub tokenizer: Option<String>,
    /// What a context stores of earlier tokens.
    pub context_memory: ContextMemory,
    /// Size of the KV cache per token.
    pub kv_bytes_per_token: KvCache,
    /// Workly's profiles for this model.
    pub profiles: Vec<ResolvedProfile>,
    /// Their differences, pair by pair.
    pub profile_differences: Vec<ProfileDifference>,
}

impl ModelFacts {
    /// Describes the model at `path`, including all parts of a split one, and the effect of `profiles`.
    ///
    /// # Errors
    /// [`ModelFactsError::Files`] if a part is missing, invalid or not the first.
    pub fn read(path: &Path, profiles: &[GpuProfile]) -> Result<Self, ModelFactsError> {
        Self::of_files(&ModelFiles::open(path)?, profiles)
    }

    /// Describes files whose headers have been read.
    ///
    /// # Errors
    /// [`ModelFactsError::Inspect`].
    pub fn of_files(files: &ModelFiles, profiles: &[GpuProfile]) -> Result<Self, ModelFactsError> {
        let inspect = |fault| ModelFactsError::Inspect { path: files.paths[0].clone(), fault };
        Self::of(&files.header, profiles).map_err(inspect)
    }

    /// Describes a model, and the effect of `profiles` if it generates text.
    pub fn of(gguf: &Gguf, profiles: &[GpuProfile]) -> Result<Self, InspectError> {
        let metadata = &gguf.metadata;
        let kind = ModelKind::of(gguf);
        let key = metadata.get("general.architecture").ok_or(InspectError::NoArchitecture { kind })?;
        let key = key.as_text().ok_or_else(|| InspectError::wrong_type("general.architecture", "a text", key))?;
        let figures = Hyperparameters::read(metadata, key)?;
        let types = census(&gguf.tensors);
        let (parameters, bytes) = types.iter().fold((0_u64, 0_u64), |(elements, bytes), kind| {
            (elements.saturating_add(kind.elements), bytes.saturating_add(kind.bytes))
        });
        let context_memory = ContextMemory::of(metadata, key);
        let kv_bytes_per_token = match kind {
            ModelKind::Generator => KvCache::of(key, &figures, other_cache(gguf, key)?),
            other => KvCache::NotKnown { reason: format!("none: this is {}", other.words()) },
        };
        let profiles = if kind.is_generator() { profiles } else { &[] };
        let offloadable_layers = figures.blocks.and_then(|blocks| blocks.checked_add(1));
        let resolve =
            |profile: &GpuProfile| profile.resolve(offloadable_layers, &kv_bytes_per_token, figures.trained_context);
        let profiles: Vec<_> = profiles.iter().map(resolve).collect();
        Ok(Self {
            schema: FACTS_SCHEMA,
            architecture: safe(key),
            kind,
            name: metadata.get("general.name").and_then(Value::as_text).map(safe),
            synthetic: SyntheticMark::read(metadata),
            header_hash: format!("{:016x}", gguf.header_hash),
            gguf_version: gguf.version,
            file_bytes: gguf.file_bytes,
            header_bytes: gguf.header_bytes,
            split: split(gguf)?,
            parameters,
            bits_per_weight: (parameters > 0).then(|| bytes as f64 * 8.0 / parameters as f64),
            quantisation: quantisation(gguf, &types)?,
            parts: parts(&gguf.tensors),
            types,
            offloadable_layers,
            vocabulary: vocabulary(gguf, key)?,
            tokenizer: metadata.get("tokenizer.ggml.model").and_then(Value::as_text).map(safe),
            context_memory,
            profile_differences: ProfileDifference::of_all(&profiles),
            kv_bytes_per_token,
            profiles,
            figures,
        })
    }
}

/// Text from an untrusted file, made safe for a terminal and truncated.
fn safe(text: &str) -> String {
    const LONGEST: usize = 200;
    let clean = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut short: String = text.chars().take(LONGEST).map(clean).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

fn census(tensors: &[TensorInfo]) -> Vec<TypeCensus> {
    let mut rows = BTreeMap::new();
    for tensor in tensors {
        let empty = || TypeCensus { kind: tensor.kind.name, tensors: 0, elements: 0, bytes: 0 };
        let row = rows.entry(tensor.kind.id).or_insert_with(empty);
        row.tensors += 1;
        row.elements = row.elements.saturating_add(tensor.elements);
        row.bytes = row.bytes.saturating_add(tensor.bytes);
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    rows
}

/// Groups tensors by llama.cpp's names.
fn parts(tensors: &[TensorInfo]) -> PartBytes {
    let mut parts = PartBytes::default();
    for tensor in tensors {
        let name = tensor.name.as_str();
        let part = if name.contains("norm") {
            &mut parts.norms
        } else if name.contains("attn") {
            &mut parts.attention
        } else if name.contains("ffn") {
            &mut parts.feed_forward
        } else if name.contains("_embd") || name.starts_with("token_types") {
            &mut parts.embeddings
        } else if name == "output.weight" || name == "output.bias" {
            &mut parts.output
        } else {
            &mut parts.other
        };
        *part = part.saturating_add(tensor.bytes);
    }
    parts
}

fn quantisation(gguf: &Gguf, types: &[TypeCensus]) -> Result<String, InspectError> {
    let stated = hyperparameters::number(&gguf.metadata, "general.file_type")?;
    Ok(match (stated.map(|id| (id, file_type::name_of(id))), types.first()) {
        (Some((_, Some(name))), _) => name.into(),
        (Some((id, None)), Some(most)) => format!("file type {id}, mostly {}", most.kind),
        (None, Some(most)) => format!("mostly {}", most.kind),
        (_, None) => "no tensors".into(),
    })
}

fn other_cache(gguf: &Gguf, architecture: &str) -> Result<Option<&'static str>, InspectError> {
    for (key, why) in OTHER_CACHES {
        let key = format!("{architecture}.{key}");
        let is_set = match gguf.metadata.get(&key) {
            None => false,
            Some(Value::Array(_)) => true,
            Some(_) => hyperparameters::number(&gguf.metadata, &key)?.is_some_and(|figure| figure > 0),
        };
        if is_set {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

fn vocabulary(gguf: &Gguf, architecture: &str) -> Result<Option<u64>, InspectError> {
    let tokens = gguf.metadata.get("tokenizer.ggml.tokens").and_then(Value::as_array);
    match tokens {
        Some(tokens) => Ok(Some(tokens.count)),
        None => hyperparameters::number(&gguf.metadata, &format!("{architecture}.vocab_size")),
    }
}

fn split(gguf: &Gguf) -> Result<Option<(u64, u64)>, InspectError> {
    let number = |key| hyperparameters::number(&gguf.metadata, key);
    let parts = number("split.no")?.zip(number("split.count")?);
    Ok(parts.filter(|&(_, count)| count > 1).map(|(at, count)| (at.saturating_add(1), count)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::gguf::{HeaderBuilder, TensorType};
    use super::*;

    fn facts(fill: impl FnOnce(&mut HeaderBuilder)) -> Result<ModelFacts, InspectError> {
        let mut header = HeaderBuilder::new();
        fill(&mut header);
        let (mut bytes, data) = header.finish();
        bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
        ModelFacts::of(&Gguf::read(Cursor::new(bytes)).unwrap(), GpuProfile::built_in())
    }

    #[test]
    fn bytes_are_counted_by_type_and_part() {
        let facts = facts(|header| {
            header.text("general.architecture", "llama");
            for (name, kind) in [
                ("token_embd.weight", "F16"),
                ("blk.0.attn_q.weight", "Q8_0"),
                ("blk.0.attn_norm.weight", "F32"),
                ("blk.0.ffn_down_exps.weight", "Q8_0"),
                ("output.weight", "F16"),
                ("rope_freqs.weight", "F32"),
            ] {
                header.tensor(name, &[32], TensorType::by_name(kind).unwrap());
            }
        })
        .unwrap();
        let parts = PartBytes { embeddings: 64, attention: 34, feed_forward: 34, norms: 128, output: 64, other: 128 };
        assert_eq!(facts.parts, parts);
        let types: Vec<_> = facts.types.iter().map(|row| (row.kind, row.tensors, row.elements, row.bytes)).collect();
        assert_eq!(types, [("F32", 2, 64, 256), ("F16", 2, 64, 128), ("Q8_0", 2, 64, 68)]);
        assert_eq!(facts.parameters, 192);
        assert_eq!(facts.quantisation, "mostly F32");
        assert_eq!((facts.offloadable_layers, facts.vocabulary), (None, None));
    }

    #[test]
    fn declared_facts_are_reported_as_they_are() {
        let facts = facts(|header| {
            header.text("general.architecture", "phi3");
            header.u32("general.file_type", 9_999);
            header.u32("phi3.vocab_size", 32_064);
            header.u32("phi3.block_count", u32::MAX);
            header.u32("phi3.attention.sliding_window", 2_047);
            header.u32("split.no", 1);
            header.u32("split.count", 3);
            header.tensor("token_embd.weight", &[32], TensorType::by_name("Q8_0").unwrap());
        })
        .unwrap();
        assert_eq!(facts.quantisation, "file type 9999, mostly Q8_0");
        assert_eq!((facts.vocabulary, facts.split), (Some(32_064), Some((2, 3))));
        assert_eq!(facts.offloadable_layers, Some(1 << 32));
        let KvCache::NotKnown { reason } = facts.kv_bytes_per_token else { panic!("a sliding window stores less") };
        assert!(reason.contains("sliding window"), "{reason}");
        assert_eq!(facts.synthetic, None);
    }

    #[test]
    fn non_models_are_named() {
        assert!(matches!(facts(|_| ()), Err(InspectError::NoArchitecture { .. })));
        let wrong = facts(|header| {
            header.text("general.architecture", "llama");
            header.f32("llama.attention.head_count", 0.5);
        });
        let expected = "metadata \"llama.attention.head_count\" is 0.5, not a whole number";
        assert_eq!(wrong.unwrap_err().to_string(), expected);
        let no_heads = facts(|header| {
            header.text("general.architecture", "llama");
            header.u32("llama.embedding_length", 64);
            header.u32("llama.attention.head_count", 0);
        });
        assert_eq!(no_heads.unwrap().figures.key_length, None);
    }

    #[test]
    fn texts_are_escaped_and_truncated() {
        assert_eq!(safe("a\u{1b}[2Jé"), "a\\u{1b}[2Jé");
        assert_eq!(safe(&"x".repeat(300)).chars().count(), 201);
    }
}
