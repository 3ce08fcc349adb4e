//! Cases and findings of planted steps and turns.

use super::super::findings::findings;
use super::*;
use crate::plan::{GrowthUnit, LeakPlan};

const MIB: u64 = 1 << 20;

fn plan() -> ConversationPlan {
    let leak = LeakPlan { unit: GrowthUnit::Message, rule: LeakRule { threshold: 512.0, warm_up: 2, grain: 4_096.0 } };
    ConversationPlan {
        messages: 400,
        script: crate::llm::Script::of_the_app(),
        context_limit: 10,
        reply_tokens: 8,
        n_ctx: 512,
        n_threads: 1,
        n_gpu_layers: 0,
        use_mmap: true,
        use_mlock: false,
        leak,
    }
}

fn memory(anonymous_bytes: u64, file_backed_bytes: u64) -> ProcessMemory {
    ProcessMemory {
        resident_bytes: Fact::Unsupported,
        anonymous_bytes: Fact::Value(anonymous_bytes),
        committed_bytes: Fact::Unsupported,
        file_backed_bytes: Fact::Value(file_backed_bytes),
        proportional_bytes: Fact::Unsupported,
        private_bytes: Fact::Unsupported,
        swapped_bytes: Fact::Unsupported,
        peak_resident_bytes: Fact::Unsupported,
        threads: Fact::Unsupported,
        handles: Fact::Unsupported,
    }
}

fn gpu(process_bytes: Fact<u64>, whole_mib: u64) -> GpuMemory {
    GpuMemory { process_bytes, whole_bytes: Fact::Value(whole_mib * MIB) }
}

/// 100 MiB of mapped weights, 8 MiB of KV cache, and 40 MiB on a device that the driver reports for this process from
/// then on.
fn steps() -> Vec<LifeCycleStep> {
    let step = |name, anonymous_mib: u64, file_mib: u64, gpu| LifeCycleStep {
        name,
        took_ns: 2_000_000,
        memory: memory(anonymous_mib * MIB, file_mib * MIB),
        gpu: Some(gpu),
    };
    vec![
        step("start", 1, 10, gpu(Fact::NotMeasured, 300)),
        step("backend", 2, 20, gpu(Fact::NotMeasured, 300)),
        step("model", 3, 120, gpu(Fact::Value(30 * MIB), 330)),
        step("context", 10, 120, gpu(Fact::Value(40 * MIB), 340)),
    ]
}

fn projected() -> ProjectedMemory {
    ProjectedMemory {
        mapped_bytes: 100 * MIB,
        weights_bytes: 0,
        repacked_bytes: 0,
        kv_bytes: 8 * MIB,
        compute_bytes: 5 * MIB,
        device_bytes: 40 * MIB,
        device_held_bytes: Some(40 * MIB),
    }
}

/// Turns that retain `kept_bytes` each.
fn conversation(turns: u32, kept_bytes: u64) -> ConversationSamples {
    let turn = |at: u32| ConversationTurn {
        n_prompt: 20,
        n_gen: 8,
        ttft_ns: 3_000_000,
        elapsed_ns: 10_000_000,
        memory: memory(12 * MIB + u64::from(at) * kept_bytes, 120 * MIB),
        gpu: None,
    };
    ConversationSamples { turns: (1..=turns).map(turn).collect(), forgotten: 1, template: "zephyr" }
}

fn figure(case: &Case, name: &str) -> (Option<f64>, MetricStatus) {
    let metric = case.metric(name).unwrap_or_else(|| panic!("no {name} in {case:?}"));
    (metric.value, metric.status)
}

fn mib(mib: f64) -> (Option<f64>, MetricStatus) {
    (Some(mib * 1_048_576.0), MetricStatus::Ok)
}

#[test]
fn steps_have_growth_and_projection() {
    let cases = cases(&plan(), &steps(), &projected(), &conversation(2, 0), None);
    let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
    let steps = ["1-start", "2-backend", "3-model", "4-context", "5-first-reply", "6-second-reply"]
        .map(|step| format!("step/{step}"));
    assert_eq!((&paths[..6], paths[6]), (&steps.each_ref().map(String::as_str)[..], "conversation"));
    assert_eq!(figure(&cases[0], "grown"), (None, MetricStatus::NotMeasured));
    assert_eq!(figure(&cases[0], "projected"), (None, MetricStatus::NotMeasured));
    assert_eq!(figure(&cases[2], "projected"), mib(0.0));
    assert_eq!((figure(&cases[3], "projected"), figure(&cases[3], "grown")), (mib(8.0), mib(7.0)));
    assert_eq!((figure(&cases[4], "projected"), figure(&cases[4], "grown")), (mib(5.0), mib(2.0)));
    assert_eq!(figure(&cases[1], "vram_process"), (None, MetricStatus::NotMeasured));
    assert_eq!((figure(&cases[3], "vram_process"), figure(&cases[3], "vram_whole_gpu")), (mib(40.0), mib(340.0)));
    assert!(cases[4].metric("vram_process").is_none(), "not read in the turns");
    assert_eq!(figure(&cases[3], "pss"), (None, MetricStatus::Unsupported));
    assert_eq!(figure(&cases[5], "took"), (Some(10.0), MetricStatus::Ok));
}

#[test]
fn conversation_has_growth_per_message_and_per_token() {
    let leaking = conversation(400, 2_800);
    let case = conversation_case(&plan(), &leaking, Some(StopReason::Planned));
    assert_eq!((case.state, case.conditions["tokens"].as_f64()), (CaseState::Ok, Some(400.0 * 28.0)));
    let close = |name: &str, bytes: f64| figure(&case, name).0.is_some_and(|found| (found - bytes).abs() < 1e-6);
    assert!(close("growth", 2_800.0) && close("growth_a_token", 100.0), "{case:?}");
    assert_eq!(figure(&case, "prompt_max"), (Some(20.0), MetricStatus::Ok));
    assert_eq!(
        case.notes,
        ["The context was too small: 1 message was forgotten before its time; a larger --n-ctx keeps more."]
    );
    let timeline = Timeline::of(&case).unwrap();
    assert_eq!((timeline.along.as_str(), timeline.at.len()), ("message", 400));
    for (end, reason) in [
        (StopReason::Interrupted, "interrupted after 400 messages"),
        (StopReason::Failed, "ended by an error after 400 messages"),
    ] {
        let case = conversation_case(&plan(), &leaking, Some(end));
        assert_eq!((case.state, case.reason.as_deref()), (CaseState::Interrupted, Some(reason)));
        assert_eq!(figure(&case, "growth").1, MetricStatus::Partial);
    }
}

#[test]
fn findings_compare_the_projection_with_measured_memory() {
    let words = findings(&plan(), &steps(), &projected(), &conversation(400, 0), None, false);
    assert!(words[0].starts_with("No leak: anonymous memory grows by less than "), "{words:?}");
    assert_eq!(
        words[1..],
        [
            "According to llama.cpp, 0 B of weights are in anonymous memory and 100.0 MiB are pages of their file; it projected \
             8.000 MiB of KV cache and 5.000 MiB of compute buffers.",
            "From the backend to the context, anonymous and file-backed memory grew by 108.0 MiB: 100.0 % of the projected \
             weights and KV cache.",
            "Another 40.00 MiB was projected on devices, and is in no metric of this process's memory. ggml's buffers there \
             hold 40.00 MiB, 100.0 % of it. From the backend to the context, vram_process grew by 40.00 MiB, 100.0 % of it.",
        ]
    );
    let repacked = ProjectedMemory { weights_bytes: 50 * MIB, repacked_bytes: 50 * MIB, ..projected() };
    let words = findings(&plan(), &steps(), &repacked, &conversation(3, 0), None, false);
    assert!(
        words[1].contains("50.00 MiB of weights are in anonymous memory (50.00 MiB of them repacked for this CPU)")
    );
    assert!(words[1].ends_with("the system can take the file's pages back."), "{words:?}");
    let locked = findings(&plan(), &steps(), &repacked, &conversation(3, 0), None, true);
    assert!(locked[1].ends_with("the lock keeps the file's pages, which nobody reads any more."), "{locked:?}");
}
