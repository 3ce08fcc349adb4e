//! The metadata of a header: keys and values in file order.

use std::collections::HashMap;
use std::io::Read;

use super::cursor::Cursor;
use super::error::GgufFault;
use super::value::{Value, ValueReader};

/// Maximum number of keys: real headers have dozens.
const KEYS_LIMIT: u64 = 1 << 14;

/// Maximum length of a key in bytes: the format's own limit.
const KEY_LIMIT: u64 = (1 << 16) - 1;

/// Bytes of the smallest entry: an empty key, a type, a one-byte value.
const LEAST_ENTRY: u64 = 8 + 4 + 1;

/// Keys and values.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    entries: Vec<(String, Value)>,
    places: HashMap<String, usize>,
}

impl Metadata {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.places.get(key).map(|&place| &self.entries[place].1)
    }

    /// All entries in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn read<R: Read>(cursor: &mut Cursor<R>, count: u64) -> Result<Self, GgufFault> {
        if count > KEYS_LIMIT {
            return Err(cursor.limit("number of metadata keys", count, KEYS_LIMIT));
        }
        cursor.require(count * LEAST_ENTRY, "metadata")?;
        let mut metadata = Self::default();
        let mut values = ValueReader::default();
        for _ in 0..count {
            let offset = cursor.offset();
            let key = cursor.text(KEY_LIMIT, "metadata key")?;
            cursor.set_subject(format!(" of {key:?}"));
            let value = values.typed(cursor)?;
            if metadata.places.insert(key.clone(), metadata.entries.len()).is_some() {
                return Err(GgufFault::Duplicate { offset, what: "metadata key", name: format!("{key:?}") });
            }
            metadata.entries.push((key, value));
            cursor.set_subject(String::new());
        }
        Ok(metadata)
    }
}
