//! Writes headers, version 3.

use super::header::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT};
use super::tensor_type::TensorType;
use super::value::ValueType;

/// Builds a header. Keys and tensors keep their order; callers must keep names unique.
#[derive(Debug)]
pub struct HeaderBuilder {
    metadata: Vec<u8>,
    keys: u64,
    list: Vec<u8>,
    tensors: u64,
    data_bytes: u64,
    alignment: u64,
}

impl Default for HeaderBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl HeaderBuilder {
    /// An empty header.
    #[must_use]
    pub fn new() -> Self {
        let (metadata, list) = (Vec::new(), Vec::new());
        Self { metadata, keys: 0, list, tensors: 0, data_bytes: 0, alignment: DEFAULT_ALIGNMENT }
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key, ValueType::Text);
        text(&mut self.metadata, value);
    }

    /// Adds a number.
    pub fn u16(&mut self, key: &str, value: u16) {
        self.key(key, ValueType::U16);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds a number. `general.alignment` applies to the tensors that follow, and must be a power of two.
    pub fn u32(&mut self, key: &str, value: u32) {
        if key == ALIGNMENT_KEY {
            self.alignment = value.into();
        }
        self.key(key, ValueType::U32);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds a number.
    pub fn u64(&mut self, key: &str, value: u64) {
        self.key(key, ValueType::U64);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds a number.
    pub fn f32(&mut self, key: &str, value: f32) {
        self.key(key, ValueType::F32);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds a boolean.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key, ValueType::Bool);
        self.metadata.push(value.into());
    }

    /// Adds a number.
    pub fn i32(&mut self, key: &str, value: i32) {
        self.key(key, ValueType::I32);
        self.metadata.extend(value.to_le_bytes());
    }

    /// Adds an array of texts.
    pub fn texts<'a>(&mut self, key: &str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.array(key, ValueType::Text, values.len());
        values.for_each(|value| text(&mut self.metadata, value));
    }

    /// Adds an array of numbers.
    pub fn f32s(&mut self, key: &str, values: impl ExactSizeIterator<Item = f32>) {
        self.array(key, ValueType::F32, values.len());
        values.for_each(|value| self.metadata.extend(value.to_le_bytes()));
    }

    /// Adds an array of numbers.
    pub fn i32s(&mut self, key: &str, values: impl ExactSizeIterator<Item = i32>) {
        self.array(key, ValueType::I32, values.len());
        values.for_each(|value| self.metadata.extend(value.to_le_bytes()));
    }

    /// Adds a tensor after the previous ones, and returns the size of its data in bytes, without and with the padding
    /// after it.
    ///
    /// # Panics
    /// If rows are not whole blocks of the type.
    pub fn tensor(&mut self, name: &str, dimensions: &[u64], kind: &TensorType) -> (u64, u64) {
        let bytes = kind.bytes_of(dimensions.iter().product()).expect("rows are whole blocks");
        text(&mut self.list, name);
        let count = u32::try_from(dimensions.len()).unwrap_or(u32::MAX);
        self.list.extend(count.to_le_bytes());
        for dimension in dimensions {
            self.list.extend(dimension.to_le_bytes());
        }
        self.list.extend(kind.id.to_le_bytes());
        self.list.extend(self.data_bytes.to_le_bytes());
        self.tensors += 1;
        let padded = bytes.next_multiple_of(self.alignment);
        self.data_bytes += padded;
        (bytes, padded)
    }

    /// The header's bytes, padded to the start of the data, and the size of all data in bytes, including padding.
    #[must_use]
    pub fn finish(self) -> (Vec<u8>, u64) {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(self.tensors.to_le_bytes());
        bytes.extend(self.keys.to_le_bytes());
        bytes.extend(self.metadata);
        bytes.extend(self.list);
        let padded = (bytes.len() as u64).next_multiple_of(self.alignment);
        bytes.resize(usize::try_from(padded).unwrap_or(bytes.len()), 0);
        (bytes, self.data_bytes)
    }

    fn key(&mut self, key: &str, kind: ValueType) {
        self.keys += 1;
        text(&mut self.metadata, key);
        self.metadata.extend(kind.id().to_le_bytes());
    }

    fn array(&mut self, key: &str, element: ValueType, count: usize) {
        self.key(key, ValueType::Array);
        self.metadata.extend(element.id().to_le_bytes());
        self.metadata.extend((count as u64).to_le_bytes());
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
