//! Histogram interval logs, version 1.3, as the public `HdrHistogram` tools read them.
//!
//! Histograms are encoded as V2 with DEFLATE: the Java and Python readers do not support the uncompressed form.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry, LogIteratorError, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use jiff::Timestamp;

use super::error::RecordError;
use crate::text;

/// The line of column names, as in the Java tools.
const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// Divisor of a row's largest value, in nanoseconds, to show milliseconds.
const MAX_VALUE_DIVISOR: f64 = 1e6;

/// The header of a compressed histogram: a cookie and the length of the rest, in bytes.
const COMPRESSED_HEAD: usize = 8;
const COMPRESSED_COOKIE: [u8; 4] = 0x1C84_9314_u32.to_be_bytes();

/// The header before the counts of a histogram, in bytes: cookie, length of the counts, and five parameters.
const PLAIN_HEAD: usize = 40;

/// The largest uncompressed histogram, in bytes: the widest range at five digits takes less if all counts are small.
const LONGEST_PLAIN: u64 = 16 << 20;

/// Limit for all counters of a log's histograms: 256 MiB.
const MOST_COUNTERS: usize = 1 << 25;

/// One row of a log.
#[derive(Debug, Clone, Copy)]
pub struct HlogPart<'a> {
    /// The part that the row belongs to; `None` for the total. Not empty, without comma, space or line break.
    pub tag: Option<&'a str>,
    /// Its values, in nanoseconds.
    pub histogram: &'a Histogram<u64>,
    /// Its start, relative to the start time in the log's header.
    pub start: Duration,
    /// Its duration.
    pub duration: Duration,
}

/// The tag of a row, `None` for the total, and its values in nanoseconds.
pub type TaggedHistogram = (Option<String>, Histogram<u64>);

/// Writes a log: header, start time, `comments`, legend and one row per part, in order.
///
/// Readers take the untagged rows for the total and the tagged ones for its parts. A tag that the format does not allow
/// is an error of kind `InvalidInput`.
pub fn write_hlog(
    mut writer: impl Write,
    started: Timestamp,
    comments: &[String],
    parts: &[HlogPart<'_>],
) -> io::Result<()> {
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment(&start_time(started));
    for comment in comments {
        builder.add_comment(&text::lines(comment));
    }
    builder.with_max_value_divisor(MAX_VALUE_DIVISOR);

    // The crate writes no legend, which belongs between header and rows. Therefore the header is written separately.
    let mut serializer = V2DeflateSerializer::new();
    let mut header = Vec::new();
    builder.begin_log_with(&mut header, &mut serializer)?;
    let mut log = Vec::new();
    let mut rows = builder.begin_log_with(&mut log, &mut serializer)?;
    for part in parts {
        let tag = part.tag.map(checked_tag).transpose()?;
        rows.write_histogram(part.histogram, part.start, part.duration, tag).map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            error @ IntervalLogWriterError::SerializeError(_) => io::Error::other(error.to_string()),
        })?;
    }
    writer.write_all(&header)?;
    writeln!(writer, "{LEGEND}")?;
    writer.write_all(&log[header.len()..])
}

fn checked_tag(tag: &str) -> io::Result<Tag<'_>> {
    let refusal = || io::Error::new(io::ErrorKind::InvalidInput, format!("'{tag}' is not a valid histogram tag"));
    Tag::new(tag).filter(|tag| !tag.is_empty()).ok_or_else(refusal)
}

/// `[StartTime: 1700000000.000 (seconds since epoch), Tue Nov 14 22:13:20 UTC 2023]`, with the date in Java's format.
fn start_time(started: Timestamp) -> String {
    let ms = started.as_millisecond();
    let date = started.strftime("%a %b %d %H:%M:%S UTC %Y");
    format!("[StartTime: {}.{:03} (seconds since epoch), {date}]", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// Reads the rows of a log with their tags. A log that is empty, truncated, damaged or needs too much memory is
/// [`RecordError::Corrupt`].
pub fn read_hlog(path: &Path) -> Result<Vec<TaggedHistogram>, RecordError> {
    let text = fs::read(path).map_err(RecordError::io("read", path))?;
    let mut rows: Vec<TaggedHistogram> = Vec::new();
    let mut counters = 0;
    for entry in IntervalLogIterator::new(&text) {
        let entry = entry.map_err(|LogIteratorError::ParseError { offset }| {
            let line = text[..offset].split(|&byte| byte == b'\n').count();
            RecordError::corrupt(path, format!("line {line} is not a line of a histogram log"))
        })?;
        if let LogEntry::Interval(row) = entry {
            let histogram = decode(row.encoded_histogram())
                .map_err(|detail| RecordError::corrupt(path, format!("histogram {}: {detail}", rows.len() + 1)))?;
            counters += histogram.distinct_values();
            if counters > MOST_COUNTERS {
                return Err(RecordError::corrupt(
                    path,
                    format!("its histograms have more than {MOST_COUNTERS} counters"),
                ));
            }
            rows.push((row.tag().map(|tag| tag.as_str().to_owned()), histogram));
        }
    }
    if rows.is_empty() {
        return Err(RecordError::corrupt(path, "it has no histograms"));
    }
    Ok(rows)
}

fn decode(encoded: &str) -> Result<Histogram<u64>, String> {
    let bytes = STANDARD.decode(encoded).map_err(|error| error.to_string())?;
    let plain = if bytes.starts_with(&COMPRESSED_COOKIE) { inflated(&bytes)? } else { bytes };
    // hdrhistogram 7.6 allocates as many bytes as are declared, up to 4 GiB, before it checks how many there are.
    let declared = plain.get(4..8).and_then(|length| length.try_into().ok()).map_or(0, u32::from_be_bytes);
    let present = plain.len().saturating_sub(PLAIN_HEAD);
    if declared as usize > present {
        return Err(format!("it declares {declared} bytes of counts but has {present}"));
    }
    check_counts(plain.get(PLAIN_HEAD..PLAIN_HEAD + declared as usize).unwrap_or_default())?;
    Deserializer::new().deserialize(&mut plain.as_slice()).map_err(|error| error.to_string())
}

/// Rejects counts that no histogram can have: more empty counters than there are, or more samples than the public tools can count,
/// which have 63 bits for them. hdrhistogram 7.6 relies on both.
///
/// Counts are variable-length integers of at most nine bytes, zigzag-encoded; a negative one is a number of empty counters.
fn check_counts(mut counts: &[u8]) -> Result<(), String> {
    let mut samples = 0_u64;
    while !counts.is_empty() {
        let length = counts.iter().take(8).take_while(|&&byte| byte >= 0x80).count() + 1;
        let (number, rest) = counts.split_at(length.min(counts.len()));
        let encoded = number.iter().enumerate().fold(0, |sum, (at, &byte)| {
            // The ninth byte has no mark of continuation.
            sum | u64::from(if at < 8 { byte & 0x7F } else { byte }) << (7 * at)
        });
        let half = encoded / 2;
        if encoded % 2 == 0 {
            samples = samples.saturating_add(half);
        } else if half >= MOST_COUNTERS as u64 {
            return Err(format!("it skips {} counters, and no histogram has as many", half + 1));
        }
        counts = rest;
    }
    if samples > i64::MAX.unsigned_abs() { Err("it has more than 2^63 - 1 samples".into()) } else { Ok(()) }
}

/// A compressed histogram, decompressed.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let packed = bytes.get(COMPRESSED_HEAD..).unwrap_or_default();
    ZlibDecoder::new(packed).take(LONGEST_PLAIN + 1).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    if plain.len() as u64 > LONGEST_PLAIN {
        return Err(format!("its uncompressed size is more than {LONGEST_PLAIN} bytes"));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::histogram_of;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn log() -> String {
        let (total, first) = (histogram_of(&[46_000, 47_000, 16_666_667]), histogram_of(&[46_000]));
        let second = Duration::from_secs(1);
        let parts = [
            HlogPart { tag: None, histogram: &total, start: Duration::ZERO, duration: 2 * second },
            HlogPart { tag: Some("first"), histogram: &first, start: second / 8, duration: second },
        ];
        let mut text = Vec::new();
        let started = "2023-11-14T22:13:20Z".parse().unwrap();
        write_hlog(&mut text, started, &["case applied/closed\nlatency in ns".into()], &parts).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<TaggedHistogram>, RecordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        fs::write(&path, text).unwrap();
        read_hlog(&path)
    }

    #[test]
    fn log_has_the_lines_expected_by_public_tools() {
        let text = log();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..6],
            [
                "#[Histogram log format version 1.3]",
                "#[StartTime: 1700000000.000 (seconds since epoch), Tue Nov 14 22:13:20 UTC 2023]",
                "#case applied/closed",
                "#latency in ns",
                "#[MaxValueDivisor: 1000000.000]",
                LEGEND,
            ]
        );
        // V2 with DEFLATE begins with the cookie 0x1c849314, which is HISTF in base64.
        assert!(lines[6].starts_with("0.000,2.000,16.671,HISTF"), "{}", lines[6]);
        assert!(lines[7].starts_with("Tag=first,0.125,1.000,0.046,HISTF"), "{}", lines[7]);
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn histogram_log_round_trips() {
        let rows = read(log()).unwrap();
        let (total, first) = (histogram_of(&[46_000, 47_000, 16_666_667]), histogram_of(&[46_000]));
        assert_eq!(rows, [(None, total.clone()), (Some("first".into()), first.clone())]);
        assert_eq!(read(log().replace('\n', "\r\n")).unwrap(), rows, "Windows line ends");
    }

    #[test]
    fn empty_histogram_round_trips() {
        let empty = histogram_of(&[]);
        let part = HlogPart { tag: None, histogram: &empty, start: Duration::ZERO, duration: Duration::ZERO };
        let mut text = Vec::new();
        write_hlog(&mut text, Timestamp::UNIX_EPOCH, &[], &[part]).unwrap();
        assert_eq!(read(text).unwrap(), [(None, empty)]);
    }

    #[test]
    fn invalid_tags_are_rejected() {
        let histogram = histogram_of(&[1]);
        for tag in ["", "a,b", "a b", "a\nb"] {
            let part =
                HlogPart { tag: Some(tag), histogram: &histogram, start: Duration::ZERO, duration: Duration::ZERO };
            let error = write_hlog(Vec::new(), Timestamp::UNIX_EPOCH, &[], &[part]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{tag:?}");
        }
    }

    #[test]
    fn damaged_log_is_rejected_with_its_position() {
        let refusal = |text: &str| read(text).unwrap_err().to_string();
        assert!(refusal("").ends_with("is corrupt: it has no histograms"));
        assert!(refusal("#[Histogram log format version 1.3]\n").ends_with("it has no histograms"));
        assert!(refusal(&(log() + "nonsense\n")).ends_with("line 9 is not a line of a histogram log"));
        assert!(refusal(log().trim_end()).ends_with("line 8 is not a line of a histogram log"));
        let text = log().replacen(",HISTF", ",HISTFx", 1);
        assert!(refusal(&text).contains("histogram 1: "), "{}", refusal(&text));
    }

    /// A log with one uncompressed histogram: these bytes are added to its counts, and it declares `more` bytes than it had.
    fn declaring(more: u32, added: &[u8]) -> String {
        let mut plain =
            inflated(&STANDARD.decode(log().lines().nth(6).unwrap().split(',').nth(3).unwrap()).unwrap()).unwrap();
        let declared = u32::from_be_bytes(plain[4..8].try_into().unwrap()) + more;
        plain[4..8].copy_from_slice(&declared.to_be_bytes());
        plain.extend(added);
        format!("#[Histogram log format version 1.3]\n0.0,1.0,1.0,{}\n", STANDARD.encode(plain))
    }

    #[test]
    fn counts_that_no_histogram_can_have_are_rejected() {
        // 2^26 counters: 2^27 - 1, seven bits at a time.
        let text = declaring(4, &[0xFF, 0xFF, 0xFF, 0x3F]);
        let refusal = read(text).unwrap_err().to_string();
        assert!(
            refusal.ends_with("histogram 1: it skips 67108864 counters, and no histogram has as many"),
            "{refusal}"
        );
        // A count of nine bytes, 2^62; twice as many samples need more than 63 bits.
        assert_eq!(check_counts(&[0x80; 9]), Ok(()));
        assert_eq!(check_counts(&[0x80; 18]), Err("it has more than 2^63 - 1 samples".into()));
        assert_eq!(check_counts(&[0xFF; 3]), Ok(()), "hdrhistogram refuses what ends too early");
    }

    #[test]
    fn oversized_declaration_is_rejected_before_allocating() {
        assert_eq!(read(declaring(0, &[])).unwrap().len(), 1);
        let refusal = read(declaring(3, &[])).unwrap_err().to_string();
        assert!(
            refusal.contains("histogram 1: it declares") && refusal.contains("bytes of counts but has"),
            "{refusal}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(4), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn damaged_logs_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = log().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            let _ = read(text);
        }
    }
}
