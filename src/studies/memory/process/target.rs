//! The process to watch: by its number, or by a name that one process alone has.

use crate::cli::MemoryArgs;
use crate::host::{self, NamedProcess, ProcessMemory};
use crate::plural::counted;
use crate::record::Fact;

/// Why there is no process to watch.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    /// No process has that number.
    #[error("there is no process {pid}")]
    NoSuchNumber {
        /// The number.
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
        /// The name.
        name: String,
        /// Them.
        found: Vec<NamedProcess>,
    },
    /// The system does not list processes.
    #[error("the system lists no processes: {detail}")]
    Unlisted {
        /// Why.
        detail: String,
    },
    /// Its memory may not be read.
    #[error("the memory of process {pid} ({name}) cannot be read: {detail}")]
    OtherUser {
        /// Its number.
        pid: u32,
        /// Its name.
        name: String,
        /// Why.
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

/// The process that the arguments name; `None` if they name none.
pub(super) fn find(args: &MemoryArgs) -> Result<Option<NamedProcess>, TargetError> {
    let unlisted = |detail| TargetError::Unlisted { detail };
    let target = match (args.pid, &args.process) {
        (Some(pid), _) => host::process_numbered(pid).map_err(unlisted)?.ok_or(TargetError::NoSuchNumber { pid })?,
        (None, Some(name)) => {
            let mut found = host::processes_named(name).map_err(unlisted)?;
            match (found.pop(), found.is_empty()) {
                (Some(only), true) => only,
                (Some(last), false) => {
                    found.push(last);
                    return Err(TargetError::Several { name: name.clone(), found });
                }
                (None, _) => return Err(TargetError::NoSuchName { name: name.clone() }),
            }
        }
        (None, None) => return Ok(None),
    };
    let pid = target.pid;
    let memory = ProcessMemory::of(pid).map_err(|_| TargetError::NoSuchNumber { pid })?;
    match memory.anonymous_bytes {
        Fact::Value(_) => Ok(Some(target)),
        missing => {
            Err(TargetError::OtherUser { pid, name: target.name, detail: missing.missing().unwrap_or_default() })
        }
    }
}
