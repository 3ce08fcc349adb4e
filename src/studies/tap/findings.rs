//! Findings about a session.

use crate::measure::{TapTotals, latency_metrics};
use crate::plural::counted;
use crate::report::with_interval;
use crate::stats::Summary;

/// Messages, connections, reply times.
pub(super) fn findings(account: &TapTotals) -> Vec<String> {
    let mut findings = vec![format!(
        "{} from the application and {} from Unity, over {}.",
        counted(account.app.messages, "message"),
        account.unity.messages,
        counted(account.connections, "connection")
    )];
    let median = |times_ns: &[u64]| {
        latency_metrics(&Summary::of(times_ns), true).into_iter().find(|metric| metric.name == "p50")
    };
    for (ack, times_ns) in &account.replies_ns {
        let kind = ack.map_or_else(|| "of unknown kind".to_owned(), |ack| ack.to_string());
        if let Some(p50) = median(times_ns.values()).filter(|p50| p50.value.is_some()) {
            findings.push(format!("Replies {kind}: p50 {} (n {}).", with_interval(&p50), p50.n));
        }
    }
    if account.unassigned > 0 {
        findings.push(format!(
            "{} arrived while requests of both kinds were pending and cannot be assigned to one.",
            counted(account.unassigned, "bare reply")
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::cases::planted::account;
    use super::*;

    #[test]
    fn messages_connections_and_reply_times_are_stated_with_n() {
        let expected = [
            "51 messages from the application and 52 from Unity, over 1 connection.",
            "Replies received: p50 3.000 ms [2.000, 4.000] (n 50).",
            "1 bare reply arrived while requests of both kinds were pending and cannot be assigned to one.",
        ];
        assert_eq!(findings(&account()), expected);
    }

    #[test]
    fn no_reply_time_without_messages() {
        let none = findings(&TapTotals::default());
        assert_eq!(none, ["0 messages from the application and 0 from Unity, over 0 connections."]);
    }
}
