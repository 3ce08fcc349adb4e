//! Valid files with generated damage: reading one may fail, but must not do anything else.

use std::io::Cursor;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Gguf, HeaderBuilder, TensorType};

/// A small valid file with every kind of value, three tensors and an alignment of 64.
pub(super) fn small_file() -> Vec<u8> {
    let mut header = HeaderBuilder::new();
    header.u32("general.alignment", 64);
    header.text("general.architecture", "llama");
    header.u64("workly_perf.synthetic.seed", 1);
    header.f32("llama.rope.freq_base", 10_000.0);
    header.bool("tokenizer.ggml.add_bos_token", true);
    header.texts("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>"].into_iter());
    header.f32s("tokenizer.ggml.scores", [0.0, -1.0].into_iter());
    header.i32s("tokenizer.ggml.token_type", [2, 3, 3].into_iter());
    for (name, dimensions, kind) in [
        ("token_embd.weight", &[32, 3][..], "Q8_0"),
        ("output_norm.weight", &[32], "F32"),
        ("blk.0.ffn_up.weight", &[256, 2], "Q5_K"),
    ] {
        header.tensor(name, dimensions, TensorType::by_name(kind).unwrap());
    }
    let (mut bytes, data) = header.finish();
    bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0xa5);
    bytes
}

/// One damage.
#[derive(Debug, Clone)]
enum Damage {
    Byte(prop::sample::Index, u8),
    Number(prop::sample::Index, u64),
    Small(prop::sample::Index, u32),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, u8),
    Copy(prop::sample::Index, prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    // Values at which arithmetic may overflow.
    let edges = prop_oneof![
        any::<u64>(),
        (0_u32..64, -2_i64..=2).prop_map(|(bit, off)| (1_u64 << bit).wrapping_add_signed(off)),
        Just(u64::MAX),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), edges).prop_map(|(at, number)| Damage::Number(at, number)),
        (at(), 0_u32..48).prop_map(|(at, number)| Damage::Small(at, number)),
        at().prop_map(Damage::Cut),
        (at(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), 1_u8..40).prop_map(|(at, count)| Damage::Remove(at, count)),
        (at(), at(), 1_u8..40).prop_map(|(from, to, count)| Damage::Copy(from, to, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    let overwrite = |bytes: &mut Vec<u8>, at: usize, with: &[u8]| {
        for (old, new) in bytes.iter_mut().skip(at).zip(with) {
            *old = *new;
        }
    };
    match damage {
        Damage::Byte(at, byte) => bytes[at.index(length)] = *byte,
        Damage::Number(at, number) => overwrite(bytes, at.index(length), &number.to_le_bytes()),
        Damage::Small(at, number) => overwrite(bytes, at.index(length), &number.to_le_bytes()),
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Insert(at, inserted) => {
            let at = at.index(length);
            bytes.splice(at..at, inserted.iter().copied());
        }
        Damage::Remove(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + usize::from(*count)));
        }
        Damage::Copy(from, to, count) => {
            let from = from.index(length);
            let part = bytes[from..length.min(from + usize::from(*count))].to_vec();
            overwrite(bytes, to.index(length), &part);
        }
    }
}

/// Reads a file and checks the invariants that readers rely on.
fn read_and_check(bytes: &[u8]) {
    let Ok(gguf) = Gguf::read(Cursor::new(bytes)) else { return };
    let length = bytes.len() as u64;
    assert!(gguf.header_bytes <= length && gguf.alignment.is_power_of_two());
    let mut claimed = 0;
    for tensor in &gguf.tensors {
        assert!(gguf.data_offset + tensor.offset + tensor.bytes <= length);
        assert_eq!(tensor.dimensions.iter().product::<u64>(), tensor.elements);
        claimed += tensor.bytes;
    }
    assert!(claimed <= length, "tensors do not overlap");
    let _ = crate::llm::soundness::check(Cursor::new(bytes), &gguf);
    let _ = crate::llm::ModelFacts::of(&gguf, crate::llm::GpuProfile::built_in()).map(|facts| format!("{facts:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6_000, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_file_is_an_error_or_still_valid(damages in prop::collection::vec(damage(), 1..6)) {
        let mut bytes = small_file();
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        read_and_check(&bytes);
    }

    #[test]
    fn noise_after_a_valid_start_does_not_panic(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        read_and_check(&noise);
        let beginning = [b"GGUF\x03\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0".as_slice(), &noise].concat();
        read_and_check(&beginning);
    }
}

#[test]
fn every_byte_at_every_edge_value_does_not_panic() {
    let whole = small_file();
    for at in 0..whole.len() {
        for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            read_and_check(&bytes);
        }
    }
}
