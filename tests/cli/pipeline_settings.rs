//! The settings of `pipeline`: their sources, and which are rejected.

use super::pipeline::measured;
use super::run::{Place, case};

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
