//! The JSON of hyperfine, for figures of which the record has every time.

use serde_json::{Value, json};

use super::super::error::ReportError;
use super::{Exporter, Format, RunPage};
use crate::record::{Case, Run, Waterfall};
use crate::stats::{mean_of, median_of};
use crate::text;

/// As hyperfine's JSON.
pub(super) struct Hyperfine;

impl Exporter<RunPage<'_>> for Hyperfine {
    fn format(&self) -> Format {
        Format::Hyperfine
    }

    fn help(&self) -> &'static str {
        "The JSON of hyperfine, for figures of which the record has every time"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        let cases = page.run.cases.iter().filter(|case| case.state.has_figures());
        let results: Vec<Value> =
            cases.flat_map(|case| lists(case).into_iter().filter_map(|list| result(page.run, case, &list))).collect();
        if results.is_empty() {
            return Err(ReportError::lacks(page.run, "no figure with a list of times, which hyperfine's format shows"));
        }
        Ok(format!("{:#}\n", json!({ "results": results })))
    }
}

/// All times of one figure of a case.
struct Times {
    /// The figure; `None` if it is the duration of the case's test itself.
    figure: Option<&'static str>,
    seconds: Vec<f64>,
}

/// The figures of which the record has every time.
fn lists(case: &Case) -> Vec<Times> {
    let numbers = |key: &str, per_s: f64| -> Vec<f64> {
        let list = case.conditions[key].as_array().into_iter().flatten();
        list.filter_map(|number| Some(number.as_f64()? / per_s)).collect()
    };
    let turns = Waterfall::of(case).unwrap_or_default();
    let of_turns = |time: fn(&Waterfall) -> Option<f64>| -> Vec<f64> {
        turns.iter().filter_map(|turn| Some(time(turn)? / 1e3)).collect()
    };
    // A start has the times of the whole wait.
    let repeated = case.metric("wait").map(|_| "wait");
    vec![
        Times { figure: repeated, seconds: numbers("samples_ns", 1e9) },
        Times { figure: Some("mean of a round"), seconds: numbers("round_means_ms", 1e3) },
        Times { figure: Some("ttft"), seconds: of_turns(|turn| turn.ttft_ms) },
        Times { figure: Some("visible"), seconds: of_turns(|turn| turn.visible_ms) },
        Times { figure: Some("ttlt"), seconds: of_turns(|turn| turn.ttlt_ms) },
    ]
}

/// One result; `None` without times. CPU times and exit codes, which the record does not have, are left out.
fn result(run: &Run, case: &Case, Times { figure, seconds }: &Times) -> Option<Value> {
    let mean = mean_of(seconds)?;
    let name: Vec<&str> = std::iter::once(case.path.as_str()).chain(*figure).collect();
    let mut parameters = json!({ "run_id": run.run_id, "case": case.path });
    if let Some(figure) = figure {
        parameters["figure"] = json!(figure);
    }
    if !run.simulated.is_empty() {
        parameters["simulated"] = json!(run.simulated_parts());
    }
    Some(json!({
        "command": text::line(&name.join(" ")),
        "mean": mean.value,
        "stddev": mean.stddev,
        "median": median_of(seconds)?,
        "min": seconds.iter().copied().reduce(f64::min)?,
        "max": seconds.iter().copied().reduce(f64::max)?,
        "times": seconds,
        "parameters": parameters,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CaseState, sample::run};

    fn exported(run: &Run) -> Result<Value, String> {
        let page = RunPage { run, width: 80, detail: crate::report::Detail::Figures, distributions: &Vec::new };
        let text = Hyperfine.export(&page).map_err(|error| error.to_string())?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn every_list_of_times_is_a_result() {
        let mut run = run();
        run.cases.truncate(2);
        run.cases[0].conditions = json!({ "samples_ns": [3_000_000, 1_000_000, 2_000_000] });
        run.cases[1].conditions = json!({
            "round_means_ms": [8.0, null],
            "waterfalls": [{ "stages_ms": {}, "visible_ms": 250.0 }, { "stages_ms": {}, "visible_ms": null }],
        });
        let results = exported(&run).unwrap()["results"].clone();
        let path = |at: usize| run.cases[at].path.clone();
        let names: Vec<&str> = results.as_array().unwrap().iter().filter_map(|it| it["command"].as_str()).collect();
        assert_eq!(names, [path(0), path(1) + " mean of a round", path(1) + " visible"]);
        let first = &results[0];
        assert_eq!(first["times"], json!([0.003, 0.001, 0.002]));
        assert_eq!((&first["median"], &first["min"], &first["max"]), (&json!(0.002), &json!(0.001), &json!(0.003)));
        assert!((first["mean"].as_f64().unwrap() - 0.002).abs() < 1e-12);
        assert!((first["stddev"].as_f64().unwrap() - 0.001).abs() < 1e-12);
        assert_eq!(first["parameters"]["simulated"], "embedded bridge");
        assert_eq!((&results[1]["times"], &results[1]["stddev"]), (&json!([0.008]), &Value::Null));
        assert!(first.get("user").is_none() && first.get("exit_codes").is_none(), "not in the record");
    }

    #[test]
    fn record_without_times_is_named() {
        let mut run = run();
        let error = exported(&run).unwrap_err();
        let expected = format!(
            "the run {} of `ipc` has no figure with a list of times, which hyperfine's format shows",
            run.run_id
        );
        assert_eq!(error, expected);
        // The times of a case that failed are no figures.
        run.cases.truncate(1);
        run.cases[0].conditions = json!({ "samples_ns": [1] });
        assert!(exported(&run).is_ok());
        run.cases[0].state = CaseState::Invalid;
        assert_eq!(exported(&run).unwrap_err(), expected);
    }
}
