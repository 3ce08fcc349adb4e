//! What a picture consists of, and which pictures a record has.

use maud::Markup;

use super::legend::LegendEntry;
use super::{choices, ecdf, forest, over_time, placements, rates, round_trip, start, threads, turn, ways};
use crate::record::Run;
use crate::report::html::Distribution;
use crate::report::metric_tables::MetricTable;

/// A drawing with its figures as a table.
pub(in crate::report) struct Picture {
    /// What it shows.
    pub(in crate::report) title: String,
    /// How to read it, in a sentence or two.
    pub(in crate::report) reading: String,
    /// What its colours and shapes mean.
    pub(in crate::report) legend: Vec<LegendEntry>,
    /// The drawing.
    pub(in crate::report) drawing: Markup,
    /// Its figures.
    pub(in crate::report) table: MetricTable,
}

/// The pictures of a run, the most important first. Each histogram belongs to the case of its path.
pub(in crate::report) fn pictures(run: &Run, histograms: &[Distribution]) -> Vec<Picture> {
    let mut pictures = Vec::new();
    pictures.extend(turn::picture(run));
    pictures.extend(forest::before_after(run));
    pictures.extend(threads::pictures(run));
    pictures.extend(choices::pictures(run));
    pictures.extend(round_trip::pictures(run));
    pictures.extend(ways::picture(run));
    pictures.extend(rates::picture(run));
    pictures.extend(ecdf::pictures(run, histograms));
    pictures.extend(over_time::pictures(run));
    pictures.extend(placements::pictures(run));
    pictures.extend(start::pictures(run));
    pictures
}
