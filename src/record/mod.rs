//! The record of a run: what was planned, where it ran, the results, and the files that store them.
//!
//! Every measuring command writes the same type of record. This module knows no command line, terminal or hardware: it
//! receives plain data and refuses files that are corrupt or of a newer major schema.

mod before_after;
mod case;
mod collection;
mod csv;
mod error;
mod fact;
mod folder;
mod gpu;
mod growing;
mod hgrm;
mod hlog;
mod json;
mod machine_noise;
mod metric;
mod priority;
mod rendered;
mod run;
#[cfg(test)]
pub(crate) mod sample;
mod saver;
mod schema;
mod session;
mod timeline;
mod token_test;
mod topology;
mod totals;
mod turn_stage;
mod under_way;

pub use before_after::{BeforeAfterRow, MeasuredRow, RowChange, StatedRow};
pub use case::{Case, CaseState, HistogramFiles};
pub use collection::{FigureName, RunFigures, SavedRuns, read_runs};
pub use csv::{CsvOrigin, CsvRow, CsvStatus, read_csv, write_csv};
pub use error::RecordError;
pub use fact::Fact;
pub use folder::{CSV_FILE, EVENTS_FILE, LOG_FILE, RECOMMENDATION_FILE, REPORT_FILE, RUN_FILE, RecordFolder};
pub use gpu::{Gpu, GpuSurvey};
pub use growing::GrowingFile;
pub use hgrm::write_hgrm;
pub use hlog::{HlogPart, TaggedHistogram, read_hlog, write_hlog};
pub use json::write_json;
pub use machine_noise::{MachineNoise, NoiseFigures, NoiseVerdict};
pub use metric::{Direction, Metric, MetricStatus};
pub use priority::Priority;
pub use rendered::Histograms;
pub use run::{Build, Machine, Run, RunState, Simulation};
pub use saver::RecordSaver;
pub use schema::{SCHEMA, SchemaVersion};
pub use session::{
    RecordedSession, SESSION_FILE, Sender, SessionEvent, SessionHead, SessionLine, SessionMessage, SessionWriter,
    read_session,
};
pub use timeline::{Timeline, TimelineSeries};
pub use token_test::TokenTest;
pub use topology::Topology;
pub use totals::{CaseTotal, read_totals};
pub use turn_stage::{TurnStage, Waterfall};
pub use under_way::fail_runs_under_way;
