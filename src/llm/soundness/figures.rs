//! The hyperparameters of a plain architecture: whether they are possible, and whether the tensors match.

use super::fault::ModelFault;
use crate::llm::gguf::{Gguf, TensorInfo, Value};
use crate::llm::hyperparameters::{Hyperparameters, PerBlock};
use crate::llm::kv_cache::PLAIN;

/// Maximum number of blocks supported by llama.cpp (`LLAMA_MAX_LAYERS`).
const BLOCKS_LIMIT: u64 = 512;

/// Fails if hyperparameters contradict each other or the tensors. Only architectures with plain attention are checked:
/// others count heads differently. Missing values are left to llama.cpp.
pub(super) fn check(header: &Gguf) -> Result<(), ModelFault> {
    let architecture = header.metadata.get("general.architecture").and_then(Value::as_text).unwrap_or_default();
    if !PLAIN.contains(&architecture) {
        return Ok(());
    }
    // Wrong types are reported when the file is described.
    let Ok(figures) = Hyperparameters::read(&header.metadata, architecture) else { return Ok(()) };
    let name = |key: &str| format!("{architecture}.{key}");
    let within = |what: &str, found: Option<u64>, most: u64, wants| match found {
        Some(number) if number == 0 || number > most => {
            Err(ModelFault::Figure { what: name(what), found: number.to_string(), wants })
        }
        _ => Ok(()),
    };
    within("block_count", figures.blocks, BLOCKS_LIMIT, "it must be 1 to 512")?;
    within("embedding_length", figures.embedding, u64::from(u32::MAX), "it must be at least 1")?;
    check_heads(&figures, &name)?;
    check_tensors(header, &figures)
}

/// The figure of a block, if there is one.
fn of_block(figure: Option<&PerBlock>, block: u64) -> Option<u64> {
    match figure? {
        PerBlock::One(figure) => Some(*figure),
        PerBlock::Each(figures) => figures.get(usize::try_from(block).ok()?).copied(),
    }
}

fn check_heads(figures: &Hyperparameters, name: &impl Fn(&str) -> String) -> Result<(), ModelFault> {
    let blocks = figures.blocks.unwrap_or(1).min(BLOCKS_LIMIT);
    let fault =
        |key: &str, found: u64, wants| Err(ModelFault::Figure { what: name(key), found: found.to_string(), wants });
    for block in 0..blocks {
        let heads = of_block(figures.heads.as_ref(), block);
        let kv_heads = of_block(figures.kv_heads.as_ref(), block);
        match (heads, kv_heads) {
            (Some(0), _) => return fault("attention.head_count", 0, "it must be at least 1"),
            (_, Some(0)) => return fault("attention.head_count_kv", 0, "it must be at least 1"),
            (Some(heads), Some(kv)) if heads % kv != 0 => {
                return fault("attention.head_count_kv", kv, "it must divide the number of heads");
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_tensors(header: &Gguf, figures: &Hyperparameters) -> Result<(), ModelFault> {
    let Some(embedding) = figures.embedding else { return Ok(()) };
    let tokens = header.metadata.get("tokenizer.ggml.tokens").and_then(Value::as_array).map(|tokens| tokens.count);
    let rows_of =
        |heads: Option<&PerBlock>, length: Option<u64>, block: u64| of_block(heads, block)?.checked_mul(length?);
    for tensor in &header.tensors {
        let in_block = tensor.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
        let rows = match (tensor.name.as_str(), in_block) {
            ("token_embd.weight" | "output.weight", _) => tokens,
            (_, Some((block, part))) => block.parse().ok().and_then(|block: u64| match part {
                "attn_q.weight" => rows_of(figures.heads.as_ref(), figures.key_length, block),
                "attn_k.weight" => rows_of(figures.kv_heads.as_ref(), figures.key_length, block),
                "attn_v.weight" => rows_of(figures.kv_heads.as_ref(), figures.value_length, block),
                _ => None,
            }),
            _ => None,
        };
        if let Some(rows) = rows {
            check_shape(tensor, &[embedding, rows])?;
        }
    }
    Ok(())
}

fn check_shape(tensor: &TensorInfo, expected: &[u64]) -> Result<(), ModelFault> {
    let words = |shape: &[u64]| shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
    if tensor.dimensions == expected {
        return Ok(());
    }
    let (found, expected) = (words(&tensor.dimensions), words(expected));
    Err(ModelFault::Shape { tensor: format!("{:?}", tensor.name), found, expected })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::llm::gguf::{HeaderBuilder, TensorType};

    // None of these headers is a complete model: llama.cpp rejects all of them as incomplete.
    fn checked(figures: &[(&str, u32)], tensors: &[(&str, &[u64])]) -> Result<(), String> {
        let mut header = HeaderBuilder::new();
        header.text("general.architecture", "llama");
        for (key, figure) in figures {
            header.u32(&format!("llama.{key}"), *figure);
        }
        header.texts("tokenizer.ggml.tokens", ["a", "b"].into_iter());
        for (name, shape) in tensors {
            header.tensor(name, shape, TensorType::by_name("F32").unwrap());
        }
        let (mut bytes, data) = header.finish();
        bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
        check(&Gguf::read(Cursor::new(bytes)).unwrap()).map_err(|fault| fault.to_string())
    }

    const SOUND: [(&str, u32); 4] =
        [("block_count", 1), ("embedding_length", 8), ("attention.head_count", 4), ("attention.head_count_kv", 2)];

    #[test]
    fn impossible_hyperparameters_are_named() {
        assert_eq!(checked(&SOUND, &[]), Ok(()));
        assert_eq!(checked(&[], &[]), Ok(()), "missing values are left to llama.cpp");
        for (at, value, says) in [
            (0, 0, "llama.block_count is 0: it must be 1 to 512"),
            (0, 513, "llama.block_count is 513: it must be 1 to 512"),
            (1, 0, "llama.embedding_length is 0: it must be at least 1"),
            (2, 0, "llama.attention.head_count is 0: it must be at least 1"),
            (3, 0, "llama.attention.head_count_kv is 0: it must be at least 1"),
            (3, 3, "llama.attention.head_count_kv is 3: it must divide the number of heads"),
        ] {
            let mut figures = SOUND;
            figures[at].1 = value;
            assert_eq!(checked(&figures, &[]).unwrap_err(), says);
        }
    }

    #[test]
    fn tensor_shapes_must_match_hyperparameters() {
        let sound: [(&str, &[u64]); 4] = [
            ("token_embd.weight", &[8, 2]),
            ("blk.0.attn_q.weight", &[8, 8]),
            ("blk.0.attn_k.weight", &[8, 4]),
            ("blk.9.attn_norm.weight", &[3]),
        ];
        assert_eq!(checked(&SOUND, &sound), Ok(()));
        let fewer = checked(&SOUND, &[("token_embd.weight", &[8, 1])]).unwrap_err();
        assert_eq!(fewer, "tensor \"token_embd.weight\" has the shape 8 x 1; the model's metadata requires 8 x 2");
        let values = checked(&SOUND, &[("blk.0.attn_v.weight", &[8, 8])]).unwrap_err();
        assert!(values.ends_with("requires 8 x 4"), "{values}");
    }
}
