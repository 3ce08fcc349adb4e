//! `apply`: what it reports about the changes, and what it reports when it cannot write.

use super::apply::{config, fails, place, recommendation};

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
