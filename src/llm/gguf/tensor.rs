//! The list of tensors: names, shapes, types, and where their data must be in the file.

use std::collections::HashSet;
use std::io::Read;

use super::cursor::Cursor;
use super::error::GgufFault;
use super::tensor_type::TensorType;

/// Maximum number of tensors: the largest models have some thousands.
const TENSORS_LIMIT: u64 = 1 << 16;

/// Maximum length of a name in bytes. llama.cpp accepts 63; other programs more.
const NAME_LIMIT: u64 = 255;

/// Maximum number of dimensions.
const DIMENSIONS_LIMIT: u32 = 4;

/// Bytes of the smallest entry: an empty name, no dimensions, type and offset.
const LEAST_ENTRY: u64 = 8 + 4 + 4 + 8;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its shape, row length first. No dimension is 0.
    pub dimensions: Vec<u64>,
    /// Storage type.
    pub kind: &'static TensorType,
    /// Elements: the product of the dimensions.
    pub elements: u64,
    /// Start of its data, in bytes from the start of the data section.
    pub offset: u64,
    /// Length of its data, in bytes.
    pub bytes: u64,
}

impl TensorInfo {
    pub(super) fn read_all<R: Read>(cursor: &mut Cursor<R>, count: u64) -> Result<Vec<Self>, GgufFault> {
        if count > TENSORS_LIMIT {
            return Err(cursor.limit("number of tensors", count, TENSORS_LIMIT));
        }
        cursor.require(count * LEAST_ENTRY, "list of tensors")?;
        let mut names = HashSet::new();
        let mut tensors = Vec::new();
        for _ in 0..count {
            let offset = cursor.offset();
            let tensor = Self::read(cursor)?;
            if !names.insert(tensor.name.clone()) {
                return Err(GgufFault::Duplicate { offset, what: "tensor", name: format!("{:?}", tensor.name) });
            }
            tensors.push(tensor);
        }
        Ok(tensors)
    }

    fn read<R: Read>(cursor: &mut Cursor<R>) -> Result<Self, GgufFault> {
        let name = cursor.text(NAME_LIMIT, "tensor name")?;
        cursor.set_subject(format!(" of tensor {name:?}"));
        let count = cursor.u32("number of dimensions")?;
        if count > DIMENSIONS_LIMIT {
            return Err(cursor.limit("number of dimensions", count.into(), DIMENSIONS_LIMIT.into()));
        }
        let mut dimensions = Vec::new();
        let mut elements = 1_u64;
        for _ in 0..count {
            let dimension = cursor.u64("dimension")?;
            if dimension == 0 {
                return Err(cursor.invalid("dimension", "0".into(), "it must be at least 1"));
            }
            // llama.cpp counts elements in signed integers.
            let product = elements.checked_mul(dimension).filter(|&product| i64::try_from(product).is_ok());
            elements =
                product.ok_or_else(|| cursor.limit("dimension", dimension, i64::MAX.unsigned_abs() / elements))?;
            dimensions.push(dimension);
        }
        let id = cursor.u32("type")?;
        let kind = TensorType::by_id(id)
            .ok_or_else(|| cursor.invalid("type", id.to_string(), "the type is unknown to this build"))?;
        let row = dimensions.first().copied().unwrap_or(1);
        if !row.is_multiple_of(kind.block_elements) {
            let wants = "each row must consist of whole blocks";
            return Err(cursor.invalid("row length", format!("{row} in {}", kind.name), wants));
        }
        let bytes = kind.bytes_of(elements);
        let bytes = bytes.ok_or_else(|| cursor.limit("number of elements", elements, u64::MAX / kind.block_bytes))?;
        let offset = cursor.u64("data offset")?;
        cursor.set_subject(String::new());
        Ok(Self { name, dimensions, kind, elements, offset, bytes })
    }
}

/// Fails unless every tensor is aligned, within the file, and does not overlap another.
pub(super) fn check_places(
    tensors: &[TensorInfo],
    data_offset: u64,
    alignment: u64,
    file_bytes: u64,
) -> Result<(), GgufFault> {
    let mut places = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let quoted = || format!("{:?}", tensor.name);
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(GgufFault::Invalid {
                offset: data_offset.saturating_add(tensor.offset),
                what: format!("data offset of tensor {}", quoted()),
                value: tensor.offset.to_string(),
                wants: "it must be a multiple of the alignment",
            });
        }
        let begin = data_offset.saturating_add(tensor.offset);
        let end = begin.saturating_add(tensor.bytes);
        if end > file_bytes {
            return Err(GgufFault::BeyondFile { tensor: quoted(), begin, end, file_bytes });
        }
        places.push((begin, end, tensor));
    }
    places.sort_unstable_by_key(|&(begin, end, _)| (begin, end));
    for pair in places.windows(2) {
        let [(_, end, first), (begin, _, second)] = pair else { continue };
        if begin < end {
            let quoted = |tensor: &TensorInfo| format!("{:?}", tensor.name);
            return Err(GgufFault::Overlap { first: quoted(first), second: quoted(second), offset: *begin });
        }
    }
    Ok(())
}
