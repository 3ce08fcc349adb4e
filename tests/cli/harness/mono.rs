//! Runs the C# bridge of `scripts/unity` without Unity: compiled once, with one Mono process per bridge.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// A bridge in a separate process. Ends when dropped.
#[derive(Debug)]
pub(crate) struct MonoBridge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
    last_state: Option<Value>,
}

impl MonoBridge {
    /// Starts one with KEY=VALUE arguments for the host.
    pub(crate) fn start(arguments: &[String]) -> Self {
        let mut child = Command::new("mono")
            .arg(host())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run mono: {error}\nhint: run scripts/test, which installs it"));
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = line(&mut output);
        let address = address.parse().unwrap_or_else(|_| panic!("the host printed `{address}` instead of its address"));
        Self { child, input, output, address, last_state: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host's answer to a word.
    pub(crate) fn ask(&mut self, word: &str) -> String {
        writeln!(self.input.as_mut().expect("the host still runs"), "{word}").unwrap();
        line(&mut self.output)
    }

    /// Counters and avatar, current or at its end.
    pub(crate) fn state(&mut self) -> Value {
        match &self.last_state {
            Some(state) => state.clone(),
            None => serde_json::from_str(&self.ask("state")).unwrap(),
        }
    }

    /// Ends the host cleanly.
    pub(crate) fn shutdown(&mut self) {
        if self.input.take().is_some() {
            self.last_state = serde_json::from_str(&line(&mut self.output)).ok();
            assert!(self.child.wait().unwrap().success());
        }
    }
}

impl Drop for MonoBridge {
    fn drop(&mut self) {
        // A hanging host must not hang the tests; if it has already ended, there is nothing to kill.
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The host program, compiled once per test run.
pub(crate) fn host() -> &'static Path {
    static HOST: OnceLock<PathBuf> = OnceLock::new();
    HOST.get_or_init(|| {
        let mut sources = sources("scripts/unity/Runtime/Core");
        sources.extend(self::sources("tests/doubles/mono/host"));
        compile("workly-bridge-host.exe", &sources, &[])
    })
}

/// The C# files in a folder of the project.
pub(crate) fn sources(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "cs")).collect()
}

/// Compiles C#, with warnings as errors.
pub(crate) fn compile(name: &str, sources: &[PathBuf], options: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Another test run may be using it, so it is replaced in one step.
    let (made, program) = (folder.join(format!("{}-{name}", std::process::id())), folder.join(name));
    let output = Command::new("mcs")
        .args(["-langversion:7", "-warnaserror", "-optimize+"])
        .args(options)
        .arg(format!("-out:{}", made.display()))
        .args(sources)
        .output()
        .unwrap_or_else(|error| panic!("cannot run mcs: {error}\nhint: run scripts/test, which installs mono-mcs"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(made, &program).unwrap();
    program
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}
