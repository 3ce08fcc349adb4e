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
mod tap_totals;
mod token_figures;
mod tokens;
mod turn;
mod variants;

pub use breakdown::{
    BridgeTimestamps, ClientSideBounds, Clocks, Exchange, RoundTripStage, client_side_bounds, clocks,
    measure_exchanges, part_metrics, stages_of,
};
pub use contention::{ContentionSample, LONGEST_TALK, measure_cell};
pub use engine_settings::{EngineSettings, WaitPolicy};
pub use figures::{case_state, latency_metrics, metrics};
pub use findings::{ClientLimit, aliases, client_limited, frame_lock};
pub use fire::{ApplicationSources, AppliedBy, CommandOutcome, ask_applied, fire, frame_period_ns};
pub use held_replies::{HeldReplies, OpenRoundTrips, REMEDY, held_replies};
pub use load::Load;
pub use matcher::{ReplyMatch, ReplyMatcher};
pub use periodicity::{Periodicity, periodicity, uniformity_p};
pub use placement::{
    PlacementOutcome, PlacementPhase, PlacementRequest, PlacementResponse, PlacementTask, ProjectionRequest,
};
#[cfg(feature = "llama")]
pub use placement_run::{foresee_placements, measure_placement};
pub use rate::{
    Bottleneck, FailureReason, RateSearch, RateStep, RateVerdict, SearchPhase, due_count, judge, measure_step,
    saturated_per_s, search_metrics, step_metrics,
};
pub use render_load::{
    Calibration, Frame, FramesInSpan, RenderLoad, RenderLoadError, RenderSpec, RenderSpecError, render,
};
pub use replay::{ReplayResult, ScheduledMessage, replay};
pub use round_trips::{CaseEnd, LoopContext, MessageCounts, QUIET, RoundTrips, measure_case, quiet_after};
pub use signatures::{Signature, growing_queue, received_signature};
#[cfg(feature = "llama")]
pub use start::measure_start;
pub use start::{Readiness, ReplyConventions, ReplyTimes, StartOutcome, StartPhase, StartRequest, StartResponse};
pub use tap_totals::{DirectionTraffic, TapTotals};
pub use token_figures::{average, late_frames, token_metrics};
pub use tokens::{LONGEST_REPETITION, TokenSample};

pub use crate::record::TokenTest;
#[cfg(feature = "llama")]
pub use tokens::{RepetitionSpec, SHORTEST_CUT, repeat};
pub use turn::{
    ChosenExpression, Delivery, FELT, PaceSpec, PaceSpecError, PacedSpeaker, Prompt, Reaction, ReactionError,
    ReactionFault, ReactionTimes, ReactionTiming, Reactor, ReplyEnd, STAGES, Speaker, SpeakerError, TokenReader, Turn,
    TurnFigure, TurnSpec, choose, end_metrics, run_turn, turn_metrics,
};
#[cfg(feature = "llama")]
pub use turn::{ModelSpeaker, end_of, reader_of};
pub use variants::{
    Barrier, BatchFill, Batches, CodecCost, DeliveryCount, LEAST_HELD_PERCENT, ModeResult, ReactionSample, SendMode,
    TcpVariant, batch_fills, codec_cost, fire_and_forget, pipelined, react, request, wait_until,
};
