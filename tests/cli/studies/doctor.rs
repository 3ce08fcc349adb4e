//! `doctor` on machines with problems: each check's state, its fix, and the exit code.

use serde_json::Value;
use workly_perf::bridge::server::EmbeddedBridge;

use crate::harness::run::{Outcome, Place};

pub(crate) fn check_up(place: &Place, line: &str) -> (Outcome, Value) {
    let outcome = place.run(&format!("doctor --format json --timeout 300ms {line}"));
    let found = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr));
    (outcome, found)
}

pub(crate) fn check<'a>(found: &'a Value, name: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no line {name}: {checks:?}"))
}

/// A folder structure like Workly's: a tiny model, and a configuration that names it.
fn workly(config: &str) -> Place {
    let place = Place::new();
    place.write("data/config.json", config);
    std::fs::create_dir(place.path("models")).unwrap();
    assert_eq!(place.run("model synth tiny -o models/tiny.gguf --quiet").code, Some(0));
    place
}

const CONFIG: &str = r#"{"ai": {"model_path": "models/tiny.gguf", "gpu_profile": "cpu_fallback"}}"#;

#[test]
fn working_setup_has_no_problem() {
    let place = workly(CONFIG);
    let (outcome, found) = check_up(&place, "--bridge embedded:fps=100");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    for name in ["configuration", "model", "bridge", "answers", "frame rate"] {
        assert_eq!(check(&found, name)["state"], "ok", "{name}: {}", outcome.stdout);
    }
    assert!(check(&found, "model")["found"].as_str().unwrap().contains("SIMULATED"));
    assert!(check(&found, "bridge")["found"].as_str().unwrap().contains("SIMULATED"));
    assert!(check(&found, "configuration")["found"].as_str().unwrap().contains("cpu_fallback"));
    let table = place.run("doctor --bridge embedded:fps=100");
    for complaint in ["crash at load", "slow reply", "late avatar", "growing RAM"] {
        assert!(table.stdout.contains(complaint), "{}", table.stdout);
    }
}

#[test]
fn problems_lead_to_exit_code_1() {
    let place = workly(r#"{"ai": {"model_path": "models/none.gguf", "gpu_profile": "cpu"}}"#);
    let (outcome, found) = check_up(&place, "--bridge embedded:silent=true");
    assert_eq!((outcome.code, &found["state"]), (Some(1), &"problem".into()), "{}", outcome.stdout);
    let config = check(&found, "configuration");
    assert_eq!(config["state"], "problem");
    assert!(config["found"].as_str().unwrap().contains("gpu_profile is \"cpu\""), "{config}");
    assert_eq!(check(&found, "model")["state"], "problem");
    assert!(check(&found, "model")["found"].as_str().unwrap().contains("models/none.gguf"));
    assert_eq!(check(&found, "bridge")["state"], "problem");
    for name in ["configuration", "model", "bridge"] {
        assert!(check(&found, name)["mend"].is_string(), "{name}");
    }
}

#[test]
fn silently_rejected_configuration_is_not_valid() {
    for (config, named) in [
        ("\u{feff}{}".to_owned(), "byte order mark"),
        (CONFIG.replace("\"models/tiny.gguf\"", "null"), "ai.model_path is null"),
        (CONFIG.replace("models/tiny.gguf", ""), "ai.model_path is \"\""),
        (CONFIG.replace("{\"ai\": {", "{\"ai\": {\"system_prompt\": \"\", "), "ai.system_prompt is \"\""),
        (CONFIG.replace("{\"ai\": {", "{\"ai\": {\"system_prompt\": null, "), "ai.system_prompt is null"),
        (CONFIG.replace("cpu_fallback", "gpu"), "ai.gpu_profile is \"gpu\""),
    ] {
        let (outcome, found) = check_up(&workly(&config), "--bridge 127.0.0.1:1");
        let line = check(&found, "configuration");
        assert_eq!((outcome.code, &line["state"]), (Some(1), &"problem".into()), "{config}");
        let found = line["found"].as_str().unwrap();
        assert!(found.contains(named) && found.contains("runs on its defaults") && !found.contains("valid"), "{found}");
        assert!(!line["mend"].as_str().unwrap().contains("--undo"), "no version is kept: {line}");
    }
    let (outcome, found) = check_up(&workly(&CONFIG.replace("cpu_fallback", "auto")), "--bridge 127.0.0.1:1");
    let line = check(&found, "configuration");
    assert_eq!((outcome.code, &line["state"]), (Some(0), &"warning".into()), "{line}");
    assert!(line["found"].as_str().unwrap().contains("later versions"), "{line}");
    let known = CONFIG.replace("cpu_fallback\"", "auto\", \"auto_switching_enabled\": true");
    let (_, found) = check_up(&workly(&known), "--bridge 127.0.0.1:1");
    assert_eq!(check(&found, "configuration")["state"], "ok");
}

#[test]
fn unread_address_is_a_warning_and_the_applications_is_checked() {
    let place = workly(&CONFIG.replace("{\"ai\"", "{\"unity\": {\"port\": 6001}, \"ai\""));
    let (_, found) = check_up(&place, "");
    let line = check(&found, "bridge address");
    assert_eq!(line["state"], "warning");
    assert!(line["found"].as_str().unwrap().contains("127.0.0.1:6001"), "{line}");
    assert!(check(&found, "bridge")["found"].as_str().unwrap().contains("127.0.0.1:5555"));
    for line in found["checks"].as_array().unwrap() {
        assert!(!line["mend"].as_str().unwrap_or_default().contains("unity.port"), "{line}");
    }
}

#[test]
fn absent_and_unresponsive_bridges_are_distinguished() {
    let place = workly(CONFIG);
    let (outcome, found) = check_up(&place, "--bridge 127.0.0.1:1");
    assert_eq!(outcome.code, Some(0), "a missing bridge is a warning: {}", outcome.stdout);
    assert_eq!(check(&found, "bridge")["state"], "warning");

    let (outcome, found) = check_up(&place, "--bridge embedded:pause-main-after=16,fps=100");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_eq!(
        (&check(&found, "answers")["state"], &check(&found, "frame rate")["state"]),
        (&"ok".into(), &"warning".into())
    );
    assert!(check(&found, "frame rate")["mend"].as_str().unwrap().contains("focus"));
}

#[test]
fn owner_of_the_port_is_named() {
    let place = workly(CONFIG);
    let bridge = EmbeddedBridge::start("fps=100".parse().unwrap(), 0).unwrap();
    let (outcome, found) = check_up(&place, &format!("--bridge {}", bridge.address()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    let line = check(&found, "bridge")["found"].as_str().unwrap().to_owned();
    assert!(line.contains(&format!("pid {}", std::process::id())), "{line}");
}

#[test]
fn invalid_json_does_not_end_the_checks() {
    let place = workly("{\"ai\": ");
    let (outcome, found) = check_up(&place, "");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(check(&found, "configuration")["found"].as_str().unwrap().contains("not a JSON object"));
    assert_eq!(check(&found, "bridge")["state"], "not_known");
    let none = Place::new();
    let (_, found) = check_up(&none, "--bridge 127.0.0.1:1");
    assert_eq!(check(&found, "configuration")["state"], "not_known");
}

#[test]
fn report_has_all_checks_and_trials_without_the_home_folder() {
    let place = workly(CONFIG);
    let home = place.path("");
    let (name, config) = ("zoe-of-the-test", place.path("data/config.json"));
    place.write("data/config.json", &CONFIG.replace("models/tiny.gguf", &format!("models/{name}.gguf")));
    let mut command = place.command("doctor --report --bridge embedded:fps=100 --config");
    let output =
        command.arg(&config).env("HOME", &home).env("USERPROFILE", &home).env("USERNAME", name).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "the model is missing: {text}");
    assert!(text.starts_with("### workly-perf doctor --report\n\n| fact | value |\n"), "{text}");
    for row in ["build", "CPU", "GPU", "power", "clock", "meeting a deadline", "console", "model", "bridge"] {
        assert!(text.contains(&format!("\n| {row} | ")), "{row}: {text}");
    }
    assert!(text.contains("USER.gguf") && text.contains("(n = 1000)"), "{text}");
    for hidden in [name, home.to_str().unwrap().trim_end_matches(['/', '\\'])] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert_eq!(place.run("doctor --report --format json").code, Some(2));
}
