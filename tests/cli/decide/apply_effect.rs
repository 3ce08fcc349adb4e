//! `apply`: what it reports about the changes, and what it reports when it cannot write.

use super::apply::{config, fails, place, recommendation};
use crate::harness::run::Place;

const BALANCED: &str = "{\"ai\": {\"gpu_profile\": \"balanced\"}}";

#[test]
fn effects_with_and_without_launch_are_stated_before_writing() {
    let place = place(BALANCED);
    place.write("r.json", &recommendation("cpu_fallback", 3).to_string());
    let shown = place.run("apply r.json --dry-run");
    let said = &shown.stdout;
    assert!(said.contains("With cpu_fallback the application runs with 8 threads"), "{said}");
    assert!(said.contains("with balanced, the current profile, with 6 threads"), "{said}");
    assert!(
        said.contains("In force only where launch starts the application: n_threads = 3 (the application uses 8)."),
        "{said}"
    );
    assert!(said.contains("To start it: workly-perf launch -- python main.py"), "{said}");
    assert!(!said.contains("n_ctx ="), "settings that are not written are not named: {said}");
    let written = place.run("apply r.json --yes");
    assert!(written.stderr.contains("the application reads ai.gpu_profile when it starts"), "{}", written.stderr);
    assert!(!written.stderr.contains("reads it when it starts"), "{}", written.stderr);
}

#[test]
fn byte_order_mark_is_rejected_and_removed_only_on_request() {
    let place = place(&format!("\u{feff}{BALANCED}"));
    place.write("r.json", &recommendation("cpu_fallback", 3).to_string());
    fails(&place, "apply r.json --yes", 5, &["byte order mark", "runs on its defaults", "--strip-bom"]);
    assert!(!place.path("data/config.json.workly-perf").exists(), "no version is kept without a change");
    let shown = place.run("apply r.json --strip-bom --dry-run");
    assert!(shown.stdout.contains("-byte order mark: U+FEFF") && shown.code == Some(1), "{}", shown.stdout);
    assert_eq!(place.run("apply r.json --strip-bom --yes").code, Some(0));
    assert!(config(&place).starts_with("{\"ai\": {\"gpu_profile\": \"cpu_fallback\"}"), "{}", config(&place));
    assert_eq!(place.run("apply --undo --yes").code, Some(0));
    assert_eq!(config(&place), format!("\u{feff}{BALANCED}"), "undo restores the original");
}

#[test]
fn auto_profile_of_unknown_version_is_kept_with_a_warning() {
    let place = place("{\"ai\": {\"gpu_profile\": \"auto\"}}");
    let mut kept = recommendation("balanced", 3);
    kept["choices"][0]["value"] = serde_json::Value::Null;
    place.write("r.json", &kept.to_string());
    let outcome = place.run("apply r.json --yes");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("only later versions") && outcome.stderr.contains("defaults"),
        "{}",
        outcome.stderr
    );
    place.write("auto.json", &recommendation("auto", 3).to_string());
    fails(&place, "apply auto.json --yes", 2, &["\"auto\""]);
}

#[test]
fn undo_is_suggested_only_if_a_version_is_kept() {
    let place = place("{\"ai\": 5}");
    let refused = fails(&place, "apply r.json --yes", 5, &["ai is 5"]);
    assert!(!refused.stderr.contains("--undo"), "{}", refused.stderr);
    let none = fails(&place, "apply --undo --yes", 2, &["0 kept versions"]);
    assert!(!none.stderr.contains("--list"), "{}", none.stderr);
    place.write("data/config.json", "{}");
    assert_eq!(place.run("apply r.json --yes").code, Some(0));
    place.write("data/config.json", "{\"ai\": 5}");
    fails(&place, "apply r.json --yes", 5, &["ai is 5", "workly-perf apply --undo"]);
}

#[test]
fn newest_recommendation_is_chosen_by_time_not_name() {
    let place = place("{}");
    let made = |created: &str, threads: u32| {
        let mut made = recommendation("balanced", threads);
        made["created"] = created.into();
        made.to_string()
    };
    place.write("results/local/zzz/recommendation.json", &made("2026-01-01T00:00:00Z", 1));
    place.write("results/local/aaa/recommendation.json", &made("2026-03-01T00:00:00Z", 2));
    place.write("results/local/yyy/recommendation.json", "no recommendation");
    let outcome = place.run("apply --yes");
    assert!(outcome.stderr.contains("aaa"), "{}", outcome.stderr);
    assert!(config(&place).contains("\"n_threads\": 2"), "{}", config(&place));
}

#[test]
fn suggested_commands_quote_paths_with_spaces() {
    let place = Place::new();
    place.write("My Workly/config.json", "{}");
    place.write("r.json", &recommendation("balanced", 3).to_string());
    let output = place.command("apply r.json --yes --config").arg("My Workly/config.json").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let typed = if cfg!(windows) { r#""My Workly\config.json""# } else { "'My Workly/config.json'" };
    assert!(said.contains(&format!("workly-perf apply --undo --config {typed};")), "{said}");
}

/// A bind-mounted file, as in containers. A user namespace needs no privileges on most machines.
#[cfg(target_os = "linux")]
#[test]
fn bind_mounted_file_is_named_and_nothing_is_left_behind() {
    let place = place(BALANCED);
    let mounted = |command: &str| {
        let shell = format!("mount --bind data/config.json data/config.json && exec {command}");
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &shell]).current_dir(place.path(""));
        unshare.output()
    };
    if !mounted("true").is_ok_and(|output| output.status.success()) {
        eprintln!("not run: this machine gives no namespace to mount in");
        return;
    }
    let output = mounted(&format!("{} apply r.json --yes", env!("CARGO_BIN_EXE_workly-perf"))).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("is a mount point") && said.contains("hint:"), "{said}");
    assert_eq!(config(&place), BALANCED);
    let mut left: Vec<_> = std::fs::read_dir(place.path("data")).unwrap().map(|one| one.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["config.json", "config.json.workly-perf"]);
    let kept: Vec<_> = std::fs::read_dir(place.path("data/config.json.workly-perf"))
        .unwrap()
        .map(|one| one.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["lock"], "no version is kept for a change that failed");
}
