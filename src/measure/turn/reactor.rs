//! The thread that sends reactions to the bridge while the model continues to generate.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;
use std::time::Duration;

use super::super::fire::Watch;
use super::reaction::{Delivery, Reaction, ReactionTimes};
use crate::bridge::{BridgeError, Client, Dialect};
use crate::clock::Clock;

type Order = (Reaction, (Delivery, Duration));
type Outcome = Result<ReactionTimes, BridgeError>;

/// A thread that owns the connection for the lifetime of this value.
#[derive(Debug)]
pub struct Reactor {
    orders: SyncSender<Order>,
    outcomes: Receiver<Outcome>,
}

impl Reactor {
    /// Starts the thread; `watch` supplies what replies do not tell. The thread ends when this is dropped.
    pub fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        (client, dialect, watch): (&'env mut Client, &'static Dialect, Watch),
        clock: Clock,
        stop: &'env AtomicBool,
    ) -> Self {
        // Capacity one: a turn has one reaction, and its outcome is fetched before the next.
        let (orders, taken) = sync_channel::<Order>(1);
        let (done, outcomes) = sync_channel(1);
        scope.spawn(move || {
            let mut is_broken = false;
            for (reaction, how) in taken {
                let outcome = mend(client, &mut is_broken, stop)
                    .and_then(|()| reaction.send((client, dialect, &watch), how, &clock, stop));
                is_broken = outcome.is_err();
                if done.send(outcome).is_err() {
                    break;
                }
            }
        });
        Self { orders, outcomes }
    }

    /// Hands over a reaction without waiting; `how` is its delivery and the delay before each command. At most one at a
    /// time: fetch the outcome before the next.
    pub fn react(&self, reaction: Reaction, how: (Delivery, Duration)) {
        // The thread outlives this value.
        let _ = self.orders.try_send((reaction, how));
    }

    /// Waits for the outcome of the reaction that was handed over; bounded by the bridge's timeouts.
    ///
    /// # Errors
    /// Why the reaction failed.
    pub fn outcome(&self) -> Outcome {
        self.outcomes.recv().unwrap_or(Err(BridgeError::Closed { mid_line: false }))
    }
}

/// After a failure, replies may still be in flight: the next reaction starts on a fresh connection.
fn mend(client: &mut Client, is_broken: &mut bool, stop: &AtomicBool) -> Result<(), BridgeError> {
    if *is_broken {
        client.reconnect(stop)?;
    }
    Ok(())
}
