//! Why a GPU cannot be queried.

/// Why a GPU cannot be queried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The vendor's driver is not installed.
    #[error("no {vendor} driver is installed: its library {library} is missing")]
    NoDriver {
        /// `NVIDIA`.
        vendor: &'static str,
        /// `NVML`.
        library: &'static str,
    },
    /// The user disabled the library.
    #[error("{variable}=none: {library} is disabled")]
    Disabled {
        /// The environment variable that disables it.
        variable: &'static str,
        /// `NVML`.
        library: &'static str,
    },
    /// The library exists but cannot be initialised.
    #[error("{library} does not respond: {reason}")]
    NoAnswer {
        /// `NVML`.
        library: &'static str,
        /// The error of the library or the system.
        reason: String,
    },
    /// The drivers respond but report no GPU.
    #[error("the {vendors} driver reports no GPU")]
    NoGpu {
        /// Vendors of the drivers.
        vendors: String,
    },
    /// A device is lost.
    #[error("GPU {index} is gone: {reason}")]
    Lost {
        /// Its index in the list of all GPUs.
        index: u32,
        /// The driver's error.
        reason: String,
    },
}
