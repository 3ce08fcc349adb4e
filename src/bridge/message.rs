//! The messages to send: encoded once for dialect and codec; only the id is overwritten in place.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use super::dialect::{Dialect, Fields, Probe};
use super::wire::{Codec, Framing, PREFIX, Wire};

/// Ids count from here, so that every id takes the same number of digits (and of bytes in `MessagePack`), and a message can be
/// stamped in place.
const FIRST_ID: u64 = 1_000_000_000;

/// What a `"pad"` member costs beside its text, in bytes.
const PAD_MEMBER: usize = r#", "pad": """#.len();

/// Where the id stands, and how.
#[derive(Debug, Clone, Copy)]
enum IdPlace {
    /// Ten digits.
    Digits(usize),
    /// Four bytes, the most significant first.
    Binary(usize),
}

/// A message, ready to be written: built once, stamped with an id in place.
#[derive(Debug, Clone)]
pub struct Message {
    line: Vec<u8>,
    id_at: Option<IdPlace>,
}

impl Message {
    /// The message of that body (see [`Dialect::body`]), frame included. As JSON it is padded to `size_bytes`.
    ///
    /// A message that is longer than that by nature stays as it is: see [`Message::size_bytes`]. Padding is a string member
    /// that bridges ignore; where it does not fit, spaces.
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

    /// The message of a dialect's probe, as a line. Where it switches something on or off, `enabled` decides which; see
    /// [`Probe::switched`].
    #[must_use]
    pub fn of(dialect: &Dialect, probe: &Probe, enabled: Option<bool>, size_bytes: usize) -> Self {
        Self::new(dialect, &dialect.body(&probe.command, &probe.switched(enabled)), Wire::LINES, size_bytes)
    }

    /// Length on the wire, frame included.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.line.len()
    }

    /// The bytes of message `index`, frame included. Numbers that no other message of a connection has come from
    /// [`super::Client::number`].
    pub fn line(&mut self, index: u64) -> &[u8] {
        let mut id = Self::id_of(index);
        match self.id_at {
            None => {}
            Some(IdPlace::Digits(at)) => {
                for digit in self.line[at..at + 10].iter_mut().rev() {
                    *digit = b'0' + u8::try_from(id % 10).unwrap_or(0);
                    id /= 10;
                }
            }
            Some(IdPlace::Binary(at)) => {
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

    /// The index of the message that carries `id`, if it is one of ours.
    #[must_use]
    pub fn index_of(id: u64) -> Option<u64> {
        id.checked_sub(FIRST_ID)
    }
}

/// This moment, as a text or in milliseconds since 1970.
fn now(is_text: bool) -> Value {
    let now = jiff::Timestamp::now();
    // Milliseconds always, so that messages of one kind are all of one length.
    if is_text { Value::from(format!("{now:.3}")) } else { Value::from(now.as_millisecond()) }
}

/// The body as JSON, with id and padding, in a buffer that has room for the frame.
fn json(fields: &Fields, body: &Map<String, Value>, framing: Framing, size: usize) -> (Vec<u8>, Option<IdPlace>) {
    let prefix = if framing == Framing::Length { PREFIX } else { 0 };
    let mut line = "\0".repeat(prefix) + &spaced(body);
    // Room for the members that are not the body's.
    line.pop();
    let id_at = fields.id.as_ref().map(|id| {
        line.extend([if body.is_empty() { "" } else { ", " }, &Value::from(id.as_str()).to_string(), ": "]);
        let quote = if fields.id_is_text { "\"" } else { "" };
        line.push_str(quote);
        let at = line.len();
        line.push_str(&FIRST_ID.to_string());
        line.push_str(quote);
        IdPlace::Digits(at)
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

/// The body as a `MessagePack` map, with the id, behind the room for its length.
fn msgpack(fields: &Fields, body: &Map<String, Value>) -> (Vec<u8>, Option<IdPlace>) {
    let mut body = body.clone();
    if let Some(id) = &fields.id {
        let first = if fields.id_is_text { Value::from(FIRST_ID.to_string()) } else { Value::from(FIRST_ID) };
        body.insert(id.clone(), first);
    }
    let mut line = vec![0; PREFIX];
    line.extend(Codec::Msgpack.encode(&body));
    // The id is the last member: ten digits, or a byte that says "32 bits" and those.
    let place = |length: usize| {
        if fields.id_is_text { IdPlace::Digits(length - 10) } else { IdPlace::Binary(length - 4) }
    };
    let id_at = fields.id.as_ref().map(|_| place(line.len()));
    (line, id_at)
}

/// JSON as the application writes it: a space behind each comma and colon.
fn spaced(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    // A value that was parsed or built by us always serialises, and a vector takes every byte.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

struct Spaced;

impl Formatter for Spaced {
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
    fn the_bare_line_is_what_the_application_sends() {
        let body = body(Dialect::stock(), "set_expression", &json!({"name": "joy", "value": 0.5}));
        let mut message = Message::new(Dialect::stock(), &body, Wire::LINES, 0);
        let expected = "{\"command\": \"set_expression\", \"data\": {\"name\": \"joy\", \"value\": 0.5}}\n";
        assert_eq!(String::from_utf8_lossy(message.line(3)), expected);
    }

    #[test]
    fn a_probe_switches_as_it_is_told() {
        let stock = Dialect::stock();
        let probe = stock.probes.applied.as_ref().unwrap();
        let line = |enabled| String::from_utf8(Message::of(stock, probe, enabled, 0).line(0).to_vec()).unwrap();
        assert!(line(Some(false)).contains(r#""data": {"enabled": false}"#));
        assert!(line(Some(true)).contains(r#""data": {"enabled": true}"#));
    }

    #[test]
    fn every_size_from_the_bare_line_up_is_exact_and_valid_json() {
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
    fn a_prefixed_message_says_its_length_and_its_id_in_either_codec() {
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
    fn an_envelope_has_a_time_and_an_id_of_text() {
        let public = Dialect::named("public-api").unwrap();
        let mut message = Message::of(public, public.probes.applied.as_ref().unwrap(), Some(true), 0);
        let read: Value = serde_json::from_slice(message.line(7)).unwrap();
        assert_eq!((&read["type"], &read["id"]), (&json!("set_expression"), &json!("1000000007")));
        let timestamp = read["timestamp"].as_str().unwrap();
        assert_eq!((timestamp.len(), &timestamp[10..11], &timestamp[23..]), (24, "T", "Z"), "{timestamp}");
        assert!(timestamp.parse::<jiff::Timestamp>().unwrap().as_millisecond() > 1_700_000_000_000);
    }
}
