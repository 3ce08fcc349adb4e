//! Measures one start, inside the worker process.

use std::sync::atomic::{AtomicBool, Ordering};

use super::question::{Readiness, ReplyTimes, StartOutcome, StartPhase, StartRequest, StartResponse};
use crate::clock::Clock;
use crate::llm::engine::{Backend, EngineError, Model, ModelSession, Placement};
use crate::llm::{Conversation, PageCacheError, cached_share, drop_from_cache, read_through};

/// The application's warm-up: number of tokens and its message.
const WARM_TOKENS: usize = 2;
const WARM_MESSAGE: &str = "Bonjour";

/// Maximum share of the file in the page cache for a cold start, and minimum for a warm one.
const COLD_AT_MOST: f64 = 0.01;
const WARM_AT_LEAST: f64 = 0.99;

/// Prepares the state, answers the message, and answers again. `begins` is called at each phase, outside timed regions.
///
/// # Errors
/// Those of the engine, including interruption. If ggml cannot allocate memory, it may also end the process.
pub fn measure_start(
    backend: &'static Backend,
    request: &StartRequest,
    mut begins: impl FnMut(StartPhase),
    stop: &AtomicBool,
) -> Result<StartResponse, EngineError> {
    begins(StartPhase::Prepare);
    let cached_share = match set_page_cache(request, stop) {
        Ok(share) => share,
        Err(reason) => return Ok(StartResponse::PageCache { reason }),
    };
    // Everything from here on counts as waiting time.
    let mut asked = None;
    if request.readiness < Readiness::Loaded {
        asked = Some(ask(&mut begins));
    }
    let (model, load_ns) = load(backend, request, stop)?;
    let mut outcome = answer_twice(&model, request, asked, &mut begins, stop)?;
    drop(model);
    let (_, load_again_ns) = load(backend, request, stop)?;
    (outcome.cached_share, outcome.load_ns, outcome.load_again_ns) = (cached_share, load_ns, load_again_ns);
    Ok(StartResponse::Measured(Box::new(outcome)))
}

fn ask(begins: &mut impl FnMut(StartPhase)) -> Clock {
    begins(StartPhase::Ask);
    Clock::start()
}

/// The part that needs a loaded model. `asked` is the start of the wait, if it has already begun.
fn answer_twice(
    model: &Model,
    request: &StartRequest,
    mut asked: Option<Clock>,
    begins: &mut impl FnMut(StartPhase),
    stop: &AtomicBool,
) -> Result<StartOutcome, EngineError> {
    if asked.is_none() && request.readiness < Readiness::Context {
        asked = Some(ask(begins));
    }
    let (mut session, context_ns) = context(model, request)?;
    let is_warmed = request.readiness >= Readiness::Warmed;
    let warm_generation_ns = if is_warmed { Some(warm(model, &mut session, stop)?) } else { None };
    let clock = asked.unwrap_or_else(|| ask(begins));
    let first = reply(model, &mut session, request, stop)?;
    let wait_ns = clock.now_ns();
    begins(StartPhase::Later);
    let later = (0..request.later).map(|_| reply(model, &mut session, request, stop)).collect::<Result<_, _>>()?;
    Ok(StartOutcome {
        cached_share: None,
        load_ns: 0,
        context_ns,
        warm_generation_ns,
        wait_first_ns: wait_ns - (first.elapsed_ns - first.ttft_ns),
        wait_ns,
        first,
        later,
        load_again_ns: 0,
        description: model.facts().description.clone(),
        lock: model.facts().lock(),
    })
}

/// Brings the page cache into the requested state and checks it. If the system does not report it, the file has at
/// least been read.
fn set_page_cache(request: &StartRequest, stop: &AtomicBool) -> Result<Option<f64>, String> {
    let path = &request.path;
    if request.readiness == Readiness::Cold {
        let left = drop_from_cache(path).map_err(|error| error.to_string())?;
        return if left <= COLD_AT_MOST {
            Ok(Some(left))
        } else {
            Err(format!(
                "{:.1} % of the file stayed in the page cache: another process has it open, or another user owns it",
                100.0 * left
            ))
        };
    }
    read_through(path, stop).map_err(|error| error.to_string())?;
    match cached_share(path) {
        Ok(share) if share >= WARM_AT_LEAST || stop.load(Ordering::Relaxed) => Ok(Some(share)),
        Ok(share) => {
            Err(format!("only {:.1} % of the file stayed in the page cache: too little memory", 100.0 * share))
        }
        Err(PageCacheError::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn load(backend: &'static Backend, request: &StartRequest, stop: &AtomicBool) -> Result<(Model, u64), EngineError> {
    let placement = Placement { n_gpu_layers: Some(request.n_gpu_layers), use_mmap: true, mlock: request.use_mlock };
    let clock = Clock::start();
    let model = Model::load(backend, &request.path, &placement, &mut |_| !stop.load(Ordering::Relaxed))?;
    Ok((model, clock.now_ns()))
}

fn context<'m>(model: &'m Model, request: &StartRequest) -> Result<(ModelSession<'m>, u64), EngineError> {
    let clock = Clock::start();
    let session = model.session(&request.conventions.context())?;
    Ok((session, clock.now_ns()))
}

/// The application's warm-up: a few words, answered with two tokens.
fn warm(model: &Model, session: &mut ModelSession<'_>, stop: &AtomicBool) -> Result<u64, EngineError> {
    let clock = Clock::start();
    session.turn(&model.tokenize(WARM_MESSAGE), WARM_TOKENS, stop)?;
    Ok(clock.now_ns())
}

fn reply(
    model: &Model,
    session: &mut ModelSession<'_>,
    request: &StartRequest,
    stop: &AtomicBool,
) -> Result<ReplyTimes, EngineError> {
    let mut conversation = Conversation::new(request.system.clone(), Conversation::CONTEXT_LIMIT);
    conversation.ask(request.message.clone());
    let prompt = request.conventions.prompt(model, &conversation.messages());
    let timing = request.conventions.answer(session, &prompt, request.n_gen as usize, stop)?;
    Ok(ReplyTimes { n_prompt: timing.n_prompt, ttft_ns: timing.ttft_ns, elapsed_ns: timing.elapsed_ns })
}
