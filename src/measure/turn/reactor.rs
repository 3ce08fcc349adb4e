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
    orders: ReactorOrders,
    outcomes: Receiver<Outcome>,
}

/// The end of a reactor that reactions are handed over to, from any thread.
#[derive(Debug)]
pub(super) struct ReactorOrders {
    orders: SyncSender<Order>,
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
        Self { orders: ReactorOrders { orders }, outcomes }
    }

    /// Where reactions are handed over.
    pub(super) fn orders(&self) -> &ReactorOrders {
        &self.orders
    }

    /// Waits for the outcome of the reaction that was handed over; bounded by the bridge's timeouts.
    ///
    /// # Errors
    /// Why the reaction failed.
    pub fn outcome(&self) -> Outcome {
        self.outcomes.recv().unwrap_or(Err(BridgeError::Closed { mid_line: false }))
    }
}

impl ReactorOrders {
    /// Hands a reaction over, without waiting: how it is sent, and how long each command is held back before. At most one at a time:
    /// fetch its outcome before the next.
    pub(super) fn react(&self, reaction: Reaction, how: (Delivery, Duration)) {
        // The thread ends only when the reactor does.
        let _ = self.orders.try_send((reaction, how));
    }
}

/// After a failure nothing can be known of replies that are still under way: the next reaction starts on a fresh connection.
fn mend(client: &mut Client, is_broken: &mut bool, stop: &AtomicBool) -> Result<(), BridgeError> {
    if *is_broken {
        client.reconnect(stop)?;
    }
    Ok(())
}
