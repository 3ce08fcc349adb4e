//! Cost of encoding and decoding a message, without sending it.

use std::hint::black_box;

use serde_json::{Map, Value};

use crate::bridge::Codec;
use crate::clock::Clock;

/// Shortest timed span, in nanoseconds: far longer than reading the clock takes.
const STRETCH_NS: u64 = 2_000_000;

/// Cost of a message in one codec, with this program's encoder and decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodecCost {
    /// Payload length in bytes, without framing and, in JSON, without spaces.
    pub bytes: usize,
    /// Time to encode one, in nanoseconds.
    pub encode_ns: f64,
    /// Time to decode one, in nanoseconds.
    pub decode_ns: f64,
}

/// Measures the cost, each of the two over many repetitions.
#[must_use]
pub fn codec_cost(codec: Codec, message: &Map<String, Value>, clock: &Clock) -> CodecCost {
    let payload = codec.encode(message);
    let encode_ns = each_ns(clock, || drop(black_box(codec.encode(black_box(message)))));
    let decode_ns = each_ns(clock, || drop(black_box(codec.decode::<Map<String, Value>>(black_box(&payload)))));
    CodecCost { bytes: payload.len(), encode_ns, decode_ns }
}

/// Nanoseconds per call, averaged over as many calls as fill the timed span.
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
    fn codec_cost_is_positive_and_counts_payload_bytes() {
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
