//! From repetitions to metrics, with llama-bench's names for the same quantities.

use super::figures::percentile_metric;
use super::tokens::TokenSample;
use crate::clock::ms;
use crate::record::{Direction, Metric, MetricStatus};
use crate::stats::{FrameCounts, Summary, mean_of};

/// The metrics of one case: tokens per second (`avg_ts`, with llama-bench's `stddev_ts` as spread), time to first
/// token, inter-token latency, CPU use in CPUs.
#[must_use]
pub fn token_metrics(samples: &[TokenSample]) -> Vec<Metric> {
    let speeds: Vec<f64> = samples.iter().map(TokenSample::tokens_per_s).collect();
    let mut metrics = vec![average("avg_ts", "tokens/s", &speeds, Direction::Higher)];
    let ttft_ns: Vec<u64> = samples.iter().filter_map(|sample| sample.ttft_ns).collect();
    if ttft_ns.is_empty() {
        let tokens_ns: Vec<u64> = samples.iter().flat_map(|sample| sample.inter_token_ns.iter().copied()).collect();
        let summary = Summary::of(&tokens_ns);
        for (name, share) in [("itl_p50", 0.5), ("itl_p99", 0.99)] {
            let figure = percentile_metric(name, &summary, share, Direction::Lower);
            metrics.push(Metric { spread: summary.iqr_ns.map(ms).filter(|_| figure.value.is_some()), ..figure });
        }
    } else {
        let waits_ms: Vec<f64> = ttft_ns.iter().map(|ns| ms(*ns)).collect();
        metrics.push(average("ttft", "ms", &waits_ms, Direction::Lower));
    }
    metrics.push(cpu_use(samples));
    metrics
}

/// Share of late frames of the render-like load: the price of the tokens for the avatar.
#[must_use]
pub fn late_frames(frames: FrameCounts) -> Metric {
    match frames.late_percent() {
        Some(percent) => Metric::plain("frames_late", "%", percent, frames.total, Direction::Lower),
        None => Metric::absent("frames_late", "%", 0, Direction::Lower, MetricStatus::TooFew),
    }
}

/// Mean of the values with standard deviation and Student's interval; absent if there are no values.
#[must_use]
pub fn average(name: &str, unit: &str, values: &[f64], direction: Direction) -> Metric {
    let n = values.len() as u64;
    let Some(mean) = mean_of(values) else {
        return Metric::absent(name, unit, n, direction, MetricStatus::TooFew);
    };
    Metric { spread: mean.stddev, ..Metric::plain(name, unit, mean.value, n, direction).with_interval(mean.interval) }
}

/// Mean number of CPUs that this process kept busy, such as 1.97 with 2 threads.
fn cpu_use(samples: &[TokenSample]) -> Metric {
    let shares: Vec<f64> = samples
        .iter()
        .filter_map(|sample| {
            Some(sample.cpu_ns? as f64 / sample.ended_ns.saturating_sub(sample.began_ns).max(1) as f64)
        })
        .collect();
    if shares.is_empty() {
        return Metric::absent("cpu_use", "CPUs", samples.len() as u64, Direction::Lower, MetricStatus::Unsupported);
    }
    average("cpu_use", "CPUs", &shares, Direction::Lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(length_ms: u64, inter_token_ns: Vec<u64>) -> TokenSample {
        let elapsed_ns = length_ms * 1_000_000;
        TokenSample {
            is_cut: false,
            began_ns: 0,
            ended_ns: elapsed_ns,
            tokens: 64,
            elapsed_ns,
            ttft_ns: inter_token_ns.is_empty().then_some(elapsed_ns),
            inter_token_ns,
            cpu_ns: Some(elapsed_ns * 2),
        }
    }

    fn value(metrics: &[Metric], name: &str) -> Option<f64> {
        metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.value)
    }

    #[test]
    fn speeds_are_averaged_like_llama_bench() {
        // 64 tokens in 320 and in 640 ms are 200 and 100 tokens per second: mean 150, sample standard deviation 70.71.
        let metrics = token_metrics(&[sample(320, Vec::new()), sample(640, Vec::new())]);
        assert_eq!(value(&metrics, "avg_ts"), Some(150.0));
        assert!((metrics[0].spread.unwrap() - 70.710_678).abs() < 1e-6);
        assert_eq!(value(&metrics, "ttft"), Some(480.0));
        assert_eq!(value(&metrics, "cpu_use"), Some(2.0));
        assert_eq!(value(&metrics, "itl_p50"), None);
    }

    #[test]
    fn token_percentiles_need_enough_samples() {
        let metrics = token_metrics(&[sample(64, vec![1_000_000; 64])]);
        assert_eq!(value(&metrics, "itl_p50"), Some(1.0));
        let p99 = metrics.iter().find(|metric| metric.name == "itl_p99").unwrap();
        assert_eq!((p99.value, p99.status), (None, MetricStatus::TooFew));
    }

    #[test]
    fn missing_cpu_time_is_unsupported() {
        let silent = TokenSample { cpu_ns: None, ..sample(64, Vec::new()) };
        let metrics = token_metrics(&[silent]);
        assert_eq!(metrics.last().unwrap().status, MetricStatus::Unsupported);
    }

    #[test]
    fn late_frames_are_a_share_or_absent_without_frames() {
        let metric =
            late_frames([(60, 3), (140, 7)].map(|(total, late)| FrameCounts::apart(total, late)).into_iter().sum());
        assert_eq!((metric.value, metric.n, metric.direction), (Some(5.0), 200, Direction::Lower));
        assert_eq!(late_frames(FrameCounts::default()).status, MetricStatus::TooFew);
    }
}
