//! Sizes of memory on the command line.

use std::fmt;
use std::str::FromStr;

use super::values::number_and_unit_bytes;

/// Maximum size: a tebibyte.
const LARGEST: f64 = 1_099_511_627_776.0;

/// A memory size, such as `6GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize {
    /// In bytes.
    pub bytes: u64,
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || format!("'{text}' is not a size such as 6GiB, 1.5GiB or 512MiB");
        let units = ["b", "kb", "kib", "mb", "mib", "gb", "gib"];
        let (number, factor) = number_and_unit_bytes(text, &units).ok_or_else(fault)?;
        let bytes = number.parse::<f64>().map_err(|_| fault())? * factor as f64;
        if !(0.0..=LARGEST).contains(&bytes) {
            return Err(format!("{text} is outside of 0 to 1024GiB"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and a tebibyte.
        Ok(Self { bytes: bytes.round() as u64 })
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = if self.bytes >= 1 << 30 { ("GiB", 1 << 30) } else { ("MiB", 1 << 20) };
        let number = self.bytes as f64 / f64::from(factor);
        write!(f, "{}{unit}", (number * 100.0).round() / 100.0)
    }
}

/// GPU memory to keep free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// This much.
    Size(MemorySize),
    /// As much as other programs use now.
    Measured,
}

impl FromStr for Reserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "measured" { Ok(Self::Measured) } else { text.parse().map(Self::Size) }
    }
}

/// An entry of `--layers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerItem {
    /// This many layers.
    Count(u32),
    /// As many as fit after the reserve.
    Auto,
    /// All of them.
    All,
}

impl FromStr for LayerItem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "all" => Ok(Self::All),
            _ => match text.parse() {
                Ok(count @ 0..=10_000) => Ok(Self::Count(count)),
                _ => Err(format!("'{text}' is no number of layers (0 to 10000), nor auto or all")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_sizes_round_trip() {
        let bytes = |text: &str| text.parse::<MemorySize>().map(|size| size.bytes);
        assert_eq!(bytes("6GiB"), Ok(6 << 30));
        assert_eq!(bytes("1.5gib"), Ok(3 << 29));
        assert_eq!(bytes("512 MiB"), Ok(512 << 20));
        assert_eq!(bytes("8GB"), Ok(8_000_000_000));
        assert_eq!(bytes("0MiB"), Ok(0));
        for text in ["6", "", "GiB", "-1GiB", "nanGiB", "6TiB", "2000GiB", "six GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        let shown = ["6GiB", "1.5GiB", "100MiB", "4GB"].map(|text| text.parse::<MemorySize>().unwrap().to_string());
        assert_eq!(shown, ["6GiB", "1.5GiB", "100MiB", "3.73GiB"]);
    }

    #[test]
    fn reserves_and_layers_parse_as_words_or_numbers() {
        assert_eq!("measured".parse(), Ok(Reserve::Measured));
        assert_eq!("1GiB".parse(), Ok(Reserve::Size(MemorySize { bytes: 1 << 30 })));
        assert!("much".parse::<Reserve>().is_err());
        assert_eq!(
            ["0", "auto", "all"].map(|text| text.parse::<LayerItem>().unwrap()),
            [LayerItem::Count(0), LayerItem::Auto, LayerItem::All]
        );
        assert!("-1".parse::<LayerItem>().unwrap_err().contains("'-1'"));
    }
}
