//! Finds and initialises NVML.

use std::env;
use std::ffi::OsString;

use nvml_wrapper::error::NvmlError;

use super::super::GpuError;
use super::super::source::GpuSource;
use super::{LIBRARY, NVIDIA, error};

/// Path of the NVML library, for machines with an unusual location; `none` disables it.
const NVML_VARIABLE: &str = "WORKLY_PERF_NVML";

/// NVML, initialised. It is shut down when this is dropped.
#[derive(Debug)]
pub(super) struct Nvml {
    pub(super) library: nvml_wrapper::Nvml,
}

/// Loads the library that [`NVML_VARIABLE`] names, or else the driver's own, and initialises it.
pub(super) fn open() -> Result<Box<dyn GpuSource>, GpuError> {
    let nvml = match env::var_os(NVML_VARIABLE).filter(|named| !named.is_empty()) {
        Some(none) if none == "none" => Err(GpuError::Disabled { variable: NVML_VARIABLE, library: LIBRARY }),
        Some(named) => start(&named).map_err(|error| no_answer(&error, &named)),
        None => installed(),
    };
    Ok(Box::new(nvml?))
}

/// The driver's library.
fn installed() -> Result<Nvml, GpuError> {
    for path in candidates() {
        match start(&path) {
            Ok(started) => return Ok(started),
            Err(NvmlError::LibloadingError(_)) => {}
            Err(error) => return Err(no_answer(&error, &path)),
        }
    }
    Err(GpuError::NoDriver { vendor: NVIDIA.name, library: LIBRARY })
}

fn no_answer(error: &NvmlError, path: &OsString) -> GpuError {
    GpuError::NoAnswer { library: LIBRARY, reason: why(error, path) }
}

fn start(path: &OsString) -> Result<Nvml, NvmlError> {
    let library = nvml_wrapper::Nvml::builder().lib_path(path).init()?;
    Ok(Nvml { library })
}

/// As [`error::reason`], for the library as a whole. Its path is omitted: records have no paths.
fn why(error: &NvmlError, path: &OsString) -> String {
    match error {
        NvmlError::LibloadingError(detail) => {
            format!("cannot load it: {}", detail.to_string().replace(&*path.to_string_lossy(), "the library"))
        }
        NvmlError::FailedToLoadSymbol(_) => "the library is not NVML, or too old".into(),
        other => error::reason(other),
    }
}

/// Where drivers install it: where the linker finds it by name, and in Windows's subsystem for Linux.
#[cfg(not(windows))]
fn candidates() -> Vec<OsString> {
    ["libnvidia-ml.so.1", "libnvidia-ml.so", "/usr/lib/wsl/lib/libnvidia-ml.so.1"].map(OsString::from).to_vec()
}

/// Where drivers install it: the system's library folder, and before 2019 a separate one.
#[cfg(windows)]
fn candidates() -> Vec<OsString> {
    let below = |variable: &str, path: &str| {
        env::var_os(variable).map(|folder| std::path::Path::new(&folder).join(path).into_os_string())
    };
    [below("SystemRoot", "System32\\nvml.dll"), below("ProgramFiles", "NVIDIA Corporation\\NVSMI\\nvml.dll")]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn library_is_searched_in_system32_and_the_older_drivers_folder() {
        let found: Vec<String> = candidates().iter().map(|path| path.to_string_lossy().to_lowercase()).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with(r"\system32\nvml.dll"), "{found:?}");
        assert!(found[1].ends_with(r"\nvidia corporation\nvsmi\nvml.dll"), "{found:?}");
    }
}
