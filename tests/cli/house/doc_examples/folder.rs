//! A folder like Workly's, with a small model, in which examples run.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::harness::run::{Outcome, Place};
use crate::harness::signal::interrupt;

use super::shell::{is_this_program, parts, rewritten, simple_commands};
use super::small::small;

/// Workly's configuration.
const CONFIG: &str = r#"{
    "unity": {"host": "127.0.0.1", "port": 5555},
    "avatar": {"auto_blink": {"enabled": false}},
    "ai": {
        "model_path": "models/tiny.gguf",
        "context_limit": 10,
        "gpu_profile": "cpu_fallback",
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 64,
        "system_prompt": "Tu es Kira."
    }
}
"#;

/// An application that calls its model as Workly does, on a thread of its own.
const APPLICATION: &str = "\
import threading
import llama_cpp
llama = llama_cpp.Llama(model_path='models/tiny.gguf', n_threads=8, n_ctx=2048, n_batch=128, verbose=False)
def answer():
    for part in llama('a prompt of some length', max_tokens=4, stream=True):
        pass
thread = threading.Thread(target=answer)
thread.start()
thread.join()
";

/// The folder.
pub(crate) struct WorklyFolder {
    place: Place,
}

impl WorklyFolder {
    pub(crate) fn new() -> Self {
        let place = Place::new();
        place.write("data/config.json", CONFIG);
        place.write("main.py", APPLICATION);
        place.write("models/none", "");
        std::fs::copy(tiny_model(), place.path("models/tiny.gguf")).unwrap();
        for program in ["bin", "old", "target/release"] {
            std::fs::create_dir_all(place.path(program)).unwrap();
            link(Path::new(env!("CARGO_BIN_EXE_workly-perf")), &place.path(program).join("workly-perf"));
        }
        if let Some(python) = python3() {
            link(&python, &place.path("bin/python"));
        }
        Self { place }
    }

    /// Puts a file there.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.place.write(name, text);
    }

    /// Copies a file or folder of the repository there.
    pub(crate) fn copy(&self, name: &str, from: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        assert!(from.exists(), "{} does not exist", from.display());
        copy(&from, &self.place.path(name));
    }

    /// Runs a line of shell, made small. Commands that serve until Ctrl-C get it once they listen.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        let line = rewritten(line, small);
        let commands = simple_commands(&parts(&line));
        if let [words] = commands.as_slice()
            && is_this_program(&words[0])
            && words.get(1).is_some_and(|name| ["bridge", "tap"].contains(&name.as_str()))
        {
            return self.serve(words);
        }
        let mut command = Command::new("sh");
        self.prepare(command.args(["-c", &line]));
        outcome(command.output().unwrap())
    }

    /// Runs a server until it says how to end it, which is when it serves, and does that.
    fn serve(&self, words: &[String]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workly-perf"));
        self.prepare(command.args(&words[1..]));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") && stderr.read_line(&mut said).unwrap() > 0 {}
        interrupt(child.id());
        stderr.read_to_string(&mut said).unwrap();
        let output = child.wait_with_output().unwrap();
        Outcome { stderr: said, ..outcome(output) }
    }

    fn prepare(&self, command: &mut Command) {
        let path = format!("{}:{}", self.place.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let doubles = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/tests/doubles");
        command.current_dir(self.place.path("")).env("PATH", path).env("PYTHONPATH", doubles).stdin(Stdio::null());
        command
            .env("WORKLY_PERF_CACHE", shared("cache"))
            .env("WORKLY_PERF_NVML", "none")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("NO_COLOR").env_remove("COLUMNS").env_remove("OMP_WAIT_POLICY");
    }
}

fn outcome(output: std::process::Output) -> Outcome {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A path in the folder that all pages and runs share: models and what is known of them.
fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("doc-examples").join(name)
}

/// The smallest synthetic model, made once.
fn tiny_model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        let path = shared("tiny.gguf");
        if !path.exists() {
            std::fs::create_dir_all(shared("cache")).unwrap();
            let unfinished = shared(&format!("tiny.{}.gguf", std::process::id()));
            let line = format!("model synth tiny --quiet -o {}", unfinished.display());
            assert_eq!(Place::new().run(&line).code, Some(0));
            std::fs::rename(&unfinished, &path).unwrap();
        }
        path
    })
}

/// The system's Python.
fn python3() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("python3")).find(|path| path.exists())
}

fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}
