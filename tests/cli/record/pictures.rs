//! The pictures of HTML reports: the figures in their data attributes are those of the record, for every reference run.

use std::collections::BTreeMap;
use std::path::Path;

use workly_perf::record::{
    BeforeAfterRow, Case, RecordFolder, RowChange, Run, Timeline, TurnStage, Waterfall, read_totals,
};
use workly_perf::report;

use crate::harness::run::{Place, case, figure};

type Attributes = BTreeMap<String, String>;

/// A reference run, and its report as a page.
fn reference(name: &str) -> (Run, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference").join(name);
    let run = RecordFolder::read(&folder).unwrap();
    let page = page(&run, &folder);
    (run, page)
}

fn page(run: &Run, folder: &Path) -> String {
    let totals = read_totals(folder, run, "latency");
    let readable = |(case, total): (String, Result<_, workly_perf::record::RecordError>)| {
        (case, total.map_err(|error| error.to_string()))
    };
    report::html(run, &totals.into_iter().map(readable).collect::<Vec<_>>())
}

/// The attributes of every element of a page: the templates escape `<`, `>` and `"` in values.
fn elements(page: &str) -> Vec<Attributes> {
    let tags = page.split('<').skip(1).filter_map(|tag| Some(tag.split_once('>')?.0));
    tags.map(|tag| {
        let mut attributes = Attributes::new();
        let mut rest = tag;
        while let Some((name, after)) = rest.split_once("=\"") {
            let Some((value, after)) = after.split_once('"') else { break };
            let name = name.rsplit(' ').next().unwrap_or_default();
            attributes.insert(name.to_owned(), value.replace("&gt;", ">").replace("&amp;", "&"));
            rest = after;
        }
        attributes
    })
    .collect()
}

fn number(attributes: &Attributes, name: &str) -> Option<f64> {
    attributes.get(name).map(|text| text.parse().unwrap())
}

/// How many marks of a page were compared with the record, by kind.
#[derive(Debug, Default, PartialEq)]
struct Compared {
    metrics: usize,
    stages: usize,
    changes: usize,
    courses: usize,
}

fn compared(run: &Run, page: &str) -> Compared {
    let mut compared = Compared::default();
    let candidates = candidates(run);
    for mark in elements(page) {
        let case = mark
            .get("data-case")
            .map(|path| run.cases.iter().chain(&candidates).find(|case| case.path == *path).unwrap());
        if let (Some(case), Some(name)) = (case, mark.get("data-metric")) {
            let metric = case.metric(name).unwrap();
            assert_eq!(number(&mark, "data-value"), metric.value, "{mark:?}");
            for (attribute, end) in [("data-low", metric.ci_low), ("data-high", metric.ci_high)] {
                assert!(number(&mark, attribute).is_none_or(|low| Some(low) == end), "{mark:?}");
            }
            compared.metrics += 1;
        }
        if let (Some(case), Some(name)) = (case, mark.get("data-x-metric")) {
            assert_eq!(number(&mark, "data-x-value"), case.metric(name).unwrap().value, "{mark:?}");
        }
        if let (Some(case), Some(stage)) = (case, mark.get("data-stage")) {
            let turn = &Waterfall::of(case).unwrap()[mark["data-turn"].parse::<usize>().unwrap()];
            let stage = TurnStage::ALL.into_iter().find(|known| known.word() == stage).unwrap();
            assert_eq!(number(&mark, "data-value"), turn.stage_ms(stage), "{mark:?}");
            compared.stages += 1;
        }
        if mark.contains_key("data-scale") {
            same_change(run, &mark);
            compared.changes += 1;
        }
        if let (Some(case), Some(name)) = (case, mark.get("data-series")) {
            let timeline = Timeline::of(case).unwrap();
            let values = &timeline.series.iter().find(|series| series.name == *name).unwrap().values;
            let given = || values.iter().flatten().copied();
            assert_eq!(number(&mark, "data-min"), given().reduce(f64::min), "{mark:?}");
            assert_eq!(number(&mark, "data-max"), given().reduce(f64::max), "{mark:?}");
            assert_eq!((number(&mark, "data-first"), number(&mark, "data-last")), (given().next(), given().last()));
            compared.courses += 1;
        }
    }
    compared
}

/// The cases that a recommendation chose its threads from.
fn candidates(run: &Run) -> Vec<Case> {
    let kept = run.cases.iter().map(|case| &case.conditions["candidates"]).find(|cases| !cases.is_null());
    kept.map(|cases| serde_json::from_value(cases.clone()).unwrap()).unwrap_or_default()
}

fn same_change(run: &Run, mark: &Attributes) {
    if let Some(choice) = run.cases.iter().find(|case| case.path == mark["data-figure"]) {
        let margin = &choice.conditions["margin"];
        assert_eq!(number(mark, "data-value"), margin["share"].as_f64(), "{mark:?}");
        assert_eq!(number(mark, "data-low"), margin["interval"][0].as_f64(), "{mark:?}");
        assert_eq!(number(mark, "data-high"), margin["interval"][1].as_f64(), "{mark:?}");
        return;
    }
    let rows = run.cases.iter().find_map(BeforeAfterRow::of).unwrap();
    let row = rows.iter().find_map(|row| match row {
        BeforeAfterRow::Measured(row) if row.figure == mark["data-figure"] => Some(row),
        _ => None,
    });
    let row = row.unwrap();
    let (value, scale) = match row.change {
        RowChange::Ratio(ratio) => (ratio, "ratio"),
        RowChange::Difference(difference) => (difference, "points"),
    };
    assert_eq!((number(mark, "data-value"), mark["data-scale"].as_str()), (Some(value), scale), "{mark:?}");
    assert_eq!(number(mark, "data-low").zip(number(mark, "data-high")), row.interval, "{mark:?}");
    assert_eq!(mark["data-verdict"], row.verdict);
}

#[test]
fn figures_of_every_picture_match_the_record() {
    let of = |name: &str| {
        let (run, page) = reference(name);
        let compared = compared(&run, &page);
        (run, compared)
    };
    let given = |run: &Run, names: &[&str]| {
        let metrics = run.cases.iter().flat_map(|case| &case.metrics);
        metrics.filter(|metric| metric.value.is_some() && names.contains(&metric.name.as_str())).count()
    };
    // Against late frames, and over threads.
    let (run, threads) = of("threads-demo-2cores");
    assert_eq!(threads.metrics, given(&run, &["frames_late", "avg_ts"]));
    // As a distribution, and by percentile.
    let (run, ipc) = of("ipc-embedded-2cores");
    assert_eq!(ipc.metrics, 2 * given(&run, &["p50", "p90", "p99", "p99.9"]));
    let (run, pipeline) = of("pipeline-demo-2cores");
    let rows = run.cases.iter().find_map(BeforeAfterRow::of).unwrap();
    assert_eq!(pipeline.changes, rows.iter().filter(|row| matches!(row, BeforeAfterRow::Measured(_))).count());
    assert_eq!(pipeline.stages, 2 * TurnStage::ALL.len());
    let (_, memory) = of("memory-demo-2cores");
    assert_eq!((memory.metrics, memory.courses), (1, 2), "the slope; anonymous and file-backed memory");
    let (run, gpu) = of("gpu-project-zephyr-7b");
    let placements = run.cases.iter().filter(|case| case.path.starts_with("project/")).count();
    let gpus = run.cases.iter().filter(|case| case.path.starts_with("card/")).count();
    assert_eq!(gpu.metrics, 3 * placements + gpus);
    let (run, warmup) = of("warmup-demo-2cores");
    let is_step = |name: &str| name != "saved" && name != "change";
    let drawn =
        run.cases.iter().filter(|case| ["attribution/wait", "attribution/wait_first"].contains(&case.path.as_str()));
    let steps = drawn.flat_map(|case| &case.metrics).filter(|metric| metric.value.is_some() && is_step(&metric.name));
    assert_eq!(warmup.metrics, steps.count());
    for compared in [threads, ipc, pipeline, memory, gpu, warmup] {
        assert_ne!(compared, Compared::default());
    }
}

#[test]
fn figures_of_the_pictures_of_a_bridge_match_the_record() {
    let of = |name: &str| {
        let (run, page) = reference(name);
        let compared = compared(&run, &page);
        (run, compared.metrics)
    };
    let given = |run: &Run, is_drawn: &dyn Fn(&Case) -> bool, names: &[&str]| {
        let metrics = run.cases.iter().filter(|case| is_drawn(case)).flat_map(|case| &case.metrics);
        metrics.filter(|metric| metric.value.is_some() && names.contains(&metric.name.as_str())).count()
    };
    let percentiles = ["p50", "p90", "p99", "p99.9"];
    // The parts of the round trip.
    let (run, parts) = of("ipc-breakdown-mono-2cores");
    assert_eq!(parts, given(&run, &|case| !case.path.ends_with("/whole"), &["mean"]));
    // A row for each way, and its distribution as two curves.
    for name in ["ipc-reaction-mono-2cores", "ipc-reaction-stock-2cores", "ipc-batch-2cores", "ipc-codec-2cores"] {
        let (run, ways) = of(name);
        let has_histogram = |case: &Case| !case.histograms.is_empty();
        let curves = 2 * given(&run, &has_histogram, &percentiles);
        assert_eq!(ways, given(&run, &|_| true, &["mean"]) + curves, "{name}");
    }
    // Steps of the search: what was answered, and two latencies.
    let (run, rates) = of("ipc-max-rate-mono-2cores");
    let is_step = |case: &Case| case.metric("offered").is_some();
    assert_eq!(rates, given(&run, &is_step, &["goodput", "latency_p50", "latency_p99"]));
    assert!(rates > 100);
}

#[test]
fn parts_of_a_round_trip_are_consecutive() {
    let (run, page) = reference("ipc-breakdown-mono-2cores");
    let bars: Vec<Attributes> = elements(&page)
        .into_iter()
        .filter(|mark| mark.get("data-case").is_some_and(|path| path.starts_with("applied/breakdown/")))
        .collect();
    let whole = figure(&run, "applied/breakdown/whole", "mean").unwrap();
    let sum: f64 = bars.iter().map(|bar| number(bar, "data-value").unwrap()).sum();
    assert!(bars.len() > 5 && (sum - whole).abs() < 1e-6, "{sum} of {whole}");
    for pair in bars.windows(2) {
        assert!((length(&pair[0], "x") + length(&pair[0], "width") - length(&pair[1], "x")).abs() < 0.02, "{pair:?}");
    }
}

#[test]
fn recommendation_shows_what_it_chose_from() {
    let place = Place::new();
    let sweep = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference/threads-demo-2cores");
    let line = format!("recommend --no-measure --model synth:demo --vram 0 --out out --from {}", sweep.display());
    let outcome = place.run(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let candidates = candidates(&run);
    let paths: Vec<&str> = candidates.iter().map(|case| case.path.as_str()).collect();
    assert_eq!(paths, ["1", "2", "4", "6"].map(|threads| format!("render/tg64/threads={threads}")));
    let sweep = RecordFolder::read(&sweep).unwrap();
    for candidate in &candidates {
        for name in ["avg_ts", "frames_late"] {
            assert_eq!(candidate.metric(name), case(&sweep, &candidate.path).metric(name), "{}", candidate.path);
        }
    }
    let page = page(&run, &place.path("out"));
    let margins = run.cases.iter().filter(|case| case.conditions["margin"]["share"].is_number()).count();
    let compared = compared(&run, &page);
    assert_eq!((compared.metrics, compared.changes), (candidates.len(), margins));
    assert!(margins >= 2, "of both kinds of threads");
    assert!(page.contains("<p class=\"finding\">Measured here: n_threads = 1, n_threads_batch = 2"), "{page}");
    assert_eq!(page.matches("<circle class=\"chosen\"").count(), 2, "one in the plot, one in its legend");
}

#[test]
fn every_mark_has_hover_text_and_pages_load_nothing() {
    for folder in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.join("run.json").exists() {
            continue;
        }
        let run = RecordFolder::read(&folder).unwrap();
        let page = page(&run, &folder);
        for mark in page.split("<g class=\"mark\"").skip(1) {
            let (_, content) = mark.split_once('>').unwrap();
            assert!(content.starts_with("<title>"), "{}: {}", folder.display(), &content[..content.len().min(80)]);
        }
        for outside in ["<script", "http:", "https:", " src=", " href=", "url(", "@import", "NaN", "inf%"] {
            assert!(!page.contains(outside), "{}: {outside}", folder.display());
        }
        assert!(page.len() < 1_000_000, "{}: {} bytes", folder.display(), page.len());
    }
}

/// A number of pixels or percent.
fn length(mark: &Attributes, name: &str) -> f64 {
    mark[name].trim_end_matches('%').parse().unwrap()
}

#[test]
fn bars_of_a_turn_are_proportional_and_consecutive() {
    let (_, page) = reference("pipeline-demo-2cores");
    let bars: Vec<Attributes> = elements(&page).into_iter().filter(|mark| mark.contains_key("data-stage")).collect();
    let longest = bars.iter().max_by(|a, b| length(a, "width").total_cmp(&length(b, "width"))).unwrap();
    let percent_per_ms = length(longest, "width") / number(longest, "data-value").unwrap();
    for bar in &bars {
        let (start_ms, ms) = (number(bar, "data-start-ms").unwrap(), number(bar, "data-value").unwrap());
        assert!((length(bar, "width") - ms * percent_per_ms).abs() < 0.02, "{bar:?}");
        assert!((length(bar, "x") - start_ms * percent_per_ms).abs() < 0.02, "{bar:?}");
    }
    for pair in bars.windows(2).filter(|pair| pair[0]["data-case"] == pair[1]["data-case"]) {
        let end_ms = number(&pair[0], "data-start-ms").unwrap() + number(&pair[0], "data-value").unwrap();
        assert!((end_ms - number(&pair[1], "data-start-ms").unwrap()).abs() < 1e-9, "{pair:?}");
    }
}

#[test]
fn late_frame_limit_is_drawn_and_decides_the_verdict() {
    let (mut run, before) = reference("threads-demo-2cores");
    assert!(!before.contains("data-limit-percent") && before.contains("no limit for late frames"));
    for case in run.cases.iter_mut().filter(|case| case.path.starts_with("render/")) {
        case.conditions["late_limit_percent"] = 9.0.into();
    }
    let page = page(&run, Path::new(""));
    let regions: Vec<Attributes> =
        elements(&page).into_iter().filter(|mark| mark.contains_key("data-limit-percent")).collect();
    assert_eq!(regions.iter().filter_map(|region| number(region, "data-limit-percent")).collect::<Vec<_>>(), [9.0; 2]);
    let is_hollow = |mark: &&Attributes| mark["class"].contains("hollow");
    for mark in elements(&page).iter().filter(|mark| mark.contains_key("data-x-metric")) {
        assert_eq!(is_hollow(&mark), number(mark, "data-x-value").unwrap() > 9.0, "{mark:?}");
    }
    let late = run.cases.iter().filter_map(|case| case.metric("frames_late")?.value);
    let (admissible, others): (Vec<f64>, Vec<f64>) = late.partition(|late| *late <= 9.0);
    assert!(!admissible.is_empty() && !others.is_empty());
    assert_eq!(page.matches(">admissible</td>").count(), admissible.len());
    assert_eq!(page.matches(">too many late frames</td>").count(), others.len());
}
