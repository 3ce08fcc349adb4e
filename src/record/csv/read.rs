//! Reads `summary.csv`, and refuses anything else.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use super::super::error::RecordError;
use super::super::schema::SchemaVersion;
use super::origin::{CsvOrigin, ORIGIN};
use super::row::{CsvRow, HEADER};

/// Reads a `summary.csv`, or several concatenated ones, with or without their headers. Refuses, with the line number,
/// anything else: another header, a truncated row, missing rows of a run, a figure that is not a number or contradicts
/// its status; and a newer major schema, whatever its columns.
pub fn read_csv(path: &Path) -> Result<Vec<CsvRow>, RecordError> {
    let text = fs::read(path).map_err(RecordError::io("read", path))?;
    parse(path, &text)
}

/// The rows in the text of `path`.
fn parse(path: &Path, text: &[u8]) -> Result<Vec<CsvRow>, RecordError> {
    let mut rows = Vec::new();
    each_row(path, text, |row, origin| rows.push(CsvRow { origin: origin.cloned(), ..row }))?;
    Ok(rows)
}

/// Passes on every row of the text of `path`, without its origin, together with the origin of its run. The runs are
/// only complete if this returns without an error.
pub(in super::super) fn each_row(
    path: &Path,
    text: &[u8],
    mut take: impl FnMut(CsvRow, Option<&CsvOrigin>),
) -> Result<(), RecordError> {
    let corrupt = |error: csv::Error| corrupt(path, text, error);
    // Flexible, because a newer schema may have other columns in its rows.
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header = csv.headers().map_err(corrupt)?.clone();
    let (mut record, mut previous) = (csv::StringRecord::new(), csv::StringRecord::new());
    let mut has_read = csv.read_record(&mut record);
    let first = matches!(has_read, Ok(true)).then_some(&record);
    if let Some(found) = first.and_then(|first| newer_schema(&header, first)) {
        return Err(RecordError::TooNew { path: path.to_owned(), found });
    }
    if !header.iter().take(HEADER.len()).eq(HEADER) {
        let detail = format!("line 1: the header is not '{}'", HEADER.join(","));
        return Err(RecordError::corrupt(path, detail));
    }
    if !text.ends_with(b"\n") {
        return Err(RecordError::corrupt(path, "it is truncated: its last line is incomplete"));
    }
    let has_origin = header.iter().skip(HEADER.len()).take(ORIGIN.len()).eq(ORIGIN);
    let mut runs = CompleteRuns::default();
    let mut origin: Option<CsvOrigin> = None;
    while has_read.map_err(corrupt)? {
        if record != header {
            let here = |detail: String| corrupt_row(path, text, &record, &detail);
            if record.len() != header.len() {
                return Err(here(format!("{} cells instead of {}", record.len(), header.len())));
            }
            // The columns are known to be in this order, so they need no lookup by name.
            let row: CsvRow = record.deserialize(None).map_err(corrupt)?;
            if !row.schema.is_readable() {
                return Err(RecordError::TooNew { path: path.to_owned(), found: row.schema });
            }
            // The same in every row of a run: read once.
            if has_origin && (origin.is_none() || !cells(&record).eq(cells(&previous))) {
                origin = Some(record.deserialize(Some(&header)).map_err(corrupt)?);
            }
            row.figure().check().map_err(here)?;
            runs.add(&row, origin.as_ref()).map_err(|detail| RecordError::corrupt(path, detail))?;
            take(row, origin.as_ref());
            std::mem::swap(&mut record, &mut previous);
        }
        has_read = csv.read_record(&mut record);
    }
    runs.check().map_err(|detail| RecordError::corrupt(path, detail))
}

/// The cells of a row's origin.
fn cells(record: &csv::StringRecord) -> impl Iterator<Item = &str> {
    record.iter().skip(HEADER.len()).take(ORIGIN.len())
}

/// Whether every run has all of its rows, without duplicates, and one origin.
#[derive(Default)]
struct CompleteRuns(BTreeMap<String, RunProgress>);

/// What is known about a run so far.
struct RunProgress {
    origin: Option<CsvOrigin>,
    /// Case and metric of its rows.
    figures: HashSet<(String, String)>,
}

impl CompleteRuns {
    fn add(&mut self, row: &CsvRow, origin: Option<&CsvOrigin>) -> Result<(), String> {
        if !self.0.contains_key(&row.run_id) {
            self.0.insert(row.run_id.clone(), RunProgress { origin: origin.cloned(), figures: HashSet::new() });
        }
        let Some(run) = self.0.get_mut(&row.run_id) else { return Ok(()) };
        if run.origin.as_ref() != origin {
            return Err(format!("run {} has two origins", row.run_id));
        }
        if !run.figures.insert((row.case.clone(), row.metric.clone())) {
            return Err(format!("run {}: {} of {} occurs twice", row.run_id, row.metric, row.case));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        for (run_id, run) in &self.0 {
            let seen = run.figures.len() as u64;
            if let Some(origin) = run.origin.as_ref().filter(|origin| origin.rows != seen) {
                return Err(format!("it is truncated: run {run_id} has {seen} of {} rows", origin.rows));
            }
        }
        Ok(())
    }
}

/// The schema of the first row, if it is newer than this build can read.
fn newer_schema(header: &csv::StringRecord, first: &csv::StringRecord) -> Option<SchemaVersion> {
    let column = header.iter().position(|column| column == "schema")?;
    let found: SchemaVersion = first.get(column)?.parse().ok()?;
    (!found.is_readable()).then_some(found)
}

/// The line, from 1, on which a record at this position starts. The crate assigns a Windows line end to the following
/// line.
fn line_at(text: &[u8], position: &csv::Position) -> usize {
    let at = usize::try_from(position.byte()).unwrap_or(text.len()).min(text.len());
    let start = at + text[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    text[..start].split(|byte| *byte == b'\n').count()
}

/// What is wrong with a row, with its line.
fn corrupt_row(path: &Path, text: &[u8], row: &csv::StringRecord, detail: &str) -> RecordError {
    let line = row.position().map_or(0, |position| line_at(text, position));
    RecordError::corrupt(path, format!("line {line}: {detail}"))
}

fn corrupt(path: &Path, text: &[u8], error: csv::Error) -> RecordError {
    let line = error.position().map_or_else(String::new, |position| format!("line {}: ", line_at(text, position)));
    let detail = match error.into_kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| HEADER.iter().chain(&ORIGIN).nth(usize::try_from(field).ok()?));
            format!("{}{}", column.map_or_else(String::new, |column| format!("{column}: ")), err.kind())
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".into(),
        other => format!("{other:?}"),
    };
    RecordError::corrupt(path, line + &detail)
}

#[cfg(test)]
mod tests {
    use super::super::super::run::Run;
    use super::super::super::sample::run;
    use super::super::write::{rows, write_csv};
    use super::*;

    fn written(run: &Run) -> String {
        let mut text = Vec::new();
        write_csv(&mut text, run).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<CsvRow>, RecordError> {
        parse(Path::new("summary.csv"), text.as_ref())
    }

    fn refusal(text: impl AsRef<[u8]>) -> String {
        match read(text) {
            Err(RecordError::Corrupt { detail, .. }) => detail,
            other => panic!("not refused as corrupt: {other:?}"),
        }
    }

    #[test]
    fn rows_are_tidy_and_absent_values_are_empty() {
        let text = written(&run());
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(
                "schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status,started,\
                 run_state,fingerprint,power,version,commit,target,profile,features,subject,simulated,rows"
            )
        );
        let p50 = "1.1,20260102T030405Z-ipc,ipc,applied/closed/100B,p50,ms,16.6667,100,0.12,16.64,16.69,lower,ok+simulated,\
                   2026-01-02T03:04:05Z,complete,9f86d081884c7d65,powersave,0.1.0,0123abc-dirty,\
                   x86_64-unknown-linux-gnu,release,,dialect=stock,\"embedded bridge (stock dialect, 60 fps)\",17";
        assert_eq!(lines.next(), Some(p50));
        assert!(text.contains(",applied/closed/100B,p99,ms,,100,,,,lower,too_few+simulated,2026"), "{text}");
        assert_eq!(lines.count() + 1, run().cases.iter().map(|case| case.metrics.len()).sum::<usize>());
    }

    #[test]
    fn csv_round_trips() {
        let mut run = run();
        run.cases[0].metrics[0].value = Some(0.1 + 0.2);
        run.cases[0].metrics[1].value = Some(1e-9);
        run.cases[0].path = "with, comma and \"quotes\"".into();
        run.cases[1].path = "=1+2, from elsewhere".into();
        assert_eq!(read(written(&run)).unwrap(), rows(&run).collect::<Vec<_>>());
        run.cases.clear();
        assert_eq!(read(written(&run)).unwrap(), []);
    }

    #[test]
    fn control_characters_are_escaped_and_rows_are_single_lines() {
        let mut run = run();
        run.cases[0].path = "a\u{1b}[2J\nb\u{202e}".into();
        run.simulated[0].parameters = "\u{9b}31m".into();
        let text = written(&run);
        assert!(!text.chars().any(|c| c != '\n' && crate::text::is_unsafe(c)), "{text:?}");
        let rows = read(&text).unwrap();
        assert_eq!(rows.len(), text.lines().count() - 1);
        assert_eq!(rows[0].case, "a\\u001b[2J\\u000ab\\u202e");
    }

    #[test]
    fn only_simulated_figures_are_marked() {
        let mut run = run();
        assert!(read(written(&run)).unwrap().iter().all(|row| row.status.simulated));
        run.simulated.clear();
        assert!(read(written(&run)).unwrap().iter().all(|row| !row.status.simulated));
    }

    #[test]
    fn non_finite_figures_are_never_written() {
        let mut run = run();
        run.cases[0].metrics[0].value = Some(f64::NAN);
        let error = write_csv(Vec::new(), &run).unwrap_err();
        assert!(error.to_string().contains("NaN is not a finite number"), "{error}");
    }

    #[test]
    fn damaged_csv_is_rejected_with_its_line_for_any_line_ending() {
        let text = written(&run());
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            assert_error_line(&text);
        }
    }

    fn assert_error_line(text: &str) {
        assert_eq!(
            refusal(text.replacen("run_id", "id", 1)),
            format!("line 1: the header is not '{}'", HEADER.join(","))
        );
        assert!(refusal("").starts_with("line 1: the header is not"));
        assert_eq!(refusal(text.replacen(",16.6667,", ",NaN,", 1)), "line 2: 'NaN' is not a finite number");
        assert_eq!(refusal(text.replacen(",16.6667,", ",,", 1)), "line 2: metric p50: status ok without a value");
        assert_eq!(refusal(text.replacen(",16.6667,", ",", 1)), "line 2: 24 cells instead of 25");
        assert_eq!(refusal(text.replacen(",too_few", ",to_few", 1)), "line 4: unknown status 'to_few+simulated'");
        assert_eq!(
            refusal([text.as_bytes(), b"1.1,\xff,,,,,,,,,,,,,,,,,,,,,,,\n"].concat()),
            format!("line {}: not UTF-8", text.lines().count() + 1)
        );
    }

    #[test]
    fn every_truncation_is_detected_except_a_bare_header() {
        let text = written(&run());
        let first_row = text.find('\n').unwrap() + 1;
        for end in (0..text.len()).filter(|&end| end != first_row) {
            assert!(read(&text[..end]).is_err(), "cut after {end} bytes: {:?}", &text[..end]);
        }
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            refusal(lines[..lines.len() - 1].join("\n") + "\n"),
            "it is truncated: run 20260102T030405Z-ipc has 16 of 17 rows"
        );
    }

    #[test]
    fn csv_files_may_be_concatenated() {
        let (one, mut other) = (run(), run());
        other.run_id = "20260102T040405Z-ipc".into();
        other.started = "2026-01-02T04:04:05Z".parse().unwrap();
        let (one, other) = (written(&one), written(&other));
        let both = read(format!("{one}{other}")).unwrap();
        assert_eq!(both.len(), one.lines().count() + other.lines().count() - 2);
        assert_eq!(refusal(format!("{one}{one}")), "run 20260102T030405Z-ipc: p50 of applied/closed/100B occurs twice");
        assert_eq!(
            refusal(one.replacen(",powersave,", ",performance,", 1)),
            "run 20260102T030405Z-ipc has two origins"
        );
    }

    #[test]
    fn schema_1_0_has_no_origin_and_future_columns_are_ignored() {
        let text = written(&run());
        let first = |lines: Vec<String>| read(lines.join("\n") + "\n").unwrap().remove(0);
        let cut =
            |line: &str| line.split(",started").next().and_then(|line| line.split(",2026-").next()).map(String::from);
        let old = first(text.lines().filter_map(cut).collect());
        assert_eq!((old.origin, old.n), (None, 100));
        let newer = first(text.lines().enumerate().map(|(at, line)| format!("{line},{at}")).collect());
        assert_eq!(newer.origin.unwrap().fingerprint, "9f86d081884c7d65");
    }

    #[test]
    fn newer_major_schema_is_rejected_even_with_other_columns() {
        for text in ["schema,run,figure\n2.1,x,1\n", "run,schema\nx,2.1,1\n"] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, RecordError::TooNew { found: SchemaVersion { major: 2, minor: 1 }, .. }),
                "{error}"
            );
        }
        let newer_minor = written(&run()).replace("\n1.1,", "\n1.7,");
        assert_eq!(read(newer_minor).unwrap()[0].schema, SchemaVersion { major: 1, minor: 7 });
    }

    #[test]
    fn missing_csv_file_is_an_io_error() {
        let error = read_csv(Path::new("no/such/summary.csv")).unwrap_err();
        assert!(matches!(error, RecordError::Io { action: "read", .. }), "{error}");
    }
}
