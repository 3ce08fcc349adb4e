//! The process to sample: by its ID, or by a name that only one process has.

use crate::failure::Failure;
use crate::host::{self, NamedProcess, ProcessMemory};
use crate::plural::counted;
use crate::record::Fact;

/// Why there is no process to sample.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetProcessError {
    /// No process has that ID.
    #[error("there is no process {pid}")]
    NoSuchId {
        /// The ID.
        pid: u32,
    },
    /// No process has that name.
    #[error("no process is called {name}")]
    NoSuchName {
        /// The name.
        name: String,
    },
    /// Several have.
    #[error("{} are called {name}: {}", counted(found.len(), "process"), listed(found))]
    Several {
        /// The matching processes.
        name: String,
        /// Them.
        found: Vec<NamedProcess>,
    },
    /// The system cannot list processes.
    #[error("the system lists no processes: {detail}")]
    Unlisted {
        /// The reason.
        detail: String,
    },
    /// Its memory cannot be read.
    #[error("the memory of process {pid} ({name}) cannot be read: {detail}")]
    OtherUser {
        /// Its ID.
        pid: u32,
        /// Its name.
        name: String,
        /// The reason.
        detail: String,
    },
}

fn listed(found: &[NamedProcess]) -> String {
    let one = |process: &NamedProcess| {
        let began = i64::try_from(process.started_s).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
        let began = began.map_or_else(String::new, |began| format!(", since {}", began.strftime("%H:%M:%S UTC")));
        format!("{} ({} MiB{began})", process.pid, process.resident_bytes >> 20)
    };
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The process with that ID, otherwise with that name; `None` if neither is given.
pub(crate) fn find_process(pid: Option<u32>, name: Option<&str>) -> Result<Option<NamedProcess>, Failure> {
    Ok(find(pid, name)?)
}

fn find(pid: Option<u32>, name: Option<&str>) -> Result<Option<NamedProcess>, TargetProcessError> {
    let unlisted = |detail| TargetProcessError::Unlisted { detail };
    let target = match (pid, name) {
        (Some(pid), _) => host::process_numbered(pid).map_err(unlisted)?.ok_or(TargetProcessError::NoSuchId { pid })?,
        (None, Some(name)) => {
            let mut found = host::processes_named(name).map_err(unlisted)?;
            match (found.pop(), found.is_empty()) {
                (Some(only), true) => only,
                (Some(last), false) => {
                    found.push(last);
                    return Err(TargetProcessError::Several { name: name.into(), found });
                }
                (None, _) => return Err(TargetProcessError::NoSuchName { name: name.into() }),
            }
        }
        (None, None) => return Ok(None),
    };
    let pid = target.pid;
    let memory = ProcessMemory::of(pid).map_err(|_| TargetProcessError::NoSuchId { pid })?;
    match memory.anonymous_bytes {
        Fact::Value(_) => Ok(Some(target)),
        missing => {
            let detail = missing.missing().unwrap_or_default();
            Err(TargetProcessError::OtherUser { pid, name: target.name, detail })
        }
    }
}

impl From<TargetProcessError> for Failure {
    fn from(error: TargetProcessError) -> Self {
        let (class, hint): (fn(TargetProcessError) -> Self, _) = match &error {
            TargetProcessError::NoSuchId { .. } => (Self::lacking, "list the processes of your system to find its ID"),
            TargetProcessError::NoSuchName { .. } => {
                (Self::lacking, "start it first; a Python program is called python, so give its ID with --pid")
            }
            TargetProcessError::Several { .. } => (Self::usage, "choose one of them with --pid"),
            TargetProcessError::Unlisted { .. } => (Self::lacking, "give the ID of the process with --pid"),
            TargetProcessError::OtherUser { .. } => {
                (Self::lacking, "run workly-perf as the user who started it, or as administrator")
            }
        };
        class(error).hint(hint)
    }
}
