//! The storage types of tensors, as data: elements and bytes per block.

/// A storage type.
#[derive(Debug, PartialEq, Eq)]
pub struct TensorType {
    /// Number in files.
    pub id: u32,
    /// Name, in upper case as in ggml.
    pub name: &'static str,
    /// Elements per block; a row is a whole number of blocks.
    pub block_elements: u64,
    /// Bytes per block.
    pub block_bytes: u64,
}

const fn row(id: u32, name: &'static str, block_elements: u64, block_bytes: u64) -> TensorType {
    TensorType { id, name, block_elements, block_bytes }
}

/// All types in use, by number. Missing numbers are obsolete types.
pub static TENSOR_TYPES: [TensorType; 35] = [
    row(0, "F32", 1, 4),
    row(1, "F16", 1, 2),
    row(2, "Q4_0", 32, 18),
    row(3, "Q4_1", 32, 20),
    row(6, "Q5_0", 32, 22),
    row(7, "Q5_1", 32, 24),
    row(8, "Q8_0", 32, 34),
    row(9, "Q8_1", 32, 36),
    row(10, "Q2_K", 256, 84),
    row(11, "Q3_K", 256, 110),
    row(12, "Q4_K", 256, 144),
    row(13, "Q5_K", 256, 176),
    row(14, "Q6_K", 256, 210),
    row(15, "Q8_K", 256, 292),
    row(16, "IQ2_XXS", 256, 66),
    row(17, "IQ2_XS", 256, 74),
    row(18, "IQ3_XXS", 256, 98),
    row(19, "IQ1_S", 256, 50),
    row(20, "IQ4_NL", 32, 18),
    row(21, "IQ3_S", 256, 110),
    row(22, "IQ2_S", 256, 82),
    row(23, "IQ4_XS", 256, 136),
    row(24, "I8", 1, 1),
    row(25, "I16", 1, 2),
    row(26, "I32", 1, 4),
    row(27, "I64", 1, 8),
    row(28, "F64", 1, 8),
    row(29, "IQ1_M", 256, 56),
    row(30, "BF16", 1, 2),
    row(34, "TQ1_0", 256, 54),
    row(35, "TQ2_0", 256, 66),
    row(39, "MXFP4", 32, 17),
    row(40, "NVFP4", 64, 36),
    row(41, "Q1_0", 128, 18),
    row(42, "Q2_0", 64, 18),
];

impl TensorType {
    /// The type of a number.
    #[must_use]
    pub fn by_id(id: u32) -> Option<&'static Self> {
        TENSOR_TYPES.iter().find(|kind| kind.id == id)
    }

    /// The type of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        TENSOR_TYPES.iter().find(|kind| kind.name == name)
    }

    /// Bytes for a number of elements; `None` if they are not whole blocks, or on overflow.
    #[must_use]
    pub fn bytes_of(&self, elements: u64) -> Option<u64> {
        let blocks = elements.is_multiple_of(self.block_elements).then_some(elements / self.block_elements)?;
        blocks.checked_mul(self.block_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_in_order_and_found() {
        assert!(TENSOR_TYPES.is_sorted_by(|a, b| a.id < b.id));
        for kind in &TENSOR_TYPES {
            assert_eq!(TensorType::by_id(kind.id), Some(kind));
            assert_eq!(TensorType::by_name(kind.name), Some(kind));
        }
        assert_eq!(TensorType::by_id(4), None);
    }

    #[test]
    fn partial_blocks_have_no_size() {
        let q5_k = TensorType::by_name("Q5_K").unwrap();
        assert_eq!(q5_k.bytes_of(4_096), Some(16 * 176));
        assert_eq!(q5_k.bytes_of(4_097), None);
        assert_eq!(TensorType::by_name("F64").unwrap().bytes_of(u64::MAX), None);
    }
}
