//! Whether a GPU is overloaded, stressed or fine, and which of the application's GPU profiles suits it: rules as data,
//! and a state machine that follows them. Pure: it receives readings and times.

mod machine;
mod rules;

pub use machine::{AlarmChange, Change, Load, ProfileStep, WatchMachine};
pub use rules::{AlarmRule, CardState, OptimalRule, OverloadedRule, RulesError, StressedRule, WatchRules};
