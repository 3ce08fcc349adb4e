//! The outline of the command.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde_json::json;

use super::super::apply;
use super::super::quoted::quoted;
use super::super::report::{rendered, show_record};
use super::evidence::{self, Gathered};
use super::facts::{self, Named};
use crate::advise::{Choice, ProfileChange, RECOMMENDATION_SCHEMA, Recommendation, noise_behind, recommend};
use crate::cli::RecommendArgs;
use crate::config::{AppProfile, ConfigError, ConfigFile, Patch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{DEFAULT_CONFIG, objective};
use crate::record::{Case, CaseState, Direction, Metric, RunState, Simulation};
use crate::studies::{Recorder, RunManifest};
use crate::term::Printer;

/// Gathers, asks the rules, saves, says.
pub(in super::super) fn run(args: &RecommendArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    // Before anything is measured: what cannot be written in the end need not be begun.
    let to_write = args.write.as_deref().map(writable).transpose()?;
    let current = match config_path(args) {
        Some(path) => Some(ConfigFile::open(&path)?),
        None => None,
    };
    let model = facts::model(args, printer, stop)?;
    let mut gathered = evidence::gather(args, model.as_ref(), current.as_ref(), printer, stop)?;
    if let Some(refusal) = current.as_ref().and_then(ConfigFile::refusal) {
        let warning =
            format!("{refusal}: the application refuses the file without a message, and runs on its defaults");
        printer.warning(&warning);
        gathered.warnings.push(warning);
    }
    let situation = facts::situation(args, model.as_ref(), current.as_ref(), stop)?;
    let (choices, not_known) = recommend(&situation, &gathered.runs);

    let simulated = simulated(&gathered, model.as_ref());
    let beginning = beginning(args, &gathered, model.as_ref(), &simulated);
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?.without_noise();
    recorder.run.machine_noise = noise_behind(&choices, &gathered.runs);
    let recommendation = Recommendation {
        schema: RECOMMENDATION_SCHEMA,
        run_id: recorder.run.run_id.clone(),
        tool: format!("workly-perf {}", recorder.run.build.version),
        created: Timestamp::now(),
        objective: situation.objective,
        simulated,
        application: ProfileChange::of(&situation, &choices),
        choices,
        not_known,
    };
    recorder.run.findings = recommendation.sentences();
    recorder.run.cases = recommendation.choices.iter().map(case).collect();
    recorder.run.state = RunState::Complete;
    recorder.recommendation(&recommendation);
    recorder.finish()?;

    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    match (to_write, args.write.as_deref()) {
        // Read anew: measuring took its time.
        (Some(_), Some(path)) => apply::consented(&recommendation, path, printer)?,
        _ => printer.note(&format!("to write it: workly-perf apply {}", quoted(recorder.path()))),
    }
    Ok(Exit::Done)
}

/// The file, if the application will not refuse it whatever is recommended: of all values, only the profile is replaced.
fn writable(path: &Path) -> Result<ConfigFile, ConfigError> {
    let file = ConfigFile::open(path)?;
    match file.change(&Patch::default().gpu_profile(AppProfile::CpuFallback)) {
        Err(refusal) if refusal.is_refusal() => Err(refusal),
        _ => Ok(file),
    }
}

/// The configuration that says what the user has.
fn config_path(args: &RecommendArgs) -> Option<PathBuf> {
    let named = args.config.clone().or_else(|| args.write.clone());
    named.or_else(|| Some(PathBuf::from(DEFAULT_CONFIG)).filter(|path| path.is_file()))
}

fn beginning(
    args: &RecommendArgs,
    gathered: &Gathered,
    model: Option<&Named>,
    simulated: &[Simulation],
) -> RunManifest {
    let budget = match (args.quick, args.thorough) {
        (true, _) => "quick",
        (_, true) => "thorough",
        _ => "saved runs",
    };
    let runs: Vec<&str> = gathered.runs.iter().map(|run| run.run_id.as_str()).collect();
    RunManifest {
        command: "recommend",
        plan: json!({
            "objective": objective(args.objective).word(),
            "budget": budget,
            "runs": runs,
            "vram_bytes": args.vram,
        }),
        subject: json!({
            "model_filename": model.map(Named::name),
            "header_hash": model.map(|model| model.facts.header_hash.as_str()),
        }),
        simulated: simulated.to_vec(),
        warnings: [gathered.warnings.clone(), model.map(Named::concerns).unwrap_or_default()].concat(),
    }
}

/// What stood in for the user's own in the runs behind it, each once.
fn simulated(gathered: &Gathered, model: Option<&Named>) -> Vec<Simulation> {
    let own = model.into_iter().flat_map(Named::simulated);
    let mut all: Vec<Simulation> = Vec::new();
    for part in own.chain(gathered.runs.iter().flat_map(|run| run.simulated.clone())) {
        if !all.contains(&part) {
            all.push(part);
        }
    }
    all
}

/// A choice as a case of the record: the figures behind it, and all of it as its conditions.
fn case(choice: &Choice) -> Case {
    let mut metrics: Vec<Metric> = Vec::new();
    for evidence in &choice.evidence {
        // What the choice was compared with has the same figure: it goes by its case too.
        let is_taken = metrics.iter().any(|metric| metric.name == evidence.metric);
        let other = format!("{} of {}", evidence.metric, evidence.case);
        let name = if is_taken { &other } else { &evidence.metric };
        metrics.push(Metric {
            ci_low: evidence.interval.map(|(low, _)| low),
            ci_high: evidence.interval.map(|(_, high)| high),
            ..Metric::plain(name, &evidence.unit, evidence.value, evidence.n, Direction::None)
        });
    }
    Case {
        path: choice.setting.key().into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: serde_json::to_value(choice).unwrap_or_default(),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}

/// A path in the manner of the command line, for `measuring`.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
