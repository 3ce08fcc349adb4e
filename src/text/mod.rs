//! Sanitises foreign text for display: names of processes and cases, messages of bridges, strings of model files,
//! paths.
//!
//! Every output (terminal, CSV, HTML, `JUnit`, Markdown) passes its text through one of these functions, then adds the
//! escapes of its own format. JSON needs none of them: its strings allow any character. Sizes in bytes are made
//! readable here too.

mod paths;
mod private;
mod quoted;
mod safe;
mod size;

pub use paths::path;
pub use private::Private;
pub use quoted::quoted;
pub use safe::{cell, is_unsafe, line, lines, shortened};
pub use size::{binary_bytes, decimal_bytes, gib};
