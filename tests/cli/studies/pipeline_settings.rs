//! The settings of `pipeline`: their sources, and which are rejected.

use super::pipeline::measured;
use crate::harness::run::{Place, case};

#[test]
fn unusable_settings_are_named() {
    let place = Place::new();
    place.write("half.json", "{\"choices\": 5}");
    for (settings, code, says) in [
        ("app,threads=2", 2, "there is no setting 'threads'"),
        ("app,react=never", 2, "react is never, not end or first-words"),
        ("nonsense", 2, "'nonsense' is neither app, recommended"),
        ("half.json", 5, "half.json contains no recommendation"),
    ] {
        let outcome = place.run(&format!("pipeline --paced 100:100 --bridge embedded --before {settings} --out out"));
        assert_eq!(outcome.code, Some(code), "{settings}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says) && outcome.stderr.contains("hint: "), "{settings}: {}", outcome.stderr);
        assert!(!place.path("out").exists(), "nothing was started");
    }
    let nobody = place.run("pipeline --paced 100:100 --bridge 127.0.0.1:1 --out out");
    assert_eq!(nobody.code, Some(3), "{}", nobody.stderr);
}

#[test]
fn recommendation_is_read_from_file_and_configuration() {
    let place = Place::new();
    place.write(
        "rec/recommendation.json",
        r#"{"choices": [{"setting": "n_threads", "value": 3}, {"setting": "warm_start", "value": false}, {"setting": "x", "value": null}]}"#,
    );
    place.write(
        "data/config.json",
        r#"{"ai": {"gpu_profile": "balanced"}, "performance": {"n_threads": 5, "n_ctx": 1024}}"#,
    );
    let quick = "--paced 5000:500 --bridge embedded:fps=unpaced --config data/config.json --turns 1 --reply-tokens 2";
    let (outcome, run) = measured(&place, &format!("{quick} --before rec --after recommended"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let settings = |path: &str| case(&run, path).conditions["settings"].clone();
    let (file, config) = (settings("before/turns"), settings("after/turns"));
    assert_eq!((&file["n_threads"], &file["warm_start"], &file["n_ctx"]), (&3.into(), &false.into(), &2048.into()));
    assert_eq!(
        (&config["n_threads"], &config["n_ctx"], &config["react"]),
        (&5.into(), &1024.into(), &"first-words".into())
    );
    assert!(config["source"].as_str().unwrap().contains("configuration"));
}

#[test]
fn rejected_configuration_is_not_used_for_current_settings() {
    let place = Place::new();
    place.write("data/config.json", "\u{feff}{\"ai\": {\"gpu_profile\": \"cpu_fallback\"}}");
    let quick = "--paced 5000:500 --bridge embedded:fps=unpaced --config data/config.json --turns 1 --reply-tokens 2";
    let (outcome, run) = measured(&place, &format!("{quick} --before app --after none"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let settings = &case(&run, "before/turns").conditions["settings"];
    assert_eq!(
        (&settings["n_threads"], &settings["n_batch"]),
        (&6.into(), &512.into()),
        "not cpu_fallback's: {settings}"
    );
    assert!(run.warnings.iter().any(|warning| warning.contains("runs on its defaults")), "{:?}", run.warnings);
}

#[cfg(feature = "llama")]
#[test]
fn recommendation_has_the_settings_of_the_newest_sweep() {
    let place = Place::new();
    let sweep = "threads --model synth:tiny --sweep 1 --priority low --flash-attn on,off --prompt-tokens 8 --gen-tokens 4 --depth 0 \
                 --repetitions 1 --under-load none --quiet";
    let outcome = place.run(sweep);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let line = "--model synth:tiny --bridge embedded:fps=unpaced --turns 1 --reply-tokens 2 --before app,n_threads=1";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let settings = &case(&run, "after/turns").conditions["settings"];
    assert!(settings["source"].as_str().unwrap().starts_with("measured by "), "{settings}");
    assert_eq!((&settings["n_threads"], &settings["n_threads_batch"]), (&1.into(), &1.into()));
    let sweep = place.path("results/local");
    let sweep = std::fs::read_dir(sweep).unwrap().next().unwrap().unwrap().path();
    let sweep = workly_perf::record::RecordFolder::read(&sweep).unwrap();
    let chosen = sweep.cases.iter().find(|case| case.conditions["test"] == "tg" && case.conditions["chosen"] == true);
    let chosen = chosen.unwrap_or_else(|| panic!("nothing was chosen: {:?}", sweep.cases));
    assert_eq!(settings["flash_attn"], chosen.conditions["flash_attn"]);
}

#[cfg(feature = "llama")]
#[test]
fn priority_wait_policy_and_mapping_are_in_force_on_their_side_alone() {
    let place = Place::new();
    let line = "--model synth:tiny --bridge embedded:fps=unpaced --turns 2 --reply-tokens 3 --under-load none --no-contention --before \
                app,n_threads=1 --after app,n_threads=1,priority=low,wait_policy=passive,use_mmap=false,warm_start=true";
    let outcome = place.run(&format!("pipeline {line} --quiet --out out"));
    if outcome.code == Some(3) {
        // A build whose threads are ggml's own.
        assert!(outcome.stderr.contains("read no wait policy"), "{}", outcome.stderr);
        return;
    }
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = workly_perf::record::RecordFolder::read(&place.path("out")).unwrap();
    let of = |side: &str, key: &str| case(&run, &format!("{side}/turns")).conditions["settings"][key].clone();
    for (key, before, after) in [("priority", "normal", "low"), ("wait_policy", "unset", "passive")] {
        assert_eq!((of("before", key), of("after", key)), (before.into(), after.into()));
    }
    assert_eq!((of("before", "use_mmap"), of("after", "use_mmap")), (true.into(), false.into()));
    let ttlt = |side: &str| case(&run, &format!("{side}/turns")).metric("ttlt").unwrap().n;
    assert_eq!((ttlt("before"), ttlt("after")), (2, 2), "both sides answered every turn");
    for side in ["before", "after"] {
        let turns = case(&run, &format!("{side}/turns"));
        let ended = turns.metric("replies_ended").unwrap();
        let lengths = turns.metric("tokens_at_end").unwrap().n;
        assert_eq!((ended.n, ended.value), (2, Some(lengths as f64)), "{side}");
    }
    let rows = case(&run, "after/before").conditions["comparison"].as_array().unwrap();
    let row = rows.iter().find(|row| row["figure"] == "wait_policy").unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!((&row["before"], &row["after"]), (&"unset".into(), &"passive".into()));
    let garbled = place.run("pipeline-worker");
    assert_eq!(garbled.code, Some(2), "{}", garbled.stderr);
    assert!(garbled.stderr.contains("pipeline uses this command internally"), "{}", garbled.stderr);
}
