//! The thread that sends reactions to the bridge while the model continues to generate.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;
use std::time::Duration;

use super::super::fire::ApplicationSources;
use super::reaction::{Delivery, Reaction, ReactionTimes};
use crate::bridge::{BridgeError, Client, Dialect};
use crate::clock::Clock;

type ReactionRequest = (Reaction, (Delivery, Duration));
type ReactionResult = Result<ReactionTimes, BridgeError>;

/// A thread that owns the connection for the lifetime of this value.
#[derive(Debug)]
pub struct Reactor {
    orders: ReactorHandle,
    outcomes: Receiver<ReactionResult>,
}

/// The end of a reactor that reactions are handed over to, from any thread.
#[derive(Debug)]
pub(super) struct ReactorHandle {
    orders: SyncSender<ReactionRequest>,
}

impl Reactor {
    /// Starts the thread; `watch` supplies what replies do not tell. The thread ends when this is dropped.
    pub fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        (client, dialect, watch): (&'env mut Client, &'static Dialect, ApplicationSources),
        clock: Clock,
        stop: &'env AtomicBool,
    ) -> Self {
        // Capacity one: a turn has one reaction, and its outcome is fetched before the next.
        let (orders, taken) = sync_channel::<ReactionRequest>(1);
        let (done, outcomes) = sync_channel(1);
        scope.spawn(move || {
            let mut is_broken = false;
            for (reaction, how) in taken {
                let outcome = reconnect(client, &mut is_broken, stop)
                    .and_then(|()| reaction.send((client, dialect, &watch), how, &clock, stop));
                is_broken = outcome.is_err();
                if done.send(outcome).is_err() {
                    break;
                }
            }
        });
        Self { orders: ReactorHandle { orders }, outcomes }
    }

    /// Where reactions are handed over.
    pub(super) fn orders(&self) -> &ReactorHandle {
        &self.orders
    }

    /// Waits for the outcome of the reaction that was handed over; bounded by the bridge's timeouts.
    ///
    /// # Errors
    /// Why the reaction failed.
    pub fn outcome(&self) -> ReactionResult {
        self.outcomes.recv().unwrap_or(Err(BridgeError::Closed { mid_line: false }))
    }
}

impl ReactorHandle {
    /// Hands a reaction over, without waiting: how it is sent, and how long each command is held back before. At most one at a time:
    /// fetch its outcome before the next.
    pub(super) fn react(&self, reaction: Reaction, how: (Delivery, Duration)) {
        // The thread ends only when the reactor does.
        let _ = self.orders.try_send((reaction, how));
    }
}

/// After a failure nothing can be known of replies that are still under way: the next reaction starts on a fresh connection.
fn reconnect(client: &mut Client, is_broken: &mut bool, stop: &AtomicBool) -> Result<(), BridgeError> {
    if *is_broken {
        client.reconnect(stop)?;
    }
    Ok(())
}
