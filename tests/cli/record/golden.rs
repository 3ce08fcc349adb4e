//! Records of every past schema stay readable; damaged or newer ones are rejected by name.

use std::fs;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use workly_perf::record::{
    CSV_FILE, CaseState, CsvRow, Fact, MetricStatus, REPORT_FILE, RUN_FILE, RecordError, RecordFolder, Run, RunState,
    SchemaVersion, read_csv, read_hlog, read_totals, write_csv, write_hgrm,
};
use workly_perf::report;

const HLOG: &str = "applied-closed-100B.hlog";
const HGRM: &str = "applied-closed-100B.hgrm";

/// The median of its first case.
const P50_MS: f64 = 16.671_832;

/// Subject in its CSV.
const SUBJECT: &str = "dialect=stock";
const FINGERPRINT: &str = "9f86d081884c7d65";

/// The record of the schema written by this version.
fn golden() -> PathBuf {
    golden_of("1.1")
}

fn golden_of(schema: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records").join(format!("v{schema}"))
}

fn run() -> Run {
    RecordFolder::read(&golden()).expect("the golden record is readable")
}

/// A text file of the golden record, with line endings normalised.
fn text(name: &str) -> String {
    fs::read_to_string(golden().join(name)).expect("a file of the golden record").replace("\r\n", "\n")
}

/// A copy of the golden record with one file changed.
fn changed(name: &str, change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in [RUN_FILE, CSV_FILE, REPORT_FILE, HLOG, HGRM] {
        let text = if file == name { change(&text(file)) } else { text(file) };
        fs::write(folder.path().join(file), text).expect("a file of the copy");
    }
    folder
}

fn total() -> Histogram<u64> {
    let mut totals = read_totals(&golden(), &run(), "latency");
    assert_eq!(totals.len(), 1);
    totals.remove(0).1.expect("the golden histogram is readable")
}

#[test]
fn records_of_every_schema_read_the_same() {
    for minor in [0, 1] {
        let schema = SchemaVersion { major: 1, minor };
        let run = RecordFolder::read(&golden_of(&schema.to_string())).expect("the golden record is readable");
        assert_eq!(run.schema, schema);
        assert_golden_values(&run);
    }
}

fn assert_golden_values(run: &Run) {
    assert_eq!((run.run_id.as_str(), run.command.as_str()), ("20260102T030405Z-ipc", "ipc"));
    assert_eq!(run.state, RunState::Complete);
    assert_eq!(run.started.to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(run.simulated[0].what, "embedded bridge");
    assert_eq!(run.plan["messages"], 1000);
    assert_eq!(run.machine.physical_cores, Fact::Value(4));
    assert_eq!(run.machine.turbo, Fact::Unsupported);
    assert_eq!(run.machine.power, Fact::Failed("permission denied".into()));
    assert_eq!(run.machine.gpu, Fact::NotMeasured);
    assert_eq!(run.cases.iter().map(|case| case.state).collect::<Vec<_>>(), [CaseState::Ok, CaseState::Failed]);
    assert_eq!(run.cases[1].reason.as_deref(), Some("no reply within 2 s"));
    let p50 = run.cases[0].metric("p50").expect("a median");
    assert_eq!((p50.value, p50.n, p50.unit.as_str()), (Some(P50_MS), 1_000, "ms"));
    let too_few = run.cases[0].metric("p99.9").expect("an omitted percentile");
    assert_eq!((too_few.value, too_few.status), (None, MetricStatus::TooFew));
}

#[test]
fn folder_and_run_json_are_the_same_record() {
    assert_eq!(RecordFolder::read(&golden().join(RUN_FILE)).unwrap(), run());
}

#[test]
fn csv_has_the_figures_of_the_run() {
    let rows = read_csv(&golden().join(CSV_FILE)).unwrap();
    let mut written = Vec::new();
    write_csv(&mut written, &run()).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), text(CSV_FILE));
    let case = &run().cases[0];
    assert_eq!(rows.len(), case.metrics.len());
    for (row, metric) in rows.iter().zip(&case.metrics) {
        let CsvRow { metric: name, value, n, status, .. } = row;
        assert_eq!((name, *value, *n), (&metric.name, metric.value, metric.n));
        assert_eq!((status.status, status.simulated), (metric.status, true));
    }
}

#[test]
fn schema_1_0_csv_has_the_same_figures_without_origin() {
    let old = read_csv(&golden_of("1.0").join(CSV_FILE)).unwrap();
    let new = read_csv(&golden().join(CSV_FILE)).unwrap();
    assert!(old.iter().all(|row| row.origin.is_none()));
    assert_eq!(old.iter().map(CsvRow::figure).collect::<Vec<_>>(), new.iter().map(CsvRow::figure).collect::<Vec<_>>());
    let origin = new[0].origin.as_ref().expect("an origin");
    assert_eq!((origin.subject.as_str(), origin.fingerprint.as_str()), (SUBJECT, FINGERPRINT));
}

#[test]
fn histograms_match_the_figures_of_the_run() {
    let total = total();
    assert_eq!(total.len(), 1_000);
    for (name, p) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let value_ms = run().cases[0].metric(name).and_then(|metric| metric.value).expect("a figure");
        let bucketed_ms = total.value_at_quantile(p) as f64 / 1e6;
        assert!(
            (bucketed_ms / value_ms - 1.0).abs() < 1e-3,
            "{name}: {value_ms} in the record, {bucketed_ms} in the histogram"
        );
    }
    let rows = read_hlog(&golden().join(HLOG)).unwrap();
    let counts: Vec<_> = rows.iter().map(|(tag, histogram)| (tag.as_deref(), histogram.len())).collect();
    assert_eq!(counts, [(None, 1_000), (Some("first"), 400), (Some("second"), 600)]);
    let mut distribution = Vec::new();
    write_hgrm(&mut distribution, &total).unwrap();
    assert_eq!(String::from_utf8(distribution).unwrap(), text(HGRM));
}

#[test]
fn every_format_marks_simulated_results() {
    let run = run();
    let page = report::html(&run, &[(run.cases[0].path.clone(), Ok(total()))]);
    for report in [report::markdown(&run), report::table(&run, 80, report::Detail::Figures), page] {
        let mark = report.find("SIMULATED: embedded bridge").expect("the mark");
        let median = report.find("16.6").expect("the median");
        assert!(mark < median, "{report}");
        assert!(report.contains("no reply within 2 s"), "{report}");
    }
}

#[test]
fn truncated_run_json_is_corrupt_at_a_line() {
    let folder = changed(RUN_FILE, |text| text[..text.len() / 2].to_owned());
    let error = RecordFolder::read(folder.path()).unwrap_err();
    assert!(matches!(error, RecordError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("run.json is corrupt: EOF while parsing"), "{error}");
    assert!(error.to_string().contains(" at line "), "{error}");
}

#[test]
fn run_json_without_a_field_is_corrupt_and_names_it() {
    let folder = changed(RUN_FILE, |text| text.replacen("\"plan\"", "\"plans\"", 1));
    let error = RecordFolder::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("missing field `plan` at line "), "{error}");
}

#[test]
fn figure_without_its_value_is_corrupt() {
    let folder = changed(RUN_FILE, |text| text.replacen(&format!("\"value\": {P50_MS}"), "\"value\": null", 1));
    let error = RecordFolder::read(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("metric p50: status ok without a value"), "{error}");
}

#[test]
fn newer_major_schema_is_too_new_and_newer_minor_is_not() {
    let major = changed(RUN_FILE, |_| r#"{"schema": "2.0", "figures": [1, 2]}"#.into());
    let error = RecordFolder::read(major.path()).unwrap_err();
    assert!(matches!(error, RecordError::TooNew { found: SchemaVersion { major: 2, minor: 0 }, .. }), "{error}");

    let minor = changed(RUN_FILE, |text| {
        text.replacen("\"schema\": \"1.1\",", "\"schema\": \"1.9\",\n  \"added_later\": {\"a\": 1},", 1)
    });
    assert_eq!(RecordFolder::read(minor.path()).unwrap().cases, run().cases);

    let csv = changed(CSV_FILE, |text| text.replace("\n1.1,", "\n2.0,"));
    let error = read_csv(&csv.path().join(CSV_FILE)).unwrap_err();
    assert!(matches!(error, RecordError::TooNew { .. }), "{error}");
}

#[test]
fn damaged_csv_or_histogram_is_corrupt() {
    for change in [|text: &str| text[..text.len() - 3].to_owned(), |text: &str| text.replacen("unit", "units", 1)] {
        let folder = changed(CSV_FILE, change);
        let error = read_csv(&folder.path().join(CSV_FILE)).unwrap_err();
        assert!(matches!(error, RecordError::Corrupt { .. }), "{error}");
    }
    let folder = changed(HLOG, |text| text[..text.len() - 40].to_owned());
    let error = read_totals(folder.path(), &run(), "latency").remove(0).1.unwrap_err();
    assert!(matches!(error, RecordError::Corrupt { .. }), "{error}");
}

#[test]
fn folder_without_run_json_is_not_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let error = RecordFolder::read(folder.path()).unwrap_err();
    assert!(matches!(error, RecordError::NotARecord { .. }), "{error}");
}
