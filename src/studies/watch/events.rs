//! What happened during a watch, and when: the lines that are shown at once, and `events.csv` in the record.

use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::Snapshot;
use crate::advise::watch::{AlarmChange, Change, WatchRules};
use crate::text;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Without the engine nothing is filled.
pub(crate) enum EventKind {
    /// The state of the card changed.
    State,
    /// The card became too full.
    Alarm,
    /// It no longer is.
    AlarmOver,
    /// A GPU is gone.
    Lost,
    /// It is back.
    Back,
    /// A profile was written into Workly's configuration.
    Applied,
    /// It could not be.
    NotApplied,
    /// It is as full as was asked.
    Full,
    /// Everything that was taken was given back.
    Freed,
    /// A process appeared.
    Started,
    /// A process is no longer there.
    Ended,
}

impl EventKind {
    /// Its word in files.
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

    /// Whether the user should look up.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::Alarm | Self::Lost | Self::NotApplied)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Event {
    /// When, by the calendar.
    pub(crate) time: Timestamp,
    /// When, in seconds since the watch began.
    pub(crate) at_s: f64,
    /// Of what kind.
    pub(crate) kind: EventKind,
    /// To what: a GPU's label, or `pid 42`.
    pub(crate) subject: String,
    /// What it was before; for states.
    pub(crate) from: Option<String>,
    /// What it is now; for states.
    pub(crate) to: Option<String>,
    /// In words.
    pub(crate) words: String,
    /// What to do about it; for alarms.
    pub(crate) advice: Option<String>,
}

impl Event {
    /// Something that happened at the time of a sample.
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

    /// A state that changed.
    pub(crate) fn state(snapshot: &Snapshot, subject: &str, change: &Change, rules: &WatchRules) -> Self {
        let to = change.to.word();
        let busy =
            change.on.use_percent.map_or_else(|| "utilisation unknown".to_owned(), |busy| format!("{busy:.0} % busy"));
        let words = format!(
            "{} → {to}: {:.0} % full, {busy}: {}",
            change.from.map_or("unknown", crate::advise::watch::CardState::word),
            change.on.full_percent,
            rules.profile(change.to)
        );
        Self {
            from: change.from.map(|state| state.word().into()),
            to: Some(to.into()),
            ..Self::at(snapshot, EventKind::State, subject, words)
        }
    }

    /// An alarm, with what to do.
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

    /// The line that is shown.
    pub(crate) fn line(&self) -> String {
        let advice = self.advice.as_ref().map_or_else(String::new, |advice| format!(": {advice}"));
        format!("{} {}{advice}", self.subject, self.words)
    }
}

/// All of them as CSV, oldest first.
pub(crate) fn csv(events: &[Event]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
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
