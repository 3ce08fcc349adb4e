//! A synthetic model before it is written: its header, its tensors, and its exact size.

use std::io::{self, Write};

use super::blocks::BlockGenerator;
use super::file::WriteProgress;
use super::mark::mark;
use super::mixture::{Mixture, TensorRole};
use super::noise::SplitMix64;
use super::shape::ModelShape;
use super::vocabulary::{self, BEGIN_ID, END_ID, UNKNOWN_ID};
use crate::llm::file_type;
use crate::llm::gguf::{HeaderBuilder, TensorType};

/// Approximate bytes generated at a time: large enough for the system, small enough for the processor's cache.
const CHUNK: usize = 256 << 10;

/// A shape and a seed, ready to be written.
#[derive(Debug, Clone)]
pub struct SyntheticModel {
    shape: &'static ModelShape,
    seed: u64,
    header: Vec<u8>,
    tensors: Vec<PlannedTensor>,
    file_bytes: u64,
}

/// A tensor to be written.
#[derive(Debug, Clone)]
struct PlannedTensor {
    kind: &'static TensorType,
    row: u64,
    elements: u64,
    bytes: u64,
    padded: u64,
}

impl SyntheticModel {
    /// Lays out the file, without writing it or generating weights.
    #[must_use]
    pub fn new(shape: &'static ModelShape, seed: u64) -> Self {
        let mut header = HeaderBuilder::new();
        describe(&mut header, shape, seed);
        let mut tensors = Vec::new();
        for (name, dimensions, role) in tensors_of(shape) {
            let kind = shape.quantisation.storage(role);
            let (bytes, padded) = header.tensor(&name, &dimensions, kind);
            let elements = dimensions.iter().product();
            tensors.push(PlannedTensor { kind, row: dimensions[0], elements, bytes, padded });
        }
        let (header, data_bytes) = header.finish();
        let file_bytes = header.len() as u64 + data_bytes;
        Self { shape, seed, header, tensors, file_bytes }
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &'static ModelShape {
        self.shape
    }

    /// Seed of its weights.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Length of the file, in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Number of weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.elements).sum()
    }

    /// The bytes of the file before the weights.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Writes the file in chunks and counts its bytes. A raised stop flag ends it with [`io::ErrorKind::Interrupted`]
    /// between two chunks.
    pub fn write_to(&self, out: &mut impl Write, watch: WriteProgress<'_>) -> io::Result<()> {
        watch.write(out, &self.header)?;
        let mut chunk = Vec::new();
        for (stream, tensor) in self.tensors.iter().enumerate() {
            let mut noise = SplitMix64::new(self.seed, stream as u64);
            let blocks = BlockGenerator::new(tensor.kind, tensor.row, &mut noise);
            let block = usize::try_from(tensor.kind.block_bytes).unwrap_or(1);
            let whole = CHUNK / block * block;
            let mut left = tensor.bytes;
            while left > 0 {
                chunk.resize(usize::try_from(left).unwrap_or(whole).min(whole), 0);
                match &blocks {
                    Some(blocks) => blocks.fill(&mut chunk, &mut noise),
                    // Norms of 1, which have no effect.
                    None => chunk.as_chunks_mut().0.iter_mut().for_each(|weight| *weight = 1.0_f32.to_le_bytes()),
                }
                watch.write(out, &chunk)?;
                left -= chunk.len() as u64;
            }
            let padding = usize::try_from(tensor.padded - tensor.bytes).unwrap_or(0);
            watch.write(out, &vec![0; padding])?;
        }
        Ok(())
    }
}

/// The metadata that llama.cpp needs for a llama with a `SentencePiece` vocabulary, and our mark.
fn describe(header: &mut HeaderBuilder, shape: &ModelShape, seed: u64) {
    let u32_of = |figure: u64| u32::try_from(figure).unwrap_or(u32::MAX);
    header.text("general.architecture", "llama");
    // Without the shape's name: llama.cpp searches it for "phi-3", and then expects tokens that only the real model
    // has.
    header.text("general.name", "synthetic weights (workly-perf)");
    header.text("general.description", &format!("noise in the shape {}, seed {seed}", shape.name));
    mark(header, &shape.name, seed);
    for (key, figure) in [
        ("llama.context_length", shape.context),
        ("llama.embedding_length", shape.embedding),
        ("llama.block_count", shape.blocks),
        ("llama.feed_forward_length", shape.feed_forward),
        ("llama.rope.dimension_count", shape.head()),
        ("llama.attention.head_count", shape.heads),
        ("llama.attention.head_count_kv", shape.kv_heads),
        ("llama.vocab_size", shape.vocabulary),
        ("general.file_type", file_type::id_of(shape.quantisation.name()).unwrap_or_default()),
        ("general.quantization_version", 2),
    ] {
        header.u32(key, u32_of(figure));
    }
    header.f32("llama.attention.layer_norm_rms_epsilon", shape.rms_epsilon);
    header.f32("llama.rope.freq_base", shape.rope_freq_base);

    let tokens = vocabulary::tokens(shape.vocabulary);
    header.text("tokenizer.ggml.model", "llama");
    header.texts("tokenizer.ggml.tokens", tokens.iter().map(|token| token.text.as_str()));
    header.f32s("tokenizer.ggml.scores", tokens.iter().map(|token| token.score));
    header.i32s("tokenizer.ggml.token_type", tokens.iter().map(|token| token.kind as i32));
    header.u32("tokenizer.ggml.bos_token_id", BEGIN_ID);
    header.u32("tokenizer.ggml.eos_token_id", END_ID);
    header.u32("tokenizer.ggml.unknown_token_id", UNKNOWN_ID);
    header.bool("tokenizer.ggml.add_bos_token", true);
    header.bool("tokenizer.ggml.add_eos_token", false);
}

/// Names, shapes and roles of all tensors, in file order.
fn tensors_of(shape: &ModelShape) -> Vec<(String, Vec<u64>, TensorRole)> {
    let ModelShape { embedding, feed_forward, vocabulary, blocks, .. } = *shape;
    let kv = shape.head() * shape.kv_heads;
    let mut tensors = vec![(
        "token_embd.weight".to_owned(),
        vec![embedding, vocabulary],
        TensorRole::Embedding { shared: shape.tied_output },
    )];
    for block in 0..blocks {
        let favoured = TensorRole::Favoured { block, blocks };
        for (part, dimensions, role) in [
            ("attn_norm", vec![embedding], TensorRole::Norm),
            ("attn_q", vec![embedding, embedding], TensorRole::Plain),
            ("attn_k", vec![embedding, kv], TensorRole::Plain),
            ("attn_v", vec![embedding, kv], favoured),
            ("attn_output", vec![embedding, embedding], TensorRole::Plain),
            ("ffn_norm", vec![embedding], TensorRole::Norm),
            ("ffn_gate", vec![embedding, feed_forward], TensorRole::Plain),
            ("ffn_up", vec![embedding, feed_forward], TensorRole::Plain),
            ("ffn_down", vec![feed_forward, embedding], favoured),
        ] {
            tensors.push((format!("blk.{block}.{part}.weight"), dimensions, role));
        }
    }
    tensors.push(("output_norm.weight".into(), vec![embedding], TensorRole::Norm));
    if !shape.tied_output {
        tensors.push(("output.weight".into(), vec![embedding, vocabulary], TensorRole::Output));
    }
    tensors
}

impl Mixture {
    /// Whether all storage types of this mixture can be generated.
    #[cfg(test)]
    fn is_made(self) -> bool {
        let roles = [TensorRole::Plain, TensorRole::Output, TensorRole::Favoured { block: 0, blocks: 8 }];
        roles.into_iter().all(|role| BlockGenerator::new(self.storage(role), 256, &mut SplitMix64::new(1, 1)).is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::llm::gguf::Gguf;
    use crate::llm::{GpuProfile, KvCache, ModelFacts};

    fn bytes_of(name: &str, seed: u64) -> Vec<u8> {
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let model = SyntheticModel::new(ModelShape::named(name).unwrap(), seed);
        let mut bytes = Vec::new();
        model.write_to(&mut bytes, WriteProgress { written: &written, stop: &stop }).unwrap();
        assert_eq!(bytes.len() as u64, model.file_bytes());
        assert_eq!(written.load(Ordering::Relaxed), model.file_bytes());
        assert!(bytes.starts_with(model.header()));
        bytes
    }

    fn fnv(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// A source with the model's header and length: enough for the reader, which reads no weights.
    fn facts_of(name: &str) -> ModelFacts {
        struct Sparse(Cursor<Vec<u8>>, u64);
        impl io::Read for Sparse {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(buffer)
            }
        }
        impl io::Seek for Sparse {
            fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
                match to {
                    io::SeekFrom::End(0) => Ok(self.1),
                    to => self.0.seek(to),
                }
            }
        }
        let model = SyntheticModel::new(ModelShape::named(name).unwrap(), 1);
        let gguf = Gguf::read(Sparse(Cursor::new(model.header().to_vec()), model.file_bytes())).unwrap();
        let facts = ModelFacts::of(&gguf, GpuProfile::built_in()).unwrap();
        assert_eq!(facts.parameters, model.parameters());
        assert_eq!(facts.quantisation, model.shape().quantisation.name());
        facts
    }

    #[test]
    fn bytes_of_a_shape_and_seed_never_change() {
        // If this must change, so must FORMAT_VERSION.
        assert_eq!(super::super::FORMAT_VERSION, 1);
        assert_eq!(format!("{:016x}", fnv(&bytes_of("tiny", 1))), "7c1e18c55c3c90a6");
        assert_ne!(fnv(&bytes_of("tiny", 2)), fnv(&bytes_of("tiny", 1)));
    }

    #[test]
    fn written_model_round_trips() {
        let bytes = bytes_of("tiny", 7);
        let gguf = Gguf::read(Cursor::new(&bytes[..])).unwrap();
        let facts = ModelFacts::of(&gguf, GpuProfile::built_in()).unwrap();
        let mark = facts.synthetic.as_ref().unwrap();
        assert_eq!((mark.shape.as_deref(), mark.seed, mark.version), (Some("tiny"), Some(7), Some(1)));
        assert_eq!(facts.name.as_deref(), Some("synthetic weights (workly-perf)"));
        assert_eq!((facts.vocabulary, facts.tokenizer.as_deref()), (Some(2_048), Some("llama")));
        assert_eq!((facts.figures.blocks, facts.offloadable_layers), (Some(4), Some(5)));
    }

    #[test]
    fn default_models_shape_matches_the_real_file() {
        let facts = facts_of("zephyr-7b");
        assert_eq!((facts.figures.blocks, facts.offloadable_layers), (Some(32), Some(33)));
        assert_eq!(facts.parameters, 7_241_732_096);
        // Computed from shapes and block sizes; the published file is 5.13 GB.
        let weights: u64 = facts.types.iter().map(|kind| kind.bytes).sum();
        assert_eq!(weights, 5_130_674_176);
        assert_eq!(
            facts.types.iter().map(|kind| (kind.kind, kind.tensors)).collect::<Vec<_>>(),
            [("Q5_K", 193), ("Q6_K", 33), ("F32", 65)]
        );
        let KvCache::Known(cache) = &facts.kv_bytes_per_token else { panic!("{:?}", facts.kv_bytes_per_token) };
        assert_eq!((cache.f16, cache.q8_0, cache.q4_0), (131_072, Some(69_632), Some(36_864)));
        assert_eq!(facts.profile_differences[0].same_placement, Some(true), "35 layers of 33 are all");
    }

    #[test]
    fn other_shapes_have_the_sizes_of_real_files() {
        for (name, parameters, gigabytes) in [
            ("demo", 134_105_856, 0.143),
            ("tinyllama-1.1b", 1_100_048_384, 0.669),
            ("llama-3.2-3b", 3_212_749_824, 2.02),
            ("phi-3-mini", 3_821_079_552, 2.32),
            ("llama-2-13b", 13_015_864_320, 7.87),
        ] {
            let facts = facts_of(name);
            assert_eq!(facts.parameters, parameters, "{name}");
            let off = facts.file_bytes as f64 / 1e9 / gigabytes - 1.0;
            assert!(off.abs() < 0.01, "{name}: {} bytes", facts.file_bytes);
        }
        assert_eq!(facts_of("llama-2-13b").profile_differences[0].same_placement, Some(false), "35 of 41");
    }

    #[test]
    fn model_name_does_not_trigger_vocabulary_checks() {
        let names: std::collections::HashSet<_> =
            ModelShape::names().into_iter().map(|name| facts_of(name).name).collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn every_mixture_can_be_generated() {
        for mixture in [Mixture::Q4_0, Mixture::Q8_0, Mixture::Q4_K_M, Mixture::Q5_K_M, Mixture::Q6_K] {
            assert!(mixture.is_made(), "{mixture:?}");
            assert!(file_type::id_of(mixture.name()).is_some());
        }
    }

    #[test]
    fn stop_flag_ends_writing_between_chunks() {
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(true));
        let model = SyntheticModel::new(ModelShape::named("tiny").unwrap(), 1);
        let ended = model.write_to(&mut io::sink(), WriteProgress { written: &written, stop: &stop }).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::Interrupted);
    }
}
