//! A vocabulary of our own in the style of `SentencePiece`: every text can be tokenised, since every byte has a token.

use std::collections::HashSet;
use std::iter;

/// llama.cpp's numbers for the kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A piece of text.
    Normal = 1,
    /// Placeholder for unknown text.
    Unknown = 2,
    /// Begin or end of a text.
    Control = 3,
    /// One byte.
    Byte = 6,
}

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VocabularyToken {
    pub(super) text: String,
    pub(super) score: f32,
    pub(super) kind: TokenKind,
}

/// Token ids stated in the metadata.
pub(super) const UNKNOWN_ID: u32 = 0;
pub(super) const BEGIN_ID: u32 = 1;
pub(super) const END_ID: u32 = 2;

/// Special tokens and bytes: the minimum of a vocabulary, besides the letters.
const SPECIALS: [(&str, TokenKind); 3] =
    [("<unk>", TokenKind::Unknown), ("<s>", TokenKind::Control), ("</s>", TokenKind::Control)];

/// The smallest vocabulary.
pub(super) const LEAST: u64 = 512;

/// The largest vocabulary: limited by the syllables below.
pub(super) const MOST: u64 = 300_000;

/// `SentencePiece`'s character for a space.
const SPACE: &str = "\u{2581}";

const LETTERS: &str = "etaoinshrdlucmfwygpbvkxqjzETAOINSHRDLUCMFWYGPBVKXQJZ0123456789.,;:!?'\"()-_/\\@#$%&*+=<>[]{}|~^`\
                       éèêëàâäîïôöùûüçñæœÉÈÊÀÂÎÔÛÇŒ€…’«»–—";

const CONSONANTS: &str = "bcdfghjklmnpqrstvwxz";

const VOWELS: &str = "aeiouy";

/// Frequent words of the languages used by the application's users.
const WORDS: &str = "the and to of in is you that it for on are with as his they be at one have this from or had by hot but \
    some what there we can out other were all your when up use word how said an each she which do their time if will way \
    about many then them would write like so these her long make thing see him two has look more day could go come did my \
    sound no most number who over know water than call first people may down side been now find hello good morning thanks \
    bonjour comment vas-tu merci pour tes réponses parle moi de toi quelle est ta fonction le la les un une des et je tu il \
    elle nous vous ils que qui dans sur avec pas plus tout faire être avoir aller voir savoir pouvoir vouloir venir dire \
    temps jour homme femme monde vie main chose petit grand bien très aussi encore toujours jamais";

/// The tokens of a vocabulary of `size`, which is between [`LEAST`] and [`MOST`].
///
/// Such a tokenizer joins neighbouring tokens while the result is a token, better scores first. Every piece of several
/// letters can be reached this way: its part before the last letter or syllable is also a piece, with a better score.
pub(super) fn tokens(size: u64) -> Vec<VocabularyToken> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let special = |(text, kind): (&str, TokenKind)| VocabularyToken { text: text.into(), score: 0.0, kind };
    let byte = |byte: u8| VocabularyToken { text: format!("<0x{byte:02X}>"), score: 0.0, kind: TokenKind::Byte };
    let mut tokens: Vec<VocabularyToken> = SPECIALS.map(special).into_iter().chain((0..=u8::MAX).map(byte)).collect();
    let mut seen: HashSet<String> = tokens.iter().map(|token| token.text.clone()).collect();
    let mut rank = 0.0;
    for text in pieces() {
        if tokens.len() >= size {
            break;
        }
        if seen.insert(text.clone()) {
            tokens.push(VocabularyToken { text, score: rank, kind: TokenKind::Normal });
            rank -= 1.0;
        }
    }
    tokens
}

/// Pieces from frequent to rare, with duplicates.
fn pieces() -> impl Iterator<Item = String> {
    let letters = || LETTERS.chars().map(String::from);
    let words = WORDS.split_whitespace().flat_map(|word| beginnings(word).chain(beginnings(&capitalised(word))));
    let open = || pairs(CONSONANTS, VOWELS);
    let closed = |open: String| CONSONANTS.chars().map(move |coda| format!("{open}{coda}"));
    let two = move || open().flat_map(move |first| open().map(move |second| format!("{first}{second}")));
    iter::once(SPACE.to_owned())
        .chain(letters())
        .chain(letters().map(|letter| format!("{SPACE}{letter}")))
        .chain(words)
        .chain(with_space(open()))
        .chain(with_space(pairs(VOWELS, CONSONANTS)))
        .chain(with_space(open().flat_map(closed)))
        .chain(with_space(two()))
        .chain(with_space(two().flat_map(closed)))
}

/// A word after a space, and every prefix that the tokenizer passes on the way to it.
fn beginnings(word: &str) -> impl Iterator<Item = String> + use<> {
    let spaced = format!("{SPACE}{word}");
    let ends: Vec<usize> = spaced.char_indices().map(|(at, _)| at).skip(2).chain([spaced.len()]).collect();
    ends.into_iter().map(move |end| spaced[..end].to_owned())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Every combination of a letter from `first` with one from `second`.
fn pairs(first: &'static str, second: &'static str) -> impl Iterator<Item = String> {
    first.chars().flat_map(move |first| second.chars().map(move |second| format!("{first}{second}")))
}

/// Pieces at the start of a word and within one.
fn with_space(pieces: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    pieces.flat_map(|piece| [format!("{SPACE}{piece}"), piece])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_exact_with_unique_tokens() {
        for size in [LEAST, 2_048, 32_000, 128_256, MOST] {
            let tokens = tokens(size);
            assert_eq!(tokens.len() as u64, size);
            let unique: HashSet<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
            assert_eq!(unique.len() as u64, size);
        }
    }

    #[test]
    fn special_and_byte_tokens_come_first() {
        let tokens = tokens(LEAST);
        let kind = |id: u32| tokens[id as usize].kind;
        assert_eq!(
            [UNKNOWN_ID, BEGIN_ID, END_ID].map(kind),
            [TokenKind::Unknown, TokenKind::Control, TokenKind::Control]
        );
        assert_eq!((tokens[3].text.as_str(), tokens[258].text.as_str()), ("<0x00>", "<0xFF>"));
        assert!(tokens[3..259].iter().all(|token| token.kind == TokenKind::Byte));
        assert_eq!((tokens[259].text.as_str(), tokens[259].score), ("\u{2581}", 0.0));
        assert!(tokens[259..].is_sorted_by(|a, b| a.score > b.score));
        for letter in LETTERS.chars() {
            assert!(tokens.iter().any(|token| token.text == letter.to_string()), "{letter}");
        }
    }

    #[test]
    fn every_piece_can_be_reached() {
        let tokens = tokens(32_000);
        let texts: HashSet<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        for VocabularyToken { text, .. } in &tokens[259..] {
            let mut splits = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
            let is_letter = text.chars().count() == 1;
            assert!(is_letter || splits.any(|(a, b)| texts.contains(a) && texts.contains(b)), "{text}");
        }
    }
}
