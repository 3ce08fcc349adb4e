//! Test double of this program as a worker process: aborts or hangs on certain requests, and passes everything else on
//! to the real program.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::process::{Command, Stdio};

fn main() {
    let mut request = String::new();
    io::stdin().lock().read_line(&mut request).expect("a request");
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(log) = env::var_os("STANDIN_LOG") {
        let mut log = OpenOptions::new().create(true).append(true).open(log).expect("the log");
        writeln!(log, "{} {}", std::process::id(), arguments.join(" ")).expect("a line in the log");
    }
    let is_told_to = |variable: &str| {
        let told = env::var(variable).unwrap_or_default();
        told.split('|').any(|words| !words.is_empty() && request.contains(words))
    };
    if is_told_to("STANDIN_ABORTS_ON") {
        eprintln!("/build/standin.cpp:7: it was told to abort");
        std::process::abort();
    }
    if is_told_to("STANDIN_HANGS_ON") {
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
    let program = env::var_os("STANDIN_PROGRAM").expect("the real program");
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its standard input");
    stdin.write_all(request.as_bytes()).expect("it reads");
    // Its standard input ends when ours does, or when it has ended and no longer reads.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut stdin);
    });
    let status = child.wait().expect("it ends");
    std::process::exit(status.code().unwrap_or(70));
}
