//! A realistic run for the tests of this module and of the report.

use serde_json::json;

use super::{
    Build, Case, CaseState, Direction, Fact, GpuSurvey, HistogramFiles, Machine, Metric, MetricStatus, Run, RunState,
    SCHEMA, Simulation,
};

fn figure(name: &str, value: f64, n: u64, spread: f64, interval: Option<(f64, f64)>) -> Metric {
    Metric { spread: Some(spread), ..Metric::plain(name, "ms", value, n, Direction::Lower).with_interval(interval) }
}

fn partial(mut metrics: Vec<Metric>) -> Vec<Metric> {
    for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
        metric.status = MetricStatus::Partial;
    }
    metrics
}

fn case(path: &str, metrics: Vec<Metric>) -> Case {
    let mut case = Case {
        path: path.into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 1.667,
        conditions: json!({"ack": "applied", "size_bytes": 100}),
        notes: vec![],
        metrics,
        histograms: vec![],
    };
    let stem = case.file_stem();
    case.histograms.push(HistogramFiles {
        quantity: "latency".into(),
        unit: "ns".into(),
        hlog: format!("{stem}.hlog"),
        hgrm: format!("{stem}.hgrm"),
    });
    case
}

/// An `ok` case, a lossy one with its reason, a failed one without figures, and one with rates but no latency.
pub(crate) fn run() -> Run {
    let mut closed = case(
        "applied/closed/100B",
        vec![
            figure("p50", 16.6667, 100, 0.12, Some((16.64, 16.69))),
            figure("p90", 16.91, 100, 0.12, Some((16.85, 17.02))),
            Metric::absent("p99", "ms", 100, Direction::Lower, MetricStatus::TooFew),
            figure("mean", 16.672, 100, 0.21, Some((16.63, 16.714))),
            Metric::plain("min", "ms", 15.903, 100, Direction::Lower),
            Metric::plain("max", "ms", 18.02, 100, Direction::Lower),
            Metric::plain("rate", "1/s", 59.98, 100, Direction::Higher),
            Metric::plain("lost", "count", 0.0, 100, Direction::Lower),
        ],
    );
    closed.notes.push("closed loop: each message waits for the last reply, so it locks onto the frame".into());

    let mut poisson = case(
        "applied/poisson/100B",
        partial(vec![
            figure("p50", 0.0463, 98, 0.0081, Some((0.0451, 0.0479))),
            Metric::absent("p90", "ms", 98, Direction::Lower, MetricStatus::TooFew),
            Metric::absent("p99", "ms", 98, Direction::Lower, MetricStatus::TooFew),
            figure("mean", 0.0512, 98, 0.0224, Some((0.0467, 0.0557))),
            Metric::plain("min", "ms", 0.0312, 98, Direction::Lower),
            Metric::plain("max", "ms", 1.792, 98, Direction::Lower),
            Metric::plain("rate", "1/s", 49.2, 98, Direction::Higher),
            Metric::plain("lost", "count", 2.0, 100, Direction::Lower),
        ]),
    );
    poisson.state = CaseState::Lossy;
    poisson.reason = Some("2 of 100 replies never came | the connection stayed open".into());

    let mut failed = case("received/closed/10kB", vec![]);
    failed.state = CaseState::Failed;
    failed.reason = Some("no reply within 2 s <timeout>".into());
    failed.histograms.clear();

    let mut flood = case(
        "received/flood",
        vec![Metric {
            ci_low: Some(6_540.2),
            ci_high: Some(7_201.9),
            ..Metric::plain("rate", "1/s", 6_871.4, 5, Direction::Higher)
        }],
    );
    flood.histograms.clear();

    Run {
        schema: SCHEMA,
        run_id: "20260102T030405Z-ipc".into(),
        command: "ipc".into(),
        state: RunState::Complete,
        reason: None,
        started: "2026-01-02T03:04:05Z".parse().unwrap(),
        finished: Some("2026-01-02T03:04:17.250Z".parse().unwrap()),
        simulated: vec![Simulation { what: "embedded bridge".into(), parameters: "stock dialect, 60 fps".into() }],
        subject: json!({"address": "127.0.0.1:5555", "dialect": "stock", "found_by": "--bridge embedded"}),
        plan: json!({"messages": 100, "warmup": 10, "timeout_s": 2.0, "seed": 42, "sizes_bytes": [100, 10_000]}),
        build: build(),
        machine: machine(),
        machine_noise: None,
        findings: vec!["A lone command is applied 16.67 ms after it was sent (n 100).".into()],
        warnings: vec!["CPU frequency is not fixed: governor 'powersave'".into()],
        cases: vec![closed, poisson, failed, flood],
    }
}

fn build() -> Build {
    Build {
        version: "0.1.0".into(),
        commit: Fact::Value("0123abc-dirty".into()),
        target: "x86_64-unknown-linux-gnu".into(),
        profile: "release".into(),
        rustc: "rustc 1.88.0".into(),
        features: vec![],
    }
}

fn machine() -> Machine {
    Machine {
        fingerprint: "9f86d081884c7d65".into(),
        cpu: Fact::Value("Example CPU 3000 @ 3.00GHz".into()),
        physical_cores: Fact::Value(4),
        logical_cpus: Fact::Value(8),
        usable_cpus: Fact::Value(8),
        memory_bytes: Fact::Value(16_777_216_000),
        os: Fact::Value("Debian GNU/Linux 13".into()),
        kernel: Fact::Value("6.12.0".into()),
        arch: "x86_64".into(),
        power: Fact::Value("powersave".into()),
        turbo: Fact::Unsupported,
        virtualised: Fact::Value(false),
        load_average: Fact::Value(0.25),
        gpu: Fact::NotMeasured,
        gpus: GpuSurvey::default(),
    }
}

/// A case of a `threads` run: generation beside the render-like load, at this speed and with this share of late frames.
pub(crate) fn threads_case(threads: u64, priority: &str, tokens_per_s: f64, late_percent: f64) -> Case {
    Case {
        path: format!("render/tg64/depth=1024/threads={threads}/prio={priority}"),
        conditions: json!({
            "load": "render", "test": "tg", "n_depth": 1024, "n_threads": threads, "priority": priority,
            "flash_attn": "off", "type_k": "f16", "use_mmap": true, "late_limit_percent": 1.0,
            "samples_ts": vec![tokens_per_s; 8],
        }),
        metrics: vec![
            Metric::plain("avg_ts", "tokens/s", tokens_per_s, 5, Direction::Higher),
            Metric::plain("frames_late", "%", late_percent, 600, Direction::Lower),
        ],
        histograms: Vec::new(),
        ..case("", Vec::new())
    }
}

/// A `threads` run with these cases.
pub(crate) fn threads_run(cases: Vec<Case>) -> Run {
    Run { command: "threads".into(), run_id: "a-sweep".into(), cases, ..run() }
}
