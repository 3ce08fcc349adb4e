//! The command line as it is written: one file a command, no defaults that depend on anything, no input or output.

mod bridge;
mod ipc;
mod model;
mod report;
mod root;
mod values;

pub use bridge::BridgeArgs;
pub use ipc::IpcArgs;
pub use model::{InspectArgs, ModelArgs, ModelCommand, ModelFormat, ShapesArgs, SynthArgs};
pub use report::ReportArgs;
pub use root::{Cli, Command, CompletionsArgs, Format, RenderFormat};
