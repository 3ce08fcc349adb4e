//! Invalid command lines: the exit code, the named cause, the hint.

use crate::harness::run::Place;

#[test]
fn invalid_arguments_are_named_with_exit_code_2() {
    let place = Place::new();
    for (line, named) in [
        ("", "Usage"),
        ("ipx", "ipx"),
        ("ipc --messages 0", "--messages"),
        ("ipc --messages many", "many"),
        ("ipc --bridge nowhere", "no :PORT"),
        ("ipc --bridge embedded:wings=2", "wings"),
        ("ipc --bridge embedded:fps=0", "fps"),
        ("ipc --bridge 192.0.2.1:5555", "not a loopback address"),
        ("ipc --bridge embedded --load burst", "burst"),
        ("ipc --bridge embedded --load poisson", "needs a rate"),
        ("ipc --bridge embedded --sizes 10,huge", "huge"),
        ("ipc --bridge embedded --timeout 2", "not a duration"),
        ("ipc --bridge embedded --dialect klingon", "klingon"),
        ("ipc --bridge embedded --dialect instrumented", "contradicts"),
        ("ipc --bridge embedded --format xml", "xml"),
        ("bridge fps=fast", "fast"),
        ("bridge --fps fast", "fast"),
        ("report", "RUN"),
        ("completions cobol", "cobol"),
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named), "{line}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{line}");
    }
    assert!(!place.path("results").exists());
}

#[test]
fn missing_bridge_is_exit_code_3_and_never_simulated() {
    let place = Place::new();
    // A port that was free just now.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let outcome = place.run(&format!("ipc --bridge 127.0.0.1:{port}"));
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no bridge is listening"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("refused").count(), 1, "said once: {}", outcome.stderr);
    assert!(outcome.stderr.contains("hint:") && outcome.stderr.contains("--bridge embedded"), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert!(!place.path("results").exists());
}

#[test]
fn port_in_use_is_exit_code_3() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let outcome = Place::new().run(&format!("bridge --port {port}"));
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains(&port.to_string()) && outcome.stderr.contains("port 0 takes"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn invalid_configuration_is_exit_code_5_and_unchanged() {
    let place = Place::new();
    for (text, named) in
        [("{\"unity\": ", "not a JSON object"), (r#"{"avatar": {"auto_blink": 0}, "ai": 5}"#, "ai is 5")]
    {
        place.write("data/config.json", text);
        let outcome = place.run("ipc");
        assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(named) && outcome.stderr.contains("hint:"), "{}", outcome.stderr);
        assert_eq!(std::fs::read_to_string(place.path("data/config.json")).unwrap(), text);
    }
    let untouched = place.run("ipc --bridge embedded:fps=unpaced --load closed --messages 5 --quiet");
    assert_eq!(untouched.code, Some(0), "an embedded bridge needs no configuration: {}", untouched.stderr);
    let outcome = place.run("ipc --bridge embedded --config elsewhere.json");
    assert_eq!(outcome.code, Some(5));
    assert!(outcome.stderr.contains("elsewhere.json"), "{}", outcome.stderr);
}

#[test]
fn non_empty_output_folder_is_not_written_to() {
    let place = Place::new();
    place.write("out/mine.txt", "keep");
    let outcome = place.run("ipc --bridge embedded --out out");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("not empty") && outcome.stderr.contains("--out"), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(place.path("out")).unwrap().count(), 1);
    let outcome = place.run("ipc --bridge embedded --out out/mine.txt");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is a file"), "{}", outcome.stderr);
}

#[test]
fn unreadable_records_are_exit_code_5() {
    let place = Place::new();
    place.write("empty/readme.txt", "");
    place.write("corrupt/run.json", "{\"schema\": \"1.0\", ");
    place.write("newer/run.json", r#"{"schema": "2.0", "verdicts": []}"#);
    for (record, named) in
        [("nothing", "nothing"), ("empty", "run.json"), ("corrupt", "corrupt"), ("newer", "newer than this build's")]
    {
        let outcome = place.run(&format!("report {record}"));
        assert_eq!(outcome.code, Some(5), "{record}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named) && outcome.stderr.contains("hint:"), "{record}: {}", outcome.stderr);
    }
}

#[test]
fn help_explains_accepted_values() {
    let place = Place::new();
    for (command, explained) in [
        ("pipeline", "Keys: `n_threads`"),
        ("ipc", "A round trip ends when the reply has been parsed"),
        ("compare", "at least 4 and 4, or 6 pairs"),
        ("warmup", "`lengths`: prompts and replies"),
        ("tap", "Message contents are not stored"),
    ] {
        let outcome = place.run(&format!("{command} --help"));
        let help = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(explained), "{command}: {help}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let place = Place::new();
    let help = place.run("--help");
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("Exit codes"));
    assert!(place.run("--version").stdout.starts_with("workly-perf "));
    let completions = place.run("completions bash");
    assert!(completions.stdout.contains("workly-perf"));
}

#[test]
fn colour_is_only_used_on_terminals() {
    let outcome = Place::new().run("ipc --bridge nowhere");
    assert!(!outcome.stderr.contains('\u{1b}'), "{:?}", outcome.stderr);
}

#[cfg(not(feature = "llama"))]
#[test]
fn build_without_the_engine_says_how_to_get_it() {
    let outcome = Place::new().run("threads --model synth:tiny");
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.stderr.contains("cargo build --release"), "{}", outcome.stderr);
}
