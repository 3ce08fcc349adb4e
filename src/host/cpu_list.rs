//! CPU lists in Linux's format: `0-3,8,10-11`.

use std::collections::BTreeSet;

/// More CPUs than any kernel supports: a larger number is an error, and must not fill the memory.
const MOST_CPUS: u32 = 1 << 16;

/// The CPUs of a list; an empty text has none. The error quotes the invalid part.
pub(super) fn parse(text: &str) -> Result<BTreeSet<u32>, String> {
    let mut cpus = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            (Ok(first), Ok(last)) if first <= last && last < MOST_CPUS => cpus.extend(first..=last),
            _ => return Err(format!("cannot parse '{part}' in a CPU list")),
        }
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_cpus_parse() {
        assert_eq!(parse("0-3,8,10-11\n").unwrap().into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(parse("5").unwrap().len(), 1);
        assert!(parse("\n").unwrap().is_empty());
    }

    #[test]
    fn invalid_parts_are_quoted() {
        for odd in ["a", "3-1", "1-", "0-4294967295", "0-7:2/4", "-1"] {
            assert!(parse(odd).unwrap_err().contains(odd), "{odd}");
        }
    }
}
