//! A process selected by the user: by ID or by name.

use std::convert::Infallible;

use super::kind::stem;
use super::{FoundProcess, ProcessKind};
use crate::plural::counted;

/// The selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessQuery {
    /// The one with that ID.
    Pid(u32),
    /// The one with that name: an exact match first, else a part of it; case does not matter.
    Name(String),
}

impl std::str::FromStr for ProcessQuery {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.into()), Self::Pid))
    }
}

impl std::fmt::Display for ProcessQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "{pid}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why a name does not select a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessChoiceError {
    /// There is none.
    #[error("there is no process '{query}'")]
    None {
        /// The query.
        query: String,
    },
    /// There are several.
    #[error("'{query}' matches {}:\n{}", counted(found.len(), "process"), listed(found))]
    Several {
        /// The query.
        query: String,
        /// Those that match.
        found: Vec<FoundProcess>,
    },
}

fn listed(found: &[FoundProcess]) -> String {
    found.iter().map(|process| format!("  {:>7}  {}", process.pid, process.name)).collect::<Vec<_>>().join("\n")
}

impl ProcessQuery {
    /// The selected process among `all`: ID and name of each.
    pub(super) fn choose(&self, all: &[(u32, String)]) -> Result<FoundProcess, ProcessChoiceError> {
        let matching = |is_it: &dyn Fn(u32, &str) -> bool| -> Vec<FoundProcess> {
            let found = all.iter().filter(|(pid, name)| is_it(*pid, name));
            found.map(|(pid, name)| FoundProcess { pid: *pid, name: name.clone(), kind: ProcessKind::Named }).collect()
        };
        let mut found = match self {
            Self::Pid(wanted) => matching(&|pid, _| pid == *wanted),
            Self::Name(wanted) => {
                let wanted = stem(wanted);
                let whole = matching(&|_, name| stem(name) == wanted);
                if whole.is_empty() { matching(&|_, name| stem(name).contains(&wanted)) } else { whole }
            }
        };
        found.sort_by_key(|process| process.pid);
        match (found.len(), found.pop()) {
            (1, Some(process)) => Ok(process),
            (_, None) => Err(ProcessChoiceError::None { query: self.to_string() }),
            (_, Some(last)) => {
                found.push(last);
                Err(ProcessChoiceError::Several { query: self.to_string(), found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<u32, String> {
        let all = [(12, "Unity.exe"), (7, "UnityHelper.exe"), (9, "python3"), (11, "python3")];
        let all = all.map(|(pid, name)| (pid, name.to_owned()));
        let query: ProcessQuery = text.parse().unwrap();
        query.choose(&all).map(|process| process.pid).map_err(|error| error.to_string())
    }

    #[test]
    fn ids_names_and_parts_of_names_match() {
        assert_eq!(choose("7"), Ok(7));
        assert_eq!(choose("unity"), Ok(12), "the full name, without the Windows suffix");
        assert_eq!(choose("helper"), Ok(7));
    }

    #[test]
    fn several_or_no_matches_are_errors() {
        assert_eq!(
            choose("PYTHON3").unwrap_err(),
            "'PYTHON3' matches 2 processes:\n        9  python3\n       11  python3"
        );
        assert_eq!(choose("8").unwrap_err(), "there is no process '8'");
        assert_eq!(choose("java").unwrap_err(), "there is no process 'java'");
    }
}
