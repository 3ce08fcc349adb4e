//! An interval log written by this library, read by an independent implementation.

use std::fs::File;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use workly_perf::record::{HlogPart, write_hlog};
use workly_perf::stats::histogram_of;

use crate::harness::python::read;

/// Expected output of the script for a histogram.
fn expected(tag: Option<&str>, histogram: &Histogram<u64>) -> Value {
    // Shares instead of percentages: 99.9 / 100.0 is not exactly 0.999, and would give a rank one too high.
    let at = |share: f64| histogram.value_at_quantile(share);
    let counts: Vec<_> =
        histogram.iter_recorded().map(|step| json!([step.value_iterated_to(), step.count_at_value()])).collect();
    json!({
        "tag": tag,
        "count": histogram.len(),
        "max": histogram.max(),
        "percentiles": {"50": at(0.5), "90": at(0.9), "99": at(0.99), "99.9": at(0.999)},
        "counts": counts,
    })
}

/// `n` latencies from microseconds to seconds, mostly small. Multiples of a thousand matter: the Python package rounds
/// the rank of a percentile, this library rounds it up; the results agree for integer ranks.
fn latencies_ns(n: u64, seed: u64) -> Vec<u64> {
    (1..=n).map(|i| 20_000 + (i * seed) % 997 * 1_013 + if i % 250 == 0 { i * 400_000 } else { 0 }).collect()
}

#[test]
fn python_reads_equal_counts_and_percentiles() {
    let (first, second) = (latencies_ns(1_000, 7_919), latencies_ns(9_000, 104_729));
    let histograms =
        [histogram_of(&[first.clone(), second.clone()].concat()), histogram_of(&first), histogram_of(&second)];
    let tags = [None, Some("first"), Some("second")];
    let starts_s = [0, 0, 3];
    let parts: Vec<HlogPart<'_>> = (0..3)
        .map(|at| HlogPart {
            tag: tags[at],
            histogram: &histograms[at],
            start: Duration::from_secs(starts_s[at]),
            duration: Duration::from_secs(3),
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latency.hlog");
    let started = "2026-01-02T03:04:05.678Z".parse().unwrap();
    write_hlog(File::create(&path).unwrap(), started, &["latency in ns".into()], &parts).unwrap();

    let read = read("read_hlog.py", &path);
    assert_eq!(read["start_time_s"], 1_767_323_045.678);
    let described = read["histograms"].as_array().unwrap();
    assert_eq!(described.len(), 3);
    for ((tag, histogram), python) in tags.iter().zip(&histograms).zip(described) {
        assert_same(python, &expected(*tag, histogram));
    }
}

/// Compares field by field, and shows only the first differing counts.
fn assert_same(python: &Value, rust: &Value) {
    for field in ["tag", "count", "max", "percentiles"] {
        assert_eq!(python[field], rust[field], "{field} of {}", rust["tag"]);
    }
    let counts = |of: &Value| of["counts"].as_array().cloned().expect("counts");
    let (python, rust) = (counts(python), counts(rust));
    let differing = python.iter().zip(&rust).find(|(python, rust)| python != rust);
    assert_eq!((python.len(), differing), (rust.len(), None));
}

#[test]
fn python_reads_single_and_maximum_samples() {
    let folder = tempfile::tempdir().unwrap();
    for samples_ns in [vec![46_000], vec![1, u64::MAX]] {
        let histogram = histogram_of(&samples_ns);
        let part =
            HlogPart { tag: None, histogram: &histogram, start: Duration::ZERO, duration: Duration::from_secs(1) };
        let path = folder.path().join("one.hlog");
        write_hlog(File::create(&path).unwrap(), "2026-01-02T03:04:05Z".parse().unwrap(), &[], &[part]).unwrap();
        let read = read("read_hlog.py", &path);
        let (python, rust) = (&read["histograms"][0], expected(None, &histogram));
        for field in ["tag", "count", "max", "counts"] {
            assert_eq!(python[field], rust[field], "{field} of {samples_ns:?}");
        }
    }
}
