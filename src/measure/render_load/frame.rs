//! Output of the render-like load's process, line by line: its calibration, then every frame.

use std::fmt::{self, Display};
use std::str::FromStr;

/// Result of the calibration: `calibrated ITERATIONS NS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// Iterations of the main thread per frame.
    pub iterations: u64,
    /// Their best time before the first frame, in nanoseconds: close to the requested time unless the machine was busy.
    pub ns: u64,
}

/// One frame: `LATE NS`, where LATE is 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Whether its work ended after its deadline, which is when the next frame is due.
    pub late: bool,
    /// From the due time to the end of the work, in nanoseconds.
    pub work_ns: u64,
}

impl Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calibrated {} {}", self.iterations, self.ns)
    }
}

impl FromStr for Calibration {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (iterations, ns) = line.strip_prefix("calibrated ").and_then(|rest| rest.split_once(' ')).ok_or(())?;
        Ok(Self { iterations: iterations.parse().map_err(|_| ())?, ns: ns.parse().map_err(|_| ())? })
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", u8::from(self.late), self.work_ns)
    }
}

impl FromStr for Frame {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (late, ns) = line.split_once(' ').ok_or(())?;
        let late = match late {
            "0" => false,
            "1" => true,
            _ => return Err(()),
        };
        Ok(Self { late, work_ns: ns.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip() {
        let calibration = Calibration { iterations: 123_456, ns: 8_000_321 };
        assert_eq!(calibration.to_string(), "calibrated 123456 8000321");
        assert_eq!(calibration.to_string().parse(), Ok(calibration));
        for (frame, line) in
            [(Frame { late: false, work_ns: 8_100_000 }, "0 8100000"), (Frame { late: true, work_ns: 0 }, "1 0")]
        {
            assert_eq!(frame.to_string(), line);
            assert_eq!(line.parse(), Ok(frame));
        }
    }

    #[test]
    fn malformed_lines_are_rejected() {
        for line in ["", "0", "2 5", "1 -5", "0 5 6", "calibrated 1 2"] {
            assert!(line.parse::<Frame>().is_err(), "{line}");
        }
        for line in ["", "calibrated", "calibrated 1", "calibrated one 2", "0 5"] {
            assert!(line.parse::<Calibration>().is_err(), "{line}");
        }
    }
}
