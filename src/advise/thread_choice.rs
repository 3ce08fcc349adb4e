//! Chooses a thread count from measurements.

use crate::stats::{PairedRatio, median_of, paired_ratio};

/// A setting that is slower by less than this counts as equal, even if the difference is significant: nobody would
/// notice, and the desktop can use the threads.
pub(super) const UNNOTICED: f64 = 0.02;

/// If an interval allows a greater loss than this against another count, the rounds were inconclusive.
const UNTOLD: f64 = 0.10;

/// One thread count and its result in each round. All candidates took part in the same rounds, in the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Threads.
    pub threads: u32,
    /// Tokens per second, one value per round.
    pub tokens_per_s: Vec<f64>,
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
    /// Too few rounds for an interval: only the medians were compared.
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
    pub fn among(candidates: &[Candidate]) -> Option<Self> {
        let fastest = candidates.iter().max_by(|a, b| median(&a.tokens_per_s).total_cmp(&median(&b.tokens_per_s)))?;
        let shares: Vec<(u32, PairedRatio)> = candidates
            .iter()
            .filter_map(|other| Some((other.threads, paired_ratio(&other.tokens_per_s, &fastest.tokens_per_s)?)))
            .collect();
        let ties = shares.iter().filter(|(threads, share)| {
            *threads == fastest.threads || share.interval.is_some_and(|(_, high)| high >= 1.0 - UNNOTICED)
        });
        let &(threads, share) = ties.min_by_key(|(threads, _)| *threads)?;
        let chosen = candidates.iter().find(|candidate| candidate.threads == threads)?;
        let may_reach = candidates.iter().filter_map(|other| {
            let (_, high) = paired_ratio(&other.tokens_per_s, &chosen.tokens_per_s)?.interval?;
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
    pub fn against_chosen(&self, candidates: &[Candidate], threads: u32) -> Option<PairedRatio> {
        let speeds = |threads: u32| candidates.iter().find(|candidate| candidate.threads == threads);
        paired_ratio(&speeds(threads)?.tokens_per_s, &speeds(self.threads)?.tokens_per_s)
    }
}

/// The median speed. A count without a round is never the fastest.
fn median(values: &[f64]) -> f64 {
    median_of(values).unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn candidate(threads: u32, tokens_per_s: f64, noise: f64, rounds: usize, seed: u64) -> Candidate {
        let mut rng = StdRng::seed_from_u64(seed + u64::from(threads));
        let value = |rng: &mut StdRng| tokens_per_s * (1.0 + noise * (rng.random::<f64>() - 0.5));
        Candidate { threads, tokens_per_s: (0..rounds).map(|_| value(&mut rng)).collect() }
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
            let mut candidates: Vec<Candidate> =
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
    fn few_rounds_compare_medians_only() {
        let choice = ThreadChoice::among(&[candidate(1, 99.0, 0.0, 3, 1), candidate(2, 100.0, 0.0, 3, 1)]).unwrap();
        assert_eq!((choice.threads, choice.certainty), (2, Certainty::TooFewRounds));
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
