//! A turn of the conversation, from the person's sentence to the avatar's face: stamped at every station.
//!
//! The token loop never waits for the bridge: a thread of its own carries the reaction there ([`Reactor`]). All stamps are of
//! one clock, so that the stages of a turn add up to its whole.

mod emotion;
mod figures;
#[cfg(feature = "llama")]
mod model_speaker;
mod paced;
mod reaction;
mod reactor;
mod speaker;
mod stages;
mod take;

pub use emotion::{Chosen, choose};
pub use figures::{FELT, STAGES, TurnFigure, turn_metrics};
#[cfg(feature = "llama")]
pub use model_speaker::ModelSpeaker;
pub use paced::{PacedSpeaker, PacedSpec, PacedSpecError};
pub use reaction::{Delivery, Reaction, ReactionError, ReactionFault, ReactionTimes};
pub use reactor::Reactor;
pub use speaker::{Prompt, Reader, Speaker, SpeakerError};
pub use stages::Turn;
pub use take::{Moment, TurnSpec, take_turn};
