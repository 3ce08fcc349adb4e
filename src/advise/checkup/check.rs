//! One check of the doctor command.

use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Everything is in order.
    Ok,
    /// Not known; the check says why.
    NotKnown,
    /// Works, but not as well as possible.
    Warning,
    /// Prevents Workly from working.
    Problem,
}

impl CheckState {
    /// Its word in the output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotKnown => "not known",
            Self::Warning => "warning",
            Self::Problem => "PROBLEM",
        }
    }
}

/// What a user may complain about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// Workly ends while it loads the model.
    CrashAtLoad,
    /// The reply takes long.
    SlowReply,
    /// The avatar reacts late.
    LateAvatar,
    /// Memory keeps growing.
    GrowingRam,
}

impl Symptom {
    /// All symptoms.
    pub const ALL: [Self; 4] = [Self::CrashAtLoad, Self::SlowReply, Self::LateAvatar, Self::GrowingRam];

    /// In users' words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::CrashAtLoad => "crash at load",
            Self::SlowReply => "slow reply",
            Self::LateAvatar => "late avatar",
            Self::GrowingRam => "growing RAM",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// The result.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// The command or setting that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The symptoms that it can cause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<Symptom>,
}

impl Check {
    pub(super) fn new(name: &'static str, state: CheckState, found: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), mend: None, symptoms: Vec::new() }
    }

    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, CheckState::Ok, found)
    }

    /// A check whose result is not known.
    #[must_use]
    pub fn not_known(name: &'static str, why: &str) -> Self {
        Self::new(name, CheckState::NotKnown, why)
    }

    pub(super) fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    pub(super) fn causes(self, symptoms: &[Symptom]) -> Self {
        Self { symptoms: symptoms.to_vec(), ..self }
    }
}
