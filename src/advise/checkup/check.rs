//! One line of a check-up.

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Could not be found out; the line says why.
    NotKnown,
    /// Works, and not as well as it could.
    Warning,
    /// Keeps Workly from working.
    Problem,
}

impl CheckState {
    /// Its word on the screen.
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

/// What a user complains of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// Workly ends while it loads the model.
    CrashAtLoad,
    /// The reply takes long.
    SlowReply,
    /// The avatar reacts late.
    LateAvatar,
    /// Memory grows and grows.
    GrowingRam,
}

impl Symptom {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CrashAtLoad, Self::SlowReply, Self::LateAvatar, Self::GrowingRam];

    /// As users say it.
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

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it stands.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// The command or setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// What it can be the cause of.
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

    /// A line about what could not be looked at.
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
