//! Thread counts: speed against late frames, and speed over threads at each depth.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::axis::{Axis, Tick};
use super::legend::{LegendEntry, Swatch, coloured};
use super::picture::Picture;
use super::plot::Plot;
use crate::plural::counted;
use crate::record::{Case, Metric, Run};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// Height of the plots, in pixels.
const HEIGHT: f64 = 280.0;

/// One measured setting.
struct ThreadSetting<'a> {
    case: &'a Case,
    load: &'a str,
    /// `pp128`, `tg64`.
    test: &'a str,
    depth: u64,
    threads: u32,
    /// The other settings in which cases differ: `fa=on/prio=low`.
    others: String,
    speed: &'a Metric,
}

impl<'a> ThreadSetting<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        let mut parts = case.path.split('/');
        let (load, test) = (parts.next()?, parts.next()?);
        let others = parts.filter(|part| !part.starts_with("threads=") && !part.starts_with("depth="));
        Some(Self {
            case,
            load,
            test,
            depth: case.conditions["n_depth"].as_u64().unwrap_or(0),
            threads: u32::try_from(case.conditions["n_threads"].as_u64()?).ok().filter(|threads| *threads > 0)?,
            others: others.collect::<Vec<_>>().join("/"),
            speed: case.metric("avg_ts").filter(|metric| metric.value.is_some())?,
        })
    }

    /// Its load, depth and other settings: what cases that differ only in their threads share.
    fn series(&self) -> String {
        let mut parts = vec![self.load.to_owned()];
        if self.depth > 0 {
            parts.push(format!("depth {}", figure::count(self.depth)));
        }
        parts.extend((!self.others.is_empty()).then(|| self.others.clone()));
        parts.join(", ")
    }

    /// Whether it was chosen.
    fn is_chosen(&self) -> bool {
        self.case.conditions["chosen"] == true
    }

    fn tokens_per_s(&self) -> f64 {
        self.speed.value.unwrap_or_default()
    }

    /// The share of late frames in percent and its limit.
    fn late(&self) -> Option<(&'a Metric, Option<f64>)> {
        let late = self.case.metric("frames_late").filter(|metric| metric.value.is_some())?;
        Some((late, self.case.conditions["late_limit_percent"].as_f64()))
    }
}

/// The pictures of a run of `threads`: for each test the speed against late frames, then the speed over threads.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    if run.command != "threads" {
        return Vec::new();
    }
    let settings: Vec<ThreadSetting> = run.cases.iter().filter_map(ThreadSetting::of).collect();
    let tests = tests(&settings);
    let of = |test: &str| settings.iter().filter(|setting| setting.test == test).collect::<Vec<_>>();
    let against = tests.iter().filter_map(|test| against_late_frames(test, &of(test)));
    against.chain(tests.iter().filter_map(|test| over_threads(test, &of(test)))).collect()
}

/// What was tried, generation first: it is what the user waits for.
fn tests<'a>(settings: &[ThreadSetting<'a>]) -> Vec<&'a str> {
    let mut tests: Vec<&str> = Vec::new();
    for setting in settings {
        if !tests.contains(&setting.test) {
            tests.push(setting.test);
        }
    }
    tests.sort_by_key(|test| !test.starts_with("tg"));
    tests
}

/// The settings that a recommendation chose from: against late frames, or over threads if there was no scene.
pub(super) fn trade(candidates: &[Case]) -> Option<Picture> {
    let settings: Vec<ThreadSetting> = candidates.iter().filter_map(ThreadSetting::of).collect();
    let test = *tests(&settings).first()?;
    let of_test: Vec<&ThreadSetting> = settings.iter().filter(|setting| setting.test == test).collect();
    against_late_frames(test, &of_test).or_else(|| over_threads(test, &of_test))
}

fn test_name(test: &str) -> String {
    match test.split_at_checked(2) {
        Some(("tg", tokens)) => format!("generating {tokens} tokens"),
        Some(("pp", tokens)) => format!("processing a prompt of {tokens} tokens"),
        _ => test.to_owned(),
    }
}

/// Speed against late frames, with the region of settings that keep the limit.
fn against_late_frames(test: &str, settings: &[&ThreadSetting<'_>]) -> Option<Picture> {
    let drawn: Vec<(&ThreadSetting, &Metric, Option<f64>)> =
        settings.iter().filter_map(|setting| setting.late().map(|(late, limit)| (*setting, late, limit))).collect();
    if drawn.is_empty() {
        return None;
    }
    let limit = drawn.iter().find_map(|(_, _, limit)| *limit);
    let late = || drawn.iter().filter_map(|(_, late, _)| late.value);
    let highest = |setting: &ThreadSetting| setting.speed.ci_high.unwrap_or_default().max(setting.tokens_per_s());
    let x = Axis::linear(late().chain(limit).chain([0.0, 1.0]), "%");
    let y = Axis::linear(drawn.iter().map(|(setting, ..)| highest(setting)).chain([0.0]), "tokens/s");
    let plot = Plot {
        x: &x,
        y: &y,
        height: HEIGHT,
        titles: ("frames of the scene that are late", "speed"),
        label: format!("Speed against late frames when {}: {}", test_name(test), counted(drawn.len(), "setting")),
        references: Vec::new(),
    };
    let depths: BTreeSet<u64> = drawn.iter().map(|(setting, ..)| setting.depth).collect();
    let colour = |setting: &ThreadSetting| depths.iter().position(|depth| *depth == setting.depth).unwrap_or(0);
    let marks = html! {
        @if let Some(limit) = limit { (region(&plot, limit)) }
        @for (setting, late, limit) in &drawn { (point(&plot, setting, (late, *limit), colour(setting))) }
    };
    let mut legend =
        vec![LegendEntry::new(Swatch::Dot, "s1", "a setting, numbered by its threads; bar: 95 % interval")];
    if depths.len() > 1 {
        let entry =
            |(at, depth): (usize, &u64)| LegendEntry::new(Swatch::Dot, coloured(at, 0), format!("depth {depth}"));
        legend = depths.iter().enumerate().map(entry).collect();
    }
    legend.extend(chosen_entry(settings));
    legend.extend(limit.map(|limit| {
        LegendEntry::new(Swatch::Area, "admissible", format!("admissible: at most {} late", figure::value(limit, "%")))
    }));
    let reading = match limit {
        Some(_) => {
            "Higher is faster, further left is smoother. Only settings in the shaded region are candidates; hollow points are not."
        }
        None => "Higher is faster, further left is smoother. This record has no limit for late frames.",
    };
    Some(Picture {
        title: format!("Speed against late frames, {}", test_name(test)),
        reading: reading.into(),
        legend,
        drawing: plot.drawn(&marks),
        table: late_table(&drawn),
    })
}

/// The entry of the ring around the chosen settings, if there are any.
fn chosen_entry(settings: &[&ThreadSetting<'_>]) -> Option<LegendEntry> {
    settings.iter().any(|setting| setting.is_chosen()).then(|| LegendEntry::new(Swatch::Ring, "chosen", "chosen"))
}

fn region(plot: &Plot<'_>, limit: f64) -> Markup {
    html! {
        rect.admissible x="0" y="0" width=(plot.x.percent(limit)) height=(plot.height) data-limit-percent=(limit) {
            title { "Admissible: at most " (figure::value(limit, "%")) " of the frames are late, as far as they can tell." }
        }
        line.limit x1=(plot.x.percent(limit)) x2=(plot.x.percent(limit)) y1="0" y2=(plot.height) {}
    }
}

fn is_admissible(setting: &ThreadSetting<'_>) -> bool {
    setting.case.keeps_frames() != Some(false)
}

/// A setting as a disc with its thread count, and the interval of its speed.
fn point(plot: &Plot<'_>, setting: &ThreadSetting<'_>, late: (&Metric, Option<f64>), colour: usize) -> Markup {
    let share = late.0.value.unwrap_or_default();
    let (x, y) = (plot.x.percent(share), format!("{:.1}", plot.top(setting.tokens_per_s())));
    let class = coloured(colour, 0) + if is_admissible(setting) { "" } else { " hollow" };
    html! {
        g.mark {
            title {
                (safe(&setting.case.path)) ": " (figure::with_interval(setting.speed)) ", "
                (figure::value(share, "%")) " of " (counted(late.0.n, "frame")) " late"
            }
            @if let (Some(low), Some(high)) = (setting.speed.ci_low, setting.speed.ci_high) {
                line class=(format!("interval {class}")) x1=(x) x2=(x) y1=(format!("{:.1}", plot.top(low)))
                    y2=(format!("{:.1}", plot.top(high))) {}
            }
            @if setting.is_chosen() { circle.chosen cx=(x) cy=(y) r="14" {} }
            circle class=(format!("dot {class}")) cx=(x) cy=(y) r="10" data-case=(safe(&setting.case.path))
                data-metric="avg_ts" data-value=[setting.speed.value] data-low=[setting.speed.ci_low]
                data-high=[setting.speed.ci_high] data-x-metric="frames_late" data-x-value=[late.0.value] {}
            text.in-dot x=(x) y=(y) dy="4" text-anchor="middle" { (setting.threads) }
        }
    }
}

fn late_table(drawn: &[(&ThreadSetting<'_>, &Metric, Option<f64>)]) -> MetricTable {
    let has_limit = drawn.iter().any(|(_, _, limit)| limit.is_some());
    let has_others = drawn.iter().any(|(setting, ..)| setting.depth > 0 || !setting.others.is_empty());
    let mut columns = vec![
        TableColumn::kept("threads", true),
        TableColumn::kept("speed [95 %]", true),
        TableColumn::kept("frames late", true),
    ];
    if has_others {
        columns.insert(1, TableColumn::kept("under", false));
    }
    let has_verdict = has_limit || drawn.iter().any(|(setting, ..)| setting.is_chosen());
    columns.extend(has_verdict.then(|| TableColumn::kept("verdict", false)));
    let row = |(setting, late, limit): &(&ThreadSetting, &Metric, Option<f64>)| {
        let mut cells = vec![setting.threads.to_string(), figure::with_interval(setting.speed), figure::alone(late)];
        if has_others {
            cells.insert(1, setting.series());
        }
        let verdict = match (setting.is_chosen(), limit, is_admissible(setting)) {
            (true, ..) => "chosen",
            (_, None, _) => "",
            (_, _, true) => "admissible",
            (_, _, false) => "too many late frames",
        };
        cells.extend(has_verdict.then(|| verdict.to_owned()));
        cells
    };
    MetricTable { title: String::new(), columns, rows: drawn.iter().map(row).collect(), remarks: Vec::new() }
}

/// Speed over threads: a curve for each load and depth.
fn over_threads(test: &str, settings: &[&ThreadSetting<'_>]) -> Option<Picture> {
    let counts: BTreeSet<u32> = settings.iter().map(|setting| setting.threads).collect();
    if counts.len() < 2 {
        return None;
    }
    let mut series: Vec<(String, Vec<&ThreadSetting>)> = Vec::new();
    for setting in settings {
        let name = setting.series();
        match series.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(setting),
            None => series.push((name, vec![setting])),
        }
    }
    for (_, members) in &mut series {
        members.sort_by_key(|setting| setting.threads);
    }
    let depths: BTreeSet<u64> = settings.iter().map(|setting| setting.depth).collect();
    let place = |setting: &ThreadSetting| depths.iter().position(|depth| *depth == setting.depth).unwrap_or(0);
    // One depth: a colour for each load and setting. Several: a colour for each depth, dashes for the scene.
    let class = |at: usize, setting: &ThreadSetting| match depths.len() {
        1 => coloured(at, at),
        _ => coloured(place(setting), usize::from(setting.load != "idle")),
    };
    let x = thread_axis(&counts);
    let highest = |setting: &&ThreadSetting| setting.speed.ci_high.unwrap_or_default().max(setting.tokens_per_s());
    let y = Axis::linear(settings.iter().map(highest).chain([0.0]), "tokens/s");
    let plot = Plot {
        x: &x,
        y: &y,
        height: HEIGHT,
        titles: ("threads", "speed"),
        label: format!("Speed over threads when {}: {}", test_name(test), counted(series.len(), "curve")),
        references: Vec::new(),
    };
    let marks = html! {
        @for (at, (_, members)) in series.iter().enumerate() {
            (curve(&plot, members, &class(at, members[0])))
        }
    };
    let entry = |(at, (name, members)): (usize, &(String, Vec<&ThreadSetting>))| {
        LegendEntry::new(Swatch::Line, class(at, members[0]), name.clone())
    };
    Some(Picture {
        title: format!("Speed over threads, {}", test_name(test)),
        reading: "Mean speed; bars: 95 % interval. The steps between thread counts are logarithmic.".into(),
        legend: series.iter().enumerate().map(entry).chain(chosen_entry(settings)).collect(),
        drawing: plot.drawn(&marks),
        table: speed_table(&counts, &series),
    })
}

fn thread_axis(counts: &BTreeSet<u32>) -> Axis {
    let ends = counts.first().zip(counts.last()).map_or((1.0, 2.0), |(low, high)| (f64::from(*low), f64::from(*high)));
    let tick = |count: &u32| Tick { value: f64::from(*count), label: count.to_string(), is_minor: false };
    Axis::log_with(ends.0 * 0.93, ends.1 * 1.07, counts.iter().map(tick).collect())
}

fn curve(plot: &Plot<'_>, members: &[&ThreadSetting<'_>], class: &str) -> Markup {
    let points: Vec<(f64, Option<f64>)> =
        members.iter().map(|setting| (f64::from(setting.threads), setting.speed.value)).collect();
    html! {
        (plot.line(&points, class, false))
        @for setting in members {
            @let x = plot.x.percent(f64::from(setting.threads));
            g.mark {
                title { (safe(&setting.case.path)) ": " (figure::with_interval(setting.speed)) ", n " (figure::count(setting.speed.n)) }
                @if let (Some(low), Some(high)) = (setting.speed.ci_low, setting.speed.ci_high) {
                    line class=(format!("interval {class}")) x1=(x) x2=(x) y1=(format!("{:.1}", plot.top(low)))
                        y2=(format!("{:.1}", plot.top(high))) {}
                }
                @if setting.is_chosen() { circle.chosen cx=(x) cy=(format!("{:.1}", plot.top(setting.tokens_per_s()))) r="9" {} }
                circle class=(format!("dot {class}")) cx=(x) cy=(format!("{:.1}", plot.top(setting.tokens_per_s()))) r="4.5"
                    data-case=(safe(&setting.case.path)) data-metric="avg_ts" data-value=[setting.speed.value]
                    data-low=[setting.speed.ci_low] data-high=[setting.speed.ci_high] {}
            }
        }
    }
}

fn speed_table(counts: &BTreeSet<u32>, series: &[(String, Vec<&ThreadSetting<'_>>)]) -> MetricTable {
    let column = |heading: &str| TableColumn::kept(heading, true);
    let columns = std::iter::once(column("threads")).chain(series.iter().map(|(name, _)| column(name))).collect();
    let row = |count: &u32| {
        let cell = |(_, members): &(String, Vec<&ThreadSetting>)| {
            let found = members.iter().find(|setting| setting.threads == *count);
            found.map_or_else(|| figure::NOTHING.to_owned(), |setting| figure::with_interval(setting.speed))
        };
        std::iter::once(count.to_string()).chain(series.iter().map(cell)).collect()
    };
    MetricTable { title: String::new(), columns, rows: counts.iter().map(row).collect(), remarks: Vec::new() }
}
