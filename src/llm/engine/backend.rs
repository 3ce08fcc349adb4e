//! llama.cpp in this process: started once, quiet, and asked what it is.

use std::sync::OnceLock;

use llama_cpp_2::list_llama_ggml_backend_devices;
use llama_cpp_2::llama_backend::LlamaBackend;

use super::log::Log;
use super::{Device, EngineError, ffi, vector_warning};

static LOG: Log = Log::new();
static BACKEND: OnceLock<Result<Backend, String>> = OnceLock::new();

/// llama.cpp, started.
#[derive(Debug)]
pub struct Backend {
    pub(super) llama: LlamaBackend,
}

impl Backend {
    /// Starts llama.cpp, the first time in this process; later calls get the same. From then on nothing that it says is
    /// printed.
    pub fn start() -> Result<&'static Self, EngineError> {
        let started = BACKEND.get_or_init(|| {
            ffi::capture_log(&LOG);
            load_libraries();
            LlamaBackend::init().map(|llama| Self { llama }).map_err(|error| error.to_string())
        });
        let backend = started.as_ref().map_err(|detail| EngineError::Backend { detail: detail.clone() })?;
        if list_llama_ggml_backend_devices().is_empty() {
            return Err(EngineError::Backend {
                detail: "the libraries of its CPU variants are not next to the program".into(),
            });
        }
        Ok(backend)
    }

    /// What llama.cpp has said in this process.
    #[must_use]
    pub fn log(&self) -> &'static Log {
        &LOG
    }

    /// ggml's account of its devices and of the vector units that they use, as llama.cpp's own tools print it.
    #[must_use]
    pub fn system_info(&self) -> String {
        ffi::system_info().trim_end_matches([' ', '|']).to_owned()
    }

    /// A warning if this build leaves vector units of this CPU unused.
    #[must_use]
    pub fn vector_units(&self) -> Option<String> {
        vector_warning(&self.system_info())
    }

    /// The version of ggml, and the commit of llama.cpp; `unknown` where it was built outside of its repository.
    #[must_use]
    pub fn versions(&self) -> (String, String) {
        ffi::versions()
    }

    /// The devices that layers can be placed on, the CPU included.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        list_llama_ggml_backend_devices().into_iter().map(Device::from).collect()
    }

    /// Whether there is a GPU that this build can use.
    #[must_use]
    pub fn supports_gpu(&self) -> bool {
        self.llama.supports_gpu_offload()
    }

    /// Whether this system can lock weights into memory.
    #[must_use]
    pub fn supports_mlock(&self) -> bool {
        self.llama.supports_mlock()
    }
}

/// Loads the CPU variants and devices that were built as libraries: they lie beside the program, or beside its tests.
#[cfg(feature = "dynamic-backends")]
fn load_libraries() {
    let program = std::env::current_exe().ok();
    for folder in program.iter().flat_map(|program| program.ancestors().skip(1).take(2)) {
        // The crate panics for other folders; the next one may do.
        if folder.to_str().is_some() {
            llama_cpp_2::llama_backend::load_backends_from_path(folder);
        }
        if !list_llama_ggml_backend_devices().is_empty() {
            return;
        }
    }
}

/// All that there is was linked in.
#[cfg(not(feature = "dynamic-backends"))]
fn load_libraries() {}
