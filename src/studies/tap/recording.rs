//! Messages that passed, sorted by time, written to the session file, and totalled.

use super::super::study::RunRecord;
use crate::bridge::Framing;
use crate::bridge::tap::{ForwardedMessage, MessageMetadata, ProxyConnection, TapSide};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::measure::TapTotals;
use crate::record::{RecordError, Sender, SessionEvent, SessionHead, SessionLine, SessionMessage, SessionWriter};

/// Messages are processed at this age: by then, the other direction has recorded everything it read before.
const HOLD_BACK_NS: u64 = 100_000_000;

/// Without content, this much of a message is inspected for its name and id.
const LOOK_BYTES: usize = 64 << 10;

/// With content, this much of each message is kept.
const KEEP_BYTES: usize = 16 << 20;

/// Bytes of a message that a connection must keep.
pub(super) fn keep_bytes(with_payload: bool) -> usize {
    if with_payload { KEEP_BYTES } else { LOOK_BYTES }
}

/// Totals of everything that has passed so far.
#[derive(Debug, Default)]
pub(crate) struct TapSamples {
    pub(super) account: TapTotals,
    /// From the start of the first connection to the last event, in nanoseconds of the run's clock; `None` before any.
    pub(super) span_ns: Option<(u64, u64)>,
}

impl TapSamples {
    fn note_event(&mut self, at_ns: u64) {
        let (began_ns, ended_ns) = self.span_ns.unwrap_or((at_ns, at_ns));
        self.span_ns = Some((began_ns.min(at_ns), ended_ns.max(at_ns)));
    }
}

/// The session file in progress, and messages not yet written to it.
pub(super) struct Recording {
    writer: SessionWriter,
    clock: Clock,
    with_payload: bool,
    waiting: Vec<ForwardedMessage>,
}

impl Recording {
    /// Creates the session file in the record's folder.
    pub(super) fn start(record: &RunRecord, clock: Clock, with_payload: bool) -> Result<Self, Failure> {
        let head = SessionHead::new(&record.run_id, record.started, with_payload);
        let writer = SessionWriter::create(&record.folder, &head)?;
        Ok(Self { writer, clock, with_payload, waiting: Vec::new() })
    }

    /// Starts a connection.
    pub(super) fn begin(&mut self, into: &mut TapSamples) -> Result<(), Failure> {
        into.account.begin();
        let at_ns = self.clock.now_ns();
        into.note_event(at_ns);
        self.write(at_ns, SessionEvent::Connected { connection: into.account.connections })
    }

    /// Takes what has passed, except for the most recent messages.
    pub(super) fn watch(&mut self, connection: &ProxyConnection, into: &mut TapSamples) -> Result<(), Failure> {
        let now_ns = self.clock.now_ns();
        let whole_until_ns = connection.drain(&mut self.waiting);
        self.settle(now_ns.saturating_sub(HOLD_BACK_NS).min(whole_until_ns.saturating_sub(1)), into)?;
        self.writer.flush();
        Ok(())
    }

    /// Ends a connection.
    pub(super) fn end(&mut self, connection: ProxyConnection, into: &mut TapSamples) -> Result<(), Failure> {
        let [app, unity] = connection.end(&mut self.waiting);
        self.settle(u64::MAX, into)?;
        into.account.app.bytes += app.bytes;
        into.account.unity.bytes += unity.bytes;
        into.account.end();
        let at_ns = self.clock.now_ns();
        into.note_event(at_ns);
        self.write(at_ns, SessionEvent::Disconnected { connection: into.account.connections })?;
        self.writer.flush();
        Ok(())
    }

    /// Writes the rest of the session to disk and reports what could not be written.
    pub(super) fn finish(mut self) -> Result<(), RecordError> {
        self.writer.finish()
    }

    /// Processes messages up to `until_ns` in order of arrival, so that a request precedes its reply whichever was
    /// recorded first.
    fn settle(&mut self, until_ns: u64, into: &mut TapSamples) -> Result<(), Failure> {
        self.waiting.sort_by_key(|passed| passed.at_ns);
        let settled = self.waiting.partition_point(|passed| passed.at_ns <= until_ns);
        let settled: Vec<ForwardedMessage> = self.waiting.drain(..settled).collect();
        for passed in settled {
            let metadata = MessageMetadata::of(&passed.content);
            into.account.add(&passed, &metadata);
            into.note_event(passed.at_ns);
            let message = self.line(into.account.connections, &passed, metadata);
            self.write(passed.at_ns, SessionEvent::Message(message))?;
        }
        Ok(())
    }

    fn line(&self, connection: u64, passed: &ForwardedMessage, metadata: MessageMetadata) -> SessionMessage {
        let mut message = SessionMessage {
            connection,
            from: match passed.from {
                TapSide::App => Sender::App,
                TapSide::Unity => Sender::Unity,
            },
            bytes: passed.size_bytes,
            framing: match passed.framing {
                Framing::Lines => "lines".into(),
                Framing::Length => "length".into(),
            },
            command: metadata.name,
            id: metadata.id.and_then(|id| serde_json::to_value(id).ok()),
            payload: None,
            payload_base64: None,
        };
        if self.with_payload {
            message.keep(&passed.content);
        }
        message
    }

    fn write(&mut self, at_ns: u64, event: SessionEvent) -> Result<(), Failure> {
        Ok(self.writer.add(&SessionLine { at_ns, event })?)
    }
}
