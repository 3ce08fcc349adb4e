//! The shim's files: its events, and the measured calls. Another program writes them, so lines that cannot be read are skipped.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Maximum number of bytes read at once.
const MOST_BYTES: u64 = 64 << 20;

/// The relevant part of an event.
#[derive(Debug, Deserialize)]
struct ShimEvent {
    #[serde(rename = "event")]
    kind: String,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    in_force: Option<Map<String, Value>>,
    #[serde(default)]
    off: Option<bool>,
    #[serde(default)]
    reason: Option<String>,
}

/// Settings of a loaded model, as read back by the shim.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveSettings {
    /// Process ID.
    pub pid: u32,
    /// Values by llama.cpp's parameter names.
    pub parameters: Map<String, Value>,
    /// Whether the settings were dropped because the model did not load with them.
    pub is_off: bool,
}

/// The events of one launch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShimEvents {
    /// Processes that loaded the shim.
    pub loaded: Vec<u32>,
    /// The models that were loaded, in order.
    pub models: Vec<EffectiveSettings>,
    /// Why no setting was applied, if so.
    pub unusable: Option<String>,
}

impl ShimEvents {
    /// Reads the events so far. A missing file has none.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut events = Self::default();
        let mut text = Vec::new();
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if let Some(file) = is_file.then(|| File::open(path).ok()).flatten() {
            // What could be read counts.
            let _ = file.take(MOST_BYTES).read_to_end(&mut text);
        }
        let lines = text.split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).for_each(|event| events.add(event));
        events
    }

    fn add(&mut self, event: ShimEvent) {
        match event.kind.as_str() {
            "loaded" => self.loaded.push(event.pid),
            "constructed" => self.models.push(EffectiveSettings {
                pid: event.pid,
                parameters: event.in_force.unwrap_or_default(),
                is_off: event.off.unwrap_or(false),
            }),
            "unusable" => self.unusable = event.reason,
            _ => (),
        }
    }
}

/// One call of a model, as the application made it. Times are in nanoseconds; `None` where the call has none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MeasuredCall {
    /// Process ID.
    pub pid: u32,
    /// `create_chat_completion`, `embed`, …
    pub kind: String,
    /// `complete`, `closed`, `failed`.
    pub state: String,
    /// When it began, in nanoseconds of Unix time.
    #[serde(default)]
    pub started_unix_ns: Option<u64>,
    /// Whether the prompt was longer than the context.
    #[serde(default)]
    pub does_not_fit: bool,
    /// Tokens of the prompt.
    #[serde(default)]
    pub prompt_tokens: Option<u64>,
    /// Prompt tokens kept from the previous call.
    #[serde(default)]
    pub reused_tokens: Option<u64>,
    /// Prompt tokens that were computed.
    #[serde(default)]
    pub evaluated_tokens: Option<u64>,
    /// From the start of the call to the first token.
    #[serde(default)]
    pub first_token_ns: Option<u64>,
    /// The part of it spent in llama.cpp.
    #[serde(default)]
    pub prompt_ns: Option<u64>,
    /// Computed tokens of the reply.
    #[serde(default)]
    pub tokens: u64,
    /// Tokens per second from the first token to the last, including the time spent by the caller.
    #[serde(default)]
    pub tokens_per_s: Option<f64>,
    /// From the start of the call to its end.
    #[serde(default)]
    pub total_ns: u64,
    /// Settings that llama.cpp ran with.
    #[serde(default)]
    pub in_force: Map<String, Value>,
}

/// The file of measured calls, read while it grows.
#[derive(Debug)]
pub struct CallLog {
    path: PathBuf,
    read_bytes: u64,
    rest: Vec<u8>,
    /// Lines that could not be read.
    pub unreadable: u64,
}

impl CallLog {
    /// A file of which nothing has been read.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, read_bytes: 0, rest: Vec::new(), unreadable: 0 }
    }

    /// Calls added since the previous read.
    pub fn read(&mut self) -> Vec<MeasuredCall> {
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let mut fresh = Vec::new();
        let read =
            file.seek(SeekFrom::Start(self.read_bytes)).and_then(|_| file.take(MOST_BYTES).read_to_end(&mut fresh));
        if read.is_err() {
            return Vec::new();
        }
        self.read_bytes += fresh.len() as u64;
        self.rest.append(&mut fresh);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let mut calls = Vec::new();
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(call) => calls.push(call),
                Err(_) => self.unreadable += 1,
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn events_are_read_and_unknown_ones_skipped() {
        let held = tempfile::tempdir().unwrap();
        let path = held.path().join("events.jsonl");
        assert_eq!(ShimEvents::read(&path), ShimEvents::default());
        let lines = [
            r#"{"event": "loaded", "schema": "1.0", "pid": 7, "python": "3.12.1"}"#,
            r#"{"event": "later", "schema": "1.9", "pid": 7}"#,
            "half a li",
            r#"{"event": "constructed", "pid": 7, "changes": {}, "in_force": {"n_threads": 1, "n_ctx": null}, "off": false}"#,
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let events = ShimEvents::read(&path);
        assert_eq!((events.loaded, events.models.len()), (vec![7], 1));
        assert_eq!(events.models[0].parameters["n_threads"], 1);
    }

    #[test]
    fn calls_are_read_as_they_arrive_and_incomplete_lines_awaited() {
        let held = tempfile::tempdir().unwrap();
        let path = held.path().join("calls.jsonl");
        let mut log = CallLog::new(path.clone());
        assert_eq!(log.read(), []);
        let line = r#"{"event": "call", "pid": 7, "kind": "call", "state": "complete", "tokens": 3, "total_ns": 5}"#;
        let mut file = File::create(&path).unwrap();
        write!(file, "{line}\nbroken\n{}", &line[..20]).unwrap();
        assert_eq!(log.read().len(), 1);
        writeln!(file, "{}", &line[20..]).unwrap();
        let calls = log.read();
        assert_eq!((calls.len(), calls[0].tokens, calls[0].first_token_ns), (1, 3, None));
        assert_eq!((log.read().len(), log.unreadable), (0, 1));
    }
}
