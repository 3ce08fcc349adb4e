//! The bridge: whether it listens, replies and applies commands.

use super::check::{Check, CheckState, Symptom};

/// What was found at the bridge's address.
#[derive(Debug, Clone, PartialEq)]
pub enum BridgeFacts {
    /// No process listens.
    Nobody {
        /// The address.
        address: String,
    },
    /// A process listens that is not a bridge, or it serves another client.
    Strange {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
        /// The process that owns the port, if known.
        owner: Option<String>,
    },
    /// It replies.
    Answers {
        /// The address.
        address: String,
        /// The process that owns the port, if known.
        owner: Option<String>,
        /// Its dialect.
        dialect: String,
        /// Whether it is simulated.
        simulated: bool,
        /// Median of the *received* round trips in milliseconds, or why there is none.
        received_ms: Result<f64, String>,
        /// Median of the *applied* round trips of a closed loop in milliseconds, which is one frame, or why there is
        /// none.
        applied_ms: Result<f64, String>,
    },
}

/// Below this frame rate the avatar reacts late: half a frame is then more than 20 ms.
const FEW_FRAMES: f64 = 25.0;

/// A *received* round trip on one machine takes less than this.
const LONG_RECEIVED_MS: f64 = 5.0;

/// The checks of the bridge.
#[must_use]
pub fn check_bridge(facts: &BridgeFacts) -> Vec<Check> {
    match facts {
        BridgeFacts::Nobody { address } => vec![
            Check::new("bridge", CheckState::Warning, format!("nothing listens on {address}"))
                .mend("start Unity with the avatar; the application only connects to 127.0.0.1:5555")
                .causes(&[Symptom::LateAvatar]),
        ],
        BridgeFacts::Strange { address, reason, owner } => {
            let who = owner.as_ref().map_or_else(String::new, |owner| format!(" (port used by {owner})"));
            vec![
                Check::new("bridge", CheckState::Problem, format!("{address}: {reason}{who}"))
                    .mend(
                        "close Workly or any other client: the bridge serves one client at a time, and the \
                        application uses this port only",
                    )
                    .causes(&[Symptom::LateAvatar]),
            ]
        }
        BridgeFacts::Answers { address, owner, dialect, simulated, received_ms, applied_ms } => {
            let who = owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
            let stand_in = if *simulated { " (SIMULATED: not Unity)" } else { "" };
            vec![
                Check::ok("bridge", format!("listens on {address}{who}, speaks {dialect}{stand_in}")),
                answering(received_ms),
                frames(applied_ms),
            ]
        }
    }
}

/// The check of a configured address that nothing reads; `found` describes it.
#[must_use]
pub fn check_unread_address(found: &str) -> Check {
    Check::new("bridge address", CheckState::Warning, found)
        .mend("make Unity listen on 127.0.0.1:5555, where the application connects")
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
            .mend("restart Unity; workly-perf ipc --dialect auto detects the bridge's dialect")
            .causes(&[Symptom::LateAvatar]),
    }
}

fn frames(applied_ms: &Result<f64, String>) -> Check {
    match applied_ms {
        Ok(ms) if 1e3 / ms < FEW_FRAMES => {
            Check::new("frame rate", CheckState::Warning, format!("{:.0} frames per second", 1e3 / ms))
                .mend("lower Unity's quality settings, or give the model fewer threads: workly-perf threads")
                .causes(&[Symptom::LateAvatar])
        }
        Ok(ms) if *ms < 1.0 => Check::ok("frame rate", "commands are applied without waiting for a frame"),
        Ok(ms) => Check::ok(
            "frame rate",
            format!("{:.0} frames per second: commands wait {:.1} ms on average", 1e3 / ms, ms / 2.0),
        ),
        Err(why) => Check::new("frame rate", CheckState::Warning, format!("no command is applied: {why}"))
            .mend("give the avatar's window the focus, or enable Run In Background in Unity")
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
    fn each_bridge_state_has_its_check() {
        use CheckState::{Ok as Fine, Problem, Warning};
        assert_eq!(answers(Ok(0.05), Ok(16.7)), [Fine, Fine, Fine]);
        assert_eq!(answers(Ok(9.0), Ok(100.0)), [Fine, Warning, Warning]);
        assert_eq!(answers(Err("silence".into()), Err("silence".into())), [Fine, Problem, Warning]);
        let nobody = check_bridge(&BridgeFacts::Nobody { address: "127.0.0.1:1".into() });
        assert_eq!((nobody[0].state, nobody[0].mend.is_some()), (Warning, true));
        let strange =
            BridgeFacts::Strange { address: "x".into(), reason: "no greeting".into(), owner: Some("nginx".into()) };
        assert!(check_bridge(&strange)[0].found.contains("port used by nginx"));
    }
}
