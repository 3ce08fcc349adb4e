//! `apply`: what changes in the user's file, what never changes, and how each fault is named.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::run::{Outcome, Place};

/// A configuration as found in practice: emoji, accents, unusual numbers, tabs, CRLF, no newline at the end.
const ODD: &str = "{\r\n\t\"unity\": {\"host\": \"127.0.0.1\",  \"port\": 5555},\r\n\t\"ai\": {\r\n\t\t\"temperature\": 0.70,\r\n\t\t\
                   \"gpu_profile\" : \"performance\",\r\n\t\t\"system_prompt\": \"Tu es Kira ✨, v\\u00eatue d'été 🌸\"\r\n\t},\r\n\t\
                   \"discord\": {\r\n\t\t\"token\": \"s3cret\"\r\n\t},\r\n\t\"x\": [1e3, -0.0, null]\r\n}";

pub(crate) fn recommendation(profile: &str, threads: u32) -> Value {
    let choice = |setting: &str, value: Value, basis: &str| {
        json!({"setting": setting, "value": value, "basis": basis, "reason": "r", "evidence": [], "margin": null,
               "cost": "", "confidence": "sure"})
    };
    json!({
        "schema": "1.0",
        "run_id": "20260102T030405Z-recommend-0001",
        "tool": "workly-perf 0.1.0",
        "created": "2026-01-02T03:04:05Z",
        "objective": "responsive",
        "simulated": [],
        "choices": [
            choice("gpu_profile", json!(profile), "projected"),
            choice("n_threads", json!(threads), "measured"),
            choice("n_ctx", Value::Null, "rule"),
        ],
        "not_known": [],
    })
}

/// A folder with a configuration and a recommendation, `r.json`.
pub(crate) fn place(config: &str) -> Place {
    let place = Place::new();
    place.write("data/config.json", config);
    place.write("r.json", &recommendation("balanced", 3).to_string());
    place
}

pub(crate) fn config(place: &Place) -> String {
    std::fs::read_to_string(place.path("data/config.json")).unwrap()
}

pub(crate) fn fails(place: &Place, line: &str, code: i32, named: &[&str]) -> Outcome {
    let before = std::fs::read(place.path("data/config.json")).ok();
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
    for name in named.iter().chain(&["hint:"]) {
        assert!(outcome.stderr.contains(name), "{line}: no {name} in {}", outcome.stderr);
    }
    assert_eq!(std::fs::read(place.path("data/config.json")).ok(), before, "{line}: the file is unchanged");
    outcome
}

#[test]
fn only_recommended_values_change_and_undo_restores_the_bytes() {
    let place = place(ODD);
    let shown = place.run("apply r.json --dry-run");
    assert_eq!(shown.code, Some(1), "{}", shown.stderr);
    assert_eq!(config(&place), ODD);
    assert!(!place.path("data/config.json.workly-perf").exists(), "a dry run leaves no files");
    assert!(shown.stdout.contains("+\t\t\"gpu_profile\" : \"balanced\","), "{}", shown.stdout);
    assert!(!shown.stdout.contains("s3cret") && !shown.stdout.contains('\u{1b}'), "{}", shown.stdout);

    let applied = place.run("apply r.json --yes");
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    assert_eq!(applied.stdout, shown.stdout);
    let written = config(&place);
    let provenance = "{\r\n\t\t\t\"tool\": \"workly-perf 0.1.0\",\r\n\t\t\t\"run\": \"20260102T030405Z-recommend-0001\",\r\n\t\t\t\
                      \"time\": \"2026-01-02T03:04:05Z\",\r\n\t\t\t\"objective\": \"responsive\",\r\n\t\t\t\"simulated\": false,\r\n\t\t\t\
                      \"basis\": {\r\n\t\t\t\t\"gpu_profile\": \"projected\",\r\n\t\t\t\t\"n_threads\": \"measured\"\r\n\t\t\t}\r\n\t\t}";
    let expected = ODD.replace("\"performance\"", "\"balanced\"").replace(
        "null]\r\n}",
        &format!(
            "null],\r\n\t\"performance\": {{\r\n\t\t\"n_threads\": 3,\r\n\t\t\"provenance\": {provenance}\r\n\t}}\r\n}}"
        ),
    );
    assert_eq!(written, expected);

    let again = place.run("apply r.json --yes");
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{}", again.stderr);
    assert!(again.stderr.contains("nothing to change"), "{}", again.stderr);
    assert_eq!(place.run("apply r.json --dry-run").code, Some(0));

    assert_eq!(place.run("apply --undo --yes").code, Some(0));
    assert_eq!(config(&place), ODD);
}

#[test]
fn every_kept_version_is_listed_and_can_be_restored() {
    let place = place("{\"ai\": {\"gpu_profile\": \"performance\"}}\n");
    let listed = place.run("apply --list");
    assert!(listed.code == Some(0) && listed.stdout.contains("no kept versions"), "{}", listed.stdout);
    let mut states = vec![config(&place)];
    for threads in [1, 2, 3] {
        place.write("r.json", &recommendation("cpu_fallback", threads).to_string());
        assert_eq!(place.run("apply r.json -y --quiet").stderr, "");
        states.push(config(&place));
    }
    assert_eq!(place.run("apply --list").stdout.lines().count(), 3);
    assert_eq!(place.run("apply --undo 3 --dry-run").code, Some(1));
    assert_eq!(place.run("apply --undo 3 --yes").code, Some(0));
    assert_eq!(config(&place), states[0]);
    assert_eq!(place.run("apply --undo --yes").code, Some(0), "an undo can be undone");
    assert_eq!(config(&place), states[3]);
    fails(&place, "apply --undo 9 --yes", 2, &["number 9 does not exist", "--list"]);
}

#[test]
fn undo_repairs_a_file_damaged_since() {
    let place = place("{}");
    place.run("apply r.json --yes");
    place.write("data/config.json", "{\"broken");
    fails(&place, "apply r.json --yes", 5, &["not a JSON object", "--undo"]);
    assert_eq!(place.run("apply --undo --yes").code, Some(0));
    assert_eq!(config(&place), "{}");
}

#[test]
fn no_prompt_without_a_terminal() {
    let place = place("{}");
    fails(&place, "apply r.json", 2, &["no terminal", "--yes"]);
    fails(&place, "apply --yes", 2, &["no recommendation", "workly-perf recommend"]);
}

#[test]
fn faults_of_the_file_are_named_and_it_is_unchanged() {
    for (text, named) in [
        ("{\"ai\": ", "line 1 column 8"),
        ("[1]", "not a JSON object"),
        (
            "{\"ai\": {\"gpu_profile\": \"balanced\", \"gpu_profile\": \"cpu\"}}",
            "\"gpu_profile\" on line 1 is a duplicate",
        ),
        ("{\"performance\": 5}", "performance is 5, not a section"),
        ("{\"ai\": []}", "ai is [], not a section"),
        ("{\"ai\": {\"context_limit\": 0}}", "ai.context_limit is 0"),
        ("{\"ai\": {\"model_path\": null}}", "ai.model_path is null"),
        ("{\"ai\": {\"system_prompt\": \"\"}}", "ai.system_prompt is \"\""),
    ] {
        fails(&place(text), "apply r.json --yes", 5, &[named]);
    }
    // Text that Python's reader accepts although it is not JSON must not be reported as rejected by the application.
    for (text, named) in
        [("{\"a\": NaN}", "NaN on line 1"), (&*format!("{{\"a\": {}", "[".repeat(200)), "more than 100 levels")]
    {
        let outcome = fails(&place(text), "apply r.json --yes", 5, &[named, "may accept this"]);
        assert!(!outcome.stderr.contains("runs on its defaults"), "{}", outcome.stderr);
    }
    let place = place("{}");
    std::fs::write(place.path("data/config.json"), b"{\"a\": \"\xe9\"}").unwrap();
    fails(&place, "apply r.json --yes", 5, &["not UTF-8 from byte 7", "code page", "runs on its defaults"]);
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(place.path("data/config.json"), utf_16).unwrap();
    fails(&place, "apply r.json --yes", 5, &["UTF-16 (little-endian)", "UTF-8"]);
    std::fs::write(place.path("data/config.json"), vec![b' '; 100_000_000]).unwrap();
    fails(&place, "apply r.json --yes", 5, &["100000000 bytes"]);
    std::fs::remove_file(place.path("data/config.json")).unwrap();
    fails(&place, "apply r.json --yes", 5, &["cannot read", "--config"]);
    std::fs::create_dir(place.path("data/config.json")).unwrap();
    fails(&place, "apply r.json --yes", 5, &["not a file"]);
}

#[test]
fn invalid_value_that_is_replaced_is_not_a_fault() {
    let place = place("{\"ai\": {\"gpu_profile\": \"cpu\"}}");
    assert_eq!(place.run("apply r.json --yes").code, Some(0));
    assert!(config(&place).contains("\"balanced\""));
}

#[test]
fn profile_unknown_to_this_workly_is_rejected() {
    let place = place("{\"ai\": {\"gpu_profile\": \"balanced\"}}");
    place.write("auto.json", &recommendation("auto", 3).to_string());
    fails(&place, "apply auto.json --yes", 2, &["\"auto\"", "cpu_fallback"]);
    place.write("data/config.json", "{\"ai\": {\"gpu_profile\": \"balanced\", \"auto_switching_enabled\": true}}");
    assert_eq!(place.run("apply auto.json --yes").code, Some(0));
}

#[test]
fn non_recommendation_files_are_named() {
    let place = place("{}");
    place.write("newer.json", "{\"schema\": \"9.0\", \"soul\": 1}");
    place.write("other.json", "{\"schema\": \"1.0\"}");
    fails(&place, "apply newer.json --yes", 5, &["schema 9.0"]);
    fails(&place, "apply other.json --yes", 5, &["not a recommendation"]);
    fails(&place, "apply nowhere --yes", 5, &["nowhere"]);
    fails(&place, "apply . --yes", 5, &["recommendation.json"]);
}

#[test]
fn concurrent_writers_are_reported_and_leave_one_complete_file() {
    let place = place("{\"ai\": {\"gpu_profile\": \"performance\"}}");
    std::fs::create_dir(place.path("data/config.json.workly-perf")).unwrap();
    let held = std::fs::File::create(place.path("data/config.json.workly-perf/lock")).unwrap();
    held.try_lock().unwrap();
    fails(&place, "apply r.json --yes", 5, &["another workly-perf is changing"]);
    drop(held);

    let mut crowd = Vec::new();
    for threads in 1..=8 {
        place.write(&format!("r{threads}.json"), &recommendation("balanced", threads).to_string());
        let mut command = place.command(&format!("apply r{threads}.json --yes"));
        crowd.push((
            threads,
            command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap(),
        ));
    }
    let mut winners = Vec::new();
    for (threads, child) in crowd {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => winners.push(threads),
            Some(5) => {
                assert!(said.contains("another workly-perf") || said.contains("another program has changed"), "{said}");
            }
            other => panic!("{other:?}: {said}"),
        }
    }
    let written: Value = serde_json::from_str(&config(&place)).unwrap();
    let last = u32::try_from(written["performance"]["n_threads"].as_u64().unwrap()).unwrap();
    assert!(winners.contains(&last), "{winners:?} {last}");
    let kept = std::fs::read_dir(place.path("data/config.json.workly-perf")).unwrap().count() - 1;
    assert_eq!(kept, winners.len(), "one version per change, besides the lock");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_and_symbolic_links_are_kept() {
        let place = place("{}");
        let real = place.path("elsewhere/real.json");
        std::fs::create_dir(real.parent().unwrap()).unwrap();
        std::fs::rename(place.path("data/config.json"), &real).unwrap();
        std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("../elsewhere/real.json", place.path("data/config.json")).unwrap();
        assert_eq!(place.run("apply r.json --yes").code, Some(0));
        assert!(std::fs::symlink_metadata(place.path("data/config.json")).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("balanced"));
        assert_eq!(mode(&real), 0o640);
        let kept = std::fs::read_dir(place.path("elsewhere/real.json.workly-perf"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let version = kept.into_iter().find(|path| path.extension().is_some()).unwrap();
        assert_eq!(mode(&version), 0o640, "a kept version is as private as the file");
    }

    #[test]
    fn read_only_file_is_named_even_for_root() {
        let place = place("{}");
        std::fs::set_permissions(place.path("data/config.json"), PermissionsExt::from_mode(0o444)).unwrap();
        fails(&place, "apply r.json --yes", 5, &["is read-only"]);
        assert!(!place.path("data/config.json.workly-perf").exists());
    }

    /// A file size limit fails in the same way as a full disk, without filling one.
    #[test]
    fn full_disk_is_named_and_the_file_is_unchanged() {
        let place = place(&format!("{{\"x\": \"{}\"}}", "é".repeat(3_000)));
        let before = config(&place);
        let shell = format!(
            "trap '' XFSZ; ulimit -f 2; exec {} apply r.json --yes >/dev/null",
            env!("CARGO_BIN_EXE_workly-perf")
        );
        let output = Command::new("bash").args(["-c", &shell]).current_dir(place.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("no space") && said.contains("hint:"), "{said}");
        assert_eq!(config(&place), before);
        let left: Vec<_> =
            std::fs::read_dir(place.path("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the file and the folder of its versions: {left:?}");
    }

    /// SIGKILL at 200 times spread over the life of the process.
    #[test]
    fn killed_apply_leaves_the_old_or_the_new_file() {
        use rand::{RngExt, SeedableRng};

        let place = place(ODD);
        let apply = |file: &str| {
            let mut command = place.command(&format!("apply {file} --yes --quiet"));
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        };
        place.write("r1.json", &recommendation("balanced", 1).to_string());
        place.write("r2.json", &recommendation("cpu_fallback", 2).to_string());
        let mut whole = vec![ODD.to_owned()];
        let mut longest = std::time::Duration::ZERO;
        for file in ["r1.json", "r2.json", "r1.json", "r2.json"] {
            let began = std::time::Instant::now();
            assert!(apply(file).wait().unwrap().success());
            longest = longest.max(began.elapsed());
            whole.push(config(&place));
        }
        let mut rng = rand::rngs::StdRng::seed_from_u64(8);
        let mut killed = 0;
        for round in 0..200 {
            let mut child = apply(if round % 2 == 0 { "r1.json" } else { "r2.json" });
            std::thread::sleep(longest.mul_f64(rng.random::<f64>()));
            child.kill().unwrap();
            killed += u32::from(child.wait().unwrap().code().is_none());
            let now = config(&place);
            assert!(whole.contains(&now), "after {round}: {now}");
        }
        assert!(killed > 20, "only {killed} of 200 were killed before they were done");
        assert!(apply("r1.json").wait().unwrap().success(), "no lock or leftovers block the next run");
        let left: Vec<_> =
            std::fs::read_dir(place.path("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.len() <= 2, "{left:?}");
    }
}

#[cfg(unix)]
#[test]
fn hard_link_with_the_old_content_is_mentioned() {
    let place = place(ODD);
    std::fs::hard_link(place.path("data/config.json"), place.path("other.json")).unwrap();
    let outcome = place.run("apply r.json --config data/config.json --yes");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("had 1 other name (hard links)"), "{}", outcome.stderr);
    assert_eq!(std::fs::read_to_string(place.path("other.json")).unwrap(), ODD);
    assert_ne!(config(&place), ODD);
    let outcome = place.run("apply --undo 1 --config data/config.json --yes");
    assert!(!outcome.stderr.contains("hard link"), "the changed name is now the only one: {}", outcome.stderr);
}
