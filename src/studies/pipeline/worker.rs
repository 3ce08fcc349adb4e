//! A process that answers with what a process reads when it starts: the wait policy of its threads.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::responder::context;
use super::speaker_at::PrioritySpeaker;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host;
use crate::llm::ChatMessage;
use crate::llm::engine::{Backend, Model, Placement};
use crate::measure::{ModelSpeaker, Prompt, ReplyEnd, Speaker, SpeakerError, TokenReader, end_of, reader_of};
use crate::plan::CompanionSettings;
use crate::studies::worker_client::{WorkerAbort, WorkerSession};

/// How long a worker may take to load the model, and for one token.
const LOAD_WITHIN: Duration = Duration::from_secs(30 * 60);
const TOKEN_WITHIN: Duration = Duration::from_secs(600);

/// The variable that decides what OpenMP's threads do while they wait.
const WAIT_VARIABLE: &str = "OMP_WAIT_POLICY";

/// What a worker answers with. The first line on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ResponderSetup {
    path: PathBuf,
    n_gpu_layers: Option<u32>,
    arm: CompanionSettings,
    /// Tokens of a warm start; 0 for none.
    warm_tokens: usize,
}

/// What a worker does next. One line each, until standard input ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponderRequest {
    /// A fresh context.
    Fresh,
    /// An answer.
    Answer { tokens: Vec<i32>, n_gen: usize },
    /// The answer under way is not wanted any more.
    Stop,
}

/// What a worker says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponderResponse {
    /// The model is loaded.
    Loaded,
    /// A fresh context is there; how long its warm start took, in nanoseconds.
    Ready { warm_up_ns: Option<u64> },
    /// The prompt is about to be processed.
    Begins,
    /// A token was chosen.
    Token(i32),
    /// The answer is complete; anonymous memory of the process, in bytes.
    Done { anonymous_bytes: Option<u64> },
    /// It was told to stop.
    Stopped,
    /// It cannot do that.
    Failed(String),
}

/// A worker, from the side that asks.
pub(super) struct ResponderWorker {
    session: RefCell<WorkerSession<ResponderResponse>>,
    anonymous_bytes: RefCell<Option<u64>>,
}

impl ResponderWorker {
    /// Starts it with the settings of an arm, and waits until its model is loaded.
    pub(super) fn start(
        path: &Path,
        n_gpu_layers: Option<u32>,
        arm: &CompanionSettings,
        warm_tokens: usize,
        stop: &AtomicBool,
    ) -> Result<Self, SpeakerError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let warm_tokens = if arm.warm_start { warm_tokens } else { 0 };
        let setup = ResponderSetup { path, n_gpu_layers, arm: arm.clone(), warm_tokens };
        let environment = [(WAIT_VARIABLE, arm.wait_policy.name())];
        let mut session = WorkerSession::start("pipeline-worker", &setup, &environment).map_err(fault)?;
        match session.next(LOAD_WITHIN, stop).map_err(fault)? {
            ResponderResponse::Loaded => {
                Ok(Self { session: RefCell::new(session), anonymous_bytes: RefCell::new(None) })
            }
            answer => Err(unexpected(answer)),
        }
    }

    /// Anonymous memory of its process after the last answer.
    pub(super) fn anonymous_bytes(&self) -> Option<u64> {
        *self.anonymous_bytes.borrow()
    }

    /// Gives it a fresh context; how long the warm start took.
    pub(super) fn fresh(&self, stop: &AtomicBool) -> Result<Option<u64>, SpeakerError> {
        let mut session = self.session.borrow_mut();
        session.send(&ResponderRequest::Fresh).map_err(fault)?;
        match session.next(LOAD_WITHIN, stop).map_err(fault)? {
            ResponderResponse::Ready { warm_up_ns } => Ok(warm_up_ns),
            answer => Err(unexpected(answer)),
        }
    }

    fn answer(
        &self,
        request: &ResponderRequest,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError> {
        let mut session = self.session.borrow_mut();
        session.send(request).map_err(fault)?;
        let (mut done, mut is_told, never) = (0, false, AtomicBool::new(false));
        loop {
            if stop.load(Ordering::Relaxed) && !is_told {
                session.send(&ResponderRequest::Stop).map_err(fault)?;
                is_told = true;
            }
            // Once it was told, its last answer is still waited for.
            let answer = match session.next(TOKEN_WITHIN, if is_told { &never } else { stop }) {
                Err(WorkerAbort::Interrupted) => continue,
                answer => answer.map_err(fault)?,
            };
            match answer {
                ResponderResponse::Begins => said(None),
                ResponderResponse::Token(token) if !is_told => {
                    done += 1;
                    said(Some(token));
                }
                ResponderResponse::Token(_) => {}
                ResponderResponse::Done { anonymous_bytes } => {
                    *self.anonymous_bytes.borrow_mut() = anonymous_bytes;
                    return if is_told { Err(SpeakerError::Stopped { done }) } else { Ok(()) };
                }
                ResponderResponse::Stopped => return Err(SpeakerError::Stopped { done }),
                other => return Err(unexpected(other)),
            }
        }
    }
}

fn fault(error: WorkerAbort) -> SpeakerError {
    match error {
        WorkerAbort::Interrupted => SpeakerError::Stopped { done: 0 },
        WorkerAbort::Failed(reason) => SpeakerError::Worker { reason },
    }
}

fn unexpected(answer: ResponderResponse) -> SpeakerError {
    match answer {
        ResponderResponse::Stopped => SpeakerError::Stopped { done: 0 },
        ResponderResponse::Failed(reason) => SpeakerError::Worker { reason },
        other => SpeakerError::Worker { reason: format!("it answered {other:?}") },
    }
}

/// Answers by a worker. Prompts are built and tokens read here, with the same model: neither computes.
pub(super) struct WorkerSpeaker<'m> {
    pub(super) model: &'m Model,
    pub(super) worker: &'m ResponderWorker,
}

impl<'m> Speaker<'m> for WorkerSpeaker<'m> {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        Prompt::of_app(self.model, messages)
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError> {
        let request = ResponderRequest::Answer { tokens: prompt.tokens.clone(), n_gen };
        self.worker.answer(&request, stop, said)
    }

    fn end_of(&self, tokens: &[i32]) -> ReplyEnd {
        end_of(self.model, tokens)
    }

    fn reader(&self) -> TokenReader<'m> {
        reader_of(self.model)
    }
}

/// Answers what standard input asks for, in this process. `tell` is handed every answer.
pub(crate) fn serve_responder(
    setup: &ResponderSetup,
    tell: impl Fn(&ResponderResponse) + Sync,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let ResponderSetup { arm, n_gpu_layers, .. } = setup;
    let placement = Placement { n_gpu_layers: *n_gpu_layers, use_mmap: arm.use_mmap, mlock: arm.use_mlock };
    let mut goes_on = |_| !stop.load(Ordering::Relaxed);
    let model = Model::load(backend, &setup.path, &placement, &mut goes_on)?;
    tell(&ResponderResponse::Loaded);
    let halt = Arc::new(AtomicBool::new(false));
    let mut speaker = None;
    for request in requests(Arc::clone(&halt), stop) {
        let answer = match request {
            // It came after the answer that it was meant for.
            ResponderRequest::Stop => {
                halt.store(false, Ordering::Relaxed);
                continue;
            }
            ResponderRequest::Fresh => fresh(setup, &model, &halt).map(|(fresh, warm_up_ns)| {
                speaker = Some(fresh);
                ResponderResponse::Ready { warm_up_ns }
            }),
            ResponderRequest::Answer { tokens, n_gen } => {
                let prompt = Prompt { tokens, template: "" };
                let mut said =
                    |token: Option<i32>| tell(&token.map_or(ResponderResponse::Begins, ResponderResponse::Token));
                let done = match &mut speaker {
                    Some(speaker) => speaker.answer(&prompt, n_gen, &halt, &mut said),
                    None => Err(SpeakerError::Worker { reason: "it has no context yet".into() }),
                };
                let anonymous_bytes = host::anonymous_bytes().value().copied();
                done.map(|()| ResponderResponse::Done { anonymous_bytes })
            }
        };
        halt.store(false, Ordering::Relaxed);
        tell(&answer.unwrap_or_else(|error| {
            if error.is_stop() { ResponderResponse::Stopped } else { ResponderResponse::Failed(error.to_string()) }
        }));
    }
    Ok(())
}

/// What is asked for. A wish to stop raises the flag at once, while the answer is under way; so does the end of this process's task.
fn requests(halt: Arc<AtomicBool>, stop: &Arc<AtomicBool>) -> Receiver<ResponderRequest> {
    let (sender, requests) = channel();
    let stop = Arc::clone(stop);
    // Never joined: it waits until standard input ends.
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let Ok(request) = serde_json::from_str(&line) else { break };
            if matches!(request, ResponderRequest::Stop) || stop.load(Ordering::Relaxed) {
                halt.store(true, Ordering::Relaxed);
            }
            if sender.send(request).is_err() {
                return;
            }
        }
        halt.store(true, Ordering::Relaxed);
    });
    requests
}

fn fresh<'m>(
    setup: &ResponderSetup,
    model: &'m Model,
    halt: &AtomicBool,
) -> Result<(PrioritySpeaker<'m>, Option<u64>), SpeakerError> {
    let session = model.session(&context(&setup.arm))?;
    let mut speaker = PrioritySpeaker::new(ModelSpeaker::new(model, session), setup.arm.priority);
    let clock = Clock::start();
    if setup.warm_tokens == 0 {
        return Ok((speaker, None));
    }
    speaker.warm_up(setup.warm_tokens, halt)?;
    Ok((speaker, Some(clock.now_ns())))
}
