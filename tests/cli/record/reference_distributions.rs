//! The distributions of the reference runs, compared level by level with ranks computed here.

use std::fs;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use workly_perf::record::read_hlog;

/// Every `.hlog` below a folder.
fn logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "hlog") {
            found.push(path);
        }
    }
}

/// The recorded values in ascending order, with repetitions.
fn sorted(total: &Histogram<u64>) -> Vec<u64> {
    let times = |count: u64| usize::try_from(count).expect("a count that fits");
    let steps = total.iter_recorded();
    steps.flat_map(|step| std::iter::repeat_n(step.value_iterated_to(), times(step.count_at_value()))).collect()
}

/// `0.912500000000` in parts of 10^12.
fn parts(share: &str) -> u128 {
    let (whole, rest) = share.split_once('.').expect("a point");
    format!("{whole}{rest}").parse().expect("digits")
}

#[test]
fn reference_distributions_have_the_sample_of_each_rank() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    logs(&root.join("results/reference"), &mut files);
    logs(&root.join("tests/golden"), &mut files);
    assert!(files.len() >= 40, "only {} distributions", files.len());
    let mut levels = 0;
    for file in &files {
        let mut total = Histogram::<u64>::new(3).expect("three digits");
        for (_, part) in read_hlog(file).expect("a log").into_iter().filter(|(tag, _)| tag.is_none()) {
            total.add(&part).expect("it grows");
        }
        levels += checked(&file.with_extension("hgrm"), &sorted(&total));
    }
    assert!(levels > 1_000, "only {levels} levels");
}

/// Compares each line of a distribution with the values; returns the number of lines.
fn checked(file: &Path, sorted: &[u64]) -> usize {
    let text = fs::read_to_string(file).expect("a distribution");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .skip(2)
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let n = sorted.len() as u128;
    for line in &lines {
        let [value, share, count, inverse] = line[..] else { panic!("{}: {line:?}", file.display()) };
        // The smallest rank with rank / n >= share. Levels with more than 12 digits are rounded: a tenth of a rank is
        // subtracted.
        let rank = ((parts(share) * n).saturating_sub(n / 2 + 1)).div_ceil(1_000_000_000_000).clamp(1, n) as usize;
        assert_eq!(value, format!("{:.6}", sorted[rank - 1] as f64 / 1e6), "{} at {share}", file.display());
        let up_to = sorted.partition_point(|other| *other <= sorted[rank - 1]);
        assert_eq!(count, up_to.to_string(), "{} at {share}", file.display());
        let is_last = share == "1.000000000000" && inverse == "inf";
        let expected = 1.0 / (1.0 - share.parse::<f64>().expect("a share"));
        let given: f64 = inverse.parse().expect("a number");
        assert!(is_last || (given / expected - 1.0).abs() < 1e-2, "{} at {share}: got {given}", file.display());
    }
    if let Some(last) = lines.last() {
        assert_eq!(last[3], "inf", "{}", file.display());
    }
    let footer = format!("Total count    = {n:12}]");
    assert!(text.contains(&footer), "{}: {footer}", file.display());
    lines.len()
}
