//! The figures of runs by name, for many lookups in many runs.

use std::collections::HashMap;

use crate::record::{FigureName, Metric, RunFigures};

/// An index of runs' figures by name. It is built once: the time for all lookups grows linearly with the number of
/// figures.
#[derive(Debug)]
pub(super) struct RunTable<'a> {
    /// The runs, in order.
    pub(super) runs: &'a [RunFigures],
    figures: Vec<HashMap<FigureName<'a>, &'a Metric>>,
}

impl<'a> RunTable<'a> {
    /// The table of `runs`. Of duplicate figures in a run, the first counts.
    pub(super) fn of(runs: &'a [RunFigures]) -> Self {
        let figures = runs.iter().map(|run| {
            let mut figures = HashMap::with_capacity(run.figures.len());
            for (name, metric) in named(run) {
                figures.entry(name).or_insert(metric);
            }
            figures
        });
        Self { runs, figures: figures.collect() }
    }

    /// The figure in each run, in order; `None` if a run does not have it.
    pub(super) fn figures<'s>(
        &'s self,
        name: FigureName<'s>,
    ) -> impl Iterator<Item = Option<&'a Metric>> + use<'s, 'a> {
        self.figures.iter().map(move |figures| {
            let figures: &HashMap<FigureName<'s>, &'a Metric> = figures;
            figures.get(&name).copied()
        })
    }

    /// The figure in the runs that have it.
    pub(super) fn given<'s>(&'s self, name: FigureName<'s>) -> impl Iterator<Item = &'a Metric> + use<'s, 'a> {
        self.figures(name).flatten()
    }

    /// The name of every figure of every run, in the order of the files; repeated for each run that has it.
    pub(super) fn names(&self) -> impl Iterator<Item = FigureName<'a>> + use<'_, 'a> {
        self.runs.iter().flat_map(|run| named(run).map(|(name, _)| name))
    }
}

/// The figures of a run with their names, in the order of the file.
pub(super) fn named(run: &RunFigures) -> impl Iterator<Item = (FigureName<'_>, &Metric)> {
    run.figures.iter().map(|(case, metric)| (FigureName { command: &run.command, case, metric: &metric.name }, metric))
}
