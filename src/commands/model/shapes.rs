//! `workly-perf model shapes`: lists the available shapes.

use serde::Serialize;

use super::super::report::{facts, show};
use super::pages;
use crate::cli::ShapesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::synth::{DEFAULT_SEED, ModelShape, SyntheticModel};
use crate::term::Printer;

/// A shape with its resulting figures.
#[derive(Debug, Serialize)]
pub(super) struct ShapeRow {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) quantisation: &'static str,
    pub(super) parameters: u64,
    pub(super) file_bytes: u64,
    pub(super) blocks: u64,
    pub(super) embedding: u64,
    pub(super) trained_context: u64,
    pub(super) vocabulary: u64,
}

pub(super) fn run(args: &ShapesArgs, printer: Printer) -> Result<Exit, Failure> {
    let rows: Vec<ShapeRow> = ModelShape::built_in().iter().map(row).collect();
    show(&facts(args.format, &rows, || pages::shapes(&rows, printer.width()))?, printer)?;
    Ok(Exit::Done)
}

fn row(shape: &'static ModelShape) -> ShapeRow {
    let model = SyntheticModel::new(shape, DEFAULT_SEED);
    ShapeRow {
        name: &shape.name,
        summary: &shape.summary,
        quantisation: shape.quantisation.name(),
        parameters: model.parameters(),
        file_bytes: model.file_bytes(),
        blocks: shape.blocks,
        embedding: shape.embedding,
        trained_context: shape.context,
        vocabulary: shape.vocabulary,
    }
}
