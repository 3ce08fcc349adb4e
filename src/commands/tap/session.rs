//! What passed, put in the order of time, written to the session file, and added up.

use crate::bridge::Framing;
use crate::bridge::tap::{Passage, Passed, Side, Sighting};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::measure::TapAccount;
use crate::record::{Sender, SessionEvent, SessionHead, SessionLine, SessionMessage, SessionWriter};
use crate::studies::Recorder;

/// A message is looked at once it is so old: by then the other direction has noted all that it had read before.
const HOLD_BACK_NS: u64 = 100_000_000;

/// Without the contents, so much of a message is looked at for its name and id.
const LOOK_BYTES: usize = 64 << 10;

/// With them, so much of each is kept.
const KEEP_BYTES: usize = 16 << 20;

/// The recording.
pub(super) struct Session {
    pub(super) account: TapAccount,
    recorder: Option<Recorder>,
    writer: SessionWriter,
    clock: Clock,
    with_payload: bool,
    waiting: Vec<Passed>,
}

impl Session {
    /// How many bytes of a message a passage has to keep.
    pub(super) fn keep_bytes(with_payload: bool) -> usize {
        if with_payload { KEEP_BYTES } else { LOOK_BYTES }
    }

    /// Makes the session file in the record's folder.
    pub(super) fn start(recorder: Recorder, clock: Clock, with_payload: bool) -> Result<Self, Failure> {
        let head = SessionHead::new(&recorder.run.run_id, recorder.run.started, with_payload);
        let writer = SessionWriter::create(recorder.path(), &head)?;
        let account = TapAccount::default();
        Ok(Self { account, recorder: Some(recorder), writer, clock, with_payload, waiting: Vec::new() })
    }

    /// A connection begins.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.account.begin();
        self.write(self.clock.now_ns(), SessionEvent::Connected { connection: self.account.connections })
    }

    /// Takes what has passed, all but the latest.
    pub(super) fn watch(&mut self, passage: &Passage) -> Result<(), Failure> {
        let now_ns = self.clock.now_ns();
        let whole_until_ns = passage.drain(&mut self.waiting);
        self.settle(now_ns.saturating_sub(HOLD_BACK_NS).min(whole_until_ns.saturating_sub(1)))?;
        self.writer.flush();
        Ok(())
    }

    /// A connection is over.
    pub(super) fn end(&mut self, passage: Passage) -> Result<(), Failure> {
        let [app, unity] = passage.end(&mut self.waiting);
        self.settle(u64::MAX)?;
        self.account.app.bytes += app.bytes;
        self.account.unity.bytes += unity.bytes;
        self.account.end();
        self.write(self.clock.now_ns(), SessionEvent::Disconnected { connection: self.account.connections })?;
        self.writer.flush();
        Ok(())
    }

    /// The record, to be completed.
    pub(super) fn finish(&mut self) -> Result<Recorder, Failure> {
        let recorder = self
            .recorder
            .take()
            .ok_or_else(|| Failure::new(crate::exit::Exit::Bug, anyhow::anyhow!("the record was finished twice")))?;
        if let Err(error) = self.writer.finish() {
            recorder.lacks(error);
        }
        Ok(recorder)
    }

    /// Settles what had come by `until_ns`, in the order of coming: a request comes before its reply, whoever notes first.
    fn settle(&mut self, until_ns: u64) -> Result<(), Failure> {
        self.waiting.sort_by_key(|passed| passed.at_ns);
        let settled = self.waiting.partition_point(|passed| passed.at_ns <= until_ns);
        let settled: Vec<Passed> = self.waiting.drain(..settled).collect();
        for passed in settled {
            let sighting = Sighting::of(&passed.content);
            self.account.add(&passed, &sighting);
            let message = self.line(&passed, sighting);
            self.write(passed.at_ns, SessionEvent::Message(message))?;
        }
        Ok(())
    }

    fn line(&self, passed: &Passed, sighting: Sighting) -> SessionMessage {
        let mut message = SessionMessage {
            connection: self.account.connections,
            from: match passed.from {
                Side::App => Sender::App,
                Side::Unity => Sender::Unity,
            },
            bytes: passed.size_bytes,
            framing: match passed.framing {
                Framing::Lines => "lines".into(),
                Framing::Length => "length".into(),
            },
            command: sighting.name,
            id: sighting.id.and_then(|id| serde_json::to_value(id).ok()),
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
