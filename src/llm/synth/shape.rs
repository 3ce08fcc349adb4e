//! Shapes as data: `profiles/models/*.toml`, built in.

use std::sync::LazyLock;

use serde::Deserialize;

use super::error::ShapeError;
use super::mixture::Mixture;
use super::vocabulary;

/// The default seed.
pub const DEFAULT_SEED: u64 = 1;

/// Far more than any model has, of anything: keeps sizes from overflowing.
const LARGEST: u64 = 1 << 20;

/// The shape of a model: llama architecture, with the quantisation of a real file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelShape {
    /// Name on the command line and in files.
    pub name: String,
    /// A one-line description.
    pub summary: String,
    /// Quantisation, with llama.cpp's layout.
    pub quantisation: Mixture,
    /// Transformer blocks.
    pub blocks: u64,
    /// Embedding length.
    pub embedding: u64,
    /// Width of the feed-forward part.
    pub feed_forward: u64,
    /// Attention heads.
    pub heads: u64,
    /// KV heads.
    pub kv_heads: u64,
    /// Size of the vocabulary.
    pub vocabulary: u64,
    /// Trained context stated in the file, in tokens.
    pub context: u64,
    /// Base of the rotary position frequencies.
    pub rope_freq_base: f32,
    /// Added to the mean square in norms.
    pub rms_epsilon: f32,
    /// Whether the output layer shares the token embeddings.
    pub tied_output: bool,
}

static BUILT_IN: LazyLock<Vec<ModelShape>> = LazyLock::new(|| {
    [
        include_str!("../../../profiles/models/tiny.toml"),
        include_str!("../../../profiles/models/demo-q4.toml"),
        include_str!("../../../profiles/models/demo.toml"),
        include_str!("../../../profiles/models/tinyllama-1.1b.toml"),
        include_str!("../../../profiles/models/llama-3.2-3b.toml"),
        include_str!("../../../profiles/models/phi-3-mini.toml"),
        include_str!("../../../profiles/models/zephyr-7b.toml"),
        include_str!("../../../profiles/models/llama-2-13b.toml"),
    ]
    .map(|text| ModelShape::parse(text).expect("the built-in shapes are checked by this module's tests"))
    .into()
});

impl ModelShape {
    /// The built-in shapes, from small to large.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &BUILT_IN
    }

    /// Their names.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::built_in().iter().map(|shape| shape.name.as_str()).collect()
    }

    /// The built-in shape of that name; [`ShapeError::Unknown`] if there is none.
    pub fn named(name: &str) -> Result<&'static Self, ShapeError> {
        let found = Self::built_in().iter().find(|shape| shape.name == name);
        found.ok_or_else(|| ShapeError::Unknown { name: name.to_owned() })
    }

    /// Parses a shape from TOML and checks that it is possible.
    pub fn parse(text: &str) -> Result<Self, ShapeError> {
        let shape: Self = toml::from_str(text)?;
        match shape.fault() {
            None => Ok(shape),
            Some(fault) => Err(ShapeError::Inconsistent { shape: shape.name, fault }),
        }
    }

    /// Length of a head.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.embedding / self.heads
    }

    fn fault(&self) -> Option<String> {
        let named = self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
        if self.name.is_empty() || !named {
            return Some("its name is used in file names: lower-case letters, digits, '-' and '.' only".into());
        }
        let counts = [
            ("blocks", self.blocks),
            ("embedding", self.embedding),
            ("feed_forward", self.feed_forward),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("vocabulary", self.vocabulary),
            ("context", self.context),
        ];
        if let Some((name, count)) = counts.into_iter().find(|(_, count)| !(1..=LARGEST).contains(count)) {
            return Some(format!("{name} is {count}, outside of 1 to {LARGEST}"));
        }
        if !self.embedding.is_multiple_of(self.heads) || !self.head().is_multiple_of(2) {
            return Some(format!(
                "{} heads do not divide an embedding of {} into even parts",
                self.heads, self.embedding
            ));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Some(format!("{} KV heads do not divide {} heads", self.kv_heads, self.heads));
        }
        let whole = self.quantisation.row_multiple();
        if let Some(row) = [self.embedding, self.feed_forward].into_iter().find(|row| !row.is_multiple_of(whole)) {
            return Some(format!("rows of {row} are not whole blocks of {whole}"));
        }
        if !(vocabulary::LEAST..=vocabulary::MOST).contains(&self.vocabulary) {
            let (least, most) = (vocabulary::LEAST, vocabulary::MOST);
            return Some(format!("a vocabulary of {} is outside of {least} to {most}", self.vocabulary));
        }
        let positive = |figure: f32| figure > 0.0 && figure.is_finite();
        (!positive(self.rope_freq_base) || !positive(self.rms_epsilon)).then(|| "a value is not above 0".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_names_are_unique_and_found() {
        for name in ModelShape::names() {
            assert_eq!(ModelShape::built_in().iter().filter(|shape| shape.name == name).count(), 1);
            assert_eq!(ModelShape::named(name).unwrap().name, name);
        }
        let unknown = ModelShape::named("huge").unwrap_err().to_string();
        assert!(unknown.contains("huge") && unknown.contains("zephyr-7b"), "{unknown}");
    }

    #[test]
    fn default_models_shape_is_exact() {
        let zephyr = ModelShape::named("zephyr-7b").unwrap();
        let figures = (zephyr.blocks, zephyr.embedding, zephyr.feed_forward, zephyr.heads, zephyr.kv_heads);
        assert_eq!(figures, (32, 4_096, 14_336, 32, 8));
        assert_eq!((zephyr.vocabulary, zephyr.context, zephyr.head()), (32_000, 32_768, 128));
        assert_eq!(zephyr.quantisation, Mixture::Q5_K_M);
    }

    #[test]
    fn impossible_shapes_are_rejected() {
        let tiny = include_str!("../../../profiles/models/tiny.toml");
        for (from, to, fault) in [
            ("name = \"tiny\"", "name = \"../up\"", "file names"),
            ("blocks = 4", "blocks = 0", "blocks is 0"),
            ("heads = 4", "heads = 3", "3 heads"),
            ("kv_heads = 2", "kv_heads = 3", "3 KV heads"),
            ("feed_forward = 768", "feed_forward = 700", "rows of 700"),
            ("vocabulary = 2048", "vocabulary = 100", "a vocabulary of 100"),
            ("rms_epsilon = 1e-5", "rms_epsilon = 0.0", "not above 0"),
        ] {
            let text = tiny.replacen(from, to, 1);
            assert_ne!(text, tiny, "{from}");
            let refused = ModelShape::parse(&text).unwrap_err().to_string();
            assert!(refused.contains(fault), "{refused}");
        }
        assert!(matches!(ModelShape::parse("name = 1"), Err(ShapeError::Syntax { .. })));
    }
}
