//! The version of the record's format. The major part changes if an old reader would misread a new file.

use serde::{Deserialize, Serialize};

/// The schema of this build.
pub const SCHEMA: SchemaVersion = SchemaVersion { major: 1, minor: 1 };

/// `major.minor`. Readers accept any minor version of a supported major version, and refuse newer major versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    /// Changes if old readers would misread.
    pub major: u32,
    /// Changes when fields or metrics are added.
    pub minor: u32,
}

impl SchemaVersion {
    /// Whether this build can read a record of that version.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self.major <= SCHEMA.major
    }
}

impl std::fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for SchemaVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || format!("schema version '{text}' is not major.minor");
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        Ok(Self { major: major.parse().map_err(|_| malformed())?, minor: minor.parse().map_err(|_| malformed())? })
    }
}

impl Serialize for SchemaVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_major_schemas_are_rejected() {
        let read = |text: &str| text.parse::<SchemaVersion>().map(SchemaVersion::is_readable);
        assert_eq!(read("1.0"), Ok(true));
        assert_eq!(read("1.9"), Ok(true));
        assert_eq!(read("2.0"), Ok(false));
        assert!(read("1").is_err());
        assert!(read("1.x").is_err());
    }
}
