//! How model, bridge and render-like load slow each other down, as text.

use super::contention::{CellSamples, ContentionCell, latencies_ms, speeds};
use crate::measure::ContentionSample;
use crate::plural::counted;
use crate::stats::{PairedRatio, mean_of, paired_ratio};

const MODEL: ContentionCell = ContentionCell { render: false, model: true, bridge: false };
const BRIDGE: ContentionCell = ContentionCell { render: false, model: false, bridge: true };
const MODEL_AND_BRIDGE: ContentionCell = ContentionCell { render: false, model: true, bridge: true };

/// A figure of each round of a cell, and its wording.
#[derive(Clone, Copy)]
struct CostFigure {
    of: fn(&[ContentionSample]) -> Vec<f64>,
    unit: &'static str,
    /// Text before its value.
    before: &'static str,
}

const SPEED: CostFigure = CostFigure { of: speeds, unit: "tokens/s", before: "" };
const DELAY: CostFigure = CostFigure { of: latencies_ms, unit: "ms", before: "after " };

/// One sentence per pair of measured cells.
pub(super) fn costs(cells: &CellSamples) -> Vec<String> {
    let beside_render = |cell: ContentionCell| ContentionCell { render: true, ..cell };
    [
        (SPEED, beside_render(MODEL), MODEL, "Effect of the render load on the model:"),
        (SPEED, MODEL_AND_BRIDGE, MODEL, "Effect of the bridge's commands on the model:"),
        (DELAY, MODEL_AND_BRIDGE, BRIDGE, "Effect of the model on the avatar: a command is applied"),
        (DELAY, beside_render(BRIDGE), BRIDGE, "Effect of the render load on the avatar: a command is applied"),
        (DELAY, beside_render(MODEL_AND_BRIDGE), BRIDGE, "Effect of both on the avatar: a command is applied"),
    ]
    .into_iter()
    .filter_map(|(quantity, beside, alone, what)| cost(quantity, cells.get(&beside)?, cells.get(&alone)?, what))
    .collect()
}

fn cost(quantity: CostFigure, beside: &[ContentionSample], alone: &[ContentionSample], what: &str) -> Option<String> {
    let (beside, alone) = ((quantity.of)(beside), (quantity.of)(alone));
    let (with, without) = (mean_of(&beside)?.value, mean_of(&alone)?.value);
    let ratio = paired_ratio(&beside, &alone)?;
    Some(format!(
        "{what} {}{} with it, {} without ({}, n {}).",
        quantity.before,
        with_unit(with, quantity.unit),
        with_unit(without, quantity.unit),
        percent(&ratio),
        counted(ratio.n, "round")
    ))
}

fn with_unit(value: f64, unit: &str) -> String {
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {unit}")
}

/// A ratio as a change: `+15.0 % [+14.0, +16.0]`.
pub(super) fn percent(ratio: &PairedRatio) -> String {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    match ratio.interval {
        Some((low, high)) => {
            format!("{:+.1} % [{:+.1}, {:+.1}]", percent(ratio.ratio), percent(low), percent(high))
        }
        None => format!("{:+.1} % (too few pairs for an interval)", percent(ratio.ratio)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted::cell_sample;
    use super::*;

    #[test]
    fn slowdown_is_stated_with_its_rounds() {
        let rounds = |tokens_per_s, latency_ms| (0..6).map(|_| cell_sample(tokens_per_s, latency_ms)).collect();
        let cells = CellSamples::from([
            (MODEL, rounds(40.0, 8)),
            (BRIDGE, rounds(40.0, 8)),
            (ContentionCell { render: true, ..MODEL }, rounds(30.0, 8)),
            (MODEL_AND_BRIDGE, rounds(40.0, 10)),
        ]);
        let says = costs(&cells);
        assert_eq!(says.len(), 3, "{says:?}");
        assert_eq!(
            says[0],
            "Effect of the render load on the model: 30.0 tokens/s with it, 40.0 tokens/s without (-25.0 % [-25.0, \
             -25.0], n 6 rounds)."
        );
        assert_eq!(
            says[2],
            "Effect of the model on the avatar: a command is applied after 10.0 ms with it, 8.0 ms without (+25.0 % \
             [+25.0, +25.0], n 6 rounds)."
        );
        assert_eq!(costs(&CellSamples::new()), Vec::<String>::new());
    }
}
