//! A model in this process: memory after each step of its life cycle and after each message.

mod cases;
mod findings;
mod life_cycle;
mod loaded;
mod projected;
mod study;

pub(crate) use loaded::TracedModel;
