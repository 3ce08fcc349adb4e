//! The wide CSV for change-point tools: one row per run or comparison, one column per figure.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::compare::WideRow;

/// The first columns.
const FIXED: [&str; 3] = ["time", "commit", "branch"];

/// Whether a text is a wide CSV.
#[must_use]
pub fn is_wide(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').starts_with(&FIXED.join(","))
}

/// The wide CSV: the content of `existing` with the rows appended. New columns come last; values that a row does not
/// have are empty.
///
/// # Errors
/// Why `existing` is not such a CSV.
pub fn wide(existing: &str, rows: &[WideRow]) -> Result<String, String> {
    let (mut header, mut lines) = cells_of(existing)?;
    let mut known: HashSet<String> = header.iter().cloned().collect();
    for (name, _) in rows.iter().flat_map(|row| &row.values) {
        if known.insert(name.clone()) {
            header.push(name.clone());
        }
    }
    lines.extend(rows.iter().map(|row| {
        let values: HashMap<&str, f64> = row.values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let mut line = vec![row.time.to_string(), row.commit.clone(), row.branch.clone()];
        let cell = |name: &String| values.get(name.as_str()).map_or_else(String::new, ToString::to_string);
        line.extend(header[FIXED.len()..].iter().map(cell));
        line
    }));
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let written = writer.write_record(&header).and_then(|()| {
        lines.iter_mut().try_for_each(|line| {
            line.resize(header.len(), String::new());
            writer.write_record(&*line)
        })
    });
    written.map_err(|error| error.to_string())?;
    let text = writer.into_inner().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Header and lines of a wide CSV; for an empty text those of an empty one.
fn cells_of(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>), String> {
    if text.is_empty() {
        return Ok((FIXED.map(ToOwned::to_owned).to_vec(), Vec::new()));
    }
    let cells = |record: &csv::StringRecord| record.iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = cells(reader.headers().map_err(|error| error.to_string())?);
    if !header.iter().take(FIXED.len()).eq(FIXED.iter()) {
        return Err(format!("its header does not start with {}", FIXED.join(",")));
    }
    let lines = reader.records().map(|record| record.map(|record| cells(&record)).map_err(|error| error.to_string()));
    Ok((header, lines.collect::<Result<_, _>>()?))
}

/// The rows of a wide CSV.
///
/// # Errors
/// Why the text is not such a CSV.
pub fn read_wide(text: &str) -> Result<Vec<WideRow>, String> {
    let (header, lines) = cells_of(text)?;
    let names = &header[FIXED.len()..];
    let row = |(at, line): (usize, Vec<String>)| {
        let fault = |cell: &str, what: &str| format!("row {}: '{cell}' is not a {what}", at + 1);
        let time = line[0].parse().map_err(|_| fault(&line[0], "time"))?;
        let mut values = Vec::new();
        for (name, cell) in names.iter().zip(&line[FIXED.len()..]).filter(|(_, cell)| !cell.is_empty()) {
            let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
            values.push((name.clone(), value.ok_or_else(|| fault(cell, "finite number"))?));
        }
        Ok(WideRow { time, commit: line[1].clone(), branch: line[2].clone(), values })
    };
    lines.into_iter().enumerate().map(row).collect()
}

/// The same rows as several tables without empty cells: figures of the same rows are grouped. Each table comes with the
/// command that its first figure starts with.
#[must_use]
pub fn without_gaps(rows: &[WideRow]) -> Vec<(String, Vec<WideRow>)> {
    let mut names: Vec<&str> = Vec::new();
    let mut rows_of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        for (name, _) in &row.values {
            let having = rows_of.entry(name).or_insert_with(|| {
                names.push(name);
                Vec::new()
            });
            // A duplicate column in a row counts once.
            if having.last() != Some(&at) {
                having.push(at);
            }
        }
    }
    let mut tables: Vec<(&[usize], HashSet<&str>, &str)> = Vec::new();
    let mut places: BTreeMap<(&str, &[usize]), usize> = BTreeMap::new();
    for name in names {
        let (command, having) = (name.split(' ').next().unwrap_or_default(), rows_of[name].as_slice());
        let place = *places.entry((command, having)).or_insert_with(|| {
            tables.push((having, HashSet::new(), command));
            tables.len() - 1
        });
        tables[place].1.insert(name);
    }
    tables
        .into_iter()
        .map(|(having, names, command)| {
            let kept = having.iter().map(|&at| {
                let mut row = rows[at].clone();
                row.values.retain(|(name, _)| names.contains(name.as_str()));
                row
            });
            (command.to_owned(), kept.collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(minute: i64, values: &[(&str, f64)]) -> WideRow {
        WideRow {
            time: jiff::Timestamp::from_second(60 * minute).unwrap(),
            commit: "0123abc".into(),
            branch: String::new(),
            values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        }
    }

    #[test]
    fn rows_round_trip_and_new_columns_are_appended() {
        let rows =
            [row(1, &[("ipc a p50 (ms)", 0.1 + 0.2)]), row(2, &[("ipc a p50 (ms)", 2.0), ("ipc b p50 (ms)", 3.0)])];
        let text = wide(&wide("", &rows[..1]).unwrap(), &rows[1..]).unwrap();
        assert_eq!(text.lines().next(), Some("time,commit,branch,ipc a p50 (ms),ipc b p50 (ms)"));
        assert!(is_wide(&text));
        assert_eq!(read_wide(&text).unwrap(), rows);
        let says = |text: &str| read_wide(text).unwrap_err();
        assert_eq!(says("a,b\n"), "its header does not start with time,commit,branch");
        assert_eq!(says("time,commit,branch,x\n1970-01-01T00:00:00Z,,,NaN\n"), "row 1: 'NaN' is not a finite number");
    }

    #[test]
    fn gapless_tables_have_every_value_and_no_empty_cell() {
        let (a, b, c) = ("ipc a p50 (ms)", "ipc b p50 (ms)", "threads c avg_ts (tokens/s)");
        let rows =
            [row(1, &[(a, 1.0)]), row(2, &[(c, 9.0)]), row(3, &[(a, 2.0), (b, 3.0)]), row(4, &[(a, 4.0), (b, 5.0)])];
        let tables = without_gaps(&rows);
        let told: Vec<_> = tables.iter().map(|(command, rows)| (command.as_str(), rows.len())).collect();
        assert_eq!(told, [("ipc", 3), ("threads", 1), ("ipc", 2)]);
        let mut values = 0;
        for (_, rows) in &tables {
            let text = wide("", rows).unwrap();
            assert!(!text.lines().any(|line| line.ends_with(',') || line.contains(",,,")), "{text}");
            values += rows.iter().map(|row| row.values.len()).sum::<usize>();
        }
        assert_eq!(values, rows.iter().map(|row| row.values.len()).sum::<usize>());
    }
}
