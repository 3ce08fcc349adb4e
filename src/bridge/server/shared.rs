//! State shared by the threads of a bridge.

use std::sync::{Arc, Mutex};

use super::applied_log::AppliedTimes;
use super::avatar::Avatar;
use super::client::ConnectedClient;
use super::counters::{AtomicCounters, Counters};
use super::faults::FaultInjector;
use super::queue::Queue;
use super::spec::BridgeSpec;
use super::stop::{Stop, lock};
use crate::clock::{Clock, nanos};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) spec: BridgeSpec,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) queue: Queue,
    pub(super) counts: AtomicCounters,
    pub(super) avatar: Mutex<Avatar>,
    /// Times of the latest command that the main thread applied.
    pub(super) last_applied: Mutex<Option<AppliedTimes>>,
    /// Present only with fault injection, so that other bridges do not pay for it.
    pub(super) faults: Option<Mutex<FaultInjector>>,
    client: Mutex<Option<Arc<ConnectedClient>>>,
}

impl Shared {
    pub(super) fn new(spec: BridgeSpec) -> Self {
        Self {
            faults: FaultInjector::of(&spec).map(Mutex::new),
            clock: Clock::start(),
            stop: Stop::default(),
            queue: Queue::new(spec.queue_bound()),
            spec,
            counts: AtomicCounters::default(),
            avatar: Mutex::default(),
            last_applied: Mutex::default(),
            client: Mutex::default(),
        }
    }

    /// Makes this the connected client. Returns false, without doing so, if the bridge was stopped.
    pub(super) fn admit(&self, client: &Arc<ConnectedClient>) -> bool {
        let mut seat = lock(&self.client);
        // Under the lock, so that a stop is either seen here or finds the client to disconnect.
        let open = !self.stop.is_set();
        if open {
            *seat = Some(Arc::clone(client));
        }
        open
    }

    /// Removes the client after it has disconnected.
    pub(super) fn dismiss(&self) {
        *lock(&self.client) = None;
    }

    /// The connected client.
    pub(super) fn client(&self) -> Option<Arc<ConnectedClient>> {
        lock(&self.client).clone()
    }

    /// Waits until that time, or the first timer tick after it if ticks are injected. Returns false if the bridge was
    /// stopped.
    pub(super) fn wait_until(&self, at_ns: u64) -> bool {
        let tick_ns = nanos(self.spec.timer_tick);
        let at_ns = match at_ns.checked_div(tick_ns) {
            None => at_ns,
            Some(ticks) => (ticks + 1).saturating_mul(tick_ns),
        };
        self.stop.wait_until(&self.clock, at_ns)
    }

    /// The counters, with the state of the queue.
    pub(super) fn counters(&self) -> Counters {
        self.counts.read(self.queue.lengths().1)
    }

    /// Stops the bridge: ends every wait, read and write of its threads.
    pub(super) fn stop(&self) {
        self.stop.set();
        self.queue.close();
        if let Some(client) = self.client() {
            client.disconnect();
        }
    }
}
