//! How a synthetic file says what it is: keys of our own in its metadata.

use serde::Serialize;

use crate::llm::gguf::{HeaderBuilder, Metadata, Value};

/// Version of the bytes: another one wherever the same shape and seed give another file.
pub const FORMAT_VERSION: u32 = 1;

const SYNTHETIC: &str = "workly_perf.synthetic";
const SHAPE: &str = "workly_perf.synthetic.shape";
const SEED: &str = "workly_perf.synthetic.seed";
const VERSION: &str = "workly_perf.synthetic.version";

/// What a synthetic model was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyntheticMark {
    /// The shape's name, control characters escaped; `None` where the file does not say.
    pub shape: Option<String>,
    /// The seed of its noise.
    pub seed: Option<u64>,
    /// The version of its bytes; see [`FORMAT_VERSION`].
    pub version: Option<u64>,
}

impl SyntheticMark {
    /// The mark of a file, if it has one.
    #[must_use]
    pub fn read(metadata: &Metadata) -> Option<Self> {
        let number = |key| metadata.get(key).and_then(Value::as_u64);
        metadata.get(SYNTHETIC).and_then(Value::as_bool).filter(|marked| *marked)?;
        let shape = metadata.get(SHAPE).and_then(Value::as_text).map(|text| text.escape_debug().to_string());
        Some(Self { shape, seed: number(SEED), version: number(VERSION) })
    }
}

/// Marks a header.
pub(super) fn mark(header: &mut HeaderBuilder, shape: &str, seed: u64) {
    header.bool(SYNTHETIC, true);
    header.text(SHAPE, shape);
    header.u64(SEED, seed);
    header.u32(VERSION, FORMAT_VERSION);
}
