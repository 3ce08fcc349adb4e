//! Converts NVML's results into facts.

use nvml_wrapper::error::NvmlError;

use crate::record::Fact;

/// Converts a result: what the device does not have is unsupported; any other error is a failure with a reason.
pub(super) fn fact<T>(answer: Result<T, NvmlError>) -> Fact<T> {
    match answer {
        Ok(value) => Fact::Value(value),
        Err(NvmlError::NotSupported) => Fact::Unsupported,
        Err(error) => Fact::Failed(reason(&error)),
    }
}

/// The reason, in words. Paths are omitted, because they are specific to this machine.
pub(super) fn reason(error: &NvmlError) -> String {
    match error {
        NvmlError::FailedToLoadSymbol(detail) => match symbol(detail) {
            Some(symbol) => format!("this driver is too old: it has no {symbol}"),
            None => "this driver is too old to report this".into(),
        },
        NvmlError::GpuLost => "the GPU is lost: it fell off the bus, or its driver was stopped".into(),
        NvmlError::ResetRequired => "the GPU needs a reset".into(),
        NvmlError::DriverNotLoaded => "NVIDIA's driver is not running".into(),
        NvmlError::LibRmVersionMismatch => "the running driver is not the installed one: restart the machine".into(),
        NvmlError::NoPermission => "this user does not have permission".into(),
        NvmlError::UnexpectedVariant(code) => format!("unknown error code {code}"),
        other => other.to_string(),
    }
}

/// Whether the device is lost, and not just one of its figures missing.
pub(super) fn is_lost(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::GpuLost
            | NvmlError::ResetRequired
            | NvmlError::NotFound
            | NvmlError::InvalidArg
            | NvmlError::DriverNotLoaded
            | NvmlError::Uninitialized
    ) || matches!(error, NvmlError::UnexpectedVariant(GPU_NOT_FOUND))
}

/// `NVML_ERROR_GPU_NOT_FOUND`, which the wrapper does not define.
const GPU_NOT_FOUND: u32 = 28;

/// The name of an NVML function in the linker's error message.
fn symbol(detail: &str) -> Option<&str> {
    let from =
        &detail[detail.find("nvml").filter(|_| detail.contains("symbol") || detail.contains("GetProcAddress"))?..];
    // The library's own name may contain the word too: the function is the last match.
    let from = from.rfind("nvml").map_or(from, |at| &from[at..]);
    let end = from.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(from.len());
    Some(&from[..end]).filter(|name| name.len() > "nvml".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_feature_is_unsupported_not_failed() {
        assert_eq!(fact(Ok(7)), Fact::Value(7));
        assert_eq!(fact::<u32>(Err(NvmlError::NotSupported)), Fact::Unsupported);
        assert_eq!(
            fact::<u32>(Err(NvmlError::NoPermission)),
            Fact::Failed("this user does not have permission".into())
        );
    }

    #[test]
    fn missing_function_is_named_without_its_path() {
        let detail = "/home/kira/nvml/libstandin_nvml.so: undefined symbol: nvmlDeviceGetMemoryInfo_v2";
        let reason = reason(&NvmlError::FailedToLoadSymbol(detail.into()));
        assert_eq!(reason, "this driver is too old: it has no nvmlDeviceGetMemoryInfo_v2");
        assert_eq!(symbol("something else"), None);
    }

    #[test]
    fn lost_device_differs_from_a_missing_figure() {
        for error in [NvmlError::GpuLost, NvmlError::NotFound, NvmlError::UnexpectedVariant(28)] {
            assert!(is_lost(&error), "{error}");
        }
        for error in [NvmlError::NotSupported, NvmlError::NoPermission, NvmlError::Unknown, NvmlError::Timeout] {
            assert!(!is_lost(&error), "{error}");
        }
    }
}
