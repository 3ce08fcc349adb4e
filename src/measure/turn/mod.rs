//! A turn of the conversation, from the user's message to the avatar's expression, with a timestamp at every stage.
//!
//! The token loop never waits for the bridge: a separate thread sends the reaction ([`Reactor`]). All timestamps are
//! from one clock, so the stages of a turn add up to the whole.

mod emotion;
mod figures;
#[cfg(feature = "llama")]
mod model_speaker;
mod paced;
mod reaction;
mod reactor;
mod reply_end;
mod speaker;
mod stages;
mod take;

pub use emotion::{ChosenExpression, choose};
pub use figures::{FELT, STAGES, TurnFigure, turn_metrics};
#[cfg(feature = "llama")]
pub use model_speaker::ModelSpeaker;
pub use paced::{PaceSpec, PaceSpecError, PacedSpeaker};
pub use reaction::{Delivery, Reaction, ReactionError, ReactionFault, ReactionTimes};
pub use reactor::Reactor;
pub use reply_end::{ReplyEnd, end_metrics};
pub use speaker::{Prompt, Speaker, SpeakerError, TokenReader};
#[cfg(feature = "llama")]
pub use speaker::{end_of, reader_of};
pub use stages::Turn;
pub use take::{ReactionTiming, TurnSpec, run_turn};
