//! A complete header, checked against its file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::cursor::Cursor;
use super::error::{GgufError, GgufFault};
use super::metadata::Metadata;
use super::tensor::{TensorInfo, check_places};

/// Key of the alignment of tensor data.
pub(super) const ALIGNMENT_KEY: &str = "general.alignment";

/// Default alignment, in bytes.
pub(super) const DEFAULT_ALIGNMENT: u64 = 32;

/// Maximum accepted alignment, in bytes.
const ALIGNMENT_LIMIT: u64 = 1 << 20;

/// The checked content of a GGUF header.
#[derive(Debug, Clone)]
pub struct Gguf {
    /// Version of the format: 2 or 3.
    pub version: u32,
    /// Keys and values.
    pub metadata: Metadata,
    /// The tensors, in the order of the file. All are within it and do not overlap.
    pub tensors: Vec<TensorInfo>,
    /// Alignment of tensor data, in bytes: a power of two.
    pub alignment: u64,
    /// Length of the header in bytes, without the padding before the data.
    pub header_bytes: u64,
    /// Start of the data, in bytes from the start of the file.
    pub data_offset: u64,
    /// Length of the file, in bytes.
    pub file_bytes: u64,
    /// FNV-1a of the header's bytes: identifies the model's name, shape, types and vocabulary, but not its weights.
    pub header_hash: u64,
}

impl Gguf {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`GgufError::NotAFile`] for folders, pipes and devices, which may be endless; [`GgufError::Fault`] for invalid
    /// content.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let open = |source| GgufError::Open { path: path.to_owned(), source };
        // Checked before opening, which would wait for the writer of a pipe.
        if !std::fs::metadata(path).map_err(open)?.is_file() {
            return Err(GgufError::NotAFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(open)?;
        Self::read(file).map_err(|fault| GgufError::Fault { path: path.to_owned(), fault })
    }

    /// Reads the header at the start of `source` and checks it against the length of `source`.
    pub fn read(mut source: impl Read + Seek) -> Result<Self, GgufFault> {
        let length = source.seek(SeekFrom::End(0)).and_then(|length| source.rewind().map(|()| length));
        let length = length.map_err(|source| GgufFault::Io { offset: 0, source })?;
        let mut cursor = Cursor::new(source, length);
        let version = read_version(&mut cursor)?;
        let tensor_count = cursor.u64("number of tensors")?;
        let key_count = cursor.u64("number of metadata keys")?;
        let metadata = Metadata::read(&mut cursor, key_count)?;
        let alignment = alignment_of(&metadata, &cursor)?;
        let tensors = TensorInfo::read_all(&mut cursor, tensor_count)?;
        let header_bytes = cursor.offset();
        let data_offset = header_bytes.next_multiple_of(alignment);
        check_places(&tensors, data_offset, alignment, length)?;
        let header_hash = cursor.hash();
        Ok(Self { version, metadata, tensors, alignment, header_bytes, data_offset, file_bytes: length, header_hash })
    }
}

fn read_version<R: Read>(cursor: &mut Cursor<R>) -> Result<u32, GgufFault> {
    let magic: [u8; 4] = cursor.bytes("magic number")?;
    if magic != *b"GGUF" {
        return Err(GgufFault::Magic { found: format!("\"{}\"", magic.escape_ascii()) });
    }
    let version = cursor.u32("version")?;
    match version {
        2 | 3 => Ok(version),
        // Small numbers in the other byte order have zeros in their low half.
        _ if version != 0 && version.trailing_zeros() >= 16 => {
            Err(GgufFault::BigEndian { version: version.swap_bytes() })
        }
        _ => Err(GgufFault::Version { version }),
    }
}

fn alignment_of<R: Read>(metadata: &Metadata, cursor: &Cursor<R>) -> Result<u64, GgufFault> {
    let Some(value) = metadata.get(ALIGNMENT_KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    match value.as_u64() {
        Some(alignment) if alignment.is_power_of_two() && alignment <= ALIGNMENT_LIMIT => Ok(alignment),
        _ => {
            let wants = "it must be a power of two of at most 1048576";
            Err(cursor.invalid(ALIGNMENT_KEY, value_in_short(value), wants))
        }
    }
}

fn value_in_short(value: &super::value::Value) -> String {
    value.as_u64().map_or_else(|| "not a whole number".into(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor as Bytes;

    use super::super::mutations::small_file;
    use super::super::write::HeaderBuilder;
    use super::*;
    use crate::llm::gguf::{TensorType, Value};

    fn read(bytes: &[u8]) -> Result<Gguf, GgufFault> {
        Gguf::read(Bytes::new(bytes))
    }

    fn patched(at: usize, with: &[u8]) -> GgufFault {
        let mut bytes = small_file();
        bytes[at..at + with.len()].copy_from_slice(with);
        read(&bytes).unwrap_err()
    }

    #[test]
    fn written_header_round_trips() {
        let bytes = small_file();
        let gguf = read(&bytes).unwrap();
        assert_eq!((gguf.version, gguf.alignment, gguf.file_bytes), (3, 64, bytes.len() as u64));
        assert_eq!(gguf.metadata.get("general.architecture"), Some(&Value::Text("llama".into())));
        assert_eq!(gguf.metadata.get("tokenizer.ggml.tokens").unwrap().as_array().unwrap().count, 3);
        assert_eq!(gguf.metadata.iter().map(|(key, _)| key).next(), Some("general.alignment"));
        assert_eq!(gguf.metadata.len(), 8);
        let names: Vec<&str> = gguf.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["token_embd.weight", "output_norm.weight", "blk.0.ffn_up.weight"]);
        assert_eq!((gguf.tensors[0].elements, gguf.tensors[0].bytes, gguf.tensors[0].offset), (96, 102, 0));
        assert_eq!((gguf.tensors[1].bytes, gguf.tensors[1].offset), (128, 128));
        assert_eq!(gguf.data_offset % 64, 0);
        let mut hash = super::super::hash::Fnv1a::new();
        hash.update(&bytes[..usize::try_from(gguf.header_bytes).unwrap()]);
        assert_eq!(gguf.header_hash, hash.value());
    }

    #[test]
    fn wrong_magic_is_quoted() {
        assert_eq!(patched(0, b"GGML").to_string(), "not a GGUF file: it begins with \"GGML\" instead of \"GGUF\"");
        assert_eq!(patched(0, b"\x1b[2J").to_string().matches('\u{1b}').count(), 0);
        assert!(matches!(patched(4, &3_u32.to_be_bytes()), GgufFault::BigEndian { version: 3 }));
        for version in [0_u32, 1, 4, 0x0003_0001] {
            assert!(matches!(patched(4, &version.to_le_bytes()), GgufFault::Version { .. }), "{version}");
        }
        for version in [2_u32, 3] {
            let mut bytes = small_file();
            bytes[4..8].copy_from_slice(&version.to_le_bytes());
            assert_eq!(read(&bytes).unwrap().version, version);
        }
    }

    #[test]
    fn excessive_counts_are_rejected() {
        assert!(matches!(patched(8, &u64::MAX.to_le_bytes()), GgufFault::Limit { value: u64::MAX, .. }));
        assert!(matches!(patched(16, &u64::MAX.to_le_bytes()), GgufFault::Limit { value: u64::MAX, .. }));
        assert!(matches!(patched(8, &65_536_u64.to_le_bytes()), GgufFault::Truncated { .. }));
        assert!(matches!(patched(16, &16_384_u64.to_le_bytes()), GgufFault::Truncated { .. }));
        // Length of the first key.
        assert!(matches!(patched(24, &u64::MAX.to_le_bytes()), GgufFault::Truncated { .. }));
    }

    #[test]
    fn every_truncation_is_an_error_and_missing_weights_name_the_tensor() {
        let bytes = small_file();
        let whole = read(&bytes).unwrap();
        let header = usize::try_from(whole.header_bytes).unwrap();
        for length in 0..header {
            assert!(matches!(read(&bytes[..length]), Err(GgufFault::Truncated { .. })), "{length}");
        }
        let last = usize::try_from(whole.data_offset + whole.tensors[2].offset + whole.tensors[2].bytes).unwrap();
        for length in header..last {
            let fault = read(&bytes[..length]).unwrap_err();
            assert!(matches!(fault, GgufFault::BeyondFile { .. }), "{length}: {fault}");
        }
        let fault = read(&bytes[..last - 1]).unwrap_err().to_string();
        assert!(fault.contains("\"blk.0.ffn_up.weight\""), "{fault}");
    }

    /// A header with one tensor of these dimensions, type and offset, and enough space after it.
    fn tensor(dimensions: &[u64], id: u32, offset: u64) -> Result<Gguf, GgufFault> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.push(b't');
        bytes.extend(u32::try_from(dimensions.len()).unwrap().to_le_bytes());
        for dimension in dimensions {
            bytes.extend(dimension.to_le_bytes());
        }
        bytes.extend(id.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.resize(4_096, 0);
        read(&bytes)
    }

    #[test]
    fn impossible_tensors_are_rejected() {
        assert!(tensor(&[32, 2], 8, 0).is_ok());
        assert!(tensor(&[], 0, 32).is_ok());
        assert!(matches!(tensor(&[1; 5], 0, 0), Err(GgufFault::Limit { value: 5, .. })));
        assert!(matches!(tensor(&[32, 0], 8, 0), Err(GgufFault::Invalid { .. })));
        assert!(matches!(tensor(&[u64::MAX], 0, 0), Err(GgufFault::Limit { .. })));
        assert!(matches!(tensor(&[1 << 32, 1 << 32], 0, 0), Err(GgufFault::Limit { .. })));
        assert!(matches!(tensor(&[1 << 62], 0, 0), Err(GgufFault::Limit { .. })), "more bytes than can be counted");
        assert!(matches!(tensor(&[33], 8, 0), Err(GgufFault::Invalid { .. })));
        assert!(matches!(tensor(&[32], 5, 0), Err(GgufFault::Invalid { .. })));
        assert!(matches!(tensor(&[32], 0, 1), Err(GgufFault::Invalid { .. })));
        assert!(matches!(tensor(&[32], 0, u64::MAX - 31), Err(GgufFault::BeyondFile { .. })));
        assert!(matches!(tensor(&[1_024], 0, 0), Err(GgufFault::BeyondFile { .. })));
    }

    #[test]
    fn duplicate_names_and_overlapping_tensors_are_rejected() {
        let f32 = TensorType::by_name("F32").unwrap();
        let mut twice = HeaderBuilder::new();
        twice.u32("a", 1);
        twice.u32("a", 2);
        let fault = read(&twice.finish().0).unwrap_err();
        assert!(matches!(fault, GgufFault::Duplicate { what: "metadata key", .. }), "{fault}");

        let mut twice = HeaderBuilder::new();
        twice.tensor("t", &[8], f32);
        twice.tensor("t", &[8], f32);
        let mut bytes = twice.finish().0;
        bytes.resize(bytes.len() + 64, 0);
        assert!(matches!(read(&bytes), Err(GgufFault::Duplicate { what: "tensor", .. })));

        let mut overlapping = HeaderBuilder::new();
        overlapping.tensor("first", &[16], f32);
        overlapping.tensor("second", &[8], f32);
        let (mut bytes, _) = overlapping.finish();
        bytes.resize(bytes.len() + 96, 0);
        let last_offset = bytes.windows(8).rposition(|window| window == 64_u64.to_le_bytes()).unwrap();
        bytes[last_offset..last_offset + 8].copy_from_slice(&32_u64.to_le_bytes());
        let fault = read(&bytes).unwrap_err().to_string();
        assert!(fault.contains("\"first\" and \"second\" overlap"), "{fault}");
    }

    #[test]
    fn alignment_must_be_a_power_of_two() {
        let with = |alignment: u32| {
            let mut header = HeaderBuilder::new();
            header.u32(ALIGNMENT_KEY, alignment);
            read(&header.finish().0)
        };
        assert_eq!(with(4_096).unwrap().alignment, 4_096);
        for alignment in [0_u32, 24, 1 << 21] {
            // Position of the alignment in the small file: after counts, a length, a key and a type.
            let fault = patched(24 + 8 + ALIGNMENT_KEY.len() + 4, &alignment.to_le_bytes());
            assert!(matches!(fault, GgufFault::Invalid { .. }), "{alignment}: {fault}");
        }
    }

    #[test]
    fn folders_and_missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Gguf::open(folder.path()), Err(GgufError::NotAFile { .. })));
        assert!(matches!(Gguf::open(&folder.path().join("no.gguf")), Err(GgufError::Open { .. })));
    }
}
