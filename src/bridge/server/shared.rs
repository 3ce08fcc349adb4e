//! What the threads of a bridge share.

use std::sync::{Arc, Mutex};

use super::avatar::Avatar;
use super::client::Client;
use super::counters::Tally;
use super::faults::Faults;
use super::queue::Queue;
use super::spec::BridgeSpec;
use super::stop::{Stop, hold};
use crate::clock::Clock;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) spec: BridgeSpec,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    pub(super) queue: Queue,
    pub(super) tally: Tally,
    pub(super) avatar: Mutex<Avatar>,
    /// Present only in a bridge that lies about replies, so that an honest one does not pay for it.
    pub(super) faults: Option<Mutex<Faults>>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Shared {
    pub(super) fn new(spec: BridgeSpec) -> Self {
        Self {
            faults: Faults::of(&spec).map(Mutex::new),
            spec,
            clock: Clock::start(),
            stop: Stop::default(),
            queue: Queue::default(),
            tally: Tally::default(),
            avatar: Mutex::default(),
            client: Mutex::default(),
        }
    }

    /// Makes this the connected client. False when the bridge was stopped, in which case it was not.
    pub(super) fn admit(&self, client: &Arc<Client>) -> bool {
        let mut seat = hold(&self.client);
        // Under the lock, so that a stop either is seen here or finds the client to hang up on.
        let open = !self.stop.is_set();
        if open {
            *seat = Some(Arc::clone(client));
        }
        open
    }

    /// The client has left.
    pub(super) fn dismiss(&self) {
        *hold(&self.client) = None;
    }

    /// The client that is connected now.
    pub(super) fn client(&self) -> Option<Arc<Client>> {
        hold(&self.client).clone()
    }

    /// Stops the bridge: ends every wait, read and write of its threads.
    pub(super) fn stop(&self) {
        self.stop.set();
        self.queue.close();
        if let Some(client) = self.client() {
            client.hang_up();
        }
    }
}
