//! The engine alone, to compare with llama-bench: prompt processing and generation at some thread counts, as CSV with
//! llama-bench's column names.
//!
//! `cargo bench --bench engine -- MODEL [--threads 1,2] [--prompt-tokens 128] [--gen-tokens 64] [--repetitions 5]`
//!
//! Loads the model once, warms up at each thread count, then runs rounds over all counts. `scripts/compare-llama-bench`
//! uses it.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use workly_perf::llm::engine::{Backend, ContextSpec, EngineError, Model, Placement, Session};

static STOP: AtomicBool = AtomicBool::new(false);

struct Arguments {
    model: String,
    threads: Vec<u32>,
    prompt_tokens: usize,
    gen_tokens: usize,
    repetitions: usize,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        // `cargo bench` without arguments runs every benchmark, without a model.
        eprintln!("engine: no model given; usage: cargo bench --bench engine -- MODEL [--threads 1,2] …");
        return ExitCode::SUCCESS;
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments; `None` without a model.
fn arguments() -> Option<Arguments> {
    let mut found =
        Arguments { model: String::new(), threads: vec![1, 2], prompt_tokens: 128, gen_tokens: 64, repetitions: 5 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        let number = |text: String| text.parse().unwrap_or_else(|_| panic!("'{text}' is not a number"));
        match word.as_str() {
            // Added by cargo.
            "--bench" => {}
            "--threads" => {
                let count = |text: &str| text.parse().unwrap_or_else(|_| panic!("'{text}' is not a thread count"));
                found.threads = value().split(',').map(count).collect();
            }
            "--prompt-tokens" => found.prompt_tokens = number(value()),
            "--gen-tokens" => found.gen_tokens = number(value()),
            "--repetitions" => found.repetitions = number(value()),
            _ => found.model = word,
        }
    }
    (!found.model.is_empty()).then_some(found)
}

fn run(arguments: &Arguments) -> Result<(), EngineError> {
    let backend = Backend::start()?;
    let model = Model::load(backend, Path::new(&arguments.model), &Placement::default(), &mut |_| true)?;
    let facts = model.facts();
    eprintln!(
        "{}, {} parameters, {} bytes, loaded in {} ms",
        facts.description,
        facts.n_params,
        facts.size_bytes,
        facts.load_ns / 1_000_000
    );
    eprintln!("{}", backend.system_info());
    if let Some(warning) = backend.vector_units() {
        eprintln!("warning: {warning}");
    }
    let n_ctx = u32::try_from(arguments.prompt_tokens.max(arguments.gen_tokens)).unwrap_or(u32::MAX);
    let mut session = model.session(&ContextSpec { n_ctx, ..ContextSpec::default() })?;
    println!("n_threads,n_prompt,n_gen,avg_ns,avg_ts");
    for &threads in &arguments.threads {
        session.set_threads(threads, threads)?;
        session.warm_up(arguments.prompt_tokens, arguments.gen_tokens, &STOP)?;
    }
    for _ in 0..arguments.repetitions {
        for &threads in &arguments.threads {
            session.set_threads(threads, threads)?;
            measure(&mut session, threads, arguments)?;
        }
    }
    Ok(())
}

fn measure(session: &mut Session, threads: u32, arguments: &Arguments) -> Result<(), EngineError> {
    if arguments.prompt_tokens > 0 {
        let prompt = session.prompt(arguments.prompt_tokens, &STOP)?;
        println!("{threads},{},0,{},{:.3}", prompt.n, prompt.elapsed_ns, prompt.tokens_per_s());
    }
    if arguments.gen_tokens > 0 {
        let generation = session.generate(arguments.gen_tokens, &STOP)?;
        println!("{threads},0,{},{},{:.3}", generation.n, generation.elapsed_ns, generation.tokens_per_s());
    }
    Ok(())
}
