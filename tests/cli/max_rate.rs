//! `ipc --find-max-rate` as a user runs it. What depends on the speed of the machine is checked by `benches/known_truth`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

#[cfg(unix)]
use super::ipc::interrupt;
use super::run::{Outcome, Place, case, figure, in_one_of_several_runs};

#[test]
fn a_bounded_capacity_is_never_overrated_and_every_step_is_on_record() {
    in_one_of_several_runs(|seed| {
        let line = format!("--bridge embedded:fps=200,capacity=150 --find-max-rate --step 200ms --seed {seed}");
        let (outcome, run) = Place::new().ipc(&line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        search_below_150(&outcome, &run)
    });
}

/// A search against a bridge that takes 150 a second; an error where the machine let no rate hold.
fn search_below_150(outcome: &Outcome, run: &Run) -> Result<(), String> {
    assert_eq!(run.plan["study"], "max_rate");
    for ack in ["received", "applied"] {
        let steps: Vec<_> = run.cases.iter().filter(|case| case.conditions["ack"] == ack).collect();
        assert!(steps.iter().any(|step| step.conditions["held"] == false && !step.notes.is_empty()), "{ack}");
        assert!(steps.iter().all(|step| step.state == CaseState::Ok), "a step that does not hold is a result");
        let Some(found) = figure(run, &format!("{ack}/max-rate"), "max_rate") else {
            return Err(format!("{ack}: {:?}", run.findings));
        };
        // 150 a second, 2 % that may be missing, and the burst of 20 ms that it takes at once in steps of 600 ms.
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
fn a_budget_that_no_frame_can_keep_is_a_result() {
    let place = Place::new();
    // At 10 frames a second, nine in ten applied replies take longer than 10 ms at any rate.
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
fn a_bridge_that_loses_replies_holds_no_rate_and_ends_with_code_4() {
    let place = Place::new();
    let line = "--bridge embedded:fps=unpaced,drop-every=40 --find-max-rate --step 100ms --timeout 200ms --warmup 0";
    let (outcome, run) = place.ipc(line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(run.cases.iter().any(|case| case.state == CaseState::Lossy), "{:?}", run.cases);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_finished_steps() {
    let place = Place::new();
    let mut child = place
        .command("ipc --bridge embedded:capacity=300 --find-max-rate --step 300ms --seed 1 --out out")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("02-ramp/200: ")).expect("the second step ends");
    interrupt(&child);
    let _ = lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!(case(&run, "received/02-ramp/200").state, CaseState::Ok);
    let found = case(&run, "received/max-rate");
    assert_eq!(found.state, CaseState::Interrupted);
    assert_eq!(found.metric("max_rate").unwrap().value, None, "nothing was confirmed");
}
