//! Model files with a few thousand weights, whole or split, of architectures that synthetic models do not cover.

use std::path::Path;

use workly_perf::llm::gguf::{HeaderBuilder, TensorType};

/// Name and shape of a tensor.
pub(crate) type Tensor = (String, Vec<u64>);

/// Embedding length of all of them.
const EMBEDDING: u64 = 64;

fn tensor(name: impl Into<String>, shape: &[u64]) -> Tensor {
    (name.into(), shape.to_vec())
}

/// A vocabulary with a token for every byte.
fn tokens() -> Vec<String> {
    let bytes = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>"));
    let letters = ('a'..='z').chain(['\u{2581}']).map(String::from);
    ["<unk>", "<s>", "</s>"].map(String::from).into_iter().chain(bytes).chain(letters).collect()
}

fn vocabulary(header: &mut HeaderBuilder) {
    let tokens = tokens();
    let kinds = [2, 3, 3].into_iter().chain([6; 256]).chain([1; 27]).collect::<Vec<i32>>();
    header.text("tokenizer.ggml.model", "llama");
    header.texts("tokenizer.ggml.tokens", tokens.iter().map(String::as_str));
    header.f32s("tokenizer.ggml.scores", vec![0.0; tokens.len()].into_iter());
    header.i32s("tokenizer.ggml.token_type", kinds.into_iter());
    header.u32("tokenizer.ggml.bos_token_id", 1);
    header.u32("tokenizer.ggml.eos_token_id", 2);
}

/// Writes a file with these entries and tensors, with small random weights.
pub(crate) fn write(path: &Path, entries: impl FnOnce(&mut HeaderBuilder), tensors: &[Tensor]) {
    let mut header = HeaderBuilder::new();
    entries(&mut header);
    let mut sizes = Vec::new();
    for (name, shape) in tensors {
        sizes.push(header.tensor(name, shape, TensorType::by_name("F32").unwrap()));
    }
    let (mut bytes, _) = header.finish();
    let mut state = 1_u32;
    for (data, padded) in sizes {
        let begins = bytes.len();
        for _ in 0..data / 4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f32::from(u16::try_from(state >> 16).unwrap()) / 655_360.0 - 0.05;
            bytes.extend(noise.to_le_bytes());
        }
        bytes.resize(begins + usize::try_from(padded).unwrap(), 0);
    }
    std::fs::write(path, bytes).unwrap();
}

/// The entries of a llama with two blocks and this trained context.
pub(crate) fn llama_entries(header: &mut HeaderBuilder, trained: u32) {
    header.text("general.architecture", "llama");
    for (key, figure) in [
        ("context_length", trained),
        ("embedding_length", 64),
        ("block_count", 2),
        ("feed_forward_length", 128),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
        ("rope.dimension_count", 32),
    ] {
        header.u32(&format!("llama.{key}"), figure);
    }
    header.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    vocabulary(header);
}

/// Its tensors.
pub(crate) fn llama_tensors() -> Vec<Tensor> {
    let n_tokens = tokens().len() as u64;
    let mut tensors = vec![
        tensor("token_embd.weight", &[EMBEDDING, n_tokens]),
        tensor("output_norm.weight", &[EMBEDDING]),
        tensor("output.weight", &[EMBEDDING, n_tokens]),
    ];
    for block in 0..2 {
        let parts: [(&str, &[u64]); 9] = [
            ("attn_norm", &[64]),
            ("attn_q", &[64, 64]),
            ("attn_k", &[64, 32]),
            ("attn_v", &[64, 32]),
            ("attn_output", &[64, 64]),
            ("ffn_norm", &[64]),
            ("ffn_gate", &[64, 128]),
            ("ffn_up", &[64, 128]),
            ("ffn_down", &[128, 64]),
        ];
        tensors.extend(parts.map(|(part, shape)| tensor(format!("blk.{block}.{part}.weight"), shape)));
    }
    tensors
}

/// A llama in one file.
pub(crate) fn llama(path: &Path, trained: u32) {
    write(path, |header| llama_entries(header, trained), &llama_tensors());
}

/// The same in two files in `folder`: `NAME-00001-of-00002.gguf` and the second part.
pub(crate) fn split_llama(folder: &Path, name: &str) {
    let tensors = llama_tensors();
    let split = |header: &mut HeaderBuilder, number: u16| {
        header.u16("split.no", number);
        header.u16("split.count", 2);
        header.i32("split.tensors.count", i32::try_from(tensors.len()).unwrap());
    };
    let (first, second) = tensors.split_at(9);
    let path = |number: u32| folder.join(format!("{name}-{number:05}-of-00002.gguf"));
    let entries = |header: &mut HeaderBuilder| {
        llama_entries(header, 2_048);
        split(header, 0);
    };
    write(&path(1), entries, first);
    write(&path(2), |header| split(header, 1), second);
}

/// A recurrent model.
pub(crate) fn mamba(path: &Path) {
    let n_tokens = tokens().len() as u64;
    let mut tensors =
        vec![tensor("token_embd.weight", &[EMBEDDING, n_tokens]), tensor("output_norm.weight", &[EMBEDDING])];
    for block in 0..2 {
        let parts: [(&str, &[u64]); 10] = [
            ("attn_norm.weight", &[64]),
            ("ssm_in.weight", &[64, 256]),
            ("ssm_conv1d.weight", &[4, 128]),
            ("ssm_conv1d.bias", &[128]),
            ("ssm_x.weight", &[128, 36]),
            ("ssm_dt.weight", &[4, 128]),
            ("ssm_dt.bias", &[128]),
            ("ssm_a", &[16, 128]),
            ("ssm_d", &[128]),
            ("ssm_out.weight", &[128, 64]),
        ];
        tensors.extend(parts.map(|(part, shape)| tensor(format!("blk.{block}.{part}"), shape)));
    }
    let entries = |header: &mut HeaderBuilder| {
        header.text("general.architecture", "mamba");
        for (key, figure) in [
            ("context_length", 2_048),
            ("embedding_length", 64),
            ("block_count", 2),
            ("feed_forward_length", 0),
            ("attention.head_count", 0),
            ("ssm.conv_kernel", 4),
            ("ssm.inner_size", 128),
            ("ssm.state_size", 16),
            ("ssm.time_step_rank", 4),
        ] {
            header.u32(&format!("mamba.{key}"), figure);
        }
        header.f32("mamba.attention.layer_norm_rms_epsilon", 1e-5);
        vocabulary(header);
    };
    write(path, entries, &tensors);
}
