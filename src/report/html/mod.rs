//! The report as one HTML file: styles and pictures are embedded; no scripts, no external resources.

mod headline;
mod page;
mod safe;
mod shell;
mod table;

pub(super) use safe::safe;
pub(super) use shell::{page as page_of, picture as picture_of, section as section_of};
pub(super) use table::{grid, remarks};

pub use page::{Distribution, html};
