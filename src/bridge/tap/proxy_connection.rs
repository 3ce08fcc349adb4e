//! One connection of the application, paired with a connection to Unity.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use super::pump::{DirectionTotals, ForwardedMessage, PumpLog, TapSide, pump};
use crate::bridge::readiness;
use crate::clock::Clock;

/// After the application has closed its side, the connection to Unity ends once it has been silent for this long, in
/// nanoseconds.
const SILENCE_NS: u64 = 1_000_000_000;

/// After this time it ends in any case, in nanoseconds.
const LAST_WORDS_NS: u64 = 5_000_000_000;

/// A paired connection. Dropping it closes both sides.
#[derive(Debug)]
pub struct ProxyConnection {
    streams: Arc<[TcpStream; 2]>,
    log: Arc<PumpLog>,
    clock: Clock,
    pumps: [Option<JoinHandle<DirectionTotals>>; 2],
}

impl ProxyConnection {
    /// Pairs the two and keeps up to `keep_bytes` of each message.
    ///
    /// # Errors
    /// Those of the system if no thread can be started.
    pub fn join(app: TcpStream, unity: TcpStream, clock: Clock, keep_bytes: usize) -> io::Result<Self> {
        for stream in [&app, &unity] {
            // Only fails on a closed connection, which the first read reports.
            let _ = stream.set_nodelay(true).and_then(|()| readiness::wait_without_limit(stream));
        }
        let streams = Arc::new([app, unity]);
        let log = Arc::new(PumpLog::default());
        let mut connection = Self { streams: Arc::clone(&streams), log: Arc::clone(&log), clock, pumps: [None, None] };
        for (at, from) in [TapSide::App, TapSide::Unity].into_iter().enumerate() {
            let (streams, log) = (Arc::clone(&streams), Arc::clone(&log));
            let body = move || pump((from, &streams[at], &streams[1 - at]), clock, keep_bytes, &log);
            connection.pumps[at] = Some(thread::Builder::new().name(format!("tap-{from:?}")).spawn(body)?);
        }
        Ok(connection)
    }

    /// Moves messages passed on since the last call to the end of `into`, each direction in order. Returns the time, in
    /// nanoseconds, up to which the list is complete except for messages still being passed on.
    pub fn drain(&self, into: &mut Vec<ForwardedMessage>) -> u64 {
        let busy_since_ns = self.log.busy_since_ns.iter().map(|since_ns| since_ns.load(Ordering::SeqCst)).min();
        self.log.fetch(into);
        busy_since_ns.unwrap_or(u64::MAX)
    }

    /// Whether this side has closed its direction.
    #[must_use]
    pub fn has_ended(&self, side: TapSide) -> bool {
        self.pumps[side as usize].as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Whether nothing more is expected: both directions have ended, or the application's has and Unity has been silent
    /// since or has had enough time. The stock bridge never closes its side, so its end is not awaited.
    #[must_use]
    pub fn is_over(&self) -> bool {
        if !self.has_ended(TapSide::App) {
            return false;
        }
        let now_ns = self.clock.now_ns();
        let [app_ns, unity_ns] =
            [TapSide::App, TapSide::Unity].map(|side| self.log.read_ns[side as usize].load(Ordering::SeqCst));
        self.has_ended(TapSide::Unity)
            || now_ns.saturating_sub(app_ns.max(unity_ns)) >= SILENCE_NS
            || now_ns.saturating_sub(app_ns) >= LAST_WORDS_NS
    }

    /// Closes both sides.
    fn disconnect(&self) {
        self.log.is_over.store(true, Ordering::SeqCst);
        self.log.disconnect(&self.streams[0], &self.streams[1]);
    }

    /// Closes the connection, moves the last messages to the end of `into`, and returns the totals of each direction,
    /// the application's first.
    pub fn end(mut self, into: &mut Vec<ForwardedMessage>) -> [DirectionTotals; 2] {
        self.disconnect();
        // A panic of a thread has already been reported; the totals of the other direction are valid.
        let carried = [0, 1].map(|at| self.pumps[at].take().and_then(|pump| pump.join().ok()).unwrap_or_default());
        self.drain(into);
        carried
    }
}

impl Drop for ProxyConnection {
    fn drop(&mut self) {
        self.disconnect();
    }
}
