//! Thread counts that Workly's documents prescribe without measuring; `threads` compares with them.

/// The count in the application's profiles, on any machine.
pub const BASELINE: u32 = 6;

/// Threads by the founding document's rule, at least 1: all physical cores with 16 or more logical CPUs, half of the
/// logical CPUs with 8 or more, else all of them.
#[must_use]
pub fn founding_rule(physical: u32, logical: u32) -> u32 {
    let threads = match logical {
        16.. => physical,
        8..=15 => logical / 2,
        _ => logical,
    };
    threads.max(1)
}

/// Threads by the later documents' rule, from 1 to 16: two physical cores remain free with 6 or more, one with 4 or
/// more; below that up to 4 threads on all logical CPUs, and 2 on a single core.
#[must_use]
pub fn later_rule(physical: u32, logical: u32) -> u32 {
    let threads = match physical {
        6.. => physical - 2,
        4..=5 => physical - 1,
        2..=3 => logical.min(4),
        _ => 2,
    };
    threads.clamp(1, 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn founding_rule_matches_its_table() {
        for ((physical, logical), threads) in [
            ((1, 1), 1),
            ((1, 2), 2),
            ((2, 4), 4),
            ((7, 7), 7),
            ((4, 8), 4),
            ((8, 8), 4),
            ((6, 12), 6),
            ((10, 15), 7),
            ((8, 16), 8),
            ((14, 20), 14),
            ((16, 16), 16),
            ((64, 128), 64),
            ((0, 0), 1),
        ] {
            assert_eq!(founding_rule(physical, logical), threads, "{physical} cores, {logical} CPUs");
        }
    }

    #[test]
    fn later_rule_matches_its_table() {
        for ((physical, logical), threads) in [
            ((1, 1), 2),
            ((1, 2), 2),
            ((2, 2), 2),
            ((2, 4), 4),
            ((3, 3), 3),
            ((3, 6), 4),
            ((4, 8), 3),
            ((5, 10), 4),
            ((6, 12), 4),
            ((8, 16), 6),
            ((18, 36), 16),
            ((64, 128), 16),
            ((2, 0), 1),
        ] {
            assert_eq!(later_rule(physical, logical), threads, "{physical} cores, {logical} CPUs");
        }
    }

    #[test]
    fn rules_disagree_on_the_published_machine() {
        // Four cores with eight logical CPUs; the profiles use 6: three different results.
        assert_eq!([founding_rule(4, 8), later_rule(4, 8), BASELINE], [4, 3, 6]);
    }
}
