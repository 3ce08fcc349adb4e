//! Whether a card is overloaded, stressed or fine, and which of the app's GPU profiles suits it: rules as data, and a state
//! machine that follows them. Pure: it is handed readings and moments.

mod machine;
mod rules;

pub use machine::{AlarmChange, Change, Load, ProfileStep, WatchMachine};
pub use rules::{AlarmRule, CardState, OptimalRule, OverloadedRule, RulesError, StressedRule, WatchRules};
