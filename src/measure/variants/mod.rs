//! Ways to send the same commands on the same schedule: batches, modes, TCP options, codecs, reactions.

mod codec_cost;
mod fill;
mod modes;
mod reaction;
mod way;

pub use codec_cost::{CodecCost, codec_cost};
pub use fill::{Batches, Fill, fills};
pub use modes::{Barrier, Delivered, Driven, fire_and_forget, pipelined, request, wait_until};
pub use reaction::{LEAST_HELD_PERCENT, Reacted, react};
pub use way::{Mode, TcpVariant};
