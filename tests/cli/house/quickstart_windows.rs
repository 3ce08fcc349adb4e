//! `scripts/quickstart.ps1`, which has not been run by PowerShell: checked with an independent parser, and compared
//! with `scripts/quickstart`.

use std::path::Path;

use serde_json::json;

use crate::harness::python::read;

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/quickstart.ps1")
}

#[test]
fn independent_parser_accepts_the_script_and_finds_planted_faults() {
    assert_eq!(read("read_powershell.py", &script()), json!({"faults": [], "functions": ["Say", "Stop-With"]}));
    let temp = tempfile::tempdir().unwrap();
    let broken = temp.path().join("broken.ps1");
    let text = std::fs::read_to_string(script()).unwrap();
    std::fs::write(&broken, text.replacen("if (-not $Wanted) {", "if ((-not $Wanted) {", 1)).unwrap();
    let faults = read("read_powershell.py", &broken)["faults"].as_array().unwrap().len();
    assert!(faults > 0, "a parenthesis that is never closed");
}

/// Windows PowerShell 5.1 reads a script without a byte order mark in the system's code page.
#[test]
fn script_is_ascii_without_powershell_7_operators() {
    let text = std::fs::read_to_string(script()).unwrap();
    assert!(text.is_ascii());
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    for operator in [" && ", " || ", " ?? ", "?.", " ? "] {
        assert!(code.iter().all(|line| !line.contains(operator)), "{operator} is PowerShell 7's");
    }
}

#[test]
fn both_quickstarts_run_the_same_measurements() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let build = "cargo build --profile quickstart --locked";
    for part in ["recommend --quick", "--bridge", "embedded", "--model", "synth:demo", build] {
        for script in ["quickstart", "quickstart.ps1"] {
            assert!(read(script).contains(part), "{script}: {part}");
        }
    }
}
