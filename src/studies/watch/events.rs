//! Events of a watch: shown immediately, and written to `events.csv` in the record.

use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::Snapshot;
use crate::advise::watch::{AlarmChange, StateChange, WatchRules};
use crate::text;

/// Kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Without the engine nothing is filled.
pub(crate) enum EventKind {
    /// The state of the GPU changed.
    State,
    /// GPU memory became too full.
    Alarm,
    /// It no longer is.
    AlarmOver,
    /// A GPU is gone.
    Lost,
    /// It is back.
    Back,
    /// A profile was written to Workly's configuration.
    Applied,
    /// Writing it failed.
    NotApplied,
    /// The device is as full as requested.
    Full,
    /// All allocations were freed.
    Freed,
    /// A process appeared.
    Started,
    /// A process has ended.
    Ended,
}

impl EventKind {
    /// Its name in files.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Alarm => "alarm",
            Self::AlarmOver => "alarm_over",
            Self::Lost => "lost",
            Self::Back => "back",
            Self::Applied => "applied",
            Self::NotApplied => "not_applied",
            Self::Full => "full",
            Self::Freed => "freed",
            Self::Started => "started",
            Self::Ended => "ended",
        }
    }

    /// Whether it needs the user's attention.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::Alarm | Self::Lost | Self::NotApplied)
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WatchEvent {
    /// Wall-clock time.
    pub(crate) time: Timestamp,
    /// Time in seconds since the start of the watch.
    pub(crate) at_s: f64,
    /// Its kind.
    pub(crate) kind: EventKind,
    /// What it concerns: a GPU's label, or `pid 42`.
    pub(crate) subject: String,
    /// Previous state, for state changes.
    pub(crate) from: Option<String>,
    /// New state, for state changes.
    pub(crate) to: Option<String>,
    /// Description.
    pub(crate) words: String,
    /// Advice, for alarms.
    pub(crate) advice: Option<String>,
}

impl WatchEvent {
    /// An event at the time of a sample.
    pub(crate) fn at(snapshot: &Snapshot, kind: EventKind, subject: &str, words: String) -> Self {
        Self {
            time: snapshot.time,
            at_s: snapshot.at_s,
            kind,
            subject: subject.into(),
            from: None,
            to: None,
            words,
            advice: None,
        }
    }

    /// A state change.
    pub(crate) fn state(snapshot: &Snapshot, subject: &str, change: &StateChange, rules: &WatchRules) -> Self {
        let to = change.to.word();
        let busy =
            change.on.use_percent.map_or_else(|| "utilisation unknown".to_owned(), |busy| format!("{busy:.0} % busy"));
        let words = format!(
            "{} → {to}: {:.0} % full, {busy}: {}",
            change.from.map_or("unknown", crate::advise::watch::GpuState::word),
            change.on.full_percent,
            rules.profile(change.to)
        );
        Self {
            from: change.from.map(|state| state.word().into()),
            to: Some(to.into()),
            ..Self::at(snapshot, EventKind::State, subject, words)
        }
    }

    /// An alarm with its advice.
    pub(crate) fn alarm(
        snapshot: &Snapshot,
        subject: &str,
        change: AlarmChange,
        full_percent: f64,
        rules: &WatchRules,
    ) -> Self {
        match change {
            AlarmChange::Raised => {
                let words = format!("{full_percent:.0} % full, more than {} %", rules.alarm.above_percent);
                Self {
                    advice: Some(rules.alarm.advice.join("; ")),
                    ..Self::at(snapshot, EventKind::Alarm, subject, words)
                }
            }
            AlarmChange::Over => Self::at(
                snapshot,
                EventKind::AlarmOver,
                subject,
                format!("{full_percent:.0} % full, no longer above the limit"),
            ),
        }
    }

    /// The line to display.
    pub(crate) fn line(&self) -> String {
        let advice = self.advice.as_ref().map_or_else(String::new, |advice| format!(": {advice}"));
        format!("{} {}{advice}", self.subject, self.words)
    }
}

/// All of them as CSV, oldest first.
pub(crate) fn csv(events: &[WatchEvent]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(["time", "at_s", "kind", "subject", "from", "to", "words", "advice"]);
    for event in events {
        let given = |given: &Option<String>| given.clone().unwrap_or_default();
        let cells = [
            event.time.to_string(),
            format!("{:.3}", event.at_s),
            event.kind.word().to_owned(),
            event.subject.clone(),
            given(&event.from),
            given(&event.to),
            event.words.clone(),
            given(&event.advice),
        ];
        let _ = writer.write_record(cells.iter().map(|cell| text::cell(cell).into_owned()));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
