//! Every recommendation that the rules can give, written to a configuration and read the way Workly reads it.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use workly_perf::advise::{
    Basis, Choice, ContextFootprint, GpuInput, ModelNeeds, Objective, RECOMMENDATION_SCHEMA, Recommendation,
    RecommendationInput, Setting, recommend,
};
use workly_perf::config::ConfigFile;
use workly_perf::llm::gguf::Gguf;
use workly_perf::llm::{GpuProfile, ModelFacts, ModelOutline, ModelRef};
use workly_perf::plan::{app_profiles, model_needs, settings_patch};
use workly_perf::record::{CaseState, RecordFolder, Run};

use crate::harness::python;

const MODELS: [&str; 6] = ["demo", "tinyllama-1.1b", "llama-3.2-3b", "phi-3-mini", "zephyr-7b", "llama-2-13b"];

const CARDS_GIB: [u64; 6] = [0, 4, 6, 8, 12, 24];

const CONFIG: &str = r#"{
    "unity": {"host": "127.0.0.1", "port": 5555},
    "ai": {
        "model_path": "models/zephyr-7b-beta.Q5_K_M.gguf",
        "context_limit": 2048,
        "gpu_profile": "performance",
        "temperature": 0.7,
        "system_prompt": "Tu es Kira ✨, vêtue d'été"
    },
    "discord": {}
}
"#;

/// Runs given to the rules: none, or a real sweep.
fn evidence() -> [Vec<Run>; 2] {
    let sweep = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference/threads-demo-2cores");
    [Vec::new(), vec![RecordFolder::read(&sweep).unwrap()]]
}

fn recommendation(objective: Objective, (choices, not_known): (Vec<Choice>, Vec<String>)) -> Recommendation {
    Recommendation {
        schema: RECOMMENDATION_SCHEMA,
        run_id: "20260102T030405Z-recommend-0001".into(),
        tool: "workly-perf 0.1.0".into(),
        created: "2026-01-02T03:04:05Z".parse().unwrap(),
        objective,
        simulated: Vec::new(),
        application: None,
        gains: Vec::new(),
        in_place: Vec::new(),
        choices,
        not_known,
    }
}

fn input(objective: Objective, cores: u64, card: &GpuInput) -> RecommendationInput {
    RecommendationInput {
        objective,
        physical_cores: Some(cores),
        logical_cpus: Some(cores),
        memory_bytes: Some(16 << 30),
        card: card.clone(),
        model: None,
        profiles: Vec::new(),
        current_profile: Some("performance".into()),
        current: serde_json::Map::new(),
    }
}

/// Invariants of every recommendation.
fn check(choices: &[Choice], cores: u64) {
    let settings: Vec<Setting> = choices.iter().map(|choice| choice.setting).collect();
    // Settings that only a sweep compares are present if there was one.
    let only_measured = [Setting::Priority, Setting::WaitPolicy, Setting::UseMmap];
    let expected = Setting::ALL.into_iter().filter(|one| !only_measured.contains(one) || settings.contains(one));
    assert_eq!(settings, expected.collect::<Vec<_>>(), "each setting once, in reading order");
    for choice in choices {
        assert!(!choice.reason.is_empty(), "{choice:?}");
        // The application supports neither another cache type nor flash attention.
        match choice.setting {
            Setting::KvType => assert_eq!(choice.value, Some(json!("f16")), "{choice:?}"),
            Setting::FlashAttn => assert_eq!(choice.value, Some(json!("off")), "{choice:?}"),
            _ => {}
        }
        if let (Setting::NThreads | Setting::NThreadsBatch, Some(value)) = (choice.setting, &choice.value) {
            assert!((1..=cores.max(2)).contains(&value.as_u64().unwrap()), "{choice:?} on {cores}");
        }
    }
}

#[test]
fn workly_accepts_every_possible_recommendation() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("config.json");
    std::fs::write(&path, CONFIG).unwrap();
    let file = ConfigFile::open(&path).unwrap();
    let (evidence, mut texts) = (evidence(), Vec::new());
    let (mut made, mut seen) = (0, BTreeSet::new());
    for name in MODELS {
        let outline = ModelOutline::of(&format!("synth:{name}").parse::<ModelRef>().unwrap()).unwrap();
        let facts = ModelFacts::of(&Gguf::open(outline.path()).unwrap(), GpuProfile::built_in()).unwrap();
        // Memory needs are the same on every GPU.
        let needs = model_needs(name, outline.path(), &facts, Some(24 << 30), &AtomicBool::new(false)).unwrap();
        for gib in CARDS_GIB {
            let bytes = gib << 30;
            let card =
                if gib == 0 { GpuInput::None } else { GpuInput::Here { total_bytes: bytes, free_bytes: Some(bytes) } };
            for objective in [Objective::Responsive, Objective::Fast, Objective::Light] {
                for cores in 1..=32 {
                    // The result of a sweep does not depend on the number of cores.
                    for runs in evidence.iter().take(if cores == 2 { 2 } else { 1 }) {
                        let profiles = app_profiles(Some(&facts), Some(cores));
                        let own = input(objective, cores, &card);
                        let input = RecommendationInput { model: Some(needs.clone()), profiles, ..own };
                        let choices = recommend(&input, runs);
                        check(&choices.0, cores);
                        let sets = settings_patch(&recommendation(objective, choices));
                        made += 1;
                        if seen.insert(format!("{sets:?}")) {
                            texts.push(String::from_utf8(file.change(&sets).unwrap().after().to_vec()).unwrap());
                        }
                    }
                }
            }
        }
    }
    assert_eq!(made, MODELS.len() * CARDS_GIB.len() * 3 * (32 + 1));
    assert!(texts.len() > 100, "only {} differ", texts.len());
    let count = texts.len();
    // The reader must be able to reject.
    let planted = [
        CONFIG.replace("performance", "cpu"),
        CONFIG.replace("2048", "0"),
        CONFIG.replace("\"ai\"", "\"unity\""),
        CONFIG.replace("\"performance\"", "\"auto\""),
        CONFIG.replace("\"models/zephyr-7b-beta.Q5_K_M.gguf\"", "null"),
        CONFIG.replace("Tu es Kira ✨, vêtue d'été", ""),
        format!("\u{feff}{CONFIG}"),
    ];
    let refused_count = planted.len();
    for text in planted.iter().skip(3) {
        std::fs::write(&path, text).unwrap();
        let file = ConfigFile::open(&path).unwrap();
        assert!(file.refusal().is_some() || file.has_unproven_auto(), "this reader rejects it, too: {text}");
    }
    texts.extend(planted);
    let listed = place.path().join("texts.json");
    std::fs::write(&listed, json!(texts).to_string()).unwrap();
    let read = python::read("read_config.py", &listed);
    let refused: Vec<u64> = read["refused"].as_array().unwrap().iter().map(|one| one[0].as_u64().unwrap()).collect();
    assert_eq!(
        refused,
        (count..count + refused_count).map(|index| index as u64).collect::<Vec<_>>(),
        "{}",
        read["refused"]
    );
    let saved = read["saved"].as_array().unwrap();
    assert!(saved.iter().all(|section| section["provenance"]["run"].is_string()), "it survives saving by Workly");
}

#[test]
fn profile_that_needs_a_quantised_cache_is_not_chosen() {
    let facts = ModelOutline::of(&"synth:zephyr-7b".parse::<ModelRef>().unwrap()).unwrap();
    let facts = ModelFacts::of(&Gguf::open(facts.path()).unwrap(), GpuProfile::built_in()).unwrap();
    let footprint = |n_ctx, n_batch, kv_type, gib: u64| ContextFootprint {
        n_ctx,
        n_batch,
        kv_type,
        card_bytes: vec![gib << 30; 34],
    };
    let needs = ModelNeeds {
        name: "m".into(),
        header_hash: String::new(),
        file_bytes: 5 << 30,
        trained_context: Some(8192),
        footprints: vec![
            footprint(4096, 512, "f16", 9),
            footprint(4096, 512, "q8_0", 6),
            footprint(2048, 256, "f16", 9),
            footprint(2048, 256, "q8_0", 9),
        ],
        footprint_basis: Basis::Projected,
    };
    let card = GpuInput::Here { total_bytes: 8 << 30, free_bytes: Some(8 << 30) };
    let profiles = app_profiles(Some(&facts), Some(8));
    let own = input(Objective::Responsive, 8, &card);
    let (choices, _) = recommend(&RecommendationInput { model: Some(needs), profiles, ..own }, &[]);
    let of = |setting: Setting| choices.iter().find(|choice| choice.setting == setting).unwrap();
    assert_eq!(of(Setting::GpuProfile).value, Some(json!("cpu_fallback")), "6 of 7 GiB only with q8_0");
    let kv_type = of(Setting::KvType);
    assert_eq!(kv_type.value, Some(json!("f16")));
    assert!(kv_type.reason.contains("performance would fit with q8_0"), "{}", kv_type.reason);
    assert!(!of(Setting::FlashAttn).reason.contains("knows where"), "{:?}", of(Setting::FlashAttn));
}

/// The choice for the application's default model.
#[test]
fn largest_fitting_profile_is_chosen_for_a_7b_model() {
    let outline = ModelOutline::of(&"synth:zephyr-7b".parse::<ModelRef>().unwrap()).unwrap();
    let facts = ModelFacts::of(&Gguf::open(outline.path()).unwrap(), GpuProfile::built_in()).unwrap();
    let needs = model_needs("zephyr-7b", outline.path(), &facts, Some(24 << 30), &AtomicBool::new(false)).unwrap();
    let chosen = |gib: u64, objective: Objective| {
        let card = GpuInput::Here { total_bytes: gib << 30, free_bytes: None };
        let profiles = app_profiles(Some(&facts), Some(8));
        let own = input(objective, 8, &card);
        let (choices, _) = recommend(&RecommendationInput { model: Some(needs.clone()), profiles, ..own }, &[]);
        let of = |setting: Setting| choices.iter().find(|choice| choice.setting == setting).unwrap().value.clone();
        (of(Setting::GpuProfile).unwrap(), of(Setting::NGpuLayers).unwrap().as_u64().unwrap())
    };
    assert_eq!(chosen(24, Objective::Responsive), (json!("performance"), 33));
    assert_eq!(chosen(8, Objective::Responsive), (json!("performance"), 33));
    // 5.1 GB of weights leave no space for anything else: no profile fits with a GiB to spare.
    let (profile, layers) = chosen(6, Objective::Responsive);
    assert_eq!((profile, layers), (json!("balanced"), 33));
    let (profile, layers) = chosen(4, Objective::Responsive);
    assert_eq!(profile, json!("cpu_fallback"));
    assert!((10..33).contains(&layers), "some of the layers fit: {layers}");
    assert_eq!(
        chosen(8, Objective::Light).0,
        Value::from("cpu_fallback"),
        "a game gets at least half of the GPU memory"
    );
}

#[test]
fn sweep_that_ran_out_of_time_is_named_and_not_denied() {
    let mut sweep = evidence()[1].remove(0);
    for case in &mut sweep.cases {
        case.state = CaseState::NotMeasured;
    }
    let of_threads = |runs: &[Run]| {
        let (choices, not_known) = recommend(&input(Objective::Responsive, 2, &GpuInput::None), runs);
        let choice = choices.into_iter().find(|choice| choice.setting == Setting::NThreads).unwrap();
        assert_eq!(choice.basis, Basis::Rule);
        (choice.reason, not_known.into_iter().find(|sentence| sentence.contains("thread count")).unwrap())
    };
    let (reason, unknown) = of_threads(&[]);
    assert!(reason.ends_with("there is no threads run of this model on this machine"), "{reason}");
    assert_eq!(unknown, "Which thread count is fastest here: there is no threads run of this model on this machine.");
    let (reason, unknown) = of_threads(&[sweep.clone()]);
    for text in [reason, unknown] {
        assert!(text.contains(&format!("the threads run {} did not measure enough", sweep.run_id)), "{text}");
    }
}
