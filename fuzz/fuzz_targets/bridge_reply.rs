//! What a bridge sends, as lines or with a length before each message, as JSON or MessagePack, cut into reads of any size.
//!
//! The first byte chooses framing, codec and the size of the reads. However the bytes are cut, the same messages come out.
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
    assert_eq!(whole, pieces, "the cuts between reads do not matter");
    for message in &whole {
        if let Ok(reply) = Reply::parse(message, codec) {
            let again = Reply::parse(message, codec).expect("it was read before");
            assert_eq!(format!("{reply:?}"), format!("{again:?}"));
        }
    }
    tapped(bytes, usize::from(choice >> 2) + 1);
});
