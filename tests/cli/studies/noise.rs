//! The noise verdict: recorded by every measuring command, and at the top of every report.

use std::process::{Child, Command, Stdio};

use workly_perf::record::{Fact, NoiseVerdict, RecordFolder};

use crate::harness::run::Place;

/// A program that keeps a CPU busy.
struct Spinner(Child);

impl Spinner {
    fn start() -> Self {
        Self(Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const BRIEF: &str = "ipc --bridge embedded --messages 60 --load closed --quiet --out out";

#[cfg(target_os = "linux")]
#[test]
fn busy_programs_are_named_at_the_top_of_every_report() {
    let cpus = std::thread::available_parallelism().unwrap().get();
    let _others: Vec<Spinner> = (0..cpus).map(|_| Spinner::start()).collect();
    let place = Place::new();
    let shown = place.run(BRIEF).stdout;
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let noise = run.machine_noise.as_ref().unwrap();
    assert_eq!(noise.verdict, NoiseVerdict::Disturbed, "{noise:?}");
    assert!(noise.reasons[0].starts_with("other programs used"), "{noise:?}");
    let html = place.run("report out --format html").stdout;
    let saved = std::fs::read_to_string(place.path("out/report.md")).unwrap();
    for (page, first_figure) in [(shown, "p50"), (saved, "p50"), (html, "<h1>")] {
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
        assert!(at("DISTURBED: other programs used") < at(first_figure), "{page}");
    }
}

/// The commands that measure without a model; those with one share the recorder.
#[test]
fn runs_record_machine_noise() {
    let place = Place::new();
    place.run(BRIEF);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let figures = &run.machine_noise.as_ref().unwrap().figures;
    assert!(figures.watched_s > 0.1, "{figures:?}");
    if cfg!(target_os = "linux") {
        assert!(figures.own_cpus.value().is_some() && figures.cpus == run.machine.usable_cpus, "{figures:?}");
    }
    assert!(!matches!(figures.others_cpus, Fact::NotMeasured), "{figures:?}");
    let page = std::fs::read_to_string(place.path("out/report.md")).unwrap();
    assert!(page.contains("Machine noise: ") || page.contains("DISTURBED: "), "{page}");
    // Commands that watch other programs or measure nothing have no noise verdict.
    let own = std::process::id();
    place.run(&format!("memory --pid {own} --for 300ms --every 50ms --quiet --out watched"));
    let watched = RecordFolder::read(&place.path("watched")).unwrap();
    assert!(watched.machine_noise.is_some());
}
