//! Starts a Python program with settings that the program itself does not read: the embedded Python shim, its files, and the
//! child process with its signals and exit code.
//!
//! Nothing here keeps the program from running: a setting that cannot be applied is an error that the caller reports before it
//! starts the program without it.

mod child;
#[cfg(unix)]
mod child_unix;
#[cfg(windows)]
mod child_windows;
mod error;
mod events;
mod program;
mod session;
mod shim;

pub use child::{ChildSignals, end_as, supervise};
#[cfg(unix)]
pub use child_unix::is_ignored;
pub use error::LaunchError;
pub use events::{CallLog, EffectiveSettings, MeasuredCall, ShimEvents};
pub use program::{Program, UnreadPath};
pub use session::{EVENTS_VARIABLE, LaunchSession, calls_beside};
pub use shim::unpack;
