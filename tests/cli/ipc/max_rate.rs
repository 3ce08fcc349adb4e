//! `ipc --find-max-rate` from the user's view. Anything that depends on the machine's speed is checked by
//! `benches/known_truth`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place, case, figure, in_one_of_several_runs};
#[cfg(unix)]
use crate::harness::signal::interrupt;

#[test]
fn bounded_capacity_is_never_overestimated_and_steps_are_recorded() {
    in_one_of_several_runs(|seed| {
        let line = format!("--bridge embedded:fps=200,capacity=150 --find-max-rate --step 200ms --seed {seed}");
        let (outcome, run) = Place::new().ipc(&line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        search_below_150(&outcome, &run)
    });
}

/// A search against a bridge with a capacity of 150 per second; an error if the machine sustained no rate.
fn search_below_150(outcome: &Outcome, run: &Run) -> Result<(), String> {
    assert_eq!(run.plan["study"], "max_rate");
    for ack in ["received", "applied"] {
        let steps: Vec<_> = run.cases.iter().filter(|case| case.conditions["ack"] == ack).collect();
        assert!(steps.iter().any(|step| step.conditions["held"] == false && !step.notes.is_empty()), "{ack}");
        assert!(steps.iter().all(|step| step.state == CaseState::Ok), "a step that is not sustained is a valid result");
        let Some(found) = figure(run, &format!("{ack}/max-rate"), "max_rate") else {
            return Err(format!("{ack}: {:?}", run.findings));
        };
        // 150 per second, 2 % that may be missing, and the burst of 20 ms accepted at once in steps of 600 ms.
        assert!(found <= 150.0 * 1.02 * 1.05, "{ack}: {found}");
        assert!(steps.iter().any(|step| step.conditions["held"] == true), "{ack}");
        let sustains = format!("{ack}: sustains ");
        assert!(run.findings.iter().any(|finding| finding.starts_with(&sustains)), "{:?}", run.findings);
    }
    assert_eq!(figure(run, "received/01-ramp/100", "lost"), Some(0.0));
    assert!(outcome.stdout.contains("max_rate") && outcome.stdout.contains("goodput"), "{}", outcome.stdout);
    Ok(())
}

#[test]
fn budget_shorter_than_a_frame_is_a_valid_result() {
    let place = Place::new();
    // At 10 frames per second, nine of ten *applied* replies take longer than 10 ms at any rate.
    let line = "--bridge embedded:dialect=instrumented,fps=10 --find-max-rate --p99-budget 10ms --step 100ms --seed 1";
    let (outcome, run) = place.ipc(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(case(&run, "applied/max-rate").metric("max_rate").unwrap().status, MetricStatus::NotMeasured);
    assert!(
        run.findings.iter().any(|finding| finding.starts_with("applied: no rate is sustained")),
        "{:?}",
        run.findings
    );
}

#[test]
fn lossy_bridge_sustains_no_rate_and_exits_with_4() {
    let place = Place::new();
    let line = "--bridge embedded:fps=unpaced,drop-every=40 --find-max-rate --step 100ms --timeout 200ms --warmup 0";
    let (outcome, run) = place.ipc(line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(run.cases.iter().any(|case| case.state == CaseState::Lossy), "{:?}", run.cases);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_finished_steps() {
    let place = Place::new();
    let mut child = place
        .command("ipc --bridge embedded:capacity=300 --find-max-rate --step 300ms --seed 1 --out out")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("02-ramp/200: ")).expect("the second step ends");
    interrupt(child.id());
    let _ = lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!(case(&run, "received/02-ramp/200").state, CaseState::Ok);
    let found = case(&run, "received/max-rate");
    assert_eq!(found.state, CaseState::Interrupted);
    assert_eq!(found.metric("max_rate").unwrap().value, None, "nothing was confirmed");
}
