//! The output formats that a command offers, each with its help.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::report::{
    COMPARISON_FORMATS, Exporter, FILE_FORMATS, Format, HISTORY_FORMATS, RUN_FORMATS, SAVED_FORMATS, TOKEN_FORMATS,
};

/// The format of every command, unless another one is requested.
pub(super) const DEFAULT: &str = "table";

/// The formats of a run.
pub(super) fn run_formats() -> impl TypedValueParser<Value = Format> {
    parser(RUN_FORMATS.iter().map(|exporter| choice(*exporter)))
}

/// The formats of a run that measures tokens.
pub(super) fn token_formats() -> impl TypedValueParser<Value = Format> {
    parser(RUN_FORMATS.iter().chain(&TOKEN_FORMATS).map(|exporter| choice(*exporter)))
}

/// The formats of a saved run.
pub(super) fn saved_formats() -> impl TypedValueParser<Value = Format> {
    parser(RUN_FORMATS.iter().chain(&TOKEN_FORMATS).chain(&SAVED_FORMATS).map(|exporter| choice(*exporter)))
}

/// The formats of a comparison.
pub(super) fn comparison_formats() -> impl TypedValueParser<Value = Format> {
    parser(COMPARISON_FORMATS.iter().map(|exporter| choice(*exporter)))
}

/// The formats of a history.
pub(super) fn history_formats() -> impl TypedValueParser<Value = Format> {
    parser(HISTORY_FORMATS.iter().map(|exporter| choice(*exporter)))
}

/// The formats of facts: a table for people, and JSON, which `json` describes.
pub(super) fn fact_formats(json: &'static str) -> impl TypedValueParser<Value = Format> {
    parser([(Format::Table, "Text table"), (Format::Json, json)].into_iter())
}

/// The format of a file with that name.
pub(super) fn file_format(name: &str) -> Result<Format, String> {
    let mut formats = FILE_FORMATS.iter().map(|exporter| exporter.format());
    formats.clone().find(|format| format.name() == name).ok_or_else(|| {
        let known: Vec<&str> = formats.by_ref().map(Format::name).collect();
        format!("there is no kind '{name}'; there are: {}", known.join(", "))
    })
}

/// A format and its help.
fn choice<Page, E: Exporter<Page> + ?Sized>(exporter: &E) -> (Format, &'static str) {
    (exporter.format(), exporter.help())
}

fn parser(choices: impl Iterator<Item = (Format, &'static str)>) -> impl TypedValueParser<Value = Format> {
    let (formats, values): (Vec<Format>, Vec<PossibleValue>) =
        choices.map(|(format, help)| (format, PossibleValue::new(format.name()).help(help))).unzip();
    PossibleValuesParser::new(values).try_map(move |name| {
        formats.iter().copied().find(|format| format.name() == name).ok_or("there is no such format")
    })
}
