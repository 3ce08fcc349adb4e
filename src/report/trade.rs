//! What tokens per second cost the scene: the settings of a sweep that give more speed for more late frames.

use super::figure;
use super::metric_tables::MetricTable;
use super::outline::TableColumn;
use crate::plural::{counted, verb_for};
use crate::record::{Case, CaseState, Metric, MetricStatus, Run};

/// One setting, measured beside the scene.
struct MeasuredSetting<'a> {
    case: &'a Case,
    speed: &'a Metric,
    late: &'a Metric,
}

/// The trade of generation beside the scene, at the greatest depth that was measured. `None` if fewer than two settings were.
pub(super) fn grid(run: &Run) -> Option<MetricTable> {
    let depth_of = |case: &Case| case.conditions["n_depth"].as_u64().unwrap_or(0);
    let generation = || run.cases.iter().filter(|case| is_generation_beside_a_scene(case));
    let depth = generation().map(depth_of).max()?;
    let settings: Vec<MeasuredSetting<'_>> =
        generation().filter(|case| depth_of(case) == depth).filter_map(setting).collect();
    if settings.len() < 2 {
        return None;
    }
    let front = front(&settings);
    let limit = front.first()?.case.conditions["late_limit_percent"].as_f64();
    let column = |heading: &str, numeric, expendable| TableColumn { heading: heading.into(), numeric, expendable };
    Some(MetricTable {
        title: "Speed against late frames".into(),
        columns: vec![
            column("settings", false, 0),
            column("tokens/s", true, 0),
            column("late frames", true, 0),
            column("within the limit", false, 0),
            column("rounds", true, 1),
        ],
        rows: front.iter().map(|setting| row(setting)).collect(),
        remarks: remarks(settings.len() - front.len(), depth, limit),
    })
}

fn is_generation_beside_a_scene(case: &Case) -> bool {
    case.conditions["load"] == "render" && case.conditions["test"] == "tg" && case.state == CaseState::Ok
}

/// A speed that is an upper bound trades for nothing.
fn setting(case: &Case) -> Option<MeasuredSetting<'_>> {
    let speed = case.metric("avg_ts").filter(|metric| metric.status == MetricStatus::Ok)?;
    let late = case.metric("frames_late")?;
    (speed.value.is_some() && late.value.is_some()).then_some(MeasuredSetting { case, speed, late })
}

/// Those that no other one surpasses in both, the fastest first.
fn front<'s, 'a>(settings: &'s [MeasuredSetting<'a>]) -> Vec<&'s MeasuredSetting<'a>> {
    let mut by_speed: Vec<&MeasuredSetting<'_>> = settings.iter().collect();
    by_speed.sort_by(|a, b| {
        let (speed, late) = (|one: &MeasuredSetting<'_>| one.speed.value, |one: &MeasuredSetting<'_>| one.late.value);
        speed(b)
            .partial_cmp(&speed(a))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(late(a).partial_cmp(&late(b)).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut fewest = f64::INFINITY;
    by_speed.retain(|setting| {
        let late = setting.late.value.unwrap_or(f64::INFINITY);
        let is_better = late < fewest;
        fewest = fewest.min(late);
        is_better
    });
    by_speed
}

fn row(MeasuredSetting { case, speed, late }: &MeasuredSetting<'_>) -> Vec<String> {
    let is_within = case.keeps_frames();
    let name: Vec<&str> =
        case.path.split('/').filter(|part| part.contains('=') && !part.starts_with("depth=")).collect();
    vec![
        name.join("/"),
        figure::with_interval_or_spread(speed),
        format!("{} (n {})", figure::alone(late), figure::count(late.n)),
        is_within.map_or(figure::NOTHING, |is_within| if is_within { "yes" } else { "no" }).into(),
        figure::count(speed.n),
    ]
}

fn remarks(others: usize, depth: u64, limit: Option<f64>) -> Vec<String> {
    let limit = limit.map_or_else(String::new, |limit| format!("; the limit is {limit:.1} %"));
    let place = if depth == 0 { String::new() } else { format!(", with {depth} tokens in the context") };
    let mut remarks =
        vec![format!("Generation beside the render-like load{place}: n counts the load's frames{limit}.")];
    if others > 0 {
        remarks.push(format!(
            "{}{} left out: another one is at least as fast and makes no more frames late.",
            counted(others, "setting"),
            verb_for(&others, " is", " are")
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::{threads_case as case, threads_run as sweep};

    #[test]
    fn only_settings_that_trade_frames_for_speed_are_listed() {
        let cut = Case {
            metrics: case(4, "normal", 99.0, 0.0)
                .metrics
                .into_iter()
                .map(|m| Metric { status: MetricStatus::Partial, ..m })
                .collect(),
            ..case(4, "normal", 99.0, 0.0)
        };
        let cases = vec![
            case(1, "normal", 40.0, 0.2),
            case(2, "normal", 60.0, 17.0),
            case(2, "low", 50.0, 0.4),
            case(1, "low", 30.0, 0.3),
            cut,
        ];
        let grid = grid(&sweep(cases)).unwrap();
        let rows: Vec<[&str; 3]> =
            grid.rows.iter().map(|row| [row[0].as_str(), row[2].as_str(), row[3].as_str()]).collect();
        assert_eq!(
            rows,
            [
                ["threads=2/prio=normal", "17.00 % (n 600)", "no"],
                ["threads=2/prio=low", "0.400 % (n 600)", "yes"],
                ["threads=1/prio=normal", "0.200 % (n 600)", "yes"],
            ]
        );
        assert!(grid.rows[0][1].starts_with("60.00 tokens/s"), "{:?}", grid.rows);
        assert_eq!(
            grid.remarks[0],
            "Generation beside the render-like load, with 1024 tokens in the context: n counts the load's frames; the limit is 1.0 %."
        );
        assert!(grid.remarks[1].starts_with("1 setting is left out"), "{:?}", grid.remarks);
    }

    #[test]
    fn table_needs_a_render_like_load() {
        let mut idle = case(1, "normal", 40.0, 0.2);
        idle.conditions["load"] = json!("idle");
        assert_eq!(grid(&sweep(vec![idle.clone(), idle])), None);
        assert_eq!(grid(&sweep(vec![case(1, "normal", 40.0, 0.2)])), None, "one setting trades for nothing");
    }

    #[test]
    fn terminal_and_markdown_have_the_table() {
        let run = sweep(vec![case(1, "normal", 40.0, 0.2), case(2, "normal", 60.0, 17.0)]);
        for page in [super::super::table(&run, 100, super::super::Detail::Figures), super::super::markdown(&run)] {
            assert!(page.contains("Speed against late frames") && page.contains("within the limit"), "{page}");
        }
    }
}
