//! Tokens for measuring: the same in every run, without meaning.

/// Index of a token in the vocabulary.
pub type Token = i32;

/// Seed of the sequence. Speed does not depend on it; it makes all runs use the same tokens.
const SEED: u64 = 3;

/// `n` tokens drawn uniformly from a vocabulary of `n_vocab` (at least 1), the same for the same arguments on every
/// machine. A token `first` is placed at the start, as llama-bench starts with the begin-of-text token.
#[must_use]
pub fn seeded_tokens(n: usize, n_vocab: u32, first: Option<Token>) -> Vec<Token> {
    let mut state = SEED;
    let drawn = std::iter::repeat_with(|| {
        let wide = u128::from(next(&mut state)) * u128::from(n_vocab);
        Token::try_from(wide >> 64).unwrap_or(0)
    });
    first.into_iter().chain(drawn).take(n).collect()
}

/// `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_matches_published_test_vectors() {
        let mut state = 1_234_567;
        let drawn: Vec<_> = (0..3).map(|_| next(&mut state)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn tokens_are_valid_and_reproducible() {
        let tokens = seeded_tokens(10_000, 320, None);
        assert_eq!(tokens.len(), 10_000);
        assert!(tokens.iter().all(|token| (0..320).contains(token)));
        assert!((0..320).all(|token| tokens.contains(&token)));
        assert_eq!(tokens, seeded_tokens(10_000, 320, None));
        assert_eq!(tokens[..50], seeded_tokens(50, 320, None));
    }

    #[test]
    fn first_token_can_be_specified() {
        assert_eq!(seeded_tokens(3, 320, Some(1))[0], 1);
        assert_eq!(seeded_tokens(3, 320, Some(1))[1..], seeded_tokens(2, 320, None));
        assert!(seeded_tokens(0, 320, Some(1)).is_empty());
        assert_eq!(seeded_tokens(4, 1, None), [0; 4]);
    }
}
