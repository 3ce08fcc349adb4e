//! Linux: `/proc/PID/status` for all users, `/proc/PID/smaps_rollup` and `/proc/PID/fd` for the owner.

use std::fs;
use std::io;
use std::path::Path;

use super::ProcessMemory;
use crate::host::process_status;
use crate::record::Fact;

/// "No such process", the error of a `/proc` file whose process ends while the file is open.
const NO_SUCH_PROCESS: i32 = 3;

/// The figures of a process; `None` if there is no such process.
pub(super) fn read(pid: u32) -> Option<ProcessMemory> {
    of(&Path::new("/proc").join(pid.to_string()))
}

/// `RssAnon` of this process, which kernels before 4.5 do not have.
pub(super) fn anonymous_bytes() -> Fact<u64> {
    match proc_text(Path::new("/proc/self/status")) {
        ProcFile::Text(status) => kib(&status, "RssAnon"),
        ProcFile::Nothing => Fact::Unsupported,
        ProcFile::Refused(reason) => Fact::Failed(reason),
    }
}

/// The figures in a process's folder.
fn of(folder: &Path) -> Option<ProcessMemory> {
    let status = match proc_text(&folder.join("status")) {
        ProcFile::Text(status) => status,
        ProcFile::Nothing => return None,
        ProcFile::Refused(reason) => return Some(ProcessMemory::without(&Fact::Failed(reason))),
    };
    // A zombie has ended: its parent has not waited for it yet.
    if process_status::field_of(&status, "State").is_some_and(|state| state.starts_with(['Z', 'X'])) {
        return None;
    }
    let mut anonymous_bytes = kib(&status, "RssAnon");
    let (proportional_bytes, private_bytes) = match proc_text(&folder.join("smaps_rollup")) {
        ProcFile::Text(rollup) if rollup.is_empty() => (Fact::Unsupported, Fact::Unsupported),
        ProcFile::Text(rollup) => {
            // Counted page by page. Kernels from 6.2 on keep `RssAnon` per CPU and round it by up to 128 KiB for each.
            if let exact @ Fact::Value(_) = kib(&rollup, "Anonymous") {
                anonymous_bytes = exact;
            }
            (kib(&rollup, "Pss"), private(&rollup))
        }
        ProcFile::Nothing => (Fact::Unsupported, Fact::Unsupported),
        ProcFile::Refused(reason) => (Fact::Failed(reason.clone()), Fact::Failed(reason)),
    };
    Some(ProcessMemory {
        resident_bytes: kib(&status, "VmRSS"),
        anonymous_bytes,
        committed_bytes: kib(&status, "VmData"),
        file_backed_bytes: kib(&status, "RssFile"),
        proportional_bytes,
        private_bytes,
        swapped_bytes: kib(&status, "VmSwap"),
        peak_resident_bytes: kib(&status, "VmHWM"),
        threads: number(&status, "Threads"),
        handles: handles(&folder.join("fd")),
    })
}

/// The result of reading a file of `/proc`.
enum ProcFile {
    Text(String),
    /// It does not exist: the process has ended, or the kernel has no such file.
    Nothing,
    /// Why it cannot be read.
    Refused(String),
}

fn proc_text(path: &Path) -> ProcFile {
    match fs::read_to_string(path) {
        Ok(text) => ProcFile::Text(text),
        Err(error) if is_gone(&error) => ProcFile::Nothing,
        Err(error) => ProcFile::Refused(refusal(&error)),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied: the process belongs to another user or is protected".into()
        }
        kind => kind.to_string(),
    }
}

/// Private pages, clean, dirty and huge.
fn private(rollup: &str) -> Fact<u64> {
    let parts = ["Private_Clean", "Private_Dirty", "Private_Hugetlb"].map(|name| kib(rollup, name));
    match parts {
        [Fact::Value(clean), Fact::Value(dirty), huge] => {
            Fact::Value(clean + dirty + huge.value().copied().unwrap_or(0))
        }
        [Fact::Value(_), missing, _] | [missing, ..] => missing,
    }
}

fn handles(folder: &Path) -> Fact<u64> {
    match fs::read_dir(folder) {
        Ok(entries) => Fact::Value(entries.count() as u64),
        Err(error) if is_gone(&error) => Fact::Unsupported,
        Err(error) => Fact::Failed(refusal(&error)),
    }
}

fn number(text: &str, name: &str) -> Fact<u64> {
    parsed(text, name, |value| value.parse().ok())
}

/// A field in `123 kB`, by which the kernel means KiB, in bytes.
fn kib(text: &str, name: &str) -> Fact<u64> {
    parsed(text, name, |value| value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024))
}

fn parsed(text: &str, name: &str, parse: impl Fn(&str) -> Option<u64>) -> Fact<u64> {
    let Some(value) = process_status::field_of(text, name) else { return Fact::Unsupported };
    parse(&value).map_or_else(|| Fact::Failed(format!("cannot parse {name} '{value}'")), Fact::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::reading::root_with;

    const STATUS: &str = "Name:\ta b\nState:\tS (sleeping)\nVmHWM:\t 40 kB\nVmRSS:\t 30 kB\nRssAnon:\t 8 kB\nVmData:\t 16 kB\n\
                          RssFile:\t 20 kB\nRssShmem:\t 2 kB\nVmSwap:\t 0 kB\nThreads:\t3\n";
    const ROLLUP: &str = "5600-7fff ---p 0 00:00 0 [rollup]\nRss: 30 kB\nPss: 17 kB\nAnonymous: 12 kB\nPrivate_Clean: 4 kB\n\
                          Private_Dirty: 8 kB\nPrivate_Hugetlb: 0 kB\n";

    #[test]
    fn each_kind_of_memory_is_parsed() {
        let root = root_with(&[("status", STATUS), ("smaps_rollup", ROLLUP), ("fd/0", ""), ("fd/1", "")]);
        assert_eq!(
            of(root.path()),
            Some(ProcessMemory {
                resident_bytes: Fact::Value(30 << 10),
                anonymous_bytes: Fact::Value(12 << 10),
                committed_bytes: Fact::Value(16 << 10),
                file_backed_bytes: Fact::Value(20 << 10),
                proportional_bytes: Fact::Value(17 << 10),
                private_bytes: Fact::Value(12 << 10),
                swapped_bytes: Fact::Value(0),
                peak_resident_bytes: Fact::Value(40 << 10),
                threads: Fact::Value(3),
                handles: Fact::Value(2),
            })
        );
    }

    #[test]
    fn absent_fields_are_unsupported_and_invalid_ones_fail() {
        let root = root_with(&[("status", "State:\tR\nRssAnon:\t lots\nVmHWM:\t 18446744073709551615 kB\n")]);
        let read = of(root.path()).unwrap();
        assert_eq!(read.anonymous_bytes, Fact::Failed("cannot parse RssAnon 'lots'".into()));
        assert!(matches!(read.peak_resident_bytes, Fact::Failed(_)));
        for fact in [read.resident_bytes, read.proportional_bytes, read.private_bytes, read.threads, read.handles] {
            assert_eq!(fact, Fact::Unsupported);
        }
    }

    #[test]
    fn zombie_and_missing_process_count_as_ended() {
        assert_eq!(of(root_with(&[("status", "State:\tZ (zombie)\nThreads:\t1\n")]).path()), None);
        assert_eq!(of(root_with(&[]).path()), None);
    }

    #[test]
    fn figures_denied_by_permissions_state_the_reason() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(refusal(&denied).contains("another user"));
        assert!(is_gone(&io::Error::from_raw_os_error(NO_SUCH_PROCESS)));
    }
}
