//! Ways to send the same commands on the same schedule: batches, modes, TCP options, codecs, reactions.

mod codec_cost;
mod fill;
mod mode;
mod modes;
mod reaction;

pub use codec_cost::{CodecCost, codec_cost};
pub use fill::{BatchFill, Batches, batch_fills};
pub use mode::{SendMode, TcpVariant};
pub use modes::{Barrier, DeliveryCount, ModeResult, fire_and_forget, pipelined, request, wait_until};
pub use reaction::{LEAST_HELD_PERCENT, ReactionSample, react};
