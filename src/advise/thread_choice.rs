//! Chooses a thread count from measurements.

use crate::stats::{ByRound, PairedRatio, fastest_of};

/// A setting that is slower by less than this counts as equal, even if the difference is significant: nobody would
/// notice, and the desktop can use the threads.
pub(super) const UNNOTICED: f64 = 0.02;

/// The same as far as an estimate without an interval can tell.
const SAME: f64 = 0.01;

/// If an interval allows a greater loss than this against another count, the rounds were inconclusive.
const UNTOLD: f64 = 0.10;

/// One thread count and its result in each round that it took part in.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadCandidate {
    /// Threads.
    pub threads: u32,
    /// Tokens per second, by round.
    pub tokens_per_s: ByRound,
}

/// The certainty of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// No other count is faster by a noticeable amount.
    Clear,
    /// Another count may be noticeably faster, but by at most a tenth.
    Likely,
    /// The machine was too noisy: another count may be faster by more than a tenth.
    Noisy,
    /// Too few rounds for an interval: only estimates were compared.
    TooFewRounds,
}

/// The chosen count, and how the others compare.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadChoice {
    /// The fewest threads among those that tie with the fastest.
    pub threads: u32,
    /// The count with the highest median.
    pub fastest: u32,
    /// The certainty of the choice.
    pub certainty: Certainty,
    /// Each count's speed as a share of the fastest, in the order of the candidates.
    pub shares: Vec<(u32, PairedRatio)>,
}

impl ThreadChoice {
    /// Chooses among the candidates. `None` if none has a comparable round.
    #[must_use]
    pub fn among(candidates: &[ThreadCandidate]) -> Option<Self> {
        let speeds: Vec<&ByRound> = candidates.iter().map(|candidate| &candidate.tokens_per_s).collect();
        let fastest = &candidates[fastest_of(&speeds)?];
        let shares: Vec<(u32, PairedRatio)> = candidates
            .iter()
            .filter_map(|other| Some((other.threads, other.tokens_per_s.ratio_to(&fastest.tokens_per_s)?)))
            .collect();
        let ties = shares.iter().filter(|(threads, share)| {
            let is_tie = |(_, high): (f64, f64)| high >= 1.0 - UNNOTICED;
            *threads == fastest.threads || share.interval.map_or(share.ratio >= 1.0 - SAME, is_tie)
        });
        let &(threads, share) = ties.min_by_key(|(threads, _)| *threads)?;
        let chosen = candidates.iter().find(|candidate| candidate.threads == threads)?;
        let may_reach = candidates.iter().filter_map(|other| {
            let (_, high) = other.tokens_per_s.ratio_to(&chosen.tokens_per_s)?.interval?;
            Some(high)
        });
        let may_lose = 1.0 - 1.0 / may_reach.fold(1.0, f64::max);
        let certainty = match share.interval {
            None => Certainty::TooFewRounds,
            Some(_) if may_lose > UNTOLD => Certainty::Noisy,
            Some(_) if may_lose > UNNOTICED => Certainty::Likely,
            Some(_) => Certainty::Clear,
        };
        Some(Self { threads, fastest: fastest.threads, certainty, shares })
    }

    /// A count's speed as a share of the chosen one's, if it was measured: below 1 is slower.
    #[must_use]
    pub fn against_chosen(&self, candidates: &[ThreadCandidate], threads: u32) -> Option<PairedRatio> {
        let speeds = |threads: u32| candidates.iter().find(|candidate| candidate.threads == threads);
        speeds(threads)?.tokens_per_s.ratio_to(&speeds(self.threads)?.tokens_per_s)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn candidate(threads: u32, tokens_per_s: f64, noise: f64, rounds: usize, seed: u64) -> ThreadCandidate {
        let mut rng = StdRng::seed_from_u64(seed + u64::from(threads));
        let value = |rng: &mut StdRng| tokens_per_s * (1.0 + noise * (rng.random::<f64>() - 0.5));
        ThreadCandidate { threads, tokens_per_s: (0..rounds).map(|round| (round, value(&mut rng))).collect() }
    }

    #[test]
    fn faster_count_wins_beyond_the_noise() {
        let choice =
            ThreadChoice::among(&[candidate(1, 150.0, 0.04, 10, 1), candidate(2, 230.0, 0.04, 10, 1)]).unwrap();
        assert_eq!((choice.threads, choice.fastest, choice.certainty), (2, 2, Certainty::Clear));
    }

    #[test]
    fn fewer_threads_win_among_equals_in_any_order() {
        for seed in 0..50 {
            let mut candidates: Vec<ThreadCandidate> =
                [2, 4, 8].map(|threads| candidate(threads, 230.0, 0.02, 10, 10 * seed)).to_vec();
            candidates.rotate_left(usize::try_from(seed).unwrap() % 3);
            let choice = ThreadChoice::among(&candidates).unwrap();
            assert_eq!((choice.threads, choice.certainty), (2, Certainty::Clear), "seed {seed}");
        }
    }

    #[test]
    fn unnoticeable_loss_is_accepted_for_fewer_threads() {
        let choice = ThreadChoice::among(&[candidate(4, 99.0, 0.0, 10, 1), candidate(8, 100.0, 0.0, 10, 1)]).unwrap();
        assert_eq!((choice.threads, choice.fastest), (4, 8));
    }

    #[test]
    fn noise_hiding_a_tenth_is_noisy() {
        let noisy = [candidate(1, 200.0, 1.6, 8, 3), candidate(2, 210.0, 1.6, 8, 3)];
        assert_eq!(ThreadChoice::among(&noisy).unwrap().certainty, Certainty::Noisy);
    }

    #[test]
    fn noise_hiding_a_fiftieth_is_likely() {
        let candidates = [candidate(1, 206.0, 0.20, 10, 5), candidate(2, 210.0, 0.20, 10, 5)];
        let choice = ThreadChoice::among(&candidates).unwrap();
        let (_, high) = choice.against_chosen(&candidates, 2).unwrap().interval.unwrap();
        assert!((1.0 / 0.98..1.0 / 0.9).contains(&high), "the premise: {high}");
        assert_eq!((choice.threads, choice.certainty), (1, Certainty::Likely));
    }

    #[test]
    fn few_rounds_choose_by_the_estimate_and_say_so() {
        let choice = |slower: f64| {
            ThreadChoice::among(&[candidate(1, slower, 0.0, 3, 1), candidate(2, 100.0, 0.0, 3, 1)]).unwrap()
        };
        assert_eq!((choice(98.0).threads, choice(98.0).certainty), (2, Certainty::TooFewRounds));
        assert_eq!(choice(99.5).threads, 1, "the desktop can use the thread");
        assert_eq!(ThreadChoice::among(&[]), None);
    }

    #[test]
    fn measured_count_is_compared_with_the_chosen_one() {
        let candidates = [candidate(2, 200.0, 0.0, 10, 1), candidate(6, 100.0, 0.0, 10, 1)];
        let choice = ThreadChoice::among(&candidates).unwrap();
        assert!((choice.against_chosen(&candidates, 6).unwrap().ratio - 0.5).abs() < 1e-9);
        assert_eq!(choice.against_chosen(&candidates, 8), None);
    }
}
