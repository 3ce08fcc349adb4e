//! Random quantised blocks at realistic scales: weights with mean 0 and standard deviation 1/√row, as after
//! initialisation.
//!
//! With this deviation, the product of a row with an activation of unit size has unit size, and norms keep activations
//! there: nothing overflows and no logit is infinite. Only a bit pattern for a huge or undefined number could break
//! this, and only the 16-bit scales of a block have such patterns, so they are never random. Each block gets one of 64
//! prepared sets of scales and random quants, all patterns of which are small integers.

use super::noise::SplitMix64;
use crate::llm::gguf::TensorType;

/// Prepared sets of scales per tensor: enough for blocks to differ.
const SETS: u64 = 64;

/// The smallest normal 16-bit float. Some GPUs treat smaller ones as 0.
const LEAST_HALF: f32 = 1.0 / 16_384.0;

/// Draws a set of scales for this standard deviation, negative or not.
type ScaleGenerator = fn(f32, bool, &mut SplitMix64) -> Vec<u8>;

/// How the blocks of a type are generated.
#[derive(Debug)]
pub(super) struct BlockGenerator {
    block_bytes: usize,
    scales_at: usize,
    noise_at: usize,
    noise_bytes: usize,
    sets: Vec<Vec<u8>>,
    symmetric_bytes: bool,
}

impl BlockGenerator {
    /// For a tensor of that type with rows of that length. `None` for types that no mixture uses.
    pub(super) fn new(kind: &TensorType, row: u64, noise: &mut SplitMix64) -> Option<Self> {
        let deviation = 1.0 / (row as f32).sqrt();
        // Bytes of scales, whether they follow the quants, and how they are drawn. Half of the sets are negative, so
        // that a nonzero mean of quants cancels over blocks.
        let (scale_bytes, scales_last, set): (usize, bool, ScaleGenerator) = match kind.name {
            "Q4_0" => (2, false, q4_0),
            "Q8_0" => (2, false, q8_0),
            "Q4_K" => (16, false, q4_k),
            "Q5_K" => (16, false, q5_k),
            "Q6_K" => (18, true, q6_k),
            _ => return None,
        };
        let block_bytes = usize::try_from(kind.block_bytes).ok()?;
        let noise_bytes = block_bytes - scale_bytes;
        Some(Self {
            block_bytes,
            scales_at: if scales_last { noise_bytes } else { 0 },
            noise_at: if scales_last { 0 } else { scale_bytes },
            noise_bytes,
            sets: (0..SETS).map(|at| set(deviation, at % 2 == 1, noise)).collect(),
            symmetric_bytes: kind.name == "Q8_0",
        })
    }

    /// Fills whole blocks.
    pub(super) fn fill(&self, bytes: &mut [u8], noise: &mut SplitMix64) {
        for block in bytes.chunks_exact_mut(self.block_bytes) {
            let which = usize::try_from(noise.below(SETS)).unwrap_or(0);
            let set = &self.sets[which];
            block[self.scales_at..self.scales_at + set.len()].copy_from_slice(set);
            let quants = &mut block[self.noise_at..self.noise_at + self.noise_bytes];
            noise.fill(quants);
            if self.symmetric_bytes {
                // The quantiser never writes -128, and kernels may negate.
                for quant in quants {
                    *quant = quant.cast_signed().max(-127).cast_unsigned();
                }
            }
        }
    }
}

/// One 16-bit scale: 4-bit quants minus 8, standard deviation 4.64.
fn q4_0(deviation: f32, negative: bool, noise: &mut SplitMix64) -> Vec<u8> {
    signed_scale(deviation / 4.64, negative, noise)
}

/// One 16-bit scale: quants from -127 to 127, standard deviation 73.7.
fn q8_0(deviation: f32, negative: bool, noise: &mut SplitMix64) -> Vec<u8> {
    signed_scale(deviation / 73.7, negative, noise)
}

/// A scale from 3/4 to 5/4 of `middle`.
fn signed_scale(middle: f32, negative: bool, noise: &mut SplitMix64) -> Vec<u8> {
    let scale = middle * (0.75 + noise.below(32) as f32 / 62.0);
    half(if negative { -scale } else { scale }).to_le_bytes().into()
}

/// 4-bit quants: mean 7.5, standard deviation 4.61.
fn q4_k(deviation: f32, _: bool, noise: &mut SplitMix64) -> Vec<u8> {
    scales_and_minima(deviation, 7.5, 4.61, noise)
}

/// 5-bit quants: mean 15.5, standard deviation 9.23.
fn q5_k(deviation: f32, _: bool, noise: &mut SplitMix64) -> Vec<u8> {
    scales_and_minima(deviation, 15.5, 9.23, noise)
}

/// The head of a `Q4_K` or `Q5_K` block: scale and minimum of the block, then 6 bits of each for its eight parts. A
/// weight is scale × part's scale × quant - minimum × part's minimum; equal parts and a minimum of `mean` scales give a
/// mean of 0.
fn scales_and_minima(deviation: f32, mean: f32, quant_deviation: f32, noise: &mut SplitMix64) -> Vec<u8> {
    // Parts from 9 to 16 have a root mean square of 12.71; small ones keep the 16-bit scale normal.
    let scale = (deviation / (quant_deviation * 12.71)).max(LEAST_HALF);
    let mut bytes = Vec::with_capacity(16);
    bytes.extend(half(scale).to_le_bytes());
    bytes.extend(half(scale * mean).to_le_bytes());
    let parts: [u8; 8] = std::array::from_fn(|_| 9 + noise.below(8).to_le_bytes()[0]);
    let (first, last) = parts.split_at(4);
    let whole = |(first, last): (&u8, &u8)| first | (last >> 4) << 6;
    bytes.extend(first.iter().zip(last).map(whole));
    bytes.extend(first.iter().zip(last).map(whole));
    bytes.extend(last.iter().map(|last| (last & 15) | (last & 15) << 4));
    bytes
}

/// The tail of a `Q6_K` block: sixteen signed 8-bit scales, then that of the block. 6-bit quants minus 32: standard
/// deviation 18.5. Signs alternate from part to part.
fn q6_k(deviation: f32, negative: bool, noise: &mut SplitMix64) -> Vec<u8> {
    // Parts from 5 to 8 have a root mean square of 6.6.
    let scale = (deviation / (18.5 * 6.6)).max(LEAST_HALF);
    let mut bytes = Vec::with_capacity(18);
    for at in 0..16 {
        let size = 5 + noise.below(4).to_le_bytes()[0].cast_signed();
        let part = if (at % 2 == 1) == negative { size } else { -size };
        bytes.push(part.cast_unsigned());
    }
    bytes.extend(half(scale).to_le_bytes());
    bytes
}

/// A 16-bit float (IEEE 754 binary16), rounded to nearest. Only for normal numbers: magnitudes from 2⁻¹⁴ to below
/// 65,504; smaller ones become ±2⁻¹⁴.
fn half(number: f32) -> u16 {
    let bits = number.abs().max(LEAST_HALF).to_bits();
    // Drops 13 bits of fraction and changes the exponent bias from 127 to 15.
    let rounded = ((bits + (1 << 12)) >> 13) - ((127 - 15) << 10);
    let sign = if number < 0.0 { 0x8000 } else { 0 };
    u16::try_from(rounded).map_or(0x7bff, |size| size.min(0x7bff)) | sign
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(half: [u8; 2]) -> f32 {
        let bits = u32::from(u16::from_le_bytes(half));
        let exponent = (bits >> 10) & 31;
        assert!((1..31).contains(&exponent), "a normal, finite number");
        let size = f32::from_bits(((exponent + 112) << 23) | ((bits & 1_023) << 13));
        if bits >> 15 == 1 { -size } else { size }
    }

    /// Scale and minimum of part `j` of a `Q4_K` or `Q5_K` block.
    fn part(scales: &[u8], j: usize) -> (f32, f32) {
        let (scale, minimum) = if j < 4 {
            (scales[j] & 63, scales[j + 4] & 63)
        } else {
            ((scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4, (scales[j + 4] >> 4) | (scales[j] >> 6) << 4)
        };
        (scale.into(), minimum.into())
    }

    fn weights(name: &str, block: &[u8]) -> Vec<f32> {
        let pair = |at: usize| wide([block[at], block[at + 1]]);
        match name {
            "Q8_0" => block[2..].iter().map(|q| pair(0) * f32::from(q.cast_signed())).collect(),
            "Q4_0" => {
                block[2..].iter().flat_map(|q| [q & 15, q >> 4]).map(|q| pair(0) * (f32::from(q) - 8.0)).collect()
            }
            "Q4_K" | "Q5_K" => {
                let high = &block[16..48];
                let low = if name == "Q4_K" { &block[16..] } else { &block[48..] };
                let weight = |at: usize| {
                    let (j, l) = (at / 32, at % 32);
                    let nibble = (low[j / 2 * 32 + l] >> (4 * (j % 2))) & 15;
                    let fifth = if name == "Q5_K" { (high[l] >> j & 1) << 4 } else { 0 };
                    let (scale, minimum) = part(&block[4..16], j);
                    pair(0) * scale * f32::from(nibble | fifth) - pair(2) * minimum
                };
                (0..256).map(weight).collect()
            }
            "Q6_K" => {
                let weight = |at: usize| {
                    let (half, quarter, l) = (at / 128, at % 128 / 32, at % 32);
                    let low = block[half * 64 + (quarter % 2) * 32 + l] >> (4 * (quarter / 2)) & 15;
                    let high = block[128 + half * 32 + l] >> (2 * quarter) & 3;
                    let scale = block[192 + half * 8 + quarter * 2 + l / 16].cast_signed();
                    pair(208) * f32::from(scale) * (f32::from(low | high << 4) - 32.0)
                };
                (0..256).map(weight).collect()
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn weights_have_mean_0_and_the_rows_deviation() {
        for name in ["Q4_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K"] {
            for row in [256_u64, 4_096, 14_336] {
                let kind = TensorType::by_name(name).unwrap();
                let mut noise = SplitMix64::new(1, row);
                let blocks = BlockGenerator::new(kind, row, &mut noise).unwrap();
                let mut bytes = vec![0; blocks.block_bytes * 4_096];
                blocks.fill(&mut bytes, &mut noise);
                let weights: Vec<f64> =
                    bytes.chunks(blocks.block_bytes).flat_map(|block| weights(name, block)).map(f64::from).collect();
                let n = weights.len() as f64;
                let mean = weights.iter().sum::<f64>() / n;
                let deviation =
                    (weights.iter().map(|weight| weight * weight).sum::<f64>() / n).sqrt() * (row as f64).sqrt();
                assert!((0.9..1.12).contains(&deviation), "{name} {row}: {deviation}");
                assert!(mean.abs() * (row as f64).sqrt() < 0.03, "{name} {row}: {mean}");
                let largest = weights.iter().fold(0.0_f64, |largest, weight| largest.max(weight.abs()));
                assert!(largest * (row as f64).sqrt() < 5.0, "{name} {row}: {largest}");
            }
        }
    }

    #[test]
    fn blocks_are_complete_and_reproducible() {
        let kind = TensorType::by_name("Q8_0").unwrap();
        let make = |seed| {
            let mut noise = SplitMix64::new(seed, 0);
            let blocks = BlockGenerator::new(kind, 32, &mut noise).unwrap();
            let mut bytes = vec![0; 34 * 2_000];
            blocks.fill(&mut bytes, &mut noise);
            bytes
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        assert!(make(1).chunks(34).all(|block| !block[2..].contains(&0x80)));
        assert!(BlockGenerator::new(TensorType::by_name("IQ1_S").unwrap(), 256, &mut SplitMix64::new(1, 1)).is_none());
    }

    #[test]
    fn half_floats_round_to_nearest() {
        for (number, expected) in [
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65_504.0, 0x7bff),
            (1e9, 0x7bff),
            (0.1, 0x2e66),
            (1.0 / 16_384.0, 0x0400),
            (1e-9, 0x0400),
            (-1e-9, 0x8400),
            (1.0 + 1.0 / 1_024.0, 0x3c01),
            (1.0 + 0.4 / 1_024.0, 0x3c00),
        ] {
            assert_eq!(half(number), expected, "{number}");
        }
    }
}
