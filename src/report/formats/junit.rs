//! `JUnit` XML.

use super::super::comparison::junit;
use super::super::error::ReportError;
use super::{ComparisonFile, Exporter, Format};

/// As `JUnit` XML.
pub(super) struct Junit;

impl Exporter<ComparisonFile<'_>> for Junit {
    fn format(&self) -> Format {
        Format::Junit
    }

    fn help(&self) -> &'static str {
        "JUnit XML"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        Ok(junit(file.comparison, file.outcome, file.strict))
    }
}
