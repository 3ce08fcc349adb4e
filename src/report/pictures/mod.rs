//! Pictures of a record, as SVG for the HTML report: each with its figures as a table.
//!
//! Positions across are percentages and heights are pixels, so that a picture becomes narrower without its text becoming smaller.
//! Every mark has the figure that it shows as data attributes and as hover text; colours are classes of the style sheet.

mod axis;
mod choices;
mod course;
mod ecdf;
mod forest;
mod legend;
mod over_time;
mod picture;
mod placements;
mod plot;
mod rates;
mod round_trip;
mod start;
mod steps;
mod threads;
mod turn;
mod ways;

pub(super) use course::{course_legend, courses};
pub(super) use forest::{ChangeMeaning, ChangeScale, DrawnChange, forest, legend as forest_legend};
pub(super) use legend::legend;
pub(super) use picture::{Picture, pictures};
