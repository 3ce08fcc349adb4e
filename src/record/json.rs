//! `run.json`: the complete run.

use std::io::{self, Write};

use super::run::Run;

/// Writes the run as indented JSON that ends with a newline.
pub fn write_json(mut writer: impl Write, run: &Run) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut writer, run)?;
    writer.write_all(b"\n")
}
