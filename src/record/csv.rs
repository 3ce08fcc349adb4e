//! `summary.csv`: tidy, one row per case and metric, with the same columns for every command.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::error::RecordError;
use super::metric::{Direction, Metric, MetricStatus};
use super::run::Run;
use super::schema::SchemaVersion;

/// The columns, in order.
const HEADER: [&str; 13] = [
    "schema",
    "run_id",
    "command",
    "case",
    "metric",
    "unit",
    "value",
    "n",
    "spread",
    "ci_low",
    "ci_high",
    "direction",
    "status",
];

/// What the status column appends to the figures of a run in which something was simulated.
const SIMULATED: &str = "+simulated";

/// The status column: whether the figure can be used, and whether it describes something simulated.
///
/// Written as the status word, `+simulated` appended: the CSV is often all that is kept of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvStatus {
    /// Whether the figure can be used.
    pub status: MetricStatus,
    /// Whether the run simulated anything.
    pub simulated: bool,
}

impl std::fmt::Display for CsvStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.status.word(), if self.simulated { SIMULATED } else { "" })
    }
}

impl Serialize for CsvStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CsvStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = text.strip_suffix(SIMULATED);
        let status = MetricStatus::from_word(word.unwrap_or(&text))
            .ok_or_else(|| de::Error::custom(format!("unknown status '{text}'")))?;
        Ok(Self { status, simulated: word.is_some() })
    }
}

/// One row. The columns are those of [`Metric`], with the run and the case that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CsvRow {
    /// Version of the record's shape.
    pub schema: SchemaVersion,
    /// The run.
    pub run_id: String,
    /// The command.
    pub command: String,
    /// The case's path.
    pub case: String,
    /// The metric's name.
    pub metric: String,
    /// Unit of `value`, `spread` and the interval.
    pub unit: String,
    /// The figure; an empty cell when it is not given.
    #[serde(with = "cell")]
    pub value: Option<f64>,
    /// How many samples it rests on.
    pub n: u64,
    /// Standard deviation of a mean, interquartile range of a percentile.
    #[serde(with = "cell")]
    pub spread: Option<f64>,
    /// Lower end of the 95 % confidence interval.
    #[serde(with = "cell")]
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % confidence interval.
    #[serde(with = "cell")]
    pub ci_high: Option<f64>,
    /// Which way is better.
    pub direction: Direction,
    /// Whether it can be used.
    pub status: CsvStatus,
}

/// A number in a cell: the shortest text that reads back as the same number, empty where there is none.
mod cell {
    use super::{Deserialize, Deserializer, Serializer, de, ser};

    #[allow(clippy::ref_option)] // The signature is serde's.
    pub(super) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) if number.is_finite() => serializer.collect_str(number),
            Some(number) => Err(ser::Error::custom(format!("{number} is not a finite number"))),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        // Rust reads "NaN" and "inf" as numbers; a figure is neither.
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(de::Error::custom(format!("'{text}' is not a finite number"))),
        }
    }
}

impl CsvRow {
    fn metric(&self) -> Metric {
        Metric {
            name: self.metric.clone(),
            unit: self.unit.clone(),
            value: self.value,
            n: self.n,
            spread: self.spread,
            ci_low: self.ci_low,
            ci_high: self.ci_high,
            direction: self.direction,
            status: self.status.status,
        }
    }
}

fn rows(run: &Run) -> impl Iterator<Item = CsvRow> {
    let simulated = !run.simulated.is_empty();
    let metrics = run.cases.iter().flat_map(|case| case.metrics.iter().map(move |metric| (case, metric)));
    metrics.map(move |(case, metric)| CsvRow {
        schema: run.schema,
        run_id: run.run_id.clone(),
        command: run.command.clone(),
        case: case.path.clone(),
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        value: metric.value,
        n: metric.n,
        spread: metric.spread,
        ci_low: metric.ci_low,
        ci_high: metric.ci_high,
        direction: metric.direction,
        status: CsvStatus { status: metric.status, simulated },
    })
}

/// Writes the run's figures as CSV, header first. A figure that is no finite number is an error.
pub fn write_csv(writer: impl Write, run: &Run) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(writer);
    csv.write_record(HEADER).map_err(io_error)?;
    for row in rows(run) {
        csv.serialize(row).map_err(io_error)?;
    }
    csv.flush()
}

/// Keeps the kind of an I/O error, by which a caller knows a broken pipe; the crate's own conversion loses it.
fn io_error(error: csv::Error) -> io::Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::new(io::ErrorKind::InvalidData, text),
    }
}

/// Reads a `summary.csv`. Refuses, naming the line, what is not exactly one: another header, a row that is cut short, a
/// figure that is no number or contradicts its status; and a newer major schema, whatever its columns.
pub fn read_csv(path: &Path) -> Result<Vec<CsvRow>, RecordError> {
    let text = fs::read(path).map_err(RecordError::io("read", path))?;
    let mut csv = csv::ReaderBuilder::new().from_reader(text.as_slice());
    let header = csv.headers().map_err(|error| corrupt(path, error))?.clone();
    if let Some(found) = newer_schema(&text) {
        return Err(RecordError::TooNew { path: path.to_owned(), found });
    }
    if header != *HEADER.as_slice() {
        let detail = format!("line 1: the header is not '{}'", HEADER.join(","));
        return Err(RecordError::corrupt(path, detail));
    }
    if !text.ends_with(b"\n") {
        return Err(RecordError::corrupt(path, "it is cut short: its last line has no end"));
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record).map_err(|error| corrupt(path, error))? {
        let line = record.position().map_or(0, csv::Position::line);
        let row: CsvRow = record.deserialize(Some(&header)).map_err(|error| corrupt(path, error))?;
        row.metric().check().map_err(|detail| RecordError::corrupt(path, format!("line {line}: {detail}")))?;
        rows.push(row);
    }
    Ok(rows)
}

/// The schema of the first row, where it is newer than this build can read.
fn newer_schema(text: &[u8]) -> Option<SchemaVersion> {
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let column = csv.headers().ok()?.iter().position(|column| column == "schema")?;
    let first = csv.records().next()?.ok()?;
    let found: SchemaVersion = first.get(column)?.parse().ok()?;
    (!found.is_readable()).then_some(found)
}

fn corrupt(path: &Path, error: csv::Error) -> RecordError {
    let line = error.position().map_or_else(String::new, |position| format!("line {}: ", position.line()));
    let detail = match error.into_kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} cells instead of {expected_len}"),
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| HEADER.get(usize::try_from(field).ok()?));
            format!("{}{}", column.map_or_else(String::new, |column| format!("{column}: ")), err.kind())
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".into(),
        other => format!("{other:?}"),
    };
    RecordError::corrupt(path, line + &detail)
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    fn written(run: &Run) -> String {
        let mut text = Vec::new();
        write_csv(&mut text, run).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<CsvRow>, RecordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.csv");
        fs::write(&path, text).unwrap();
        read_csv(&path)
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
            Some("schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status")
        );
        let p50 =
            "1.0,20260102T030405Z-ipc,ipc,applied/closed/100B,p50,ms,16.6667,100,0.12,16.64,16.69,lower,ok+simulated";
        assert_eq!(lines.next(), Some(p50));
        assert!(text.contains(",applied/closed/100B,p99,ms,,100,,,,lower,too_few+simulated\n"), "{text}");
        assert_eq!(lines.count() + 1, run().cases.iter().map(|case| case.metrics.len()).sum::<usize>());
    }

    #[test]
    fn what_was_written_reads_back_the_same() {
        let mut run = run();
        run.cases[0].metrics[0].value = Some(0.1 + 0.2);
        run.cases[0].metrics[1].value = Some(1e-9);
        run.cases[0].path = "with, comma and \"quotes\"".into();
        assert_eq!(read(written(&run)).unwrap(), rows(&run).collect::<Vec<_>>());
        run.cases.clear();
        assert_eq!(read(written(&run)).unwrap(), []);
    }

    #[test]
    fn nothing_real_is_marked_and_everything_simulated_is() {
        let mut run = run();
        assert!(read(written(&run)).unwrap().iter().all(|row| row.status.simulated));
        run.simulated.clear();
        assert!(read(written(&run)).unwrap().iter().all(|row| !row.status.simulated));
    }

    #[test]
    fn what_is_not_a_number_is_never_written() {
        let mut run = run();
        run.cases[0].metrics[0].value = Some(f64::NAN);
        let error = write_csv(Vec::new(), &run).unwrap_err();
        assert!(error.to_string().contains("NaN is not a finite number"), "{error}");
    }

    #[test]
    fn what_is_damaged_is_refused_with_its_line() {
        let text = written(&run());
        assert_eq!(
            refusal(text.replacen("run_id", "id", 1)),
            format!("line 1: the header is not '{}'", HEADER.join(","))
        );
        assert!(refusal("").starts_with("line 1: the header is not"));
        assert_eq!(refusal(text.replacen(",16.6667,", ",NaN,", 1)), "line 2: 'NaN' is not a finite number");
        assert_eq!(refusal(text.replacen(",16.6667,", ",,", 1)), "line 2: metric p50: status ok without a value");
        assert_eq!(refusal(text.replacen(",16.6667,", ",", 1)), "line 2: 12 cells instead of 13");
        assert_eq!(refusal(text.replacen(",too_few", ",to_few", 1)), "line 4: unknown status 'to_few+simulated'");
        assert_eq!(
            refusal([text.as_bytes(), b"1.0,\xff,,,,,,,,,,,\n"].concat()),
            format!("line {}: not UTF-8", text.lines().count() + 1)
        );
    }

    #[test]
    fn every_cut_within_a_line_is_noticed() {
        let text = written(&run());
        let first_row = text.find('\n').unwrap() + 1;
        for end in 0..text.len() {
            if end < first_row || !text[..end].ends_with('\n') {
                assert!(read(&text[..end]).is_err(), "cut after {end} bytes: {:?}", &text[..end]);
            }
        }
    }

    #[test]
    fn a_newer_major_is_refused_by_name_even_with_other_columns() {
        for text in ["schema,run,figure\n2.1,x,1\n", "run,schema\nx,2.1,1\n"] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, RecordError::TooNew { found: SchemaVersion { major: 2, minor: 1 }, .. }),
                "{error}"
            );
        }
        let newer_minor = written(&run()).replace("\n1.0,", "\n1.7,");
        assert_eq!(read(newer_minor).unwrap()[0].schema, SchemaVersion { major: 1, minor: 7 });
    }

    #[test]
    fn a_missing_file_is_an_io_error() {
        let error = read_csv(Path::new("no/such/summary.csv")).unwrap_err();
        assert!(matches!(error, RecordError::Io { action: "read", .. }), "{error}");
    }
}
