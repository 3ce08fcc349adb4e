//! Facts, saved runs and what is measured on the way, handed to the rules.

mod cases;
mod evidence;
mod facts;
mod measuring;
mod recommending;

pub(crate) use recommending::recommend;
