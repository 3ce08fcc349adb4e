//! What a recommendation chose from: the sweep behind its threads, and how far each choice is ahead of the next best.

use super::forest::{ChangeMeaning, ChangeScale, DrawnChange, forest};
use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::threads;
use crate::record::{Case, Run};
use crate::report::figure;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;
use crate::report::settings::plain;

/// The key of the cases that a choice was made from, in its conditions.
const CANDIDATES: &str = "candidates";

/// The pictures of a run of `recommend`.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    if run.command != "recommend" {
        return Vec::new();
    }
    let trade = run.cases.iter().find_map(|case| {
        let candidates: Vec<Case> = serde_json::from_value(case.conditions[CANDIDATES].clone()).ok()?;
        threads::trade(&candidates)
    });
    trade.into_iter().chain(margins(run)).collect()
}

/// The next best value of a setting, as a share of the speed of the chosen one.
struct DrawnMargin<'a> {
    setting: &'a Case,
    chosen: String,
    next: String,
    share: f64,
    interval: Option<(f64, f64)>,
    n: u64,
}

impl<'a> DrawnMargin<'a> {
    fn of(setting: &'a Case) -> Option<Self> {
        let margin = &setting.conditions["margin"];
        let ends =
            margin["interval"].as_array().and_then(|ends| Some((ends.first()?.as_f64()?, ends.get(1)?.as_f64()?)));
        Some(Self {
            setting,
            chosen: plain(&setting.conditions["value"]),
            next: plain(&margin["runner_up"]),
            share: margin["share"].as_f64().filter(|share| *share > 0.0)?,
            interval: ends,
            n: margin["n"].as_u64()?,
        })
    }

    fn words(&self) -> String {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let interval =
            self.interval.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
        format!("{} %{interval}", percent(self.share))
    }

    fn change(&self) -> DrawnChange {
        let is_behind = self.interval.is_some_and(|(_, high)| high < 1.0);
        DrawnChange {
            figure: self.setting.path.clone(),
            name: format!("{}: {} instead of {}", self.setting.path, self.next, self.chosen),
            value: self.share,
            interval: self.interval,
            words: self.words(),
            meaning: if is_behind { ChangeMeaning::Worse } else { ChangeMeaning::Open },
            verdict: if is_behind { "slower" } else { "no difference shown" }.into(),
        }
    }
}

fn margins(run: &Run) -> Option<Picture> {
    let margins: Vec<DrawnMargin> = run.cases.iter().filter_map(DrawnMargin::of).collect();
    let changes: Vec<DrawnChange> = margins.iter().map(DrawnMargin::change).collect();
    let row = |margin: &DrawnMargin<'_>| {
        let DrawnMargin { setting, chosen, next, .. } = margin;
        vec![setting.path.clone(), chosen.clone(), next.clone(), margin.words(), figure::count(margin.n)]
    };
    (!margins.is_empty()).then(|| Picture {
        title: "How far each choice is ahead of the next best".into(),
        reading: "The speed of the next best value against the chosen one, with its 95 % interval. An interval that crosses the line \
                  at 0 % shows no difference."
            .into(),
        legend: vec![
            LegendEntry::new(Swatch::Dot, "worse", "the next best is slower"),
            LegendEntry::new(Swatch::Dot, "open hollow", "no difference shown"),
        ],
        drawing: forest(&changes, ChangeScale::Ratio, None),
        table: MetricTable {
            title: String::new(),
            columns: vec![
                TableColumn::kept("setting", false),
                TableColumn::kept("chosen", false),
                TableColumn::kept("next best", false),
                TableColumn::kept("speed of it [95 %]", true),
                TableColumn::kept("n", true),
            ],
            rows: margins.iter().map(row).collect(),
            remarks: Vec::new(),
        },
    })
}
