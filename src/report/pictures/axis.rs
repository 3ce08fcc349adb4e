//! Axes: the display unit, nice ends and labelled ticks. `plotters` places the ticks.

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;

use crate::report::figure;

/// Ticks of a linear axis, at most.
const MOST_TICKS: usize = 6;

/// Decades of a logarithmic axis whose steps of 2 and 5 are labelled as well, at most.
const DECADES_WITH_STEPS: f64 = 3.0;

/// Decades of a logarithmic axis whose powers of ten are all labelled, at most.
const MOST_DECADES: f64 = 8.0;

/// Logarithmic axes of fewer decades have evenly spaced steps.
const SHORT: f64 = 0.99;

/// The smallest and largest values that an axis shows; others are drawn at its ends.
const SMALLEST: f64 = 1e-12;
const LARGEST: f64 = 1e18;

/// A labelled position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// The value, in the unit of the record.
    pub(super) value: f64,
    /// Its label.
    pub(super) label: String,
    /// Whether it is dropped in narrow windows.
    pub(super) is_minor: bool,
}

/// An axis from its first to its last value, in the unit of the record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    is_log: bool,
    /// The labelled positions, ascending.
    pub(super) ticks: Vec<Tick>,
    /// The unit of the labels; empty if they have none, or have their own.
    pub(super) unit: String,
}

impl Axis {
    /// A linear axis over all values, which are in `unit`, extended to whole steps.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, unit: &str) -> Self {
        let (low, high) = bounds(values);
        let (factor, unit) = display_unit(low.abs().max(high.abs()), unit);
        let (low, high) = apart(low * factor, high * factor);
        let ticks = RangedCoordf64::from(low..high).key_points(MOST_TICKS);
        let step = match ticks[..] {
            [first, second, ..] => second - first,
            _ => high - low,
        };
        let (from, to) = ((low / step + 1e-6).floor() * step, (high / step - 1e-6).ceil() * step);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A handful.
        let steps = ((to - from) / step).round() as u32;
        let decimals = decimals(step);
        let tick = |at: u32| {
            let shown = from + step * f64::from(at);
            // Not "-0".
            let shown = if shown.abs() < step / 1e3 { 0.0 } else { shown };
            let label = figure::grouped(&format!("{shown:.decimals$}"));
            Tick { value: shown / factor, label, is_minor: steps > 4 && at % 2 == 1 }
        };
        Self {
            from: from / factor,
            to: to / factor,
            is_log: false,
            ticks: (0..=steps.min(50)).map(tick).collect(),
            unit,
        }
    }

    /// A logarithmic axis over all values, which are durations in `unit`, from and to 1, 2 or 5 times a power of ten. Zero, which
    /// it does not have, is drawn at its start.
    pub(super) fn log_time(values: impl IntoIterator<Item = f64>, unit: &str) -> Self {
        let ns = figure::ns_per(unit).unwrap_or(1.0);
        let (low, high) = bounds(values.into_iter().map(|value| value * ns));
        let (low, high) = (low.max(1.0), high.max(1.0));
        let (from, to) = (step_below(low), step_above(high));
        let tick = |(at, is_minor): (f64, bool)| Tick { value: at / ns, label: time_label(at), is_minor };
        Self {
            from: from / ns,
            to: to / ns,
            is_log: true,
            ticks: log_steps(from, to).into_iter().map(tick).collect(),
            unit: String::new(),
        }
    }

    /// A logarithmic axis over all values, which are rates, from and to 1, 2 or 5 times a power of ten.
    pub(super) fn log_rate(values: impl IntoIterator<Item = f64>, unit: &str) -> Self {
        let (low, high) = bounds(values);
        let (low, high) = (low.max(1.0), high.max(1.0));
        let (from, to) = (step_below(low), step_above(high));
        let label = |at: f64| figure::grouped(&format!("{at:.*}", decimals(at)));
        let ticks =
            log_steps(from, to).into_iter().map(|(value, is_minor)| Tick { value, label: label(value), is_minor });
        Self { from, to, is_log: true, ticks: ticks.collect(), unit: display_unit(high, unit).1 }
    }

    /// A logarithmic axis from `from` to `to` with these ticks.
    pub(super) fn log_with(from: f64, to: f64, ticks: Vec<Tick>) -> Self {
        Self { from, to, is_log: true, ticks, unit: String::new() }
    }

    /// A linear axis from `from` to `to` with these ticks.
    pub(super) fn linear_with(from: f64, to: f64, ticks: Vec<Tick>) -> Self {
        Self { from, to, is_log: false, ticks, unit: String::new() }
    }

    /// The position of a value: 0 at the start, 1 at the end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(SMALLEST) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Whether it has this value between its ends.
    pub(super) fn has(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    /// The position of a value across a picture: `12.34%`.
    pub(super) fn percent(&self, value: f64) -> String {
        percent(self.share(value))
    }

    /// A title with the unit, if the labels have one in common: `frames late (%)`.
    pub(super) fn title(&self, what: &str) -> String {
        match (what, self.unit.as_str()) {
            (what, "") => what.to_owned(),
            ("", unit) => unit.to_owned(),
            (what, unit) => format!("{what} ({unit})"),
        }
    }
}

/// A share as a position across a picture: `12.34%`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// The smallest and the largest of the finite values, within what an axis shows; 0 and 1 if there are none.
fn bounds(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite()).map(|value| value.clamp(-LARGEST, LARGEST));
    let bounds = finite.fold(None, |bounds, value| {
        let (low, high) = bounds.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    });
    bounds.unwrap_or((0.0, 1.0))
}

/// The same range, or a wider one if its ends are too close for ticks.
fn apart(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    match () {
        () if high - low > size * 1e-6 && high - low > SMALLEST => (low, high),
        () if size > SMALLEST => (low - size * 0.05, high + size * 0.05),
        () => (0.0, 1.0),
    }
}

/// The factor and name of the unit in which a value of this size is read.
fn display_unit(size: f64, unit: &str) -> (f64, String) {
    if let Some(ns) = figure::ns_per(unit) {
        let (divisor, name) = match size * ns {
            ns if ns < 1e3 => (1.0, "ns"),
            ns if ns < 1e6 => (1e3, "µs"),
            ns if ns < 1e10 => (1e6, "ms"),
            _ => (1e9, "s"),
        };
        return (ns / divisor, name.into());
    }
    if unit != "bytes" {
        return (1.0, unit.trim_matches('1').trim_matches(|c| c == ' ').replace("count", ""));
    }
    let units = [(1024.0_f64.powi(3), "GiB"), (1024.0_f64.powi(2), "MiB"), (1024.0, "KiB")];
    let found = units.into_iter().find(|(one, _)| size >= *one);
    found.map_or((1.0, "B".into()), |(one, name)| (1.0 / one, name.into()))
}

/// Decimals that show a step exactly, up to six.
fn decimals(step: f64) -> usize {
    let is_whole = |places: &usize| {
        let shown = step * 10_f64.powi(i32::try_from(*places).unwrap_or(0));
        (shown - shown.round()).abs() < 1e-6 * shown.abs().max(1e-3)
    };
    (0..=6).find(is_whole).unwrap_or(6)
}

/// 1, 2 or 5 times a power of ten: the largest that is not above the value.
fn step_below(value: f64) -> f64 {
    let power = 10_f64.powf((value + value * 1e-12).log10().floor());
    [5.0, 2.0].into_iter().map(|step| step * power).find(|step| *step <= value).unwrap_or(power)
}

/// 1, 2 or 5 times a power of ten: the smallest above the value.
fn step_above(value: f64) -> f64 {
    let power = 10_f64.powf((value + value * 1e-12).log10().floor());
    [2.0, 5.0].into_iter().map(|step| step * power).find(|step| *step > value).unwrap_or(power * 10.0)
}

/// The steps to label, each with whether it is minor: powers of ten, and the steps between them on a short axis.
fn log_steps(from: f64, to: f64) -> Vec<(f64, bool)> {
    let decades = (to / from).log10();
    if decades < SHORT {
        return even_steps(from, to);
    }
    // Within what an axis shows, so a handful.
    #[allow(clippy::cast_possible_truncation)]
    let (first, last) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    let step = if decades > MOST_DECADES { 2 } else { 1 };
    let powers = (first..=last).step_by(step).map(|power| 10_f64.powi(power));
    let is_short = decades <= DECADES_WITH_STEPS;
    let steps = powers.flat_map(|power| {
        let between = if is_short { [2.0, 5.0].as_slice() } else { &[] };
        std::iter::once((power, false)).chain(between.iter().map(move |step| (step * power, true)))
    });
    // Where there is at most one power of ten, the others are all that says how long the axis is.
    steps
        .filter(|(step, _)| (from * 0.999..=to * 1.001).contains(step))
        .map(|(step, minor)| (step, minor && decades > 1.0))
        .collect()
}

/// The steps to label on an axis of less than a decade: evenly apart, every other one minor.
fn even_steps(from: f64, to: f64) -> Vec<(f64, bool)> {
    let step = step_above((to - from) / MOST_TICKS as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A handful.
    let (first, last) = ((from / step - 1e-6).ceil() as u32, (to / step + 1e-6).floor() as u32);
    let is_minor = |at: u32| last - first >= 4 && (at - first) % 2 == 1;
    (first..=last).map(|at| (f64::from(at) * step, is_minor(at))).collect()
}

/// A duration in its unit: `20 ms`, `1.5 s`.
fn time_label(ns: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (size, unit) = units.into_iter().find(|(size, _)| ns >= size * 0.999).unwrap_or((1.0, "ns"));
    let shown = ns / size;
    format!("{} {unit}", figure::grouped(&format!("{shown:.*}", decimals(shown))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn linear_axis_ends_at_whole_steps() {
        let axis = Axis::linear([0.0, 231.2], "tokens/s");
        assert_eq!(
            (labels(&axis).as_str(), axis.title("speed").as_str()),
            ("0 50 100 150 200 250", "speed (tokens/s)")
        );
        assert!((axis.share(125.0) - 0.5).abs() < 1e-9);
        assert_eq!(axis.percent(250.0), "100.00%");
        let axis = Axis::linear([0.0, 2_123.0], "ms");
        assert_eq!((labels(&axis).as_str(), axis.unit.as_str()), ("0 500 1,000 1,500 2,000 2,500", "ms"));
        assert_eq!(labels(&Axis::linear([-0.3, 0.25], "%")), "-0.3 -0.2 -0.1 0.0 0.1 0.2 0.3");
    }

    #[test]
    fn byte_axis_has_binary_steps() {
        let axis = Axis::linear([0.0, 5.3 * 1024.0_f64.powi(3)], "bytes");
        assert_eq!((labels(&axis).as_str(), axis.unit.as_str()), ("0 1 2 3 4 5 6", "GiB"));
        assert!((axis.ticks[1].value - 1024.0_f64.powi(3)).abs() < 1.0);
    }

    #[test]
    fn short_log_axis_labels_steps_between_powers_of_ten() {
        let axis = Axis::log_time([0.0121, 17.3], "ms");
        assert_eq!(labels(&axis), "10 µs 100 µs 1 ms 10 ms");
        assert!((axis.share(0.01) - 0.0).abs() < 1e-9);
        assert_eq!(labels(&Axis::log_time([0.0121, 1.73], "ms")), "10 µs 20 µs 50 µs 100 µs 200 µs 500 µs 1 ms 2 ms");
        // No power of ten is left out.
        let axis = Axis::log_time([0.3, 157.0], "ms");
        assert_eq!(labels(&axis), "200 µs 500 µs 1 ms 2 ms 5 ms 10 ms 20 ms 50 ms 100 ms 200 ms");
        assert!(
            axis.ticks.iter().all(|tick| tick.is_minor != ["1 ms", "10 ms", "100 ms"].contains(&tick.label.as_str()))
        );
    }

    #[test]
    fn log_axis_of_less_than_a_decade_has_even_steps() {
        assert_eq!(labels(&Axis::log_time([16.05, 17.3], "ms")), "10 ms 12 ms 14 ms 16 ms 18 ms 20 ms");
        assert_eq!(labels(&Axis::log_time([1.1, 1.9], "s")), "1 s 1.2 s 1.4 s 1.6 s 1.8 s 2 s");
        let axis = Axis::log_time([0.046, 0.09], "ms");
        assert_eq!(labels(&axis), "20 µs 40 µs 60 µs 80 µs 100 µs");
        let kept: Vec<&str> = axis.ticks.iter().filter(|tick| !tick.is_minor).map(|tick| tick.label.as_str()).collect();
        assert_eq!(kept, ["20 µs", "60 µs", "100 µs"], "in a narrow window");
    }

    #[test]
    fn axis_of_rates_has_grouped_numbers_and_its_unit() {
        let axis = Axis::log_rate([100.0, 200_000.0], "1/s");
        assert_eq!(
            (labels(&axis).as_str(), axis.title("offered").as_str()),
            ("100 1,000 10,000 100,000", "offered (/s)")
        );
    }

    #[test]
    fn extreme_values_never_hang_an_axis() {
        for values in [
            vec![],
            vec![0.0],
            vec![7.0, 7.0],
            vec![1e300, -1e300],
            vec![1e15, 1e15 + 0.25],
            vec![f64::NAN, f64::INFINITY],
            vec![5e-324, 1e-310],
        ] {
            for axis in [Axis::linear(values.clone(), "%"), Axis::log_time(values.clone(), "ms")] {
                assert!(!axis.ticks.is_empty() && axis.ticks.len() < 60, "{values:?}: {axis:?}");
                assert!(values.iter().all(|value| (0.0..=1.0).contains(&axis.share(*value))), "{values:?}");
            }
        }
    }
}
