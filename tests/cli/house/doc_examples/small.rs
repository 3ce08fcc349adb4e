//! The same command for a moment instead of minutes, with a small model and the embedded bridge. Options that a page shows
//! are kept; only the values listed here are replaced.

use super::shell;

/// The words of a command of `workly-perf`, the program first.
struct Words(Vec<String>);

/// Options that select another study of `ipc`, whose size is `--rounds`.
const WAYS_TO_SEND: [&str; 5] = ["--batch", "--codec", "--mode", "--tcp", "--reaction"];

/// So many messages of `ipc` are kept: 90th percentiles need them.
const FEW: u32 = 100;

/// The command, made small.
pub(crate) fn small(words: Vec<String>) -> Vec<String> {
    let mut words = Words(words);
    words.0[0] = String::from("workly-perf");
    let Some(command) = words.0.get(1).filter(|word| !word.starts_with('-')).cloned() else { return words.0 };
    words.replace_model();
    if words.has("--for") || (command == "watch" && !words.has("--once")) {
        words.set("--for", "1s");
    }
    match command.as_str() {
        "ipc" => words.small_ipc(),
        "bridge" => words.set("--port", "0"),
        "tap" => words.set("--listen", "127.0.0.1:0"),
        "threads" => words.small_threads(),
        "gpu-profiles" if !words.has("--project") && !words.has("--vram") => {
            words.set_all(&[("--repetitions", "1"), ("--prompt-tokens", "4"), ("--gen-tokens", "2")]);
        }
        "memory" => {
            if words.has("--pid") {
                words.set("--pid", &std::process::id().to_string());
                words.set("--for", "1s");
            } else if !words.has("--process") {
                words.set_all(&[("--messages", "5"), ("--reply-tokens", "2")]);
            }
        }
        "warmup" => {
            words.set_all(&[("--runs", "1"), ("--length-runs", "1"), ("--turns", "2"), ("--reply-tokens", "2")]);
            // The application's six threads take minutes on few CPUs that others use too.
            words.set("--threads", "1");
        }
        "pipeline" => {
            words.embedded_bridge();
            words.set_all(&[("--turns", "2"), ("--reply-tokens", "2"), ("--first-words", "1"), ("--budget", "2s")]);
            words.switch("--no-contention");
        }
        "recommend" => {
            words.embedded_bridge();
            words.measure_nothing();
        }
        "doctor" => words.embedded_bridge(),
        "apply" if !words.has("--dry-run") && !words.has("--list") => words.switch("--yes"),
        "compare" if words.has("--ab") => words.small_compare(),
        "watch" if words.has("--saturate") => words.set("--card", "64MiB"),
        _ => {}
    }
    if command == "watch" && words.has("--process") {
        words.set("--process", &std::process::id().to_string());
    }
    words.0
}

impl Words {
    fn position(&self, option: &str) -> Option<usize> {
        self.0.iter().take_while(|word| *word != "--").position(|word| word == option)
    }

    fn has(&self, option: &str) -> bool {
        self.position(option).is_some()
    }

    /// Gives an option this value, in place of the one that it has.
    fn set(&mut self, option: &str, value: &str) {
        if let Some(at) = self.position(option) {
            value.clone_into(&mut self.0[at + 1]);
        } else {
            self.0.splice(2..2, [option.to_owned(), value.to_owned()]);
        }
    }

    fn has_at_most(&self, option: &str, most: u32) -> bool {
        let value = self.position(option).and_then(|at| self.0.get(at + 1));
        value.and_then(|value| value.parse::<u32>().ok()).is_some_and(|value| value <= most)
    }

    fn set_all(&mut self, options: &[(&str, &str)]) {
        for (option, value) in options {
            self.set(option, value);
        }
    }

    fn switch(&mut self, option: &str) {
        if !self.has(option) {
            self.0.insert(2, option.to_owned());
        }
    }

    /// Every model is the smallest one; the folder's configuration names it too.
    fn replace_model(&mut self) {
        if self.has("--model") {
            self.set("--model", "synth:tiny");
        }
        match self.0[1..].iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["model", "synth", _, ..] => "tiny".clone_into(&mut self.0[3]),
            ["model", "inspect", name, ..] if name.starts_with("synth:") => "synth:tiny".clone_into(&mut self.0[3]),
            _ => {}
        }
    }

    /// The embedded bridge unless the page already shows one of its kind.
    fn embedded_bridge(&mut self) {
        let own = self.position("--bridge").is_some_and(|at| self.0[at + 1].starts_with("embedded"));
        if !own {
            self.set("--bridge", "embedded");
        }
    }

    /// A recommendation without measuring: how long a sweep takes depends on what else the machine does.
    fn measure_nothing(&mut self) {
        self.0.retain(|word| !["--quick", "--thorough"].contains(&word.as_str()));
        if !self.has("--from") {
            self.switch("--no-measure");
        }
    }

    fn small_ipc(&mut self) {
        self.embedded_bridge();
        if self.has("--find-max-rate") {
            self.set("--step", "50ms");
        } else if WAYS_TO_SEND.iter().any(|option| self.has(option)) {
            self.set_all(&[("--rounds", "2"), ("--messages", "10")]);
        } else if !self.has("--replay") && !self.has_at_most("--messages", FEW) {
            self.set("--messages", "10");
        }
        if !self.has("--find-max-rate") {
            self.set("--warmup", "2");
        }
    }

    fn small_threads(&mut self) {
        if self.has("--budget") {
            self.set("--budget", "1s");
        } else {
            self.set("--repetitions", "1");
        }
        self.set_all(&[("--prompt-tokens", "4"), ("--gen-tokens", "2"), ("--depth", "0")]);
    }

    /// The fewest pairs, each of small commands.
    fn small_compare(&mut self) {
        self.set_all(&[("--pairs", "6"), ("--aa-pairs", "0")]);
        let Some(at) = self.position("--ab") else { return };
        for variant in &mut self.0[at + 1..=at + 2] {
            let line = format!("workly-perf {variant}");
            let words = shell::rewritten(&line, small);
            words["workly-perf ".len()..].clone_into(variant);
        }
    }
}

#[test]
fn commands_become_small_and_keep_their_options() {
    let made = |line: &str| shell::rewritten(line, small);
    assert_eq!(
        made("x/workly-perf ipc --bridge 127.0.0.1:5556 --sizes 10,1k | tee log"),
        "workly-perf ipc --warmup 2 --messages 10 --bridge embedded --sizes 10,1k | tee log"
    );
    assert_eq!(
        made("workly-perf ipc --bridge embedded:fps=30"),
        "workly-perf ipc --warmup 2 --messages 10 --bridge embedded:fps=30"
    );
    assert_eq!(made("workly-perf watch --for 10m"), "workly-perf watch --for 1s");
    assert_eq!(made("workly-perf --version --verbose"), "workly-perf --version --verbose");
    assert_eq!(made("workly-perf launch -- python main.py --for 1"), "workly-perf launch -- python main.py --for 1");
    assert!(
        made("workly-perf compare --ab 'ipc --load closed' 'threads'")
            .contains("'ipc --warmup 2 --messages 10 --bridge embedded --load closed'")
    );
}
