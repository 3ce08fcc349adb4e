//! What encoding and decoding a message costs, apart from sending it.

use std::hint::black_box;

use serde_json::{Map, Value};

use crate::bridge::Codec;
use crate::clock::Clock;

/// Shortest time that is measured at once, in nanoseconds: far above what reading the clock takes.
const STRETCH_NS: u64 = 2_000_000;

/// What a message costs in one codec, by this program's own encoder and decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodecCost {
    /// Length of the payload, without its frame and, in JSON, without spaces.
    pub bytes: usize,
    /// Nanoseconds to encode one.
    pub encode_ns: f64,
    /// Nanoseconds to decode one.
    pub decode_ns: f64,
}

/// Measures it, each of the two over a stretch of repetitions.
#[must_use]
pub fn codec_cost(codec: Codec, message: &Map<String, Value>, clock: &Clock) -> CodecCost {
    let payload = codec.encode(message);
    let encode_ns = each_ns(clock, || drop(black_box(codec.encode(black_box(message)))));
    let decode_ns = each_ns(clock, || drop(black_box(codec.decode::<Map<String, Value>>(black_box(&payload)))));
    CodecCost { bytes: payload.len(), encode_ns, decode_ns }
}

/// Nanoseconds that one call takes, from as many as fill a stretch.
fn each_ns(clock: &Clock, mut call: impl FnMut()) -> f64 {
    let mut calls = 0_u32;
    let mut block = 1;
    let began_ns = clock.now_ns();
    loop {
        for _ in 0..block {
            call();
        }
        calls += block;
        let passed_ns = clock.now_ns() - began_ns;
        if passed_ns >= STRETCH_NS {
            return passed_ns as f64 / f64::from(calls);
        }
        block = block.saturating_mul(2).min(1_000);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cost_is_above_nothing_and_bytes_are_those_of_the_payload() {
        let message = json!({"command": "set_auto_blink", "data": {"enabled": true}});
        let clock = Clock::start();
        // By hand: 11 + 16 + 8 + 16 + 1 and 1 + 8 + 15 + 5 + 1 + 8 + 1.
        for (codec, bytes) in [(Codec::Json, 52), (Codec::Msgpack, 39)] {
            let cost = codec_cost(codec, message.as_object().unwrap(), &clock);
            assert!(cost.encode_ns > 0.0 && cost.decode_ns > 0.0);
            assert_eq!(cost.bytes, bytes, "{codec}");
        }
    }
}
