//! A token generation run for the tests of this module: its cases have figures but no median.

use serde_json::json;

use crate::record::{Case, CaseState, Direction, Metric, MetricStatus, Run};

fn metrics(threads: u32) -> Vec<Metric> {
    let (count, tokens_per_s) = (f64::from(threads), 120.0 + 40.0 * f64::from(threads));
    let token_ms = 1e3 / tokens_per_s;
    let spread = |name: &str, unit: &str, value: f64, spread: f64, n, direction| Metric {
        spread: Some(spread),
        ..Metric::plain(name, unit, value, n, direction)
    };
    let itl_p99 = if threads == 4 {
        Metric::absent("itl_p99", "ms", 630, Direction::Lower, MetricStatus::TooFew)
    } else {
        spread("itl_p99", "ms", token_ms * 1.4, 0.4, 1_260, Direction::Lower)
    };
    vec![
        Metric {
            ci_low: Some(tokens_per_s - 1.5),
            ci_high: Some(tokens_per_s + 1.5),
            ..spread("avg_ts", "tokens/s", tokens_per_s, 2.1, 10, Direction::Higher)
        },
        spread("ttft_p50", "ms", 180.0 / count, 1.25, 10, Direction::Lower),
        spread("itl_p50", "ms", token_ms, 0.2, if threads == 4 { 630 } else { 1_260 }, Direction::Lower),
        itl_p99,
        Metric::plain("cpu_use", "%", 98.7 * count, 10, Direction::None),
        Metric::plain("anonymous", "bytes", 61_000_000.0 + 250_000.0 * count, 1, Direction::Lower),
    ]
}

fn case(path: &str, metrics: Vec<Metric>) -> Case {
    Case {
        path: path.into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 4.0,
        conditions: json!({}),
        notes: vec![],
        metrics,
        histograms: vec![],
    }
}

/// Four cases with the same figures, one with unique figures, and one without any figure.
pub(super) fn tokens() -> Run {
    let mut run = crate::record::sample::run();
    run.run_id = "20260102T030405Z-threads".into();
    run.command = "threads".into();
    run.simulated.clear();
    run.findings = vec!["Use 4 threads: 280.0 tokens/s [278.5, 281.5] (n 10).".into()];
    run.cases = [1, 2, 3, 4].map(|threads| case(&format!("idle/tg64/threads={threads}"), metrics(threads))).into();
    run.cases.push(case("render/tg64/threads=8", metrics(8)[..1].to_vec()));
    run.cases.push(Case { state: CaseState::NotMeasured, ..case("idle/load", vec![]) });
    run
}
