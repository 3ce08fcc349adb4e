//! `recommend` and `apply`: from measurements to the user's configuration.

pub(crate) mod apply;
mod apply_effect;
mod apply_round_trips;
mod recommend;
#[cfg(feature = "llama")]
mod recommendations;
