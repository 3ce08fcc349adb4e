//! Whether memory leaks: of a model in this process, and of another process in use.

mod gpu_memory;
mod leak_metrics;
#[cfg(feature = "llama")]
mod own_model;
mod process;

pub(in crate::studies) use gpu_memory::{
    GpuMemory, GpuMemoryReader, over_time as vram_over_time, reasons as vram_missing,
};
#[cfg(feature = "llama")]
pub(crate) use own_model::TracedModel;
pub(crate) use process::{ProcessMemoryStudy, find_process};
