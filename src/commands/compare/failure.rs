//! Exit codes and hints of comparison errors.

use crate::compare::GateError;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::CampaignError;

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Unknown { .. } => {
                Self::new(Exit::Usage, error.into()).hint("give a built-in gate, or a TOML file with --gate FILE")
            }
            GateError::Malformed { .. } => Self::new(Exit::Unreadable, error.into())
                .hint("docs/CI.md has an example; profiles/gates has the built-in gates"),
        }
    }
}

impl From<CampaignError> for Failure {
    fn from(error: CampaignError) -> Self {
        let hint = match &error {
            CampaignError::TooManySame { .. } => "lower --aa-pairs, or raise --pairs",
            CampaignError::Reserved { .. } => "give --out and --format to compare, not to the variants",
            CampaignError::OpenQuote { .. } | CampaignError::NoCommand { .. } => {
                "for example: --ab \"ipc --bridge embedded\" \"ipc --bridge embedded:fps=30\""
            }
        };
        Self::new(Exit::Usage, error.into()).hint(hint)
    }
}
