//! The messages that are sent: a command of the dialect, brought to a size, with an id where the dialect echoes one.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;

use super::dialect::Probe;

/// Ids count from here, so that every id has the same number of digits and a line can be re-stamped in place.
const FIRST_ID: u64 = 1_000_000_000;

/// What a `"pad"` member costs beside its text, in bytes.
const PAD_MEMBER: usize = r#", "pad": """#.len();

/// A message line, ready to be written: built once, stamped with an id in place.
#[derive(Debug, Clone)]
pub struct Message {
    line: Vec<u8>,
    id_at: Option<usize>,
}

impl Message {
    /// Builds the line of `command` with `data`, newline included, padded to `size_bytes`.
    ///
    /// A line that is longer than that by nature stays as it is: see [`Message::size_bytes`]. Padding is a string member
    /// that bridges ignore; where it does not fit, spaces.
    #[must_use]
    pub fn new(command: &str, data: Option<&Value>, ids: bool, size_bytes: usize) -> Self {
        let mut line = format!(r#"{{"command": {}"#, spaced(&Value::from(command)));
        if let Some(data) = data {
            line.push_str(r#", "data": "#);
            line.push_str(&spaced(data));
        }
        let id_at = ids.then(|| {
            line.push_str(r#", "id": "#);
            let at = line.len();
            line.push_str(&FIRST_ID.to_string());
            at
        });
        let missing = size_bytes.saturating_sub(line.len() + "}\n".len());
        match missing.checked_sub(PAD_MEMBER) {
            Some(pad) => line.extend([r#", "pad": ""#, &"x".repeat(pad), r#"""#]),
            None => line.push_str(&" ".repeat(missing)),
        }
        line.push_str("}\n");
        Self { line: line.into_bytes(), id_at }
    }

    /// The line of a dialect's probe. Where it switches something on or off, `enabled` decides which.
    #[must_use]
    pub fn of(probe: &Probe, enabled: bool, ids: bool, size_bytes: usize) -> Self {
        let mut data = probe.data.clone();
        if let Some(switch) = data.get_mut("enabled") {
            *switch = Value::Bool(enabled);
        }
        let data = (!data.is_empty()).then_some(Value::Object(data));
        Self::new(&probe.command, data.as_ref(), ids, size_bytes)
    }

    /// Length of the line on the wire, newline included.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.line.len()
    }

    /// The line of message `index`, newline included.
    pub fn line(&mut self, index: u64) -> &[u8] {
        if let Some(at) = self.id_at {
            let mut id = FIRST_ID + index;
            for digit in self.line[at..at + 10].iter_mut().rev() {
                *digit = b'0' + u8::try_from(id % 10).unwrap_or(0);
                id /= 10;
            }
        }
        &self.line
    }

    /// The index of the message that carries `id`, if it is one of ours.
    #[must_use]
    pub fn index_of(id: u64) -> Option<u64> {
        id.checked_sub(FIRST_ID)
    }
}

/// JSON as the application writes it: a space behind each comma and colon.
fn spaced(value: &Value) -> String {
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

    #[test]
    fn the_bare_line_is_what_the_application_sends() {
        let mut message = Message::new("set_expression", Some(&json!({"name": "joy", "value": 0.5})), false, 0);
        let expected = "{\"command\": \"set_expression\", \"data\": {\"name\": \"joy\", \"value\": 0.5}}\n";
        assert_eq!(String::from_utf8_lossy(message.line(3)), expected);
    }

    #[test]
    fn a_probe_switches_as_it_is_told() {
        let probe =
            Probe { command: "set_auto_blink".into(), data: json!({"enabled": true}).as_object().unwrap().clone() };
        let line = |enabled| String::from_utf8(Message::of(&probe, enabled, false, 0).line(0).to_vec()).unwrap();
        assert!(line(false).contains(r#""data": {"enabled": false}"#));
        assert!(line(true).contains(r#""data": {"enabled": true}"#));
    }

    #[test]
    fn every_size_from_the_bare_line_up_is_exact_and_valid_json() {
        let data = json!({"enabled": true});
        for ids in [false, true] {
            let bare = Message::new("set_auto_blink", Some(&data), ids, 0).size_bytes();
            for size in (bare..bare + 30).chain([4095, 4096, 4097, 10_000]) {
                let mut message = Message::new("set_auto_blink", Some(&data), ids, size);
                assert_eq!(message.size_bytes(), size);
                let line: Value = serde_json::from_slice(message.line(41)).unwrap();
                assert_eq!(line["data"], data);
                assert_eq!(line["id"].as_u64().and_then(Message::index_of), ids.then_some(41));
            }
        }
    }
}
