//! The bridge: whether it is there, answers, and shows what it is told.

use super::check::{Check, CheckState, Symptom};

/// What was found at the bridge's address.
#[derive(Debug, Clone, PartialEq)]
pub enum BridgeFacts {
    /// Nobody listens.
    Nobody {
        /// Where.
        address: String,
    },
    /// Something listens and is no bridge, or serves somebody else.
    Strange {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
        /// Who has the port, where that can be told.
        owner: Option<String>,
    },
    /// It answers.
    Answers {
        /// Where.
        address: String,
        /// Who has the port, where that can be told.
        owner: Option<String>,
        /// What it speaks.
        dialect: String,
        /// Whether it is a stand-in.
        simulated: bool,
        /// Median of the received round trips in milliseconds, or why there is none.
        received_ms: Result<f64, String>,
        /// Median of the applied round trips of a closed loop in milliseconds, which is a frame, or why there is none.
        applied_ms: Result<f64, String>,
    },
}

/// Fewer frames a second make the avatar late: half a frame is then more than 20 ms.
const FEW_FRAMES: f64 = 25.0;

/// A received round trip on one machine takes less than this.
const LONG_RECEIVED_MS: f64 = 5.0;

/// The lines about the bridge.
#[must_use]
pub fn check_bridge(facts: &BridgeFacts) -> Vec<Check> {
    match facts {
        BridgeFacts::Nobody { address } => vec![
            Check::new("bridge", CheckState::Warning, format!("nothing listens on {address}"))
                .mend("start Unity with the avatar: the application connects to 127.0.0.1:5555 and nowhere else")
                .causes(&[Symptom::LateAvatar]),
        ],
        BridgeFacts::Strange { address, reason, owner } => {
            let who = owner.as_ref().map_or_else(String::new, |owner| format!(" (port taken by {owner})"));
            vec![
                Check::new("bridge", CheckState::Problem, format!("{address}: {reason}{who}"))
                    .mend("close Workly or whatever else is connected: the bridge serves one client at a time, on the one port that the application knows")
                    .causes(&[Symptom::LateAvatar]),
            ]
        }
        BridgeFacts::Answers { address, owner, dialect, simulated, received_ms, applied_ms } => {
            let who = owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
            let stand_in = if *simulated { " (SIMULATED: a stand-in for Unity)" } else { "" };
            vec![
                Check::ok("bridge", format!("listens on {address}{who}, speaks {dialect}{stand_in}")),
                answering(received_ms),
                frames(applied_ms),
            ]
        }
    }
}

/// The line about an address in the configuration that nothing reads; `found` says which.
#[must_use]
pub fn check_unread_address(found: &str) -> Check {
    Check::new("bridge address", CheckState::Warning, found)
        .mend("let Unity listen on 127.0.0.1:5555, where the application connects")
        .causes(&[Symptom::LateAvatar])
}

fn answering(received_ms: &Result<f64, String>) -> Check {
    match received_ms {
        Ok(ms) if *ms > LONG_RECEIVED_MS => {
            Check::new("answers", CheckState::Warning, format!("received after {ms:.2} ms"))
                .mend("workly-perf ipc shows where the time goes")
                .causes(&[Symptom::LateAvatar])
        }
        Ok(ms) => Check::ok("answers", format!("received after {ms:.3} ms")),
        Err(why) => Check::new("answers", CheckState::Problem, why.clone())
            .mend("restart Unity; workly-perf ipc --dialect auto finds out what the bridge speaks")
            .causes(&[Symptom::LateAvatar]),
    }
}

fn frames(applied_ms: &Result<f64, String>) -> Check {
    match applied_ms {
        Ok(ms) if 1e3 / ms < FEW_FRAMES => {
            Check::new("frame rate", CheckState::Warning, format!("{:.0} frames a second", 1e3 / ms))
                .mend("lower Unity's quality, or give the model fewer threads: workly-perf threads")
                .causes(&[Symptom::LateAvatar])
        }
        Ok(ms) if *ms < 1.0 => Check::ok("frame rate", "commands are applied without waiting for a frame"),
        Ok(ms) => Check::ok(
            "frame rate",
            format!("{:.0} frames a second: commands wait {:.1} ms on average", 1e3 / ms, ms / 2.0),
        ),
        Err(why) => Check::new("frame rate", CheckState::Warning, format!("nothing is applied: {why}"))
            .mend("give the avatar's window the focus, or let Unity run in the background (Run In Background)")
            .causes(&[Symptom::LateAvatar]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(received_ms: Result<f64, String>, applied_ms: Result<f64, String>) -> Vec<CheckState> {
        let facts = BridgeFacts::Answers {
            address: "127.0.0.1:5555".into(),
            owner: None,
            dialect: "stock".into(),
            simulated: false,
            received_ms,
            applied_ms,
        };
        check_bridge(&facts).iter().map(|check| check.state).collect()
    }

    #[test]
    fn each_state_of_a_bridge_has_its_line() {
        use CheckState::{Ok as Fine, Problem, Warning};
        assert_eq!(answers(Ok(0.05), Ok(16.7)), [Fine, Fine, Fine]);
        assert_eq!(answers(Ok(9.0), Ok(100.0)), [Fine, Warning, Warning]);
        assert_eq!(answers(Err("silence".into()), Err("silence".into())), [Fine, Problem, Warning]);
        let nobody = check_bridge(&BridgeFacts::Nobody { address: "127.0.0.1:1".into() });
        assert_eq!((nobody[0].state, nobody[0].mend.is_some()), (Warning, true));
        let strange =
            BridgeFacts::Strange { address: "x".into(), reason: "no greeting".into(), owner: Some("nginx".into()) };
        assert!(check_bridge(&strange)[0].found.contains("port taken by nginx"));
    }
}
