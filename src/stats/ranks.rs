//! Ranks, doubled so that the mean rank of ties is an integer, and shared parts of rank tests.

/// Twice the rank of each value, from 2; ties take twice the mean of their ranks.
pub(super) fn doubled_midranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let is_tied = |&&i: &&usize| values[i].total_cmp(&values[order[start]]).is_eq();
        let end = start + order[start..].iter().take_while(is_tied).count();
        // The ranks start + 1 to end have the mean (start + 1 + end) / 2.
        for &i in &order[start..end] {
            ranks[i] = start + 1 + end;
        }
        start = end;
    }
    ranks
}

/// How many of the smallest outcomes together have a probability of at most `alpha` / 2, given the probability of each,
/// smallest first; `None` if even the first is more probable.
pub(super) fn critical_count(shares: impl Iterator<Item = f64>, alpha: f64) -> Option<usize> {
    let mut below = 0.0;
    let count = shares.take_while(|share| {
        below += *share;
        below <= alpha / 2.0
    });
    Some(count.count()).filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        assert_eq!(doubled_midranks(&[3.0, 1.0, 2.0]), [6, 2, 4]);
        assert_eq!(doubled_midranks(&[5.0, 1.0, 5.0, 7.0]), [5, 2, 5, 8]);
        assert_eq!(doubled_midranks(&[]), Vec::<usize>::new());
    }
}
