//! CPUs that this process may not use, limited by the kernel: by affinity and by control group quotas.

use std::process::Command;

use workly_perf::record::{RecordFolder, Run};

use crate::harness::run::Place;

/// A command line with the default number of threads.
const BRIEF: &str = "memory --model synth:tiny --messages 2 --reply-tokens 4 --n-ctx 256 --quiet --out out";

/// A control group for this test, version 1 or 2, with a quota; removed when dropped.
struct Group(std::path::PathBuf);

impl Group {
    /// `None` if this user may not create one.
    fn with_quota(name: &str, quota_us: u32) -> Option<Self> {
        let name = format!("workly-perf-{name}-{}", std::process::id());
        let (v1, v2) = (std::path::Path::new("/sys/fs/cgroup/cpu"), std::path::Path::new("/sys/fs/cgroup"));
        if v1.join("cpu.cfs_quota_us").exists() || v1.join("tasks").exists() {
            let group = Self(v1.join(&name));
            std::fs::create_dir(&group.0).ok()?;
            std::fs::write(group.0.join("cpu.cfs_period_us"), "100000").ok()?;
            std::fs::write(group.0.join("cpu.cfs_quota_us"), quota_us.to_string()).ok()?;
            return Some(group);
        }
        let group = Self(v2.join(&name));
        std::fs::create_dir(&group.0).ok()?;
        std::fs::write(group.0.join("cpu.max"), format!("{quota_us} 100000")).ok()?;
        Some(group)
    }

    /// The program inside the group.
    fn command(&self, place: &Place, line: &str) -> Command {
        let plain = place.command(line);
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.0.join("cgroup.procs"));
        command.arg(plain.get_program()).args(plain.get_args()).current_dir(place.path("."));
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn run(command: Command, place: &Place) -> Run {
    run_in(command, place, "out")
}

/// The record of a run in this folder.
fn run_in(mut command: Command, place: &Place, folder: &str) -> Run {
    let output = command.output().unwrap();
    RecordFolder::read(&place.path(folder)).unwrap_or_else(|error| {
        panic!("{error}\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// The user may lack permission to create control groups; then there is nothing to test.
#[test]
fn control_group_quota_lowers_the_thread_count() {
    let Some(group) = Group::with_quota("threads", 100_000) else { return };
    let place = Place::new();
    let run = run(group.command(&place, BRIEF), &place);
    assert_eq!(run.machine.usable_cpus.value(), Some(&1), "{:?}", run.machine);
    assert_eq!(run.plan["n_threads"], 1, "{}", run.plan);
}

/// A throttling quota is reported as such at the top of the report, not as other programs.
#[test]
fn throttling_quota_is_named() {
    let Some(group) = Group::with_quota("throttled", 20_000) else { return };
    let place = Place::new();
    let line = BRIEF.replace("--messages 2", "--messages 40");
    let run = run(group.command(&place, &line), &place);
    let noise = run.machine_noise.as_ref().unwrap();
    assert!(noise.is_disturbed(), "{noise:?}");
    assert!(
        noise.reasons.iter().any(|reason| reason.contains(
            "the CPU quota of 0.20 CPUs of the process throttled \
        it"
        )),
        "{noise:?}"
    );
    assert!(noise.figures.throttled_share.value().is_some_and(|share| *share > 0.05), "{noise:?}");
    assert!(place.run("report out").stdout.starts_with("SIMULATED"));
    assert!(place.run("report out").stdout.contains("DISTURBED: "));
}

/// The program on a single CPU; `None` if it cannot be pinned.
fn pinned(place: &Place, line: &str) -> Option<Run> {
    Command::new("taskset").arg("--version").output().ok()?;
    let plain = place.command(line);
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(plain.get_program()).args(plain.get_args()).current_dir(place.path("."));
    Some(run(command, place))
}

#[test]
fn affinity_lowers_the_thread_count_and_more_is_a_warning() {
    let place = Place::new();
    let Some(usual) = pinned(&place, BRIEF) else { return };
    assert_eq!((usual.machine.usable_cpus.value(), &usual.plan["n_threads"]), (Some(&1), &1.into()), "{}", usual.plan);
    assert!(!usual.warnings.iter().any(|warning| warning.contains("slows them down")), "{:?}", usual.warnings);
    let place = Place::new();
    let more = pinned(&place, &format!("{BRIEF} --threads 3")).unwrap();
    let said = |warning: &String| warning.starts_with("3 threads share the one CPU") && warning.contains("affinity");
    assert!(more.warnings.iter().any(said), "{:?}", more.warnings);
}

#[test]
fn documented_rule_is_quoted_unchanged_under_affinity() {
    let place = Place::new();
    let plain = place.command("doctor --format json --timeout 300ms");
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(plain.get_program()).args(plain.get_args()).current_dir(place.path("."));
    let Ok(output) = command.output() else { return };
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let line = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "threads").unwrap();
    // On one core the rule gives two, more than usable; that is what the page discusses.
    let said = line["found"].as_str().unwrap();
    assert!(said.contains("the rule of later versions gives 2; this process may use 1 CPU"), "{said}");
}

/// With such a variable, the OpenMP runtime pins the main thread before the program's first line, on a machine with more
/// than one CPU.
#[test]
fn openmp_binding_does_not_confine_the_program_or_what_it_starts() {
    let place = Place::new();
    let confined = |line: &str, variable: &str| {
        let mut command = place.command(line);
        command.env_remove("OMP_PLACES").env_remove("GOMP_CPU_AFFINITY").env("OMP_PROC_BIND", variable);
        command
    };
    let allowed = |variable| {
        let output = confined("launch -- grep Cpus_allowed_list: /proc/self/status", variable).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let free = allowed("false");
    assert!(free.contains("Cpus_allowed_list:"), "{free:?}");
    assert_eq!(allowed("true"), free);

    let free = run(confined(BRIEF, "false"), &place);
    assert!(free.warnings.iter().all(|warning| !warning.contains("OMP_PROC_BIND")), "{:?}", free.warnings);
    let bound = run_in(confined(&BRIEF.replace("--out out", "--out bound"), "true"), &place, "bound");
    assert!(bound.warnings.iter().any(|warning| warning.contains("OMP_PROC_BIND=true")), "{:?}", bound.warnings);
    assert_eq!(bound.machine.usable_cpus, free.machine.usable_cpus);
}
