//! Whether a GPU is overloaded, stressed or fine, and which of the application's GPU profiles suits it: rules as data,
//! and a state machine that follows them. Pure: it receives readings and times.

mod machine;
mod rules;

pub use machine::{AlarmChange, GpuLoad, GpuStateMachine, ReadingResult, StateChange};
pub use rules::{AlarmRule, GpuState, OptimalRule, OverloadedRule, StressedRule, WatchRules, WatchRulesError};
