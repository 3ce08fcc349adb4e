//! Load shapes, timed loops and what round trips show. Prints nothing; timed regions only count.

mod breakdown;
mod closed;
mod contention;
mod engine_settings;
mod figures;
mod findings;
mod fire;
mod held_replies;
mod load;
mod matcher;
mod open;
mod periodicity;
mod placement;
#[cfg(feature = "llama")]
mod placement_run;
#[cfg(test)]
pub(crate) mod planted;
mod rate;
mod render_load;
mod replay;
mod round_trips;
mod signatures;
mod start;
mod tap_account;
mod token_figures;
mod tokens;
mod turn;
mod variants;

pub use breakdown::{
    BoundsFromOutside, Clocks, Exchange, Part, Stamps, bounds_from_outside, clocks, measure_exchanges, part_metrics,
    parts,
};
pub use contention::{CellSample, LONGEST_TALK, measure_cell};
pub use engine_settings::{EngineSettings, WaitPolicy};
pub use figures::{case_state, latency_metrics, metrics};
pub use findings::{ClientLimit, aliases, client_limited, frame_lock};
pub use fire::{AppliedBy, Fired, Watch, ask_applied, fire, frame_period_ns};
pub use held_replies::{HeldReplies, OpenRoundTrips, REMEDY, held_replies};
pub use load::Load;
pub use matcher::{Answer, Matcher};
pub use periodicity::{Periodicity, periodicity, uniformity_p};
pub use placement::{
    ForeseeRequest, PlacementAnswer, PlacementOutcome, PlacementPhase, PlacementRequest, PlacementTask,
};
#[cfg(feature = "llama")]
pub use placement_run::{foresee_placements, measure_placement};
pub use rate::{
    Failing, Limit, RateStep, RateVerdict, Search, SearchPhase, due_count, judge, measure_step, saturated_per_s,
    search_metrics, step_metrics,
};
pub use render_load::{
    Calibration, Frame, FrameCounts, Frames, RenderLoad, RenderLoadError, RenderSpec, RenderSpecError, render,
};
pub use replay::{Due, Replayed, replay};
pub use round_trips::{End, LoopContext, MessageCounts, QUIET, RoundTrips, measure_case, quiet_after};
pub use signatures::{Signature, growing_queue, received_signature};
#[cfg(feature = "llama")]
pub use start::measure_start;
pub use start::{Readiness, ReplyConventions, ReplyTimes, StartAnswer, StartOutcome, StartPhase, StartRequest};
pub use tap_account::{TapAccount, Traffic};
pub use token_figures::{average, late_frames, token_metrics};
pub use tokens::{LONGEST_REPETITION, TokenSample};

pub use crate::record::Test;
#[cfg(feature = "llama")]
pub use tokens::{Repetition, SHORTEST_CUT, repeat};
pub use turn::{
    Chosen, Delivery, FELT, Moment, PacedSpeaker, PacedSpec, PacedSpecError, Prompt, Reaction, ReactionError,
    ReactionFault, ReactionTimes, Reactor, Reader, ReplyEnd, STAGES, Speaker, SpeakerError, Turn, TurnFigure, TurnSpec,
    choose, end_metrics, take_turn, turn_metrics,
};
#[cfg(feature = "llama")]
pub use turn::{ModelSpeaker, end_of, reader_of};
pub use variants::{
    Barrier, Batches, CodecCost, Delivered, Driven, Fill, LEAST_HELD_PERCENT, Mode, Reacted, TcpVariant, codec_cost,
    fills, fire_and_forget, pipelined, react, request, wait_until,
};
