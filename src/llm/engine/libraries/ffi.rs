//! Opens backend files and calls what they export.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;

#[cfg(unix)]
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
#[cfg(windows)]
use libloading::os::windows::Library;

unsafe extern "C" {
    fn workly_backend_api_version() -> c_int;
}

/// The version of the backend interface that this program's ggml has.
pub(super) fn api_version() -> i32 {
    // SAFETY: it returns a constant.
    unsafe { workly_backend_api_version() }
}

/// An opened backend file. It is closed when this is dropped.
#[derive(Debug)]
pub(super) struct OpenBackend {
    /// How well it suits this CPU; 0 if this CPU cannot run it. GPU backends have no score.
    pub(super) score: Option<i32>,
    library: Library,
}

impl OpenBackend {
    /// Opens a backend file and asks it for its score.
    ///
    /// # Errors
    /// The message of the system's loader.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let library = open(path).map_err(|error| words(&error))?;
        // SAFETY: this export of a backend has this signature in every version of ggml's interface.
        let export = unsafe { library.get::<unsafe extern "C" fn() -> c_int>(b"ggml_backend_score\0") };
        // SAFETY: it only asks the CPU for its features.
        let score = export.ok().map(|score| unsafe { score() });
        Ok(Self { score, library })
    }

    /// The ggml that it was built with. Only files of this project's build report it.
    pub(super) fn ggml(&self) -> Option<String> {
        // SAFETY: the address of a constant text.
        let text = unsafe { self.library.get::<*const c_char>(b"workly_perf_ggml\0") }.ok()?;
        // SAFETY: it is not null, ends with a zero byte, and the library is open.
        Some(unsafe { CStr::from_ptr(*text) }.to_string_lossy().into_owned())
    }

    /// Initialises it, and compares its version of the interface with the one of this program. Its score must not be 0.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn check(self, wanted: i32) -> Result<(), String> {
        // SAFETY: this export of a backend has this signature in every version of ggml's interface.
        let init = unsafe { self.library.get::<unsafe extern "C" fn() -> *const c_int>(b"ggml_backend_init\0") }
            .map_err(|_| "it is not a backend of ggml: it does not export ggml_backend_init".to_owned())?;
        // SAFETY: this CPU can run it, as its score says. ggml calls it again and gets the same object.
        let registry = unsafe { init() };
        // SAFETY: it is null, or points to an object of the library, which is open. In every version of the interface, that
        // starts with the version.
        let found = (!registry.is_null()).then(|| unsafe { *registry });
        // It may have started threads: closing it could pull the code from under them.
        std::mem::forget(self.library);
        match found {
            Some(version) if version == wanted => Ok(()),
            Some(version) => {
                Err(format!("it has version {version} of ggml's backend interface; this program has {wanted}"))
            }
            None => Err("its initialisation failed: there is no driver for it, or the driver refused".into()),
        }
    }
}

#[cfg(unix)]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: whoever can put files beside the program can replace the program: its initialisers are trusted as it is.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
}

#[cfg(windows)]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: whoever can put files beside the program can replace the program: its initialisers are trusted as it is.
    unsafe { Library::new(path) }
}

/// The loader's message: libloading has it in the source of its error on Windows, in its text elsewhere.
fn words(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Registers a file with ggml, which opens it again and keeps it open. Returns its number of devices; `None` if ggml
/// refuses it.
#[cfg(feature = "dynamic-backends")]
pub(super) fn register(path: &Path) -> Option<usize> {
    let path = std::ffi::CString::new(path.to_str()?).ok()?;
    // SAFETY: the path ends with a zero byte; what is returned lives as long as the process.
    unsafe {
        let registry = llama_cpp_sys_2::ggml_backend_load(path.as_ptr());
        (!registry.is_null()).then(|| llama_cpp_sys_2::ggml_backend_reg_dev_count(registry))
    }
}
