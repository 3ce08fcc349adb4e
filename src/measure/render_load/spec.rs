//! Description of a render-like load as text: `60:8ms:5ms`.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::error::RenderSpecError;
use crate::clock::{ms, nanos};

/// Accepted frame rates, in frames per second.
const FPS: std::ops::RangeInclusive<f64> = 1.0..=1_000.0;

/// Maximum work per frame.
const LONGEST: Duration = Duration::from_secs(1);

/// A render-like load. Times are those of an undisturbed core: the amount of work is fixed and takes longer if
/// something else needs the same core.
///
/// If the work fills the frame, there is no pause: `60:16.7ms` keeps one core busy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenderSpec {
    /// Frames per second, 1 to 1000.
    pub fps: f64,
    /// Work of the main thread per frame, above 0.
    pub main: Duration,
    /// Work of the parallel render thread per frame; zero for no such thread.
    pub worker: Duration,
}

impl Default for RenderSpec {
    /// Roughly the work of a Unity scene at 60 frames per second.
    fn default() -> Self {
        Self { fps: 60.0, main: Duration::from_millis(8), worker: Duration::from_millis(5) }
    }
}

impl RenderSpec {
    /// Creates a load from checked values.
    pub fn new(fps: f64, main: Duration, worker: Duration) -> Result<Self, RenderSpecError> {
        if !FPS.contains(&fps) {
            return Err(RenderSpecError::Fps { text: fps.to_string() });
        }
        let refused = |thread, time: Duration, cause: &str| {
            Err(RenderSpecError::Time { thread, text: text_of(time), cause: cause.into() })
        };
        if main.is_zero() {
            return refused("main", main, "it does nothing");
        }
        for (thread, time) in [("main", main), ("worker", worker)] {
            if time > LONGEST {
                return refused(thread, time, "it is longer than a second");
            }
        }
        Ok(Self { fps, main, worker })
    }

    /// Parses a time per frame: `8ms`, `16.7ms`, `0`.
    pub fn time_of(text: &str) -> Result<Duration, RenderSpecError> {
        Self::thread_time("main or worker", text)
    }

    /// The length of a frame in nanoseconds.
    #[must_use]
    pub fn period_ns(self) -> f64 {
        1e9 / self.fps
    }

    /// Whether the work fills the frame, so that frames follow each other without a pause.
    #[must_use]
    pub fn is_saturated(self) -> bool {
        nanos(self.main.max(self.worker)) as f64 >= self.period_ns()
    }

    /// The arguments that start this load in a process of this program.
    #[must_use]
    pub(super) fn arguments(self) -> [String; 7] {
        let word = str::to_owned;
        [
            word("render-load"),
            word("--fps"),
            self.fps.to_string(),
            word("--main"),
            text_of(self.main),
            word("--worker"),
            text_of(self.worker),
        ]
    }

    fn thread_time(thread: &'static str, text: &str) -> Result<Duration, RenderSpecError> {
        if text == "0" {
            return Ok(Duration::ZERO);
        }
        let refused = |cause: String| RenderSpecError::Time { thread, text: text.to_owned(), cause };
        let signed: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| refused(error.to_string()))?;
        Duration::try_from(signed).map_err(|_| refused("it is negative".into()))
    }
}

impl FromStr for RenderSpec {
    type Err = RenderSpecError;

    /// Parses `FPS:MAIN[:WORKER]`.
    fn from_str(text: &str) -> Result<Self, RenderSpecError> {
        let parts: Vec<&str> = text.split(':').collect();
        let (fps, main, worker) = match parts[..] {
            [fps, main] => (fps, main, "0"),
            [fps, main, worker] => (fps, main, worker),
            _ => return Err(RenderSpecError::Shape { text: text.to_owned() }),
        };
        let fps: f64 = fps.parse().map_err(|_| RenderSpecError::Fps { text: fps.to_owned() })?;
        Self::new(fps, Self::thread_time("main", main)?, Self::thread_time("worker", worker)?)
    }
}

impl Display for RenderSpec {
    /// Formats so that parsing gives an equal load.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fps, text_of(self.main))?;
        if self.worker.is_zero() { Ok(()) } else { write!(f, ":{}", text_of(self.worker)) }
    }
}

impl Serialize for RenderSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Milliseconds with as many digits as needed; exact to the nanosecond up to one second.
fn text_of(time: Duration) -> String {
    format!("{}ms", ms(nanos(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_read_as_they_are_written() {
        for text in ["60:8ms:5ms", "60:16.7ms", "59.94:0.25ms:0.000001ms", "1:1000ms"] {
            assert_eq!(text.parse::<RenderSpec>().unwrap().to_string(), text);
        }
        assert_eq!("60:8ms:5ms".parse(), Ok(RenderSpec::default()));
        assert_eq!("30:500us:0".parse::<RenderSpec>().unwrap().to_string(), "30:0.5ms");
        assert_eq!("60:16.7ms:0ms".parse::<RenderSpec>().unwrap().main, Duration::from_micros(16_700));
        assert_eq!(serde_json::to_value(RenderSpec::default()).unwrap(), "60:8ms:5ms");
    }

    #[test]
    fn durations_round_trip_through_text() {
        for ns in [1, 7, 16_666_667, 123_456_789, 999_999_999, 1_000_000_000] {
            let time = Duration::from_nanos(ns);
            assert_eq!(RenderSpec::time_of(&text_of(time)), Ok(time), "{ns}");
        }
    }

    #[test]
    fn errors_name_the_value_and_the_cause() {
        for (text, named) in [
            ("60", "'60' is not FPS:MAIN[:WORKER]"),
            ("60:8ms:5ms:1ms", "not FPS:MAIN[:WORKER]"),
            ("fast:8ms", "'fast' is not a frame rate"),
            ("0:8ms", "'0' is not a frame rate"),
            ("NaN:8ms", "'NaN' is not a frame rate"),
            ("60:0", "main thread: it does nothing"),
            ("60:8", "'8' is not a time per frame for the main thread"),
            ("60:8ms:-5ms", "'-5ms' is not a time per frame for the worker thread: it is negative"),
            ("60:8ms:2s", "'2000ms' is not a time per frame for the worker thread: it is longer than a second"),
        ] {
            let refused = text.parse::<RenderSpec>().unwrap_err().to_string();
            assert!(refused.contains(named), "{text}: {refused}");
        }
    }

    #[test]
    fn work_that_fills_the_frame_is_saturated() {
        let saturated = |text: &str| text.parse::<RenderSpec>().unwrap().is_saturated();
        assert!(saturated("60:16.7ms"));
        assert!(saturated("60:1ms:20ms"));
        assert!(saturated("100:10ms"));
        assert!(!saturated("60:16.6ms:16.6ms"));
    }
}
