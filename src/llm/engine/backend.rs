//! llama.cpp in this process: started once, without output, and its description of itself.

use std::sync::OnceLock;

use llama_cpp_2::list_llama_ggml_backend_devices;
use llama_cpp_2::llama_backend::LlamaBackend;

use super::log::EngineLog;
use super::{BackendFile, Device, DeviceKind, EngineError, ffi, vector_warning};

static LOG: EngineLog = EngineLog::new();
static BACKEND: OnceLock<Result<Backend, String>> = OnceLock::new();

/// llama.cpp after its start.
#[derive(Debug)]
pub struct Backend {
    pub(super) llama: LlamaBackend,
    files: Vec<BackendFile>,
}

impl Backend {
    /// Starts llama.cpp on the first call in this process; later calls return the same. From then on, nothing of its
    /// output is printed.
    pub fn start() -> Result<&'static Self, EngineError> {
        let started = BACKEND.get_or_init(|| {
            ffi::capture_log(&LOG);
            let files = load_libraries();
            LlamaBackend::init().map(|llama| Self { llama, files }).map_err(|error| error.to_string())
        });
        let backend = started.as_ref().map_err(|detail| EngineError::Backend { detail: detail.clone() })?;
        // llama.cpp needs the CPU beside a GPU too.
        if !backend.devices().iter().any(|device| device.kind == DeviceKind::Cpu) {
            return Err(EngineError::Backend { detail: without_cpu(&backend.files) });
        }
        Ok(backend)
    }

    /// The backend files next to the program, with their states; none if all backends are part of the program.
    #[must_use]
    pub fn files(&self) -> &[BackendFile] {
        &self.files
    }

    /// Those of [`Backend::files`] that a record keeps: loaded and refused ones.
    #[must_use]
    pub fn notable_files(&self) -> Vec<&BackendFile> {
        self.files.iter().filter(|file| file.is_notable()).collect()
    }

    /// llama.cpp's output in this process.
    #[must_use]
    pub fn log(&self) -> &'static EngineLog {
        &LOG
    }

    /// ggml's description of its devices and their vector units, as printed by llama.cpp's own tools.
    #[must_use]
    pub fn system_info(&self) -> String {
        ffi::system_info().trim_end_matches([' ', '|']).to_owned()
    }

    /// A warning if this build leaves vector units of this CPU unused.
    #[must_use]
    pub fn vector_units(&self) -> Option<String> {
        vector_warning(&self.system_info())
    }

    /// The version of ggml, and the commit of llama.cpp; `unknown` if it was built outside its repository.
    #[must_use]
    pub fn versions(&self) -> (String, String) {
        ffi::versions()
    }

    /// The devices on which layers can be placed, including the CPU.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        list_llama_ggml_backend_devices().into_iter().map(Device::from).collect()
    }

    /// Whether this build can use a GPU of this machine.
    #[must_use]
    pub fn supports_gpu(&self) -> bool {
        self.llama.supports_gpu_offload()
    }

    /// Whether this system can lock weights in memory.
    #[must_use]
    pub fn supports_mlock(&self) -> bool {
        self.llama.supports_mlock()
    }
}

/// Why not even the CPU is a device.
fn without_cpu(files: &[BackendFile]) -> String {
    let of_cpu: Vec<String> = files.iter().filter(|file| file.family() == "cpu").map(ToString::to_string).collect();
    if of_cpu.is_empty() {
        return "the libraries of its CPU variants are not next to the program".into();
    }
    format!("none of the CPU libraries next to the program can be used ({})", of_cpu.join("; "))
}

/// Loads CPU variants and devices that were built as libraries, from the folder of the program, and the one in
/// `GGML_BACKEND_PATH`, as ggml's own loader does. Cargo places the tests in a folder `deps` next to it.
///
/// This happens on a thread of its own: the OpenMP runtime of a CPU variant may pin the thread that loads it (`OMP_PROC_BIND`), and
/// everything that this thread starts later would be pinned with it.
#[cfg(feature = "dynamic-backends")]
fn load_libraries() -> Vec<BackendFile> {
    std::thread::scope(|scope| {
        scope.spawn(load_on_this_thread).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(feature = "dynamic-backends")]
fn load_on_this_thread() -> Vec<BackendFile> {
    let program = std::env::current_exe().ok();
    let own = program.as_deref().and_then(std::path::Path::parent);
    let of_tests = own.filter(|folder| folder.ends_with("deps")).and_then(std::path::Path::parent);
    let mut files = Vec::new();
    for folder in own.into_iter().chain(of_tests) {
        hide(folder);
        files.extend(super::libraries::load(folder));
        if !list_llama_ggml_backend_devices().is_empty() {
            break;
        }
    }
    if let Some(path) = std::env::var_os("GGML_BACKEND_PATH").map(std::path::PathBuf::from) {
        path.parent().into_iter().for_each(hide);
        files.push(super::libraries::load_named(&path));
    }
    files
}

/// Keeps a folder, which may be the user's own, out of the log.
#[cfg(feature = "dynamic-backends")]
fn hide(folder: &std::path::Path) {
    if !folder.as_os_str().is_empty() {
        LOG.hide(&format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR));
    }
}

/// Everything is linked in.
#[cfg(not(feature = "dynamic-backends"))]
fn load_libraries() -> Vec<BackendFile> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::BackendFileState;
    use super::*;

    fn file(name: &str, state: BackendFileState, reason: Option<&str>) -> BackendFile {
        let reason = reason.map(Into::into);
        BackendFile { file: name.into(), state, score: None, devices: None, reason, named: false }
    }

    #[test]
    fn an_add_on_does_not_hide_that_the_cpu_libraries_are_missing() {
        let add_on = file("vulkan", BackendFileState::Loaded, None);
        assert_eq!(without_cpu(&[add_on]), "the libraries of its CPU variants are not next to the program");
    }

    #[test]
    fn a_cpu_library_that_cannot_be_used_is_named_with_its_reason() {
        let refused = file("cpu-x64", BackendFileState::Refused, Some("file too short"));
        let said = without_cpu(&[refused]);
        assert!(said.contains("cpu-x64: not loaded: file too short"), "{said}");
    }
}
