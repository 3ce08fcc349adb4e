//! Values on the command line that several commands take.

use std::time::Duration;

use super::compare::FailOn;

/// Largest message, in bytes: far above anything that Workly sends.
const LARGEST: usize = 16_000_000;

/// The units of sizes, and their bytes.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
];

/// The number of a size, and the bytes of its unit, which is one of `units` in upper or lower case.
pub(super) fn number_and_unit_bytes<'t>(text: &'t str, units: &[&str]) -> Option<(&'t str, u64)> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    let unit = unit.to_ascii_lowercase();
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit && units.contains(name))?;
    Some((number.trim_end(), *bytes))
}

/// A size such as `100`, `1k` or `10kB`, in bytes; k and m are decimal.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let fault = || format!("'{text}' is not a size such as 100, 1k or 10k");
    let (number, factor) = number_and_unit_bytes(text, &["", "b", "k", "kb", "m", "mb"]).ok_or_else(fault)?;
    let count: u64 = number.parse().map_err(|_| fault())?;
    match count.checked_mul(factor).map(usize::try_from) {
        Some(Ok(size @ 1..=LARGEST)) => Ok(size),
        _ => Err(format!("a size of {text} is outside of 1 byte to {} MB", LARGEST / 1_000_000)),
    }
}

/// A number of bytes such as `512`, `64KiB` or `1MB`, from 1 on; `k` and `m` alone are decimal.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let fault = || format!("'{text}' is not a number of bytes such as 512, 64KiB or 1MB");
    let units = ["", "b", "k", "kb", "kib", "m", "mb", "mib"];
    let (number, factor) = number_and_unit_bytes(text, &units).ok_or_else(fault)?;
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(fault)
}

/// A speed factor: 0.01 to 1000.
pub(super) fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        _ => Err(format!("'{text}' is not a speed from 0.01 to 1000")),
    }
}

/// Maximum duration.
const LONGEST: Duration = Duration::from_secs(3600);

/// A duration such as `500ms` or `2s`, from a millisecond to an hour.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("'{text}' is not a duration such as 500ms or 2s"))?;
    let duration = Duration::try_from(span).map_err(|_| format!("{text} is negative"))?;
    if (Duration::from_millis(1)..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("{text} is outside of 1ms to 1h"))
    }
}

/// A share such as `5%`, above 0 and below 100 %.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent = number.ok_or_else(|| format!("'{text}' is not a share such as 5%"))?;
    if percent > 0.0 && percent < 100.0 {
        Ok(percent / 100.0)
    } else {
        Err(format!("{text} is not between 0% and 100%"))
    }
}

/// `any`, `never`, or a share.
pub(super) fn parse_fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "any" => Ok(FailOn::From(0.0)),
        "never" => Ok(FailOn::Never),
        share => parse_share(share).map(FailOn::From).map_err(|error| format!("{error}, any or never")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_parse_as_percentages() {
        assert_eq!(parse_share("5%"), Ok(0.05));
        assert_eq!(parse_share("0.5 %"), Ok(0.005));
        for text in ["5", "0%", "-1%", "100%", "nan%", "%", "x%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
        assert_eq!(parse_fail_on("10%"), Ok(FailOn::From(0.1)));
        assert!(parse_fail_on("sometimes").is_err());
    }

    #[test]
    fn bytes_parse_in_binary_and_decimal_units() {
        let read = ["512", "1k", "64KiB", "1 MB", "2MiB"].map(parse_bytes);
        assert_eq!(read, [Ok(512), Ok(1_000), Ok(65_536), Ok(1_000_000), Ok(2 << 20)]);
        for text in ["", "0", "-1", "1.5k", "3G", "k", "99999999999999999999"] {
            assert!(parse_bytes(text).unwrap_err().contains("bytes"), "{text}");
        }
    }

    #[test]
    fn sizes_are_decimal() {
        let sizes = ["10", "1k", "10K", "2kB", "4096B", "1m"].map(parse_size);
        assert_eq!(sizes, [10, 1_000, 10_000, 2_000, 4_096, 1_000_000].map(Ok));
        for text in ["0", "", "k", "1.5k", "-1", "99m", "99999999999999999999"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_units_within_bounds() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        for text in ["2", "soon", "-1s", "0s", "2h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
