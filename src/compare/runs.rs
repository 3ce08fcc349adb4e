//! Rows of `summary.csv`, gathered by run.

use crate::record::{CsvOrigin, CsvRow, Metric};

/// What a figure is of, the same in every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) command: String,
    pub(super) case: String,
    pub(super) metric: String,
}

/// One run, as its CSV tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFigures {
    /// Its id.
    pub run_id: String,
    /// The command that measured.
    pub command: String,
    /// Where it came from; `None` in files of schema 1.0.
    pub origin: Option<CsvOrigin>,
    /// Case and figure, in the order of the file.
    pub figures: Vec<(String, Metric)>,
}

impl RunFigures {
    /// The figure of that key, if this run has it.
    pub(super) fn figure(&self, key: &Key) -> Option<&Metric> {
        if self.command != key.command {
            return None;
        }
        self.figures
            .iter()
            .find(|(case, metric)| *case == key.case && metric.name == key.metric)
            .map(|(_, metric)| metric)
    }

    /// What it has figures of.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.figures.iter().map(|(case, metric)| Key {
            command: self.command.clone(),
            case: case.clone(),
            metric: metric.name.clone(),
        })
    }
}

/// The runs that the rows tell of, in the order of their starts; of runs that do not say when, in the order of their ids,
/// which begin with the time.
#[must_use]
pub fn runs_of(rows: Vec<CsvRow>) -> Vec<RunFigures> {
    let mut runs: Vec<RunFigures> = Vec::new();
    for row in rows {
        let figure = row.figure();
        match runs.iter_mut().rev().find(|run| run.run_id == row.run_id) {
            Some(run) => run.figures.push((row.case, figure)),
            None => runs.push(RunFigures {
                run_id: row.run_id,
                command: row.command,
                origin: row.origin,
                figures: vec![(row.case, figure)],
            }),
        }
    }
    runs.sort_by(|a, b| {
        let started = |run: &RunFigures| run.origin.as_ref().map(|origin| origin.started);
        started(a).cmp(&started(b)).then_with(|| a.run_id.cmp(&b.run_id))
    });
    runs
}
