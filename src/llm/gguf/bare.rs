//! A header without its vocabulary: everything that memory depends on, with a hundredth of the bytes to read.

use super::Gguf;

/// Key prefix of the vocabulary.
const VOCABULARY: &[u8] = b"tokenizer.";

/// The header's bytes with an unnamed vocabulary of the same size, including the padding before the data; and the
/// resulting length of the file. `None` if the header is invalid or does not state the number of tokens.
#[must_use]
pub fn without_vocabulary(header: &[u8], gguf: &Gguf) -> Option<(Vec<u8>, u64)> {
    let architecture = gguf.metadata.get("general.architecture")?.as_text()?;
    let tokens = gguf.metadata.get("tokenizer.ggml.tokens")?.as_array()?.count;
    let (tensors, keys) = (number(header, 8)?, number(header, 16)?);
    let size_key = format!("{architecture}.vocab_size");
    let mut at = 24;
    let (mut kept, mut count) = (Vec::with_capacity(1 << 14), 0_u64);
    for _ in 0..keys {
        let begins = at;
        let key_bytes = usize::try_from(number(header, at)?).ok()?;
        let key = header.get(at + 8..)?.get(..key_bytes)?;
        at += 8 + key_bytes;
        let kind = small(header, at)?;
        at = after_value(header, at + 4, kind)?;
        if !key.starts_with(VOCABULARY) && key != size_key.as_bytes() {
            kept.extend(header.get(begins..at)?);
            count += 1;
        }
    }
    text_value(&mut kept, "tokenizer.ggml.model", "no_vocab");
    text(&mut kept, &size_key);
    kept.extend(U32.to_le_bytes());
    kept.extend(u32::try_from(tokens).ok()?.to_le_bytes());
    let mut bare = header.get(..8)?.to_vec();
    bare.extend(tensors.to_le_bytes());
    bare.extend((count + 2).to_le_bytes());
    bare.extend(kept);
    bare.extend(header.get(at..usize::try_from(gguf.header_bytes).ok()?)?);
    let padded = bare.len().next_multiple_of(usize::try_from(gguf.alignment).ok()?);
    bare.resize(padded, 0);
    let length = padded as u64 + gguf.file_bytes.checked_sub(gguf.data_offset)?;
    Some((bare, length))
}

/// Type numbers of the format.
const U32: u32 = 4;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

/// End of the value of a given type that starts at `at`.
fn after_value(header: &[u8], at: usize, kind: u32) -> Option<usize> {
    match kind {
        TEXT => at.checked_add(8)?.checked_add(usize::try_from(number(header, at)?).ok()?),
        ARRAY => {
            let (element, count) = (small(header, at)?, usize::try_from(number(header, at + 4)?).ok()?);
            let begins = at + 12;
            match width(element) {
                Some(width) => begins.checked_add(count.checked_mul(width)?),
                None => (0..count).try_fold(begins, |at, _| after_value(header, at, element)),
            }
        }
        other => at.checked_add(width(other)?),
    }
}

/// Size in bytes of types with a fixed size.
fn width(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn number(header: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(header.get(at..)?.get(..8)?.try_into().ok()?))
}

fn small(header: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(header.get(at..)?.get(..4)?.try_into().ok()?))
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn text_value(bytes: &mut Vec<u8>, key: &str, value: &str) {
    text(bytes, key);
    bytes.extend(TEXT.to_le_bytes());
    text(bytes, value);
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::mutations::small_file;
    use super::*;

    #[test]
    fn everything_except_the_vocabulary_is_kept() {
        let bytes = small_file();
        let whole = Gguf::read(Cursor::new(&bytes)).unwrap();
        let (mut bare, length) = without_vocabulary(&bytes, &whole).unwrap();
        bare.resize(usize::try_from(length).unwrap(), 0);
        let read = Gguf::read(Cursor::new(&bare)).unwrap();
        assert_eq!(read.tensors, whole.tensors);
        assert_eq!(read.metadata.get("tokenizer.ggml.model").unwrap().as_text(), Some("no_vocab"));
        assert_eq!(read.metadata.get("llama.vocab_size").unwrap().as_u64(), Some(3));
        assert!(read.metadata.get("tokenizer.ggml.tokens").is_none());
        let kept = |gguf: &Gguf| {
            let other =
                gguf.metadata.iter().filter(|(key, _)| !key.starts_with("tokenizer.") && *key != "llama.vocab_size");
            other.map(|(key, value)| (key.to_owned(), value.clone())).collect::<Vec<_>>()
        };
        assert_eq!(kept(&read), kept(&whole));
        assert_eq!(read.file_bytes - read.data_offset, whole.file_bytes - whole.data_offset);
    }

    #[test]
    fn truncated_header_has_none() {
        let bytes = small_file();
        let whole = Gguf::read(Cursor::new(&bytes)).unwrap();
        for length in 0..usize::try_from(whole.header_bytes).unwrap() {
            assert_eq!(without_vocabulary(&bytes[..length], &whole), None, "{length}");
        }
    }
}
