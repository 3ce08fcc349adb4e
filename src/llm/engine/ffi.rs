//! The file that calls llama.cpp's C interface itself: for the log, for contexts, and for what llama.cpp says of itself.
//! (What memory a placement would take is asked in C++: `projection/`.)
//!
//! The safe crate has none of the three in the form that is needed here: its log goes through a global tracing
//! subscriber, its contexts change neither their threads nor stop inside a batch, and it has no descriptions.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use llama_cpp_2::model::LlamaModel;
use llama_cpp_sys_2 as sys;

use super::log::{Log, LogLevel, Piece};
use super::{ContextSpec, FlashAttention, ForeseenBytes, ForeseenDevice, KvType, Sampling, Token, projection};

/// Sends what llama.cpp and ggml say to `log` from now on, for the whole process.
pub(super) fn capture_log(log: &'static Log) {
    // SAFETY: `keep` has the signature that is asked for, and its data is a `Log` that is never freed and is made for
    // being shared between threads. llama.cpp hands the same callback to ggml.
    unsafe { sys::llama_log_set(Some(keep), ptr::from_ref(log).cast_mut().cast()) }
}

/// Puts one piece of text into the log that `data` is. Nothing in here panics: it could not unwind through C++.
unsafe extern "C" fn keep(level: sys::ggml_log_level, text: *const c_char, data: *mut c_void) {
    let piece = match level {
        sys::GGML_LOG_LEVEL_DEBUG => Piece::Debug,
        sys::GGML_LOG_LEVEL_WARN => Piece::Starts(LogLevel::Warn),
        sys::GGML_LOG_LEVEL_ERROR => Piece::Starts(LogLevel::Error),
        sys::GGML_LOG_LEVEL_CONT => Piece::Continues,
        _ => Piece::Starts(LogLevel::Info),
    };
    // SAFETY: `data` is the `&'static Log` of `capture_log`.
    let log = unsafe { &*data.cast_const().cast::<Log>() };
    // SAFETY: ggml passes the text that it has formatted, which ends with a zero byte and stays until this returns.
    log.push(piece, &unsafe { text_at(text) });
}

/// A text of C; empty where there is none.
///
/// # Safety
///
/// `text` is null, or points to bytes that end with a zero byte and stay as they are during the call.
unsafe fn text_at(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as this function demands.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// ggml's account of its devices and what they use: `CPU : AVX = 1 | AVX2 = 1 | `.
pub(super) fn system_info() -> String {
    // llama.cpp writes the text into one string of the process, anew at each call.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the text ends with a zero byte and stays until the next call, which waits for the lock.
    unsafe { text_at(sys::llama_print_system_info()) }
}

/// The version of ggml, and the commit of llama.cpp if the sources knew it.
pub(super) fn versions() -> (String, String) {
    // SAFETY: both are constant texts of the program.
    unsafe { (text_at(sys::ggml_version()), text_at(sys::ggml_commit())) }
}

/// What llama.cpp calls the model: `llama 7B Q5_K - Medium`.
pub(super) fn description(model: &LlamaModel) -> String {
    let mut bytes = [0_u8; 256];
    // SAFETY: the model lives, and llama.cpp writes at most as many bytes as it is told, the zero byte included.
    unsafe { sys::llama_model_desc(raw_model(model), bytes.as_mut_ptr().cast(), bytes.len()) };
    CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether the model is one that continues a text, rather than one that first encodes it as a whole.
pub(super) fn continues_text(model: &LlamaModel) -> bool {
    // SAFETY: the model lives.
    unsafe { sys::llama_model_has_decoder(raw_model(model)) && !sys::llama_model_has_encoder(raw_model(model)) }
}

const _: () = assert!(size_of::<LlamaModel>() == size_of::<*mut sys::llama_model>());

/// llama.cpp's own pointer to a model, valid as long as the model lives.
fn raw_model(model: &LlamaModel) -> *mut sys::llama_model {
    // SAFETY: `LlamaModel` is declared transparent over that pointer and its version is pinned; the assertion above
    // notices if it ever became more than a pointer.
    unsafe { *ptr::from_ref(model).cast::<*mut sys::llama_model>() }
}

/// A context of llama.cpp. It ends before its model does.
#[derive(Debug)]
pub(super) struct Context<'m> {
    pointer: NonNull<sys::llama_context>,
    n_vocab: usize,
    model: PhantomData<&'m LlamaModel>,
}

// SAFETY: a context belongs to no thread. It is not shared between threads: all that computes takes `&mut`.
unsafe impl Send for Context<'_> {}

impl<'m> Context<'m> {
    /// A context on the model; `None` when llama.cpp refuses, and its log says why. `spec` has passed its check.
    pub(super) fn new(model: &'m LlamaModel, spec: &ContextSpec) -> Option<Self> {
        // Making a context writes to the model, so two at once would race.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the model lives longer than the context, by `'m`; the parameters hold no pointers but the defaults'.
        let context = unsafe { sys::llama_init_from_model(raw_model(model), parameters(spec)) };
        let n_vocab = usize::try_from(model.n_vocab()).unwrap_or(0);
        NonNull::new(context).map(|pointer| Self { pointer, n_vocab, model: PhantomData })
    }

    /// Tokens that it holds.
    pub(super) fn n_ctx(&self) -> u32 {
        // SAFETY: the context lives.
        unsafe { sys::llama_n_ctx(self.pointer.as_ptr()) }
    }

    /// The most tokens that can be handed over at once.
    pub(super) fn n_batch(&self) -> u32 {
        // SAFETY: the context lives.
        unsafe { sys::llama_n_batch(self.pointer.as_ptr()) }
    }

    /// Tokens that are computed at once.
    pub(super) fn n_ubatch(&self) -> u32 {
        // SAFETY: the context lives.
        unsafe { sys::llama_n_ubatch(self.pointer.as_ptr()) }
    }

    /// What it and its model hold: each device's share, and the machine's.
    pub(super) fn held(&self, model: &LlamaModel) -> Option<(Vec<ForeseenDevice>, ForeseenBytes)> {
        // SAFETY: both live, and the context was made on this model: a session has no other.
        unsafe { projection::held(raw_model(model), self.pointer.as_ptr()) }
    }

    /// Sets the threads of generation and of prompt processing. Both have passed their check.
    pub(super) fn set_threads(&mut self, n_threads: u32, n_threads_batch: u32) {
        // SAFETY: the context lives and computes nothing now.
        unsafe { sys::llama_set_n_threads(self.pointer.as_ptr(), signed(n_threads), signed(n_threads_batch)) }
    }

    /// Forgets all tokens.
    pub(super) fn clear(&mut self) {
        // SAFETY: the context lives. Models that keep no memory have none to clear.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            if !memory.is_null() {
                sys::llama_memory_clear(memory, false);
            }
        }
    }

    /// Forgets all but the first `n` tokens; false where the model's memory cannot be cut there, and then it may hold anything.
    pub(super) fn keep_first(&mut self, n: usize) -> bool {
        let Ok(from) = i32::try_from(n) else { return false };
        // SAFETY: the context lives. Sequence 0 is the only one there is; -1 is the end.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            !memory.is_null() && sys::llama_memory_seq_rm(memory, 0, from, -1)
        }
    }

    /// Computes, until `stop` is set: then the CPU stops even inside a batch.
    pub(super) fn run<T>(&mut self, stop: &AtomicBool, work: impl FnOnce(&mut Run<'_>) -> T) -> T {
        let mut run = Run { pointer: self.pointer, n_vocab: self.n_vocab, lives: PhantomData };
        // SAFETY: the context lives. `stop` lives until this function ends, and `run` takes the callback away before,
        // even when `work` panics: it is dropped here and nobody else can own it.
        unsafe {
            let flag = ptr::from_ref(stop).cast_mut().cast();
            sys::llama_set_abort_callback(self.pointer.as_ptr(), Some(is_set), flag);
        }
        work(&mut run)
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: it was made by llama.cpp, is freed once, and its model still lives.
        unsafe { sys::llama_free(self.pointer.as_ptr()) }
    }
}

/// Whether the flag that `data` is has been set.
unsafe extern "C" fn is_set(data: *mut c_void) -> bool {
    // SAFETY: `data` is the flag that `Context::run` borrows for as long as this callback is set.
    unsafe { &*data.cast_const().cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

/// A context that computes.
pub(super) struct Run<'c> {
    pointer: NonNull<sys::llama_context>,
    n_vocab: usize,
    lives: PhantomData<&'c mut ()>,
}

impl Run<'_> {
    /// Computes tokens that follow those before, and the logits of the last one. At most [`Context::n_batch`] at once.
    /// An error is llama.cpp's code.
    pub(super) fn decode(&mut self, tokens: &[Token]) -> Result<(), i32> {
        let n = i32::try_from(tokens.len()).map_err(|_| -1)?;
        // SAFETY: the context lives. The batch points to `tokens`, which llama.cpp reads during the call and never
        // writes.
        let code = unsafe {
            let batch = sys::llama_batch_get_one(tokens.as_ptr().cast_mut(), n);
            sys::llama_decode(self.pointer.as_ptr(), batch)
        };
        if code == 0 { Ok(()) } else { Err(code) }
    }

    /// Waits until all that was handed over is computed.
    pub(super) fn synchronize(&mut self) {
        // SAFETY: the context lives.
        unsafe { sys::llama_synchronize(self.pointer.as_ptr()) }
    }

    /// Waits, then gives the logits of the last token, one for each token of the vocabulary; `None` before the first
    /// decode.
    pub(super) fn logits(&mut self) -> Option<&[f32]> {
        // SAFETY: the context lives; the logits of one token are as many as the vocabulary has tokens, and stay until
        // the next decode, which needs the borrow back.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.pointer.as_ptr(), -1);
            (!logits.is_null()).then(|| std::slice::from_raw_parts(logits, self.n_vocab))
        }
    }
}

impl Run<'_> {
    /// Waits, then chooses the next token as that sampler does; `None` before the first decode.
    pub(super) fn sample(&mut self, sampler: &mut Sampler) -> Option<Token> {
        self.logits()?;
        // SAFETY: the context and the sampler live, and there are logits, as was just seen.
        Some(unsafe { sys::llama_sampler_sample(sampler.chain.as_ptr(), self.pointer.as_ptr(), -1) })
    }
}

/// A chain of llama.cpp's samplers.
#[derive(Debug)]
pub(super) struct Sampler {
    chain: NonNull<sys::llama_sampler>,
}

impl Sampler {
    /// The chain for those values; a repetition penalty of 1 changes nothing and is left out. `None` if llama.cpp makes none.
    pub(super) fn new(sampling: &Sampling, seed: u32) -> Option<Self> {
        // SAFETY: the chain owns what is added to it, and frees it with itself.
        unsafe {
            let chain = NonNull::new(sys::llama_sampler_chain_init(sys::llama_sampler_chain_default_params()))?;
            for link in [
                sys::llama_sampler_init_top_k(sampling.top_k),
                sys::llama_sampler_init_top_p(sampling.top_p, 1),
                sys::llama_sampler_init_min_p(sampling.min_p, 1),
                sys::llama_sampler_init_temp(sampling.temperature),
                sys::llama_sampler_init_dist(seed),
            ] {
                sys::llama_sampler_chain_add(chain.as_ptr(), link);
            }
            Some(Self { chain })
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // SAFETY: it was made by llama.cpp and is freed once.
        unsafe { sys::llama_sampler_free(self.chain.as_ptr()) }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // SAFETY: the context lives, by `'c`. What still computes may ask the flag, so it is waited for first.
        unsafe {
            sys::llama_synchronize(self.pointer.as_ptr());
            sys::llama_set_abort_callback(self.pointer.as_ptr(), None, ptr::null_mut());
        }
    }
}

/// The context's description in llama.cpp's terms. What it does not describe stays as llama.cpp has it, and llama-bench
/// too.
pub(super) fn parameters(spec: &ContextSpec) -> sys::llama_context_params {
    // SAFETY: it reads nothing but constants.
    let mut parameters = unsafe { sys::llama_context_default_params() };
    parameters.n_ctx = spec.n_ctx;
    parameters.n_batch = spec.n_batch;
    parameters.n_ubatch = spec.n_ubatch;
    parameters.n_threads = signed(spec.n_threads);
    parameters.n_threads_batch = signed(spec.n_threads_batch);
    parameters.type_k = ggml_type(spec.type_k);
    parameters.type_v = ggml_type(spec.type_v);
    parameters.flash_attn_type = match spec.flash_attention {
        FlashAttention::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
        FlashAttention::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    parameters
}

fn ggml_type(kind: KvType) -> sys::ggml_type {
    match kind {
        KvType::F32 => sys::GGML_TYPE_F32,
        KvType::F16 => sys::GGML_TYPE_F16,
        KvType::Bf16 => sys::GGML_TYPE_BF16,
        KvType::Q8_0 => sys::GGML_TYPE_Q8_0,
        KvType::Q4_0 => sys::GGML_TYPE_Q4_0,
        KvType::Q4_1 => sys::GGML_TYPE_Q4_1,
        KvType::Q5_0 => sys::GGML_TYPE_Q5_0,
        KvType::Q5_1 => sys::GGML_TYPE_Q5_1,
        KvType::Iq4Nl => sys::GGML_TYPE_IQ4_NL,
    }
}

/// A checked number of threads as C counts them.
fn signed(threads: u32) -> i32 {
    i32::try_from(threads).unwrap_or(i32::MAX)
}
