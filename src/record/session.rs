//! The file of a `tap` session: a header line of JSON, then one line per message and event, in order of time.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::growing::GrowingFile;

/// Name of the file in the record's folder.
pub const SESSION_FILE: &str = "session.jsonl";

/// The identifier in the first line.
const KIND: &str = "workly-perf session";

/// Version of the lines. Readers refuse a newer one.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionHead {
    kind: String,
    version: u32,
    /// The run that it belongs to.
    pub run_id: String,
    /// Start time of its clock.
    pub started: Timestamp,
    /// Whether the messages themselves are included, that is, what the user and the model said.
    pub with_payload: bool,
}

impl SessionHead {
    /// The header of a new file.
    #[must_use]
    pub fn new(run_id: &str, started: Timestamp, with_payload: bool) -> Self {
        Self { kind: KIND.into(), version: VERSION, run_id: run_id.into(), started, with_payload }
    }
}

/// Who sent a message, or closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The application.
    App,
    /// Unity.
    Unity,
}

/// The content of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SessionEvent {
    /// A connection of the application starts.
    Connected {
        /// Its number, from 1.
        connection: u64,
    },
    /// A message.
    Message(SessionMessage),
    /// The connection is closed.
    Disconnected {
        /// Its number.
        connection: u64,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionMessage {
    /// The connection that it went over.
    pub connection: u64,
    /// Who sent it.
    pub from: Sender,
    /// Bytes on the wire, including line feed or length.
    pub bytes: u64,
    /// `lines` or `length`.
    pub framing: String,
    /// Name of its command if it is known, else `other`.
    pub command: String,
    /// Its ID, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<serde_json::Value>,
    /// The message without its framing, if it is text and content is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The same if it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
}

impl SessionMessage {
    /// Adds the content.
    pub fn keep(&mut self, content: &[u8]) {
        match std::str::from_utf8(content) {
            Ok(text) => self.payload = Some(text.to_owned()),
            Err(_) => self.payload_base64 = Some(STANDARD.encode(content)),
        }
    }

    /// The content, if it was kept.
    #[must_use]
    pub fn content(&self) -> Option<Vec<u8>> {
        let text = self.payload.as_ref().map(|text| text.clone().into_bytes());
        text.or_else(|| STANDARD.decode(self.payload_base64.as_ref()?).ok())
    }
}

/// A line: time and event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Nanoseconds since the session's start.
    pub at_ns: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: SessionEvent,
}

/// Bytes that are buffered before they are written.
const WRITE_AT: usize = 64 << 10;

/// Writes a session while it is recorded. Flushed data is safe, whatever happens to the process; a temporarily full
/// disk loses nothing.
#[derive(Debug)]
pub struct SessionWriter {
    file: GrowingFile,
    gathered: Vec<u8>,
}

impl SessionWriter {
    /// Creates the file in a record's folder, readable by its owner only, and writes the header.
    pub fn create(folder: &Path, head: &SessionHead) -> Result<Self, RecordError> {
        let path = folder.join(SESSION_FILE);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(RecordError::io("create", &path))?;
        let mut writer = Self { file: GrowingFile::new(&path, file), gathered: Vec::new() };
        writer.line(head)?;
        writer.finish()?;
        Ok(writer)
    }

    /// Adds a line.
    pub fn add(&mut self, line: &SessionLine) -> Result<(), RecordError> {
        self.line(line)
    }

    /// Writes added lines to the file; what cannot be written now is written later.
    pub fn flush(&mut self) {
        self.file.flush();
    }

    /// Writes added lines to the file, and reports what could not be written.
    pub fn finish(&mut self) -> Result<(), RecordError> {
        self.file.finish()
    }

    fn line(&mut self, content: &impl Serialize) -> Result<(), RecordError> {
        self.gathered.clear();
        serde_json::to_writer(&mut self.gathered, content)
            .map_err(|error| RecordError::Inconsistent { detail: format!("{SESSION_FILE}: {error}") })?;
        self.gathered.push(b'\n');
        self.file.add(&self.gathered);
        if self.file.waiting_bytes() >= WRITE_AT {
            self.file.flush();
        }
        Ok(())
    }
}

/// A recorded session.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedSession {
    /// Its header.
    pub head: SessionHead,
    /// Its events.
    pub lines: Vec<SessionLine>,
    /// Whether its last line was truncated, for example because the process was killed, and was ignored.
    pub is_cut: bool,
}

/// Reads a session: the file, or the folder of its record.
pub fn read_session(path: &Path) -> Result<RecordedSession, RecordError> {
    let path = if path.is_dir() { path.join(SESSION_FILE) } else { path.to_owned() };
    let file = File::open(&path).map_err(RecordError::io("read", &path))?;
    let mut reader = BufReader::new(file);
    let mut text = String::new();
    let mut next = |text: &mut String| {
        text.clear();
        reader.read_line(text).map_err(RecordError::io("read", &path))
    };
    next(&mut text)?;
    let head: SessionHead = serde_json::from_str(&text)
        .map_err(|error| RecordError::corrupt(&path, format!("line 1 is not a session header: {error}")))?;
    if head.kind != KIND || head.version > VERSION {
        let detail =
            format!("it is a '{}' of version {}; this build reads '{KIND}' up to {VERSION}", head.kind, head.version);
        return Err(RecordError::corrupt(&path, detail));
    }
    let (mut lines, mut is_cut) = (Vec::new(), false);
    while next(&mut text)? > 0 {
        match serde_json::from_str(&text) {
            Ok(line) => lines.push(line),
            Err(_) if !text.ends_with('\n') => is_cut = true,
            Err(error) => return Err(RecordError::corrupt(&path, format!("line {}: {error}", lines.len() + 2))),
        }
    }
    Ok(RecordedSession { head, lines, is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> SessionLine {
        let mut message = SessionMessage {
            connection: 1,
            from: Sender::App,
            bytes: content.len() as u64 + 1,
            framing: "lines".into(),
            command: "set_expression".into(),
            id: Some(7.into()),
            payload: None,
            payload_base64: None,
        };
        message.keep(content);
        SessionLine { at_ns: 12, event: SessionEvent::Message(message) }
    }

    #[test]
    fn session_round_trips_without_its_truncated_line() {
        let temp = tempfile::tempdir().unwrap();
        let head = SessionHead::new("run", "2026-01-02T03:04:05Z".parse().unwrap(), true);
        let mut writer = SessionWriter::create(temp.path(), &head).unwrap();
        let lines = [
            SessionLine { at_ns: 1, event: SessionEvent::Connected { connection: 1 } },
            message("{\"joé\"}".as_bytes()),
            message(b"\xC1\xFF"),
            SessionLine { at_ns: 20, event: SessionEvent::Disconnected { connection: 1 } },
        ];
        for line in &lines {
            writer.add(line).unwrap();
        }
        writer.finish().unwrap();
        let whole = RecordedSession { head: head.clone(), lines: lines.to_vec(), is_cut: false };
        assert_eq!(read_session(temp.path()).unwrap(), whole);
        let SessionEvent::Message(binary) = &lines[2].event else { panic!("a message") };
        assert_eq!(binary.content().unwrap(), b"\xC1\xFF");

        let file = temp.path().join(SESSION_FILE);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(r#"{"at_ns":1,"event":"connected","connection":1}"#), "{text}");
        std::fs::write(&file, &text[..text.len() - 5]).unwrap();
        let cut = read_session(&file).unwrap();
        assert_eq!((&cut.lines[..], cut.is_cut), (&lines[..3], true));
        std::fs::write(&file, text.replace("\"connected\"", "\"comet\"")).unwrap();
        assert!(read_session(&file).unwrap_err().to_string().contains("line 2"));
        std::fs::write(&file, text.replace("\"version\":1", "\"version\":2")).unwrap();
        assert!(read_session(&file).unwrap_err().to_string().contains("version 2"));
    }

    #[cfg(unix)]
    #[test]
    fn session_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        SessionWriter::create(temp.path(), &SessionHead::new("run", Timestamp::UNIX_EPOCH, false)).unwrap();
        let mode = std::fs::metadata(temp.path().join(SESSION_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
