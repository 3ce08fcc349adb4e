//! Sends signals to processes.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use workly_perf::record::{RecordFolder, Run, RunState};

use super::run::Place;

/// Sends a signal, such as `-TERM`.
pub(crate) fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success(), "{name} {pid}");
}

/// What Ctrl-C sends.
pub(crate) fn interrupt(pid: u32) {
    signal("-INT", pid);
}

impl Place {
    /// Ends a run by Ctrl-C once its record in `out` is as wanted. Returns the record that is left, which says so.
    pub(crate) fn interrupted_once(&self, line: &str, is_it: impl Fn(&Run) -> bool) -> Run {
        let mut child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while !RecordFolder::read(&self.path("out")).is_ok_and(|run| is_it(&run)) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before its record was as wanted: {line}");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.interrupted(child)
    }

    /// Ends a run by Ctrl-C. Returns the record in `out` that is left, which says so.
    pub(crate) fn interrupted(&self, child: Child) -> Run {
        interrupt(child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        let run = RecordFolder::read(&self.path("out")).unwrap();
        assert_eq!(run.state, RunState::Interrupted);
        run
    }
}
