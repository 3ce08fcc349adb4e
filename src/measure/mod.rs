//! Measuring: load shapes, round trips and what they say. Prints nothing, and does nothing but count inside a timed region.

mod closed;
mod figures;
mod findings;
mod load;
mod open;
mod round_trips;

pub use figures::{case_state, metrics};
pub use findings::{ClientLimit, aliases, client_limited, frame_lock};
pub use load::Load;
pub use round_trips::{Bench, End, RoundTrips, measure_case};
