//! Data from a bridge, as lines or length-prefixed messages, as JSON or MessagePack, in reads of any size.
//!
//! The first byte selects framing, codec and read size. The messages must not depend on the read boundaries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::bridge::fuzzing::{messages, tapped};
use workly_perf::bridge::{Codec, Framing, Reply};

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let framing = if choice & 1 == 0 { Framing::Lines } else { Framing::Length };
    let codec = if choice & 2 == 0 { Codec::Json } else { Codec::Msgpack };
    let whole = messages(bytes, framing, usize::MAX);
    let pieces = messages(bytes, framing, usize::from(choice >> 2) + 1);
    assert_eq!(whole, pieces, "read boundaries do not matter");
    for message in &whole {
        if let Ok(reply) = Reply::parse(message, codec) {
            let again = Reply::parse(message, codec).expect("it was parsed before");
            assert_eq!(format!("{reply:?}"), format!("{again:?}"));
        }
    }
    tapped(bytes, usize::from(choice >> 2) + 1);
});
