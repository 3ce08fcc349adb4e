//! Direct calls of llama.cpp's C interface: for the log, contexts, and descriptions. (The memory of a placement is
//! queried in C++: `projection/`.)
//!
//! The safe crate does not offer these in the required form: its log uses a global tracing subscriber, its contexts can
//! neither change their threads nor stop inside a batch, and it has no descriptions.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use llama_cpp_2::model::LlamaModel;
use llama_cpp_sys_2 as sys;

use super::log::{EngineLog, LogLevel, LogPiece};
use super::{ContextSpec, FlashAttention, KvType, ProjectedBytes, ProjectedDevice, Sampling, Token, projection};

/// Sends the output of llama.cpp and ggml to `log` from now on, for the whole process.
pub(super) fn capture_log(log: &'static EngineLog) {
    // SAFETY: `keep` has the required signature, and its data is an `EngineLog` that is never freed and may be shared
    // between threads. llama.cpp passes the same callback to ggml.
    unsafe { sys::llama_log_set(Some(keep), ptr::from_ref(log).cast_mut().cast()) }
}

/// Appends a piece of text to the log at `data`. Nothing here panics, since unwinding through C++ is not possible.
unsafe extern "C" fn keep(level: sys::ggml_log_level, text: *const c_char, data: *mut c_void) {
    let piece = match level {
        sys::GGML_LOG_LEVEL_DEBUG => LogPiece::Debug,
        sys::GGML_LOG_LEVEL_WARN => LogPiece::Starts(LogLevel::Warn),
        sys::GGML_LOG_LEVEL_ERROR => LogPiece::Starts(LogLevel::Error),
        sys::GGML_LOG_LEVEL_CONT => LogPiece::Continues,
        _ => LogPiece::Starts(LogLevel::Info),
    };
    // SAFETY: `data` is the `&'static EngineLog` of `capture_log`.
    let log = unsafe { &*data.cast_const().cast::<EngineLog>() };
    // SAFETY: ggml passes formatted text that ends with a zero byte and is valid until this returns.
    log.push(piece, &unsafe { text_at(text) });
}

/// A C string; empty for null.
///
/// # Safety
///
/// `text` is null, or points to bytes that end with a zero byte and do not change during the call.
unsafe fn text_at(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as required by this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// ggml's description of its devices and their features: `CPU : AVX = 1 | AVX2 = 1 | `.
pub(super) fn system_info() -> String {
    // llama.cpp writes the text into one string per process at each call.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the text ends with a zero byte and is valid until the next call, which waits for the lock.
    unsafe { text_at(sys::llama_print_system_info()) }
}

/// The version of ggml, and the commit of llama.cpp if its sources contained it.
pub(super) fn versions() -> (String, String) {
    // SAFETY: both are constant strings of the program.
    unsafe { (text_at(sys::ggml_version()), text_at(sys::ggml_commit())) }
}

/// llama.cpp's description of the model: `llama 7B Q5_K - Medium`.
pub(super) fn description(model: &LlamaModel) -> String {
    let mut bytes = [0_u8; 256];
    // SAFETY: the model is alive, and llama.cpp writes at most the given number of bytes, including the zero byte.
    unsafe { sys::llama_model_desc(raw_model(model), bytes.as_mut_ptr().cast(), bytes.len()) };
    CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether the model continues text, rather than encoding all of it first.
pub(super) fn continues_text(model: &LlamaModel) -> bool {
    // SAFETY: the model is alive.
    unsafe { sys::llama_model_has_decoder(raw_model(model)) && !sys::llama_model_has_encoder(raw_model(model)) }
}

/// ggml's names of all devices but the CPU, without asking the devices anything.
pub(super) fn device_names() -> Vec<String> {
    // SAFETY: the indices are below the number of devices, which live as long as the process, and so do their names.
    unsafe {
        (0..sys::ggml_backend_dev_count())
            .map(|index| sys::ggml_backend_dev_get(index))
            .filter(|&device| sys::ggml_backend_dev_type(device) != sys::GGML_BACKEND_DEVICE_TYPE_CPU)
            .map(|device| CStr::from_ptr(sys::ggml_backend_dev_name(device)).to_string_lossy().into_owned())
            .collect()
    }
}

const _: () = assert!(size_of::<LlamaModel>() == size_of::<*mut sys::llama_model>());

/// llama.cpp's pointer to a model, valid while the model is alive.
fn raw_model(model: &LlamaModel) -> *mut sys::llama_model {
    // SAFETY: `LlamaModel` is declared transparent over that pointer and its version is pinned; the assertion above
    // fails if it ever becomes more than a pointer.
    unsafe { *ptr::from_ref(model).cast::<*mut sys::llama_model>() }
}

/// A llama.cpp context, which must not outlive its model.
#[derive(Debug)]
pub(super) struct LlamaContext<'m> {
    pointer: NonNull<sys::llama_context>,
    n_vocab: usize,
    model: PhantomData<&'m LlamaModel>,
}

// SAFETY: a context is not bound to a thread. It is not shared between threads: everything that computes takes `&mut`.
unsafe impl Send for LlamaContext<'_> {}

impl<'m> LlamaContext<'m> {
    /// Creates a context of the model; `None` if llama.cpp refuses, with the reason in its log. `spec` has been
    /// checked.
    pub(super) fn new(model: &'m LlamaModel, spec: &ContextSpec) -> Option<Self> {
        // Creating a context writes to the model, so two at once would race.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the model outlives the context, by `'m`; the parameters contain no pointers but the defaults'.
        let context = unsafe { sys::llama_init_from_model(raw_model(model), parameters(spec)) };
        let n_vocab = usize::try_from(model.n_vocab()).unwrap_or(0);
        NonNull::new(context).map(|pointer| Self { pointer, n_vocab, model: PhantomData })
    }

    /// Context size in tokens.
    pub(super) fn n_ctx(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ctx(self.pointer.as_ptr()) }
    }

    /// Logical batch size in tokens.
    pub(super) fn n_batch(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_batch(self.pointer.as_ptr()) }
    }

    /// Physical batch size in tokens.
    pub(super) fn n_ubatch(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ubatch(self.pointer.as_ptr()) }
    }

    /// Memory held by it and its model: per device, and of the machine.
    pub(super) fn held(&self, model: &LlamaModel) -> Option<(Vec<ProjectedDevice>, ProjectedBytes)> {
        // SAFETY: both are alive, and the context was created from this model: a session has no other.
        unsafe { projection::held(raw_model(model), self.pointer.as_ptr()) }
    }

    /// Sets the threads for generation and prompt processing. Both have been checked.
    pub(super) fn set_threads(&mut self, n_threads: u32, n_threads_batch: u32) {
        // SAFETY: the context is alive and not computing.
        unsafe { sys::llama_set_n_threads(self.pointer.as_ptr(), signed(n_threads), signed(n_threads_batch)) }
    }

    /// Removes all tokens.
    pub(super) fn clear(&mut self) {
        // SAFETY: the context is alive. Models without such memory have nothing to clear.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            if !memory.is_null() {
                sys::llama_memory_clear(memory, false);
            }
        }
    }

    /// Removes all but the first `n` tokens; false if the model's memory cannot be cut there, in which case its content
    /// is undefined.
    pub(super) fn keep_first(&mut self, n: usize) -> bool {
        let Ok(from) = i32::try_from(n) else { return false };
        // SAFETY: the context is alive. Sequence 0 is the only one; -1 is the end.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            !memory.is_null() && sys::llama_memory_seq_rm(memory, 0, from, -1)
        }
    }

    /// Computes until `stop` is set, which stops the CPU even inside a batch.
    pub(super) fn run<T>(&mut self, stop: &AtomicBool, work: impl FnOnce(&mut ComputingContext<'_>) -> T) -> T {
        let mut run = ComputingContext { pointer: self.pointer, n_vocab: self.n_vocab, lives: PhantomData };
        // SAFETY: the context is alive. `stop` lives until this function ends, and `run` is dropped before, which
        // removes the callback even if `work` panics, since no one else can own it.
        unsafe {
            let flag = ptr::from_ref(stop).cast_mut().cast();
            sys::llama_set_abort_callback(self.pointer.as_ptr(), Some(is_set), flag);
        }
        work(&mut run)
    }
}

impl Drop for LlamaContext<'_> {
    fn drop(&mut self) {
        // SAFETY: llama.cpp created it, it is freed once, and its model is still alive.
        unsafe { sys::llama_free(self.pointer.as_ptr()) }
    }
}

/// Whether the flag at `data` is set.
unsafe extern "C" fn is_set(data: *mut c_void) -> bool {
    // SAFETY: `data` is the flag that `LlamaContext::run` borrows while this callback is set.
    unsafe { &*data.cast_const().cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

/// A context while it computes.
pub(super) struct ComputingContext<'c> {
    pointer: NonNull<sys::llama_context>,
    n_vocab: usize,
    lives: PhantomData<&'c mut ()>,
}

impl ComputingContext<'_> {
    /// Computes tokens that follow the previous ones, and the logits of the last. At most [`LlamaContext::n_batch`] tokens.
    /// The error is llama.cpp's code.
    pub(super) fn decode(&mut self, tokens: &[Token]) -> Result<(), i32> {
        let n = i32::try_from(tokens.len()).map_err(|_| -1)?;
        // SAFETY: the context is alive. The batch points to `tokens`, which llama.cpp reads during the call and never
        // writes.
        let code = unsafe {
            let batch = sys::llama_batch_get_one(tokens.as_ptr().cast_mut(), n);
            sys::llama_decode(self.pointer.as_ptr(), batch)
        };
        if code == 0 { Ok(()) } else { Err(code) }
    }

    /// Waits until everything submitted has been computed.
    pub(super) fn synchronize(&mut self) {
        // SAFETY: the context is alive.
        unsafe { sys::llama_synchronize(self.pointer.as_ptr()) }
    }

    /// Waits, then returns the logits of the last token, one per token of the vocabulary; `None` before the first
    /// decode.
    pub(super) fn logits(&mut self) -> Option<&[f32]> {
        // SAFETY: the context is alive; there is one logit per token of the vocabulary, valid until the next decode,
        // which needs the borrow back.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.pointer.as_ptr(), -1);
            (!logits.is_null()).then(|| std::slice::from_raw_parts(logits, self.n_vocab))
        }
    }
}

impl ComputingContext<'_> {
    /// Waits, then samples the next token; `None` before the first decode.
    pub(super) fn sample(&mut self, sampler: &mut SamplerChain) -> Option<Token> {
        self.logits()?;
        // SAFETY: context and sampler are alive, and there are logits, as checked above.
        Some(unsafe { sys::llama_sampler_sample(sampler.chain.as_ptr(), self.pointer.as_ptr(), -1) })
    }
}

/// A chain of llama.cpp's samplers.
#[derive(Debug)]
pub(super) struct SamplerChain {
    chain: NonNull<sys::llama_sampler>,
}

impl SamplerChain {
    /// The chain for these values; a repetition penalty of 1 has no effect and is left out. `None` if llama.cpp cannot
    /// create it.
    pub(super) fn new(sampling: &Sampling, seed: u32) -> Option<Self> {
        // SAFETY: the chain owns the samplers added to it and frees them with itself.
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

impl Drop for SamplerChain {
    fn drop(&mut self) {
        // SAFETY: llama.cpp created it, and it is freed once.
        unsafe { sys::llama_sampler_free(self.chain.as_ptr()) }
    }
}

impl Drop for ComputingContext<'_> {
    fn drop(&mut self) {
        // SAFETY: the context is alive, by `'c`. Pending computation may still read the flag, so it is awaited first.
        unsafe {
            sys::llama_synchronize(self.pointer.as_ptr());
            sys::llama_set_abort_callback(self.pointer.as_ptr(), None, ptr::null_mut());
        }
    }
}

/// The description in llama.cpp's terms. Everything else keeps the defaults of llama.cpp, as in llama-bench.
pub(super) fn parameters(spec: &ContextSpec) -> sys::llama_context_params {
    // SAFETY: it only reads constants.
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

/// A checked thread count as a C integer.
fn signed(threads: u32) -> i32 {
    i32::try_from(threads).unwrap_or(i32::MAX)
}
