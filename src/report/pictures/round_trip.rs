//! The mean round trip, part by part: a picture for each kind of reply, whose times differ too much for one axis.

use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::steps::{DrawnStep, drawn};
use crate::record::Run;
use crate::report::figure;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;
use crate::report::round_trip::{Part, RoundTrip};

/// Where a part takes place: its class, and its name.
const PLACES: [(&str, &str); 5] = [
    ("s1", "in this program"),
    ("s3", "on the network"),
    ("s2", "in the bridge"),
    ("s5", "waiting for Unity's frame"),
    ("s4", "network and bridge together: an upper bound"),
];

fn place(part: &str) -> usize {
    match part {
        "serialise" | "write" | "parse_reply" => 0,
        "network_out" | "network_back" => 1,
        "frame_wait" => 3,
        "network_and_bridge" => 4,
        _ => 2,
    }
}

/// The pictures of a run of `ipc --breakdown`.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    RoundTrip::all(run).iter().filter(|trip| !trip.parts.is_empty()).map(picture).collect()
}

fn picture(trip: &RoundTrip<'_>) -> Picture {
    let mut until = 0.0;
    let steps: Vec<DrawnStep> = trip
        .parts
        .iter()
        .map(|part| {
            let begin = until;
            until += part.mean_ms;
            DrawnStep {
                case: part.case,
                metric: part.mean,
                name: part.name.replace('_', " "),
                value: figure::alone(part.mean),
                ends: (begin.min(until), begin.max(until)),
                class: PLACES[place(part.name)].0,
            }
        })
        .collect();
    let has = |at: &usize| trip.parts.iter().any(|part| place(part.name) == *at);
    let legend = (0..PLACES.len()).filter(has).map(|at| LegendEntry::new(Swatch::Area, PLACES[at].0, PLACES[at].1));
    let title = format!("The round trip until a command is {}, part by part", trip.reply);
    Picture {
        reading: "Each part starts where the previous one ends. The bars are means over all round trips, and add up to the mean of the whole."
            .into(),
        legend: legend.collect(),
        drawing: drawn(&steps, &title),
        table: table(trip),
        title,
    }
}

fn table(trip: &RoundTrip<'_>) -> MetricTable {
    let row = |part: &Part<'_>| {
        let of = |name: &str| part.case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), figure::alone);
        let share = format!("{:.1} %", 100.0 * part.mean_ms / trip.whole.mean_ms);
        vec![part.name.replace('_', " "), figure::alone(part.mean), share, of("p90")]
    };
    let rows = trip.parts.iter().chain([&trip.whole]).map(row);
    MetricTable {
        title: String::new(),
        columns: vec![
            TableColumn::kept("part", false),
            TableColumn::kept("mean", true),
            TableColumn::kept("share", true),
            TableColumn::kept("p90", true),
        ],
        rows: rows.collect(),
        remarks: vec![format!("n {} round trips, one at a time.", figure::count(trip.whole.mean.n))],
    }
}
