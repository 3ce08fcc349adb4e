//! Metadata values. What a model needs is kept; long arrays, such as vocabularies, are counted and skipped.

use std::io::Read;

use super::cursor::Cursor;
use super::error::GgufFault;

/// Maximum number of elements of a kept array: some architectures have a figure for each block.
const KEPT_ELEMENTS: u64 = 512;

/// Maximum number of kept elements of all arrays together.
const ALL_KEPT_ELEMENTS: u64 = 1 << 16;

/// Maximum nesting of arrays. Known files have at most one level.
const DEEPEST: u32 = 4;

/// Type of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    /// All types, indexed by their number in files.
    const BY_ID: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// The type of a number.
    #[must_use]
    pub fn by_id(id: u32) -> Option<Self> {
        Self::BY_ID.get(usize::try_from(id).ok()?).copied()
    }

    /// Its number in files.
    #[must_use]
    pub fn id(self) -> u32 {
        self as u32
    }

    /// Size in bytes; `None` for texts and arrays, which contain their size.
    #[must_use]
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::Array => None,
        }
    }
}

/// A metadata value; integers of all widths are widened.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A floating-point number.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(String),
    /// An array.
    Array(Array),
}

/// An array of metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The type of its elements.
    pub element: ValueType,
    /// Number of elements.
    pub count: u64,
    /// Start of the first element, in bytes from the start of the file.
    pub offset: u64,
    /// The elements, kept for at most 512 numbers or booleans.
    pub kept: Option<Vec<Value>>,
}

impl Value {
    /// The value, if it is a non-negative integer.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            Self::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The value, if it is a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Unsigned(number) => Some(*number as f64),
            Self::Signed(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The value, if it is a text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value, if it is a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The value, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }
}

/// Reads values and counts what is kept.
#[derive(Debug, Default)]
pub(super) struct ValueReader {
    kept_elements: u64,
}

impl ValueReader {
    /// A value preceded by its type.
    pub(super) fn typed<R: Read>(&mut self, cursor: &mut Cursor<R>) -> Result<Value, GgufFault> {
        match type_of(cursor, "value type")? {
            ValueType::Text => Ok(Value::Text(cursor.value_text("text")?)),
            ValueType::Array => Ok(Value::Array(self.array(cursor, 1)?)),
            kind => number(cursor, kind),
        }
    }

    fn array<R: Read>(&mut self, cursor: &mut Cursor<R>, depth: u32) -> Result<Array, GgufFault> {
        if depth > DEEPEST {
            return Err(cursor.limit("nesting of arrays", u64::from(depth), u64::from(DEEPEST)));
        }
        let element = type_of(cursor, "element type")?;
        let count = cursor.u64("array length")?;
        let offset = cursor.offset();
        let least = match element {
            ValueType::Text => 8,
            ValueType::Array => 12,
            fixed => fixed.bytes().unwrap_or(1),
        };
        let Some(bytes) = count.checked_mul(least) else {
            return Err(cursor.limit("array length", count, cursor.left() / least));
        };
        cursor.require(bytes, "array")?;
        let mut kept = None;
        match element {
            ValueType::Text => (0..count).try_for_each(|_| cursor.skip_text("text of the array"))?,
            ValueType::Array => (0..count).try_for_each(|_| self.array(cursor, depth + 1).map(drop))?,
            kind if count <= KEPT_ELEMENTS && self.kept_elements + count <= ALL_KEPT_ELEMENTS => {
                self.kept_elements += count;
                kept = Some((0..count).map(|_| number(cursor, kind)).collect::<Result<_, _>>()?);
            }
            _ => cursor.skip(bytes, "array")?,
        }
        Ok(Array { element, count, offset, kept })
    }
}

fn type_of<R: Read>(cursor: &mut Cursor<R>, what: &str) -> Result<ValueType, GgufFault> {
    let id = cursor.u32(what)?;
    ValueType::by_id(id).ok_or_else(|| cursor.invalid(what, id.to_string(), "types are 0 to 12"))
}

fn number<R: Read>(cursor: &mut Cursor<R>, kind: ValueType) -> Result<Value, GgufFault> {
    const WHAT: &str = "value";
    Ok(match kind {
        ValueType::U8 => Value::Unsigned(u8::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::I8 => Value::Signed(i8::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::U16 => Value::Unsigned(u16::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::I16 => Value::Signed(i16::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::U32 => Value::Unsigned(u32::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::I32 => Value::Signed(i32::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::U64 => Value::Unsigned(u64::from_le_bytes(cursor.bytes(WHAT)?)),
        ValueType::I64 => Value::Signed(i64::from_le_bytes(cursor.bytes(WHAT)?)),
        ValueType::F32 => Value::Float(f32::from_le_bytes(cursor.bytes(WHAT)?).into()),
        ValueType::F64 => Value::Float(f64::from_le_bytes(cursor.bytes(WHAT)?)),
        ValueType::Bool => match cursor.bytes(WHAT)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(cursor.invalid("truth value", other.to_string(), "it must be 0 or 1")),
        },
        ValueType::Text | ValueType::Array => {
            return Err(cursor.invalid(WHAT, format!("{kind:?}"), "it must be a number or a boolean"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]]) -> Result<Value, GgufFault> {
        let bytes = parts.concat();
        ValueReader::default().typed(&mut Cursor::new(&bytes[..], bytes.len() as u64))
    }

    fn le(number: u32) -> [u8; 4] {
        number.to_le_bytes()
    }

    #[test]
    fn every_value_type_is_read() {
        let one = 1_u64.to_le_bytes();
        for (id, bytes, value) in [
            (0_u32, &[7_u8][..], Value::Unsigned(7)),
            (1, &[0xff], Value::Signed(-1)),
            (2, &[1, 1], Value::Unsigned(257)),
            (3, &[0xfe, 0xff], Value::Signed(-2)),
            (4, &le(9), Value::Unsigned(9)),
            (5, &le(u32::MAX), Value::Signed(-1)),
            (6, &0.5_f32.to_le_bytes(), Value::Float(0.5)),
            (7, &[1], Value::Bool(true)),
            (8, &[&one[..], b"x"].concat(), Value::Text("x".into())),
            (10, &one, Value::Unsigned(1)),
            (11, &u64::MAX.to_le_bytes(), Value::Signed(-1)),
            (12, &2.5_f64.to_le_bytes(), Value::Float(2.5)),
        ] {
            assert_eq!(ValueType::by_id(id).unwrap().id(), id);
            assert_eq!(read(&[&le(id), bytes]).unwrap(), value, "{id}");
        }
        assert!(matches!(read(&[&le(13)]), Err(GgufFault::Invalid { .. })));
        assert!(matches!(read(&[&le(7), &[2]]), Err(GgufFault::Invalid { .. })));
    }

    #[test]
    fn short_numeric_arrays_are_kept_and_others_counted() {
        let array = |element: u32, count: u64, bytes: &[u8]| {
            let value = read(&[&le(9), &le(element), &count.to_le_bytes(), bytes]).unwrap();
            let Value::Array(array) = value else { panic!("no array") };
            (array.count, array.kept)
        };
        let kept = Some(vec![Value::Unsigned(1), Value::Unsigned(2)]);
        assert_eq!(array(0, 2, &[1, 2]), (2, kept));
        assert_eq!(array(0, 513, &[1; 513]), (513, None));
        let texts = [&3_u64.to_le_bytes()[..], b"abc", &0_u64.to_le_bytes()].concat();
        assert_eq!(array(8, 2, &texts), (2, None));
        let nested = [&le(0)[..], &1_u64.to_le_bytes(), &[9]].concat();
        assert_eq!(array(9, 1, &nested), (1, None));
    }

    #[test]
    fn hostile_arrays_fail_at_once() {
        let array = |element: u32, count: u64| read(&[&le(9), &le(element), &count.to_le_bytes(), &[0; 64]]);
        assert!(matches!(array(8, u64::MAX), Err(GgufFault::Limit { .. })));
        assert!(matches!(array(12, u64::MAX / 8), Err(GgufFault::Truncated { .. })));
        assert!(matches!(array(0, u64::MAX), Err(GgufFault::Truncated { .. })));
        assert!(matches!(array(9, 6), Err(GgufFault::Truncated { .. })));
        let mut deep = Vec::from(le(9));
        for _ in 0..1_000 {
            deep.extend([&le(9)[..], &1_u64.to_le_bytes()].concat());
        }
        assert!(matches!(read(&[&deep]), Err(GgufFault::Limit { value: 5, limit: 4, .. })));
    }
}
