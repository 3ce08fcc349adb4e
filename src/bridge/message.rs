//! The messages to send: encoded once for dialect and codec; only the id is overwritten in place.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use super::dialect::{Dialect, FieldNames, Probe};
use super::wire::{Codec, Framing, PREFIX, Wire};

/// First id: large enough that all ids have the same number of digits (and of bytes in `MessagePack`), so that they can
/// be overwritten in place.
const FIRST_ID: u64 = 1_000_000_000;

/// Size of a `"pad"` member without its text, in bytes.
const PAD_MEMBER: usize = r#", "pad": """#.len();

/// Position and format of the id.
#[derive(Debug, Clone, Copy)]
enum IdPosition {
    /// Ten digits.
    Digits(usize),
    /// Four bytes, big-endian.
    Binary(usize),
}

/// A message built once, ready to be written; only the id is overwritten in place.
#[derive(Debug, Clone)]
pub struct Message {
    line: Vec<u8>,
    id_at: Option<IdPosition>,
}

impl Message {
    /// The message with this body (see [`Dialect::body`]), including framing. JSON is padded to `size_bytes`.
    ///
    /// If the message is already longer, it stays as it is: see [`Message::size_bytes`]. The padding is a string member
    /// that bridges ignore; if it does not fit, spaces are used.
    #[must_use]
    pub fn new(dialect: &Dialect, body: &Map<String, Value>, wire: Wire, size_bytes: usize) -> Self {
        let mut body = body.clone();
        if let Some(timestamp) = &dialect.fields.timestamp {
            body.insert(timestamp.clone(), now(dialect.fields.timestamp_is_text));
        }
        let (mut line, id_at) = match wire.codec {
            Codec::Json => json(&dialect.fields, &body, wire.framing, size_bytes),
            Codec::Msgpack => msgpack(&dialect.fields, &body),
        };
        wire.close(&mut line);
        Self { line, id_at }
    }

    /// The message of a dialect's probe, with line framing. If it switches something on or off, `enabled` decides
    /// which; see [`Probe::switched`].
    #[must_use]
    pub fn of(dialect: &Dialect, probe: &Probe, enabled: Option<bool>, size_bytes: usize) -> Self {
        Self::new(dialect, &dialect.body(&probe.command, &probe.switched(enabled)), Wire::LINES, size_bytes)
    }

    /// Length on the wire, including framing.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.line.len()
    }

    /// The bytes of message `index`, including framing. [`super::Client::number`] returns indices that are unique on a
    /// connection.
    pub fn line(&mut self, index: u64) -> &[u8] {
        let mut id = Self::id_of(index);
        match self.id_at {
            None => {}
            Some(IdPosition::Digits(at)) => {
                for digit in self.line[at..at + 10].iter_mut().rev() {
                    *digit = b'0' + u8::try_from(id % 10).unwrap_or(0);
                    id /= 10;
                }
            }
            Some(IdPosition::Binary(at)) => {
                let id = u32::try_from(id).unwrap_or(u32::MAX);
                self.line[at..at + 4].copy_from_slice(&id.to_be_bytes());
            }
        }
        &self.line
    }

    /// The id of message `index`.
    #[must_use]
    pub fn id_of(index: u64) -> u64 {
        FIRST_ID + index
    }

    /// The index of the message with `id`, if the id is one of ours.
    #[must_use]
    pub fn index_of(id: u64) -> Option<u64> {
        id.checked_sub(FIRST_ID)
    }
}

/// The current time, as text or in milliseconds since 1970.
fn now(is_text: bool) -> Value {
    let now = jiff::Timestamp::now();
    // Always milliseconds, so that all messages of a kind have the same length.
    if is_text { Value::from(format!("{now:.3}")) } else { Value::from(now.as_millisecond()) }
}

/// The body as JSON, with id and padding, in a buffer with space for the framing.
fn json(
    fields: &FieldNames,
    body: &Map<String, Value>,
    framing: Framing,
    size: usize,
) -> (Vec<u8>, Option<IdPosition>) {
    let prefix = if framing == Framing::Length { PREFIX } else { 0 };
    let mut line = "\0".repeat(prefix) + &spaced(body);
    // Make room for the additional members.
    line.pop();
    let id_at = fields.id.as_ref().map(|id| {
        line.extend([if body.is_empty() { "" } else { ", " }, &Value::from(id.as_str()).to_string(), ": "]);
        let quote = if fields.id_is_text { "\"" } else { "" };
        line.push_str(quote);
        let at = line.len();
        line.push_str(&FIRST_ID.to_string());
        line.push_str(quote);
        IdPosition::Digits(at)
    });
    let feed = usize::from(framing == Framing::Lines);
    let missing = size.saturating_sub(line.len() + "}".len() + feed);
    match missing.checked_sub(PAD_MEMBER) {
        Some(pad) => line.extend([r#", "pad": ""#, &"x".repeat(pad), r#"""#]),
        None => line.push_str(&" ".repeat(missing)),
    }
    line.push('}');
    (line.into_bytes(), id_at)
}

/// The body as a `MessagePack` map with the id, after space for its length.
fn msgpack(fields: &FieldNames, body: &Map<String, Value>) -> (Vec<u8>, Option<IdPosition>) {
    let mut body = body.clone();
    if let Some(id) = &fields.id {
        let first = if fields.id_is_text { Value::from(FIRST_ID.to_string()) } else { Value::from(FIRST_ID) };
        body.insert(id.clone(), first);
    }
    let mut line = vec![0; PREFIX];
    line.extend(Codec::Msgpack.encode(&body));
    // The id is the last member: ten digits, or the 32-bit marker and four bytes.
    let place = |length: usize| {
        if fields.id_is_text { IdPosition::Digits(length - 10) } else { IdPosition::Binary(length - 4) }
    };
    let id_at = fields.id.as_ref().map(|_| place(line.len()));
    (line, id_at)
}

/// JSON in the application's format: a space after each comma and colon.
fn spaced(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, SpacedFormatter);
    // A value parsed or built here always serialises, and a vector accepts every byte.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

struct SpacedFormatter;

impl Formatter for SpacedFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(dialect: &Dialect, command: &str, data: &Value) -> Map<String, Value> {
        dialect.body(command, data.as_object().unwrap())
    }

    #[test]
    fn unpadded_line_equals_the_applications() {
        let body = body(Dialect::stock(), "set_expression", &json!({"name": "joy", "value": 0.5}));
        let mut message = Message::new(Dialect::stock(), &body, Wire::LINES, 0);
        let expected = "{\"command\": \"set_expression\", \"data\": {\"name\": \"joy\", \"value\": 0.5}}\n";
        assert_eq!(String::from_utf8_lossy(message.line(3)), expected);
    }

    #[test]
    fn probe_switches_to_the_requested_state() {
        let stock = Dialect::stock();
        let probe = stock.probes.applied.as_ref().unwrap();
        let line = |enabled| String::from_utf8(Message::of(stock, probe, enabled, 0).line(0).to_vec()).unwrap();
        assert!(line(Some(false)).contains(r#""data": {"enabled": false}"#));
        assert!(line(Some(true)).contains(r#""data": {"enabled": true}"#));
    }

    #[test]
    fn padded_lines_have_the_exact_size_and_are_valid_json() {
        let data = json!({"enabled": true});
        for dialect in [Dialect::stock(), Dialect::instrumented()] {
            let body = body(dialect, "set_auto_blink", &data);
            let bare = Message::new(dialect, &body, Wire::LINES, 0).size_bytes();
            for size in (bare..bare + 30).chain([4095, 4096, 4097, 10_000]) {
                let mut message = Message::new(dialect, &body, Wire::LINES, size);
                assert_eq!(message.size_bytes(), size);
                let line: Value = serde_json::from_slice(message.line(41)).unwrap();
                assert_eq!(line["data"], data);
                assert_eq!(line["id"].as_u64().and_then(Message::index_of), dialect.ids.then_some(41));
            }
        }
    }

    #[test]
    fn prefixed_messages_carry_length_and_id_in_both_codecs() {
        let instrumented = Dialect::instrumented();
        let body = body(instrumented, "set_auto_blink", &json!({"enabled": true}));
        for codec in [Codec::Json, Codec::Msgpack] {
            let mut message = Message::new(instrumented, &body, Wire::prefixed(codec), 0);
            for index in [0, 41, 999_999] {
                let (prefix, payload) = message.line(index).split_at(PREFIX);
                assert_eq!(u32::from_be_bytes(prefix.try_into().unwrap()) as usize, payload.len());
                let mut read: Map<String, Value> = codec.decode(payload).unwrap();
                let id = read.remove("id").and_then(|id| id.as_u64()).and_then(Message::index_of);
                assert_eq!((id, &read), (Some(index), &body), "{codec}");
            }
        }
    }

    #[test]
    fn envelope_has_text_time_and_id() {
        let public = Dialect::named("public-api").unwrap();
        let mut message = Message::of(public, public.probes.applied.as_ref().unwrap(), Some(true), 0);
        let read: Value = serde_json::from_slice(message.line(7)).unwrap();
        assert_eq!((&read["type"], &read["id"]), (&json!("set_expression"), &json!("1000000007")));
        let timestamp = read["timestamp"].as_str().unwrap();
        assert_eq!((timestamp.len(), &timestamp[10..11], &timestamp[23..]), (24, "T", "Z"), "{timestamp}");
        assert!(timestamp.parse::<jiff::Timestamp>().unwrap().as_millisecond() > 1_700_000_000_000);
    }
}
