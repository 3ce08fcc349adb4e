//! Why nothing can be watched.

use crate::failure::Failure;
use crate::host::{ProcessChoiceError, ProcessKind};
use crate::plan::WatchPlanError;

/// A requirement that this machine does not meet, or an impossible request.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Without the engine nothing is filled.
pub(crate) enum WatchError {
    /// A GPU is required.
    #[error("no GPU can be read: {reason}")]
    NoGpu {
        /// The reason.
        reason: String,
    },
    /// A named GPU does not exist.
    #[error("there is no {wanted}{}", if there.is_empty() { ": no GPU can be read".to_owned() } else { format!("; \
        there are {there}") })]
    NoSuchGpu {
        /// The requested GPU.
        wanted: String,
        /// The available GPUs.
        there: String,
    },
    /// There is no device to fill.
    #[error("there is no GPU to fill that ggml can use")]
    NothingToFill,
    /// A named device that ggml does not have.
    #[error("ggml has no device {wanted}; it has {there}")]
    NoSuchDevice {
        /// The requested device.
        wanted: String,
        /// The available devices.
        there: String,
    },
    /// A device that could be filled, but whose memory use is unknown.
    #[error("{device} cannot be matched to one of the driver's GPUs")]
    WhichGpu {
        /// Its name in ggml.
        device: String,
    },
    /// The machine has too little free memory for a simulated GPU.
    #[error("a simulated GPU of {wanted_mib} MiB needs more than half of the {free_mib} MiB of free memory")]
    CardTooLarge {
        /// Requested size in MiB.
        wanted_mib: u64,
        /// Free memory in MiB.
        free_mib: u64,
    },
    /// The GPU is already that full.
    #[error("{device} is already {full:.0} % full, so it cannot be filled to {wanted} %")]
    FullAlready {
        /// Its name in ggml.
        device: String,
        /// Current use in percent.
        full: f64,
        /// Requested use in percent.
        wanted: f64,
    },
    /// This build cannot allocate device memory.
    #[cfg(not(feature = "llama"))]
    #[error("this build has no engine and cannot allocate memory on a device")]
    NoEngine,
    /// The log already exists, or its folder does not.
    #[error("cannot write {}: {source}", path.display())]
    Log {
        /// The file.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        let (class, hint): (fn(WatchError) -> Self, _) = match &error {
            WatchError::NoGpu { .. } => (Self::lacking, "omit --require-gpu to watch the processes and the machine"),
            WatchError::NoSuchGpu { .. } => (Self::lacking, "workly-perf watch --once lists them"),
            WatchError::NothingToFill => (
                Self::lacking,
                "a build with --features vulkan or cuda uses GPUs; --device CPU simulates a GPU with part of the main \
                 memory",
            ),
            WatchError::NoSuchDevice { .. } => (Self::lacking, "name one of these with --device"),
            WatchError::WhichGpu { .. } => (Self::usage, "choose it with --gpu"),
            WatchError::CardTooLarge { .. } => (Self::lacking, "choose a smaller size with --card"),
            WatchError::FullAlready { .. } => (Self::lacking, "close the programs that use it, or give a larger share"),
            #[cfg(not(feature = "llama"))]
            WatchError::NoEngine => (Self::lacking, "build workly-perf with the feature llama"),
            WatchError::Log { .. } => (Self::usage, "give --csv a new file in an existing folder"),
        };
        class(error).hint(hint)
    }
}

impl From<WatchPlanError> for Failure {
    fn from(error: WatchPlanError) -> Self {
        let failure = match &error {
            WatchPlanError::Read { .. } => Self::usage(error),
            WatchPlanError::Rules { .. } => Self::unreadable(error),
        };
        failure.hint("--rules takes steady, documented, or a file like profiles/watch/steady.toml")
    }
}

impl From<ProcessChoiceError> for Failure {
    fn from(error: ProcessChoiceError) -> Self {
        let (class, hint): (fn(ProcessChoiceError) -> Self, _) = match &error {
            ProcessChoiceError::None { .. } => {
                let found = [ProcessKind::Workly, ProcessKind::UnityPlayer].map(ProcessKind::word).join("'s and the ");
                (Self::lacking, format!("start it first; {found}'s processes are found automatically"))
            }
            ProcessChoiceError::Several { .. } => (Self::usage, "choose one of them by its ID".into()),
        };
        class(error).hint(hint)
    }
}

#[cfg(feature = "llama")]
impl From<crate::llm::engine::ManagedMemory> for Failure {
    fn from(error: crate::llm::engine::ManagedMemory) -> Self {
        Self::usage(error).hint("unset it")
    }
}
