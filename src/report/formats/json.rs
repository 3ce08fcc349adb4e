//! JSON with everything.

use std::io;

use serde_json::json;

use super::super::comparison::comparison_json;
use super::super::error::ReportError;
use super::{ComparisonFile, ComparisonPage, Exporter, Format, HistoryPage, RunPage};
use crate::record;

/// Version of the JSON format of a history.
const HISTORY_SCHEMA: &str = "1.0";

/// As JSON.
pub(super) struct Json;

impl Exporter<RunPage<'_>> for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn help(&self) -> &'static str {
        "The complete record, as in run.json"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        text_of(|text| record::write_json(text, page.run))
    }
}

impl Exporter<ComparisonPage<'_>> for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn help(&self) -> &'static str {
        "JSON with all data"
    }

    fn export(&self, page: &ComparisonPage<'_>) -> Result<String, ReportError> {
        Ok(comparison_json(page.comparison, page.outcome, page.conditions))
    }
}

impl Exporter<ComparisonFile<'_>> for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn help(&self) -> &'static str {
        "JSON with all data"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        Ok(comparison_json(file.comparison, file.outcome, file.conditions))
    }
}

impl Exporter<HistoryPage<'_>> for Json {
    fn format(&self) -> Format {
        Format::Json
    }

    fn help(&self) -> &'static str {
        "JSON with all data"
    }

    fn export(&self, page: &HistoryPage<'_>) -> Result<String, ReportError> {
        Ok(format!("{:#}\n", json!({"schema": HISTORY_SCHEMA, "series": page.series})))
    }
}

/// What `write` writes, as text.
pub(super) fn text_of(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<String, ReportError> {
    let mut text = Vec::new();
    write(&mut text).map_err(ReportError::Io)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
