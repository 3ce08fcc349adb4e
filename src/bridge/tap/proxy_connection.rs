//! One connection of the application, joined to one of its own to Unity.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use super::pump::{Carried, Log, Passed, Side, hang_up, pump};
use crate::clock::Clock;

/// When the application has ended its side, Unity is given up once it has sent nothing for so long, in nanoseconds.
const SILENCE_NS: u64 = 1_000_000_000;

/// After that time it is given up in any case, in nanoseconds.
const LAST_WORDS_NS: u64 = 5_000_000_000;

/// A joined connection. Dropping it closes both sides.
#[derive(Debug)]
pub struct ProxyConnection {
    streams: Arc<[TcpStream; 2]>,
    log: Arc<Log>,
    clock: Clock,
    pumps: [Option<JoinHandle<Carried>>; 2],
}

impl ProxyConnection {
    /// Joins the two. Keeps up to `keep_bytes` of each message.
    ///
    /// # Errors
    /// What the system says when no thread can be started.
    pub fn join(app: TcpStream, unity: TcpStream, clock: Clock, keep_bytes: usize) -> io::Result<Self> {
        for stream in [&app, &unity] {
            // On a connection that has ended already, which the first read tells.
            let _ = stream.set_nodelay(true);
        }
        let streams = Arc::new([app, unity]);
        let log = Arc::new(Log::default());
        let mut connection = Self { streams: Arc::clone(&streams), log: Arc::clone(&log), clock, pumps: [None, None] };
        for (at, from) in [Side::App, Side::Unity].into_iter().enumerate() {
            let (streams, log) = (Arc::clone(&streams), Arc::clone(&log));
            let body = move || pump((from, &streams[at], &streams[1 - at]), clock, keep_bytes, &log);
            connection.pumps[at] = Some(thread::Builder::new().name(format!("tap-{from:?}")).spawn(body)?);
        }
        Ok(connection)
    }

    /// Moves what was passed on since the last time to the end of `into`, each direction in its order. Returns up to which moment,
    /// in nanoseconds, nothing is missing but what was read within the last instants: a message may be long in passing.
    pub fn drain(&self, into: &mut Vec<Passed>) -> u64 {
        let busy_since_ns = self.log.busy_since_ns.iter().map(|since_ns| since_ns.load(Ordering::SeqCst)).min();
        self.log.fetch(into);
        busy_since_ns.unwrap_or(u64::MAX)
    }

    /// Whether this side sends no more.
    #[must_use]
    pub fn has_ended(&self, side: Side) -> bool {
        self.pumps[side as usize].as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Whether nothing more is to come: both directions have ended; or the application's has, and Unity has been silent since, or
    /// has had time enough. The stock bridge never ends its side, so that its end is not waited for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        if !self.has_ended(Side::App) {
            return false;
        }
        let now_ns = self.clock.now_ns();
        let [app_ns, unity_ns] =
            [Side::App, Side::Unity].map(|side| self.log.read_ns[side as usize].load(Ordering::SeqCst));
        self.has_ended(Side::Unity)
            || now_ns.saturating_sub(app_ns.max(unity_ns)) >= SILENCE_NS
            || now_ns.saturating_sub(app_ns) >= LAST_WORDS_NS
    }

    /// Ends the connection on both sides.
    fn hang_up(&self) {
        self.log.is_over.store(true, Ordering::SeqCst);
        hang_up(&self.streams[0], &self.streams[1]);
    }

    /// Hangs up, moves the last that was passed on to the end of `into`, and gives what each direction carried: the
    /// application's first.
    pub fn end(mut self, into: &mut Vec<Passed>) -> [Carried; 2] {
        self.hang_up();
        // A panic of a thread was reported by it; the other direction's account stands.
        let carried = [0, 1].map(|at| self.pumps[at].take().and_then(|pump| pump.join().ok()).unwrap_or_default());
        self.drain(into);
        carried
    }
}

impl Drop for ProxyConnection {
    fn drop(&mut self) {
        self.hang_up();
    }
}
