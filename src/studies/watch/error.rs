//! Why nothing can be watched.

use crate::failure::Failure;
use crate::host::{ProcessChoiceError, ProcessKind};
use crate::plan::WatchPlanError;

/// What this machine lacks, or what cannot be done on it.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Without the engine nothing is filled.
pub(crate) enum WatchError {
    /// A GPU was demanded.
    #[error("no GPU can be read: {reason}")]
    NoGpu {
        /// Why.
        reason: String,
    },
    /// A GPU was named.
    #[error("there is no {wanted}{}", if there.is_empty() { ": no GPU can be read".to_owned() } else { format!("; \
        there are {there}") })]
    NoSuchGpu {
        /// Which one.
        wanted: String,
        /// Those that are there.
        there: String,
    },
    /// There is nothing to fill.
    #[error("there is no GPU to fill that ggml can use")]
    NothingToFill,
    /// A device was named that ggml does not have.
    #[error("ggml has no device {wanted}; it has {there}")]
    NoSuchDevice {
        /// Which one.
        wanted: String,
        /// Those that are there.
        there: String,
    },
    /// A device could be filled, and nothing tells how full it is.
    #[error("{device} cannot be matched to one of the driver's GPUs")]
    WhichGpu {
        /// ggml's name of it.
        device: String,
    },
    /// The machine's memory is too full to take a piece of it.
    #[error("a simulated GPU of {wanted_mib} MiB needs more than half of the {free_mib} MiB of free memory")]
    CardTooLarge {
        /// What was asked for, in MiB.
        wanted_mib: u64,
        /// What is free, in MiB.
        free_mib: u64,
    },
    /// The card is that full already.
    #[error("{device} is already {full:.0} % full, so it cannot be filled to {wanted} %")]
    FullAlready {
        /// ggml's name of it.
        device: String,
        /// How full, in percent.
        full: f64,
        /// What was asked for, in percent.
        wanted: f64,
    },
    /// This build cannot take memory.
    #[cfg(not(feature = "llama"))]
    #[error("this build has no engine and cannot allocate memory on a device")]
    NoEngine,
    /// The log is there already, or its folder is not.
    #[error("cannot write {}: {source}", path.display())]
    Log {
        /// The file.
        path: std::path::PathBuf,
        /// The system's answer.
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
