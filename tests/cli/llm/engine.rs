//! The engine on a real, tiny model: what it counts, when it stops, what it rejects, and that it prints nothing.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use workly_perf::llm::Conversation;
use workly_perf::llm::engine::{
    Backend, ContextSpec, EngineError, FlashAttention, KvType, LogLevel, Model, ModelSession, Placement, Sampling,
    SpecError,
};
use workly_perf::llm::synth::{DEFAULT_SEED, ModelShape, Overwrite, SyntheticModel, WriteProgress};

static GOES_ON: AtomicBool = AtomicBool::new(false);

/// A synthetic model of a few million weights, written once per process.
pub(super) fn tiny() -> &'static Path {
    static TINY: OnceLock<PathBuf> = OnceLock::new();
    TINY.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine-tiny.gguf");
        let written = AtomicU64::new(0);
        let model = SyntheticModel::new(ModelShape::named("tiny").expect("a shape"), DEFAULT_SEED);
        model
            .write_file(&path, Overwrite::Replace, WriteProgress { written: &written, stop: &GOES_ON })
            .expect("the tiny model is written");
        path
    })
}

/// A new file of that shape with another quantisation.
pub(super) fn tiny_of(quantisation: &str) -> tempfile::TempPath {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = tempfile::NamedTempFile::new_in(folder).expect("a file").into_temp_path();
    let tiny = include_str!("../../../profiles/models/tiny.toml").replace("\"Q8_0\"", &format!("{quantisation:?}"));
    let shape = Box::leak(Box::new(ModelShape::parse(&tiny).expect("a shape")));
    let written = AtomicU64::new(0);
    SyntheticModel::new(shape, DEFAULT_SEED)
        .write_file(&path, Overwrite::Replace, WriteProgress { written: &written, stop: &GOES_ON })
        .expect("the model is written");
    path
}

fn backend() -> &'static Backend {
    Backend::start().expect("llama.cpp starts")
}

fn load(path: &Path) -> Result<Model, EngineError> {
    Model::load(backend(), path, &Placement::default(), &mut |_| true)
}

/// Runs `work` in a small context of the tiny model.
fn in_session<T>(spec: &ContextSpec, work: impl FnOnce(&Model, &mut ModelSession) -> T) -> T {
    let model = load(tiny()).expect("the tiny model loads");
    let mut session = model.session(spec).expect("a context");
    work(&model, &mut session)
}

fn spec() -> ContextSpec {
    ContextSpec { n_ctx: 512, n_batch: 64, ..ContextSpec::default() }
}

#[test]
fn models_and_sessions_move_between_threads() {
    fn goes<T: Send>() {}
    fn is_shared<T: Sync>() {}
    goes::<Model>();
    goes::<ModelSession>();
    is_shared::<Model>();
}

#[test]
fn only_the_files_own_end_tokens_end_a_reply() {
    let model = load(tiny()).expect("the tiny model loads");
    let n_vocab = i32::try_from(model.facts().n_vocab).expect("a small vocabulary");
    let ends: Vec<i32> = (-1..=n_vocab).filter(|token| model.ends_generation(*token)).collect();
    // `</s>`, which its header names as tokenizer.ggml.eos_token_id.
    assert_eq!(ends, [2]);
}

/// Weights that llama.cpp repacks on load are not locked; of the mapped file, their pages are.
#[test]
#[cfg(target_os = "linux")]
fn locked_weights_count_as_locked_memory() {
    // Q4_0 is repacked on most CPUs, Q8_0 on few. Without a mapping comes last: llama.cpp unlocks nothing, and memory that it frees can
    // stay locked.
    for (quantisation, use_mmap) in [("Q4_0", true), ("Q8_0", true), ("Q4_0", false)] {
        let path = tiny_of(quantisation);
        let before = locked_kb();
        let placement = Placement { mlock: true, use_mmap, ..Placement::default() };
        let model = Model::load(backend(), &path, &placement, &mut |_| true).expect("the model loads");
        let weights = model.facts().weights;
        let locked = locked_kb() - before;
        let lockable = weights.mapped_bytes + weights.own_bytes - weights.repacked_bytes;
        // llama.cpp states sizes in hundredths of a mebibyte, and locks whole pages, of a file from its header on.
        let (least, most) = (lockable.saturating_sub(16 << 10) >> 10, (lockable >> 10) + 256);
        match &model.facts().lock_fault {
            None => assert!((least..=most).contains(&locked), "{quantisation}, {use_mmap}: {locked} KiB, {weights:?}"),
            // A buffer need not begin with a page. llama.cpp rounds its size up, and may then fail at the very last page.
            Some(reason) => {
                assert!(reason.contains("failed to mlock") && (locked < least || !use_mmap), "{locked} KiB: {reason}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn locked_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("a field of every kernel");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn model_reports_facts_and_loading_progress() {
    let mut shares = Vec::new();
    let mut progress = |share| {
        shares.push(share);
        true
    };
    let model = Model::load(backend(), tiny(), &Placement::default(), &mut progress).expect("it loads");
    let facts = model.facts();
    assert!(facts.description.starts_with("llama"), "{}", facts.description);
    assert!(facts.n_params > 10_000 && facts.size_bytes > 10_000 && facts.load_ns > 0, "{facts:?}");
    assert!(facts.n_layer > 0 && facts.n_ctx_train > 0 && facts.n_vocab > 256, "{facts:?}");
    assert!(shares.is_sorted() && shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    assert_eq!(shares.last(), Some(&1.0));
}

#[test]
fn prompt_longer_than_a_batch_is_one_timing() {
    in_session(&spec(), |_, session| {
        for n in [1, 64, 65, 200] {
            let timing = session.prompt(n, &GOES_ON).expect("a prompt");
            assert_eq!(timing.n, n);
            assert!(timing.elapsed_ns > 0 && timing.tokens_per_s() > 0.0);
        }
    });
}

#[test]
fn generation_times_every_token() {
    in_session(&spec(), |_, session| {
        let timing = session.generate(20, &GOES_ON).expect("tokens");
        assert_eq!((timing.n, timing.inter_token_ns.len()), (20, 20));
        assert_eq!(timing.inter_token_ns.iter().sum::<u64>(), timing.elapsed_ns);
        assert!(timing.inter_token_ns.iter().all(|step_ns| *step_ns > 0));
    });
}

#[test]
fn conversation_uses_the_models_template() {
    in_session(&spec(), |model, session| {
        let mut conversation = Conversation::new("Tu es Kira, vêtue d'été ✨.", Conversation::CONTEXT_LIMIT);
        conversation.ask("Bonjour !");
        let prompt = model.chat_prompt(&conversation.messages());
        assert_eq!(prompt.template, "zephyr", "the tiny model has no template of its own");
        let text = model.text(&prompt.tokens);
        assert!(text.contains("Tu es Kira, vêtue d'été ✨.") && text.contains("Bonjour !"), "{text}");

        let mut moments = Vec::new();
        session.answer(&prompt.tokens, 5, &GOES_ON, &mut |said| moments.push(said)).expect("an answer");
        assert_eq!((moments.len(), moments[0]), (6, None), "the prompt starts, then five tokens follow");
        let tokens: Vec<_> = moments.into_iter().flatten().collect();
        assert_eq!(tokens, session.turn(&prompt.tokens, 5, &GOES_ON).expect("a turn").tokens);
    });
}

#[test]
fn sampled_answer_reuses_the_prefix_and_follows_its_seed() {
    in_session(&spec(), |model, session| {
        let mut conversation = Conversation::new("Tu es Kira.", Conversation::CONTEXT_LIMIT);
        conversation.ask("Bonjour !");
        let prompt = model.app_prompt(&conversation.messages());
        assert_eq!(prompt.template, "the application's own");
        let answer = |session: &mut ModelSession<'_>, prompt: &[i32], seed| {
            let mut tokens = Vec::new();
            let kept =
                session.sampled_answer(prompt, 6, (&Sampling::APP, seed), &GOES_ON, &mut |said| tokens.extend(said));
            (kept.expect("an answer"), tokens)
        };
        let (kept, first) = answer(session, &prompt.tokens, 7);
        assert_eq!((kept, first.len()), (0, 6), "there was nothing to reuse");
        // Everything computed is reused, including the answer without its last token; the prompt's last token is
        // recomputed.
        let longer = [&prompt.tokens[..], &first[..5], &[5, 6, 7]].concat();
        let (kept, second) = answer(session, &longer, 8);
        assert_eq!(kept, prompt.tokens.len() + 5);
        let (kept, again) = answer(session, &longer, 8);
        assert_eq!((kept, &again), (longer.len() - 1, &second), "the same prompt and seed give the same answer");
        let others: Vec<_> = (9..19).map(|seed| answer(session, &longer, seed).1).collect();
        assert!(others.iter().any(|other| *other != second), "another seed gives another answer");
        session.generate(1, &GOES_ON).expect("a token");
        assert_eq!(answer(session, &longer, 8).0, 0, "the context was cleared");
    });
}

#[test]
fn turn_time_is_ttft_plus_inter_token_times() {
    in_session(&spec(), |model, session| {
        let prompt = model.measured_tokens(100);
        let timing = session.turn(&prompt, 10, &GOES_ON).expect("a turn");
        assert_eq!((timing.n_prompt, timing.n_gen, timing.tokens.len()), (100, 10, 10));
        assert_eq!(timing.inter_token_ns.len(), 9);
        assert_eq!(timing.ttft_ns + timing.inter_token_ns.iter().sum::<u64>(), timing.elapsed_ns);
        // Greedy, from an empty context each time: the same answer, independent of earlier computations.
        session.generate(5, &GOES_ON).expect("tokens");
        assert_eq!(session.turn(&prompt, 10, &GOES_ON).expect("a turn").tokens, timing.tokens);
        // A longer answer begins with the shorter one: an end-of-text token does not stop it.
        assert_eq!(session.turn(&prompt, 40, &GOES_ON).expect("a turn").tokens[..10], timing.tokens);
        let one = session.turn(&prompt, 1, &GOES_ON).expect("a turn");
        assert_eq!((one.inter_token_ns.len(), one.ttft_ns), (0, one.elapsed_ns));
    });
}

#[test]
fn any_text_is_tokenised() {
    in_session(&spec(), |model, session| {
        for text in ["Bonjour !", "Quelle est ta fonction ? 🦀", "\u{0}\n"] {
            let tokens = model.tokenize(text);
            let known = |token: &i32| u32::try_from(*token).is_ok_and(|number| number < model.facts().n_vocab);
            assert!(tokens.len() > 1 && tokens.iter().all(known), "{text:?} became {tokens:?}");
            assert_eq!(session.turn(&tokens, 2, &GOES_ON).expect("a turn").n_prompt, tokens.len());
        }
    });
}

#[test]
fn threads_can_change_on_an_existing_context() {
    in_session(&spec(), |_, session| {
        assert_eq!((session.spec().n_threads, session.spec().n_threads_batch), (1, 1));
        session.set_threads(2, 3).expect("threads");
        assert_eq!((session.spec().n_threads, session.spec().n_threads_batch), (2, 3));
        session.warm_up(32, 1, &GOES_ON).expect("still able to compute");
        for threads in [0, 513] {
            assert!(matches!(session.set_threads(threads, 1), Err(EngineError::Spec(_))));
            assert!(matches!(session.set_threads(1, threads), Err(EngineError::Spec(_))));
        }
        assert_eq!((session.spec().n_threads, session.spec().n_threads_batch), (2, 3));
    });
}

#[test]
fn oversized_input_is_rejected_before_computing() {
    in_session(&spec(), |model, session| {
        let n_ctx = session.spec().n_ctx as usize;
        assert!(n_ctx >= 512);
        session.generate(n_ctx, &GOES_ON).expect("a full context");
        for error in [
            session.prompt(n_ctx + 1, &GOES_ON).map(drop),
            session.generate(n_ctx + 1, &GOES_ON).map(drop),
            session.turn(&model.measured_tokens(n_ctx), 2, &GOES_ON).map(drop),
        ] {
            assert!(matches!(error, Err(EngineError::TooLong { n_tokens, .. }) if n_tokens == n_ctx + 1), "{error:?}");
        }
        session.turn(&model.measured_tokens(n_ctx), 1, &GOES_ON).expect("the last token needs no space");
        assert!(matches!(session.prompt(0, &GOES_ON), Err(EngineError::NoTokens)));
        assert!(matches!(session.generate(0, &GOES_ON), Err(EngineError::NoTokens)));
        assert!(matches!(session.turn(&[], 1, &GOES_ON), Err(EngineError::NoTokens)));
        assert!(matches!(session.turn(&[1], 0, &GOES_ON), Err(EngineError::NoTokens)));
        for token in [-1, i32::MAX] {
            let error = session.turn(&[1, token], 1, &GOES_ON).expect_err("no such token");
            assert!(matches!(error, EngineError::UnknownToken { token: refused, .. } if refused == token), "{error:?}");
        }
    });
}

#[test]
fn set_stop_flag_stops_before_the_first_token() {
    let stop = AtomicBool::new(true);
    in_session(&spec(), |model, session| {
        for stopped in [
            session.prompt(10, &stop).map(drop),
            session.generate(10, &stop).map(drop),
            session.turn(&model.measured_tokens(10), 10, &stop).map(drop),
        ] {
            assert!(matches!(stopped, Err(EngineError::Stopped { done: 0 })), "{stopped:?}");
        }
    });
}

#[test]
fn stop_flag_works_inside_batches_and_keeps_the_context_usable() {
    let spec = ContextSpec { n_ctx: 8192, n_batch: 8192, ..ContextSpec::default() };
    in_session(&spec, |_, session| {
        let n = session.spec().n_ctx as usize;
        for prompt in [false, true] {
            let stop = AtomicBool::new(false);
            let error = thread::scope(|scope| {
                scope.spawn(|| stop.store(true, Ordering::Relaxed));
                if prompt { session.prompt(n, &stop).map(drop) } else { session.generate(n, &stop).map(drop) }
            })
            .expect_err("stopped long before the end");
            assert!(matches!(error, EngineError::Stopped { done } if done < n), "{error:?}");
            assert_eq!(session.generate(3, &GOES_ON).expect("able to compute again").n, 3);
        }
    });
}

#[test]
fn loading_stops_when_progress_returns_false() {
    let mut calls = 0;
    let error = Model::load(backend(), tiny(), &Placement::default(), &mut |_| {
        calls += 1;
        false
    })
    .expect_err("stopped");
    assert!(matches!(error, EngineError::LoadStopped), "{error:?}");
    assert_eq!(calls, 1, "progress is not called again");
    load(tiny()).expect("the next load succeeds");
}

#[test]
fn quantised_v_cache_without_flash_attention_is_rejected_by_name() {
    let model = load(tiny()).expect("the tiny model loads");
    let position = backend().log().position();
    let refused = ContextSpec { type_v: KvType::Q8_0, flash_attention: FlashAttention::Off, ..spec() };
    let error = model.session(&refused).map(drop).expect_err("refused");
    assert!(matches!(error, EngineError::Spec(SpecError::QuantisedV { type_v: KvType::Q8_0 })), "{error:?}");
    assert_eq!(error.to_string(), "a V cache of type q8_0 needs flash attention, which is switched off");
    let said = backend().log().since(position, LogLevel::Warn);
    assert!(said.iter().all(|line| !line.text.contains("quantized V cache")), "llama.cpp was asked: {said:?}");
}

#[test]
fn non_model_file_is_an_error_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.gguf");
    assert!(matches!(load(&missing), Err(EngineError::Unreadable { path, .. }) if path == missing));
    assert!(matches!(load(folder.path()), Err(EngineError::Unreadable { .. })));

    let garbage = folder.path().join("garbage.gguf");
    std::fs::write(&garbage, b"this is no model at all").expect("a file");
    let Err(EngineError::Load { path, log }) = load(&garbage) else { panic!("garbage was loaded") };
    assert_eq!(path, garbage);
    assert!(!log.is_empty(), "llama.cpp gave no reason");

    let whole = std::fs::read(tiny()).expect("the tiny model");
    let short = folder.path().join("short.gguf");
    std::fs::write(&short, &whole[..whole.len() / 2]).expect("a file");
    assert!(matches!(load(&short), Err(EngineError::Load { .. })));
}

#[test]
fn build_reports_devices_and_vector_units() {
    let info = backend().system_info();
    assert!(info.contains("CPU : "), "{info}");
    let devices = backend().devices();
    assert!(devices.iter().any(|device| device.backend == "CPU" && device.memory_free_bytes.is_none()), "{devices:?}");
    // Whether there is a warning depends on how this test was built.
    if let Some(warning) = backend().vector_units() {
        assert!(warning.contains("does not use"), "{warning}");
    }
}

/// Run by the test below in a separate process, whose output is then checked.
#[test]
#[ignore = "a part of llama_cpp_output_is_kept_and_not_printed"]
fn quiet_process() {
    let model = load(tiny()).expect("the tiny model loads");
    let mut session = model.session(&spec()).expect("a context");
    session.warm_up(8, 1, &GOES_ON).expect("it computes");
    let lines = backend().log().lines(LogLevel::Info);
    assert!(lines.len() > 10, "{lines:?}");
    assert!(lines.iter().any(|line| line.text.contains("tiny")), "the model's file is named");
    let folder = tiny().parent().expect("a folder").display().to_string();
    assert!(lines.iter().all(|line| !line.text.contains(&folder)), "a folder is named");
}

#[test]
fn llama_cpp_output_is_kept_and_not_printed() {
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture", "llm::engine::quiet_process"])
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    for line in stdout.lines() {
        let harness = ["running", "test ", "ok"].iter().any(|start| line.starts_with(start));
        assert!(line.is_empty() || harness, "printed: {line}");
    }
}
