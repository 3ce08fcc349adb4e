//! The vocabulary: whether its lists are consistent, and whether every text can be tokenised.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::fault::ModelFault;
use crate::llm::gguf::{Array, Gguf, Metadata, Value, ValueType};

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const SCORES: &str = "tokenizer.ggml.scores";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";

/// Maximum number of tokens checked: the largest vocabularies have some hundred thousand.
const TOKENS_LIMIT: u64 = 1 << 22;

/// Maximum characters of a token quoted in a fault.
const QUOTED: usize = 40;

/// llama.cpp's number for byte tokens.
const BYTE: i32 = 6;

/// Minimum length of a token's text in which llama.cpp looks for the digits of a byte.
const LEAST_BYTE_TOKEN: usize = 3;

/// Fails if llama.cpp would reject the vocabulary, or crash when reading it or tokenising. `source` is the file of the
/// header. A header without a vocabulary passes: llama.cpp reports that itself.
pub(super) fn check(source: impl Read + Seek, header: &Gguf) -> Result<(), ModelFault> {
    let metadata = &header.metadata;
    let Some(tokens) = list(metadata, TOKENS, &[ValueType::Text], "a list of texts")? else { return Ok(()) };
    if !(1..=TOKENS_LIMIT).contains(&tokens.count) {
        return Err(ModelFault::TokenCount { tokens: tokens.count });
    }
    let as_long = |key, kinds: &[ValueType], expected| match list(metadata, key, kinds, expected)? {
        Some(array) if array.count < tokens.count => {
            Err(ModelFault::TooFew { key, found: array.count, tokens: tokens.count })
        }
        other => Ok(other),
    };
    as_long(SCORES, &[ValueType::F32, ValueType::I32], "a list of numbers")?;
    let types = as_long(TYPES, &[ValueType::I32], "a list of 32-bit numbers")?;
    let tokenizer = metadata.get(MODEL).and_then(Value::as_text).unwrap_or_default();
    let merges = list(metadata, MERGES, &[ValueType::Text], "a list of texts")?;
    let pre = metadata.get("tokenizer.ggml.pre").and_then(Value::as_text);
    if merges.is_none() && tokenizer == "gpt2" && pre != Some("kimi-k2") {
        return Err(ModelFault::NoMerges { tokenizer: tokenizer.into() });
    }
    check_special(metadata, tokenizer, tokens.count)?;
    let mut reader = BufReader::new(source);
    let types = types.map(|types| numbers(&mut reader, types, tokens.count)).transpose().map_err(io)?;
    check_tokens(&mut reader, tokens, types.as_deref().unwrap_or_default(), tokenizer)
}

fn io(source: io::Error) -> ModelFault {
    ModelFault::Io { source }
}

/// The array of a key with elements of one of these types; `None` without the key.
fn list<'m>(
    metadata: &'m Metadata,
    key: &'static str,
    kinds: &[ValueType],
    expected: &'static str,
) -> Result<Option<&'m Array>, ModelFault> {
    match metadata.get(key) {
        None => Ok(None),
        Some(Value::Array(array)) if kinds.contains(&array.element) => Ok(Some(array)),
        Some(Value::Array(array)) => {
            let found = format!("a list of type {:?}", array.element);
            Err(ModelFault::WrongType { key, found, expected })
        }
        Some(_) => Err(ModelFault::WrongType { key, found: "a single value".into(), expected }),
    }
}

/// llama.cpp's default begin and end tokens, by tokenizer.
fn defaults(tokenizer: &str) -> (Option<u64>, Option<u64>) {
    match tokenizer {
        "llama" | "plamo2" => (Some(1), Some(2)),
        "gpt2" => (Some(11), Some(11)),
        "bert" => (Some(101), None),
        "t5" => (None, Some(1)),
        _ => (None, None),
    }
}

fn check_special(metadata: &Metadata, tokenizer: &str, tokens: u64) -> Result<(), ModelFault> {
    let (begin, end) = defaults(tokenizer);
    for (key, id_key, default) in [
        ("tokenizer.ggml.add_bos_token", "tokenizer.ggml.bos_token_id", begin),
        ("tokenizer.ggml.add_eos_token", "tokenizer.ggml.eos_token_id", end),
    ] {
        let is_asked_for = metadata.get(key).and_then(Value::as_bool) == Some(true);
        let named = metadata.get(id_key).and_then(Value::as_u64);
        let is_there = [named, default].into_iter().flatten().any(|id| id < tokens);
        if is_asked_for && !is_there {
            return Err(ModelFault::NoSpecialToken { key });
        }
    }
    Ok(())
}

/// The first `count` of an array's 32-bit numbers.
fn numbers(reader: &mut BufReader<impl Read + Seek>, array: &Array, count: u64) -> io::Result<Vec<i32>> {
    reader.seek(SeekFrom::Start(array.offset))?;
    let mut bytes = [0; 4];
    let mut next = || reader.read_exact(&mut bytes).map(|()| i32::from_le_bytes(bytes));
    (0..count).map(|_| next()).collect()
}

/// Checks every token: no duplicate texts, byte tokens that denote a byte, and for `SentencePiece` a token for each
/// byte.
fn check_tokens(
    reader: &mut BufReader<impl Read + Seek>,
    tokens: &Array,
    types: &[i32],
    tokenizer: &str,
) -> Result<(), ModelFault> {
    reader.seek(SeekFrom::Start(tokens.offset)).map_err(io)?;
    let mut seen = HashSet::new();
    let mut bytes_seen = [false; 256];
    let mut text = Vec::new();
    for number in 0..tokens.count {
        read_text(reader, &mut text).map_err(io)?;
        // llama.cpp reads texts up to their first zero byte, and names tokens that are then empty.
        let token = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let quoted = || {
            let text: String = String::from_utf8_lossy(token).chars().take(QUOTED).collect();
            format!("{text:?}")
        };
        if !token.is_empty() && !seen.insert(hash_of(token)) && tokenizer != "hybriddna" {
            return Err(ModelFault::RepeatedToken { number, token: quoted() });
        }
        let kind = usize::try_from(number).ok().and_then(|at| types.get(at));
        if kind == Some(&BYTE) && token.len() < LEAST_BYTE_TOKEN {
            return Err(ModelFault::NotAByte { number, token: quoted() });
        }
        if let Some(byte) = byte_of(token) {
            bytes_seen[usize::from(byte)] = true;
        }
    }
    let missing = (0..=u8::MAX).find(|byte| !bytes_seen[usize::from(*byte)]);
    match missing.filter(|_| tokenizer == "llama") {
        Some(byte) => Err(ModelFault::MissingByte { byte }),
        None => Ok(()),
    }
}

fn hash_of(token: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}

fn read_text(reader: &mut BufReader<impl Read + Seek>, text: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 8];
    reader.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    text.clear();
    let read = reader.take(length).read_to_end(text)?;
    if read as u64 == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The byte that a token denotes: `<0x0A>`, or the byte itself.
fn byte_of(token: &[u8]) -> Option<u8> {
    match token {
        [byte] => Some(*byte),
        [b'<', b'0', b'x', high, low, b'>'] => {
            let digit = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_lowercase());
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::llm::gguf::HeaderBuilder;

    // None of these headers has hyperparameters or weights: llama.cpp rejects all of them before reading the
    // vocabulary.
    fn checked(tokenizer: &str, tokens: &[&str], fill: impl FnOnce(&mut HeaderBuilder)) -> Result<(), String> {
        let mut header = HeaderBuilder::new();
        header.text(MODEL, tokenizer);
        header.texts(TOKENS, tokens.iter().copied());
        fill(&mut header);
        let (bytes, _) = header.finish();
        let gguf = Gguf::read(Cursor::new(&bytes)).unwrap();
        check(Cursor::new(&bytes), &gguf).map_err(|fault| fault.to_string())
    }

    fn says(checked: Result<(), String>, expected: &str) {
        assert_eq!(checked.unwrap_err(), expected);
    }

    #[test]
    fn lists_shorter_than_the_vocabulary_are_named() {
        let scores = |count: usize| {
            checked("test", &["a", "b", "c"], |header| header.f32s(SCORES, vec![0.0; count].into_iter()))
        };
        assert_eq!(scores(3), Ok(()));
        says(scores(2), "tokenizer.ggml.scores has 2 entries for 3 tokens");
        let types = checked("test", &["a", "b"], |header| header.i32s(TYPES, [1].into_iter()));
        says(types, "tokenizer.ggml.token_type has 1 entries for 2 tokens");
        let floats = checked("test", &["a"], |header| header.f32s(TYPES, [1.0].into_iter()));
        says(floats, "tokenizer.ggml.token_type is a list of type F32, not a list of 32-bit numbers");
        says(checked("test", &[], |_| ()), "the vocabulary has 0 tokens");
        says(checked("gpt2", &["a"], |_| ()), "the tokenizer gpt2 needs tokenizer.ggml.merges, which is not there");
    }

    #[test]
    fn duplicate_token_is_quoted() {
        says(
            checked("test", &["a", "b\u{1b}", "b\u{1b}"], |_| ()),
            r#"token 2 of the vocabulary, "b\u{1b}", is a duplicate"#,
        );
        // Texts end at a zero byte, and several may be empty.
        says(checked("test", &["a", "a\0b"], |_| ()), "token 1 of the vocabulary, \"a\", is a duplicate");
        assert_eq!(checked("test", &["", "", "a"], |_| ()), Ok(()));
    }

    #[test]
    fn every_byte_needs_a_token_without_a_fallback() {
        let bytes: Vec<String> = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect();
        let with = |left_out: usize| {
            let all = bytes.iter().map(String::as_str).enumerate();
            all.filter(|(at, _)| *at != left_out).map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(checked("llama", &with(256), |_| ()), Ok(()));
        says(checked("llama", &with(10), |_| ()), "the vocabulary has no token for the byte 0x0A");
        let instead = [with(65), vec!["A"]].concat();
        assert_eq!(checked("llama", &instead, |_| ()), Ok(()), "the byte itself is sufficient");
        let named = checked("test", &["x"], |header| header.i32s(TYPES, [BYTE].into_iter()));
        says(named, "token 0 of the vocabulary, \"x\", is marked as a byte but names none");
    }

    #[test]
    fn missing_begin_token_is_rejected() {
        let with = |id: Option<u32>| {
            checked("t5", &["a", "b"], |header| {
                header.bool("tokenizer.ggml.add_bos_token", true);
                if let Some(id) = id {
                    header.u32("tokenizer.ggml.bos_token_id", id);
                }
            })
        };
        assert_eq!(with(Some(1)), Ok(()));
        for id in [None, Some(2)] {
            says(with(id), "tokenizer.ggml.add_bos_token is true, but the vocabulary has no such token");
        }
    }
}
