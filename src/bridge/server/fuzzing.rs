//! The embedded bridge without sockets, for the targets in `fuzz/`.

use std::ops::ControlFlow;

use super::decode::Decoder;
use super::{founding, instrumented, public_api, stock};
use crate::bridge::{Dialect, ReplyForm, Wire};

pub(in crate::bridge) fn understood(message: &[u8], dialect: &'static Dialect, wire: Wire) {
    match dialect.replies.form {
        ReplyForm::Bare => drop(stock::parse(message, dialect)),
        ReplyForm::Stamped => drop(instrumented::parse(message, dialect, wire)),
        ReplyForm::Status => drop(founding::parse(message, dialect)),
        ReplyForm::Event => drop(public_api::parse(message, dialect)),
    }
}

pub(in crate::bridge) fn lines_as_stock(stream: &[u8], read_bytes: usize) {
    let mut decoder = Decoder::default();
    for read in stream.chunks(read_bytes) {
        let flow = decoder.feed(read, |line| {
            assert!(!line.contains('\n'), "a line ends at its line feed");
            drop(stock::parse(line.as_bytes(), Dialect::stock()));
            ControlFlow::Continue(())
        });
        if flow.is_break() {
            return;
        }
    }
}
