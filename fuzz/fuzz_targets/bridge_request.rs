//! Data from a client to the embedded bridge, in every dialect: parsed, refused or ignored, but never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::bridge::fuzzing::{lines_as_stock, understood};
use workly_perf::bridge::{Codec, Dialect, Framing, Wire};

const DIALECTS: [&str; 5] = ["stock", "batch", "instrumented", "founding", "public-api"];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let codec = if choice & 1 == 0 { Codec::Json } else { Codec::Msgpack };
    let wire = Wire { framing: Framing::Length, codec };
    for name in DIALECTS {
        let dialect = Dialect::named(name).expect("a built-in dialect");
        understood(bytes, dialect, if dialect.stamps { wire } else { Wire::LINES });
    }
    lines_as_stock(bytes, usize::from(choice) + 1);
});
