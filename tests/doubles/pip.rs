//! Test double of a Python with pip: "downloads" one wheel from a file, and on request lacks pip, fails or hangs.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::exit;

fn main() {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    // As accepted by the launcher `py`.
    arguments.retain(|argument| argument != "-3");
    assert_eq!(arguments[..2], ["-m", "pip"], "this is no Python");
    let told = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty());
    if told("STANDIN_NO_PIP").is_some() {
        eprintln!("python3: No module named pip");
        exit(1);
    }
    if arguments[2..] == ["--version"] {
        println!("pip 99.9 from nowhere (python 3.99)");
        return;
    }
    if let Some(log) = told("STANDIN_LOG") {
        let index = env::var("PIP_INDEX_URL").unwrap_or_default();
        let mut log = OpenOptions::new().create(true).append(true).open(log).expect("the log");
        writeln!(log, "{} {index}", arguments.join(" ")).expect("a line in the log");
    }
    if let Some(words) = told("STANDIN_FAILS") {
        eprintln!("{}", words.to_string_lossy());
        exit(1);
    }
    let wheel = PathBuf::from(told("STANDIN_WHEEL").expect("a wheel to serve"));
    let whole = fs::read(&wheel).expect("the wheel");
    // Like pip: to its own folder first, then copied.
    let scratch = env::temp_dir().join("pip-unpack");
    fs::create_dir_all(&scratch).expect("a folder for temporary files");
    fs::write(scratch.join("part"), &whole[..whole.len() / 2]).expect("half of the wheel");
    if let Some(began) = told("STANDIN_HANGS") {
        let began = PathBuf::from(began);
        let unfinished = began.with_extension("part");
        fs::write(&unfinished, std::process::id().to_string()).expect("a sign of life");
        fs::rename(&unfinished, &began).expect("a sign of life");
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
    let at = arguments.iter().position(|argument| argument == "--dest").expect("--dest");
    let name = wheel.file_name().expect("a name");
    fs::write(PathBuf::from(&arguments[at + 1]).join(name), &whole).expect("the wheel in its place");
    fs::remove_dir_all(&scratch).expect("its own folder");
}
