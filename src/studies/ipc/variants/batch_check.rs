//! Checks whether the commands of a batch are applied, before any figure is reported for them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::ipc_context::IpcContext;
use super::messages::{self, BatchCommand};
use crate::bridge::{BatchEffect, BridgeError, Message, detect};
use crate::clock::ms;
use crate::plural::counted;
use crate::stats::median;

/// Batches timed per kind.
const TRIALS: usize = 15;

/// Trials start at random times within this span, in nanoseconds: more than two frames at 60 per second.
const SPREAD_NS: u64 = 40_000_000;

/// Minimum ratio of *applied* to *received* reply times for the frame to distinguish them.
const APART: u64 = 5;

/// Whether a batch is applied, and the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchVerdict {
    /// Whether its commands are applied; `None` if unknown.
    pub(super) applied: Option<bool>,
    /// The evidence, as text.
    pub(super) evidence: String,
}

/// Median round trips of the four kinds of messages, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct BatchTimes {
    received: u64,
    applied: u64,
    /// Batches that start with a command of one kind, followed by the other.
    received_first: u64,
    applied_first: u64,
}

/// Performs the check. Only harmless commands are sent, alone and in batches.
pub(super) fn check(bridge: &mut IpcContext<'_>) -> Result<BatchVerdict, BridgeError> {
    let plan = bridge.plan;
    let none = || BridgeError::Refused { message: "the dialect has no batches".into() };
    let (Some(applied), Some(received)) = (messages::applied(plan), messages::received(plan)) else {
        return Err(none());
    };
    let counted = plan.bridge.dialect.batch.as_ref().is_some_and(|batch| batch.counted_by.is_some());
    if counted {
        let mut three = messages::batch(plan, &[received.clone(), applied.clone(), received]).ok_or_else(none)?;
        let reply = bridge.connection.client.exchange(&mut three, bridge.stop)?;
        return Ok(by_count(reply.applied, reply.frame));
    }
    let singles = [&received, &applied].map(|part| messages::single(plan, part, None));
    let pair = |parts: [&BatchCommand; 2]| messages::batch(plan, &parts.map(Clone::clone)).ok_or_else(none);
    let [received_alone, applied_alone] = singles;
    let mut kinds = [received_alone, applied_alone, pair([&received, &applied])?, pair([&applied, &received])?];
    let mut extra = 0;
    let timed = time(bridge, &mut kinds, &mut extra)?;
    let documented = plan.bridge.dialect.batch.as_ref().map(|batch| batch.applies);
    // Knowledge about later versions does not apply to a bridge with more features than they have.
    let mut is_another = || detect(&mut bridge.connection.client, bridge.stop).is_ok_and(|found| found.dialect.ids);
    let documented = documented.filter(|applies| *applies == BatchEffect::All || !is_another());
    Ok(by_time(timed, extra, documented))
}

fn by_count(count: Option<u64>, frame: Option<u64>) -> BatchVerdict {
    let frame = frame.map(|frame| format!(", in frame {frame}")).unwrap_or_default();
    match count {
        Some(3) => {
            BatchVerdict { applied: Some(true), evidence: format!("its reply counts 3 of 3 commands applied{frame}") }
        }
        Some(count) => {
            BatchVerdict { applied: Some(false), evidence: format!("its reply counts {count} of 3 commands applied") }
        }
        None => {
            BatchVerdict { applied: None, evidence: "its reply has no count, although the dialect defines one".into() }
        }
    }
}

fn time(bridge: &mut IpcContext<'_>, kinds: &mut [Message; 4], extra: &mut u64) -> Result<BatchTimes, BridgeError> {
    let mut random = StdRng::seed_from_u64(bridge.plan.seed);
    let mut samples_ns = [const { Vec::new() }; 4];
    for _ in 0..TRIALS {
        for (kind, samples_ns) in kinds.iter_mut().zip(&mut samples_ns) {
            let clock = &bridge.clock;
            clock.sleep_until(clock.now_ns() + random.random_range(0..SPREAD_NS));
            bridge.connection.client.skip_unread();
            let sent_ns = clock.now_ns();
            bridge.connection.client.exchange(kind, bridge.stop)?;
            samples_ns.push(clock.now_ns() - sent_ns);
        }
    }
    *extra += bridge.connection.client.settle(std::time::Duration::from_millis(100))?;
    let [received, applied, received_first, applied_first] =
        samples_ns.map(|samples_ns: Vec<u64>| median(&samples_ns).unwrap_or_default());
    Ok(BatchTimes { received, applied, received_first, applied_first })
}

fn by_time(timed: BatchTimes, extra: u64, documented: Option<BatchEffect>) -> BatchVerdict {
    let BatchTimes { received, applied, received_first, applied_first } = timed;
    let figures = format!(
        "medians of {TRIALS}: {:.3} ms for a received command alone, {:.3} ms for an applied one, {:.3} ms for a batch \
         with the received one first, {:.3} ms with the applied one first",
        ms(received),
        ms(applied),
        ms(received_first),
        ms(applied_first)
    );
    let verdict = |applied, why: &str| BatchVerdict { applied, evidence: format!("{why} ({figures})") };
    if extra > 0 {
        return verdict(None, &format!("{} too many arrived", counted(extra, "reply")));
    }
    if applied < received.saturating_mul(APART) {
        return verdict(None, "received and applied replies are equally fast here, so timing does not show it");
    }
    // Compared on a logarithmic scale.
    let waits = |batch_ns: u64| u128::from(batch_ns).pow(2) > u128::from(received) * u128::from(applied);
    match (waits(received_first), waits(applied_first)) {
        (true, true) => verdict(Some(true), "its reply waits for the frame whichever command comes first"),
        (false, true) => verdict(
            Some(false),
            "the bridge executes only the first command: the reply waits for the frame only if that one does",
        ),
        (false, false) if documented == Some(BatchEffect::First) => verdict(
            Some(false),
            "it is acknowledged before the frame whichever command comes first: the bridge executes only one of its \
             commands, as known of this dialect's bridge",
        ),
        (false, false) if documented == Some(BatchEffect::None) => verdict(
            Some(false),
            "it is acknowledged before the frame whatever it contains, and this dialect's bridge is known not to apply \
             it",
        ),
        (false, false) => verdict(
            None,
            "it is acknowledged before the frame whatever it contains; what happens later cannot be observed",
        ),
        (true, false) => verdict(None, "its reply waits for the frame in only one order of its commands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(received_first: u64, applied_first: u64, documented: Option<BatchEffect>) -> Option<bool> {
        by_time(BatchTimes { received: 50_000, applied: 8_000_000, received_first, applied_first }, 0, documented)
            .applied
    }

    #[test]
    fn command_order_shows_what_is_applied() {
        assert_eq!(told(8_100_000, 7_900_000, None), Some(true), "the main thread answers");
        assert_eq!(told(60_000, 8_000_000, None), Some(false), "the first command alone");
        assert_eq!(told(60_000, 55_000, Some(BatchEffect::None)), Some(false));
        assert_eq!(
            told(60_000, 55_000, Some(BatchEffect::First)),
            Some(false),
            "names are tried in an order of the bridge's own"
        );
        assert_eq!(told(60_000, 55_000, None), None, "acknowledged, and what follows cannot be seen");
        assert_eq!(told(8_000_000, 60_000, None), None);
    }

    #[test]
    fn check_is_inconclusive_without_frames_or_with_surplus_replies() {
        let unpaced = BatchTimes { received: 50_000, applied: 60_000, received_first: 55_000, applied_first: 61_000 };
        assert_eq!(by_time(unpaced, 0, Some(BatchEffect::None)).applied, None);
        let paced = BatchTimes { applied: 8_000_000, received_first: 8_000_000, applied_first: 8_000_000, ..unpaced };
        assert_eq!(by_time(paced, 1, None).applied, None);
        assert!(by_time(paced, 0, None).evidence.contains("8.000 ms for an applied one"));
    }

    #[test]
    fn reported_count_is_trusted() {
        assert_eq!(by_count(Some(3), Some(7)).evidence, "its reply counts 3 of 3 commands applied, in frame 7");
        assert_eq!((by_count(Some(1), None).applied, by_count(None, None).applied), (Some(false), None));
    }
}
