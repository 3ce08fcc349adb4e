//! Facts, saved runs and new measurements, passed to the rules.

mod cases;
mod evidence;
mod facts;
mod measuring;
mod recommending;

pub(in crate::studies) use facts::card;
pub(crate) use recommending::recommend;
