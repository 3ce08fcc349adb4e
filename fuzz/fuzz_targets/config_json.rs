//! Any text as Workly's configuration, with one change: only the bytes of that value may differ, the result has the
//! requested value, and undo restores the file.
//!
//! The first byte selects the change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use workly_perf::config::{AppProfile, ConfigFile, ConfigHistory, Patch};
use workly_perf_fuzz::{clear, scratch, scratch_file};

/// A value to set, as a patch and as a path with a value.
fn change(choice: u8) -> (Patch, [&'static str; 2], Value) {
    let patch = Patch::default();
    match choice % 4 {
        0 => (patch.gpu_profile(AppProfile::CpuFallback), ["ai", "gpu_profile"], json!("cpu_fallback")),
        1 => (patch.performance("n_threads", json!(3)), ["performance", "n_threads"], json!(3)),
        2 => (patch.performance("kv_type", json!("é✨\"\\")), ["performance", "kv_type"], json!("é✨\"\\")),
        _ => {
            let tree = json!({"tool": {"run": [1, null, "x"]}});
            (patch.performance("provenance", tree.clone()), ["performance", "provenance"], tree)
        }
    }
}

/// A configuration as `serde_json` reads it.
fn parsed(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text))
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let (patch, path, value) = change(choice);
    let folder = scratch("config");
    std::fs::create_dir_all(&folder).expect("a scratch folder can be made");
    let file = scratch_file("config/config.json", bytes);
    let Ok(config) = ConfigFile::open(&file) else { return };
    let before = config.value(&path);
    let Ok(change) = config.change(&patch) else { return };
    // A text that serde_json cannot represent (half a surrogate pair, a number out of range) has no value to compare.
    let readable = parsed(bytes);
    let is_new = before.is_none() && readable.is_ok();
    if let Ok(mut wanted) = readable {
        let after = parsed(change.after()).expect("it is still JSON");
        assert_eq!(after[path[0]][path[1]], value, "it has the requested value");
        wanted[path[0]][path[1]] = value;
        assert_eq!(after, wanted, "nothing else changed");
    }
    let front = bytes.iter().zip(change.after()).take_while(|(a, b)| a == b).count();
    let back =
        bytes[front..].iter().rev().zip(change.after()[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    if is_new {
        let blank = bytes[front..bytes.len() - back].iter().all(u8::is_ascii_whitespace);
        assert!(blank, "a new value removes nothing except whitespace of an empty section");
    }
    if !change.is_none() {
        change.write().expect("the scratch file can be replaced");
        let history = ConfigHistory::open(&file).expect("the file exists");
        history.restore(1).expect("a version was kept").write().expect("it can be restored");
        assert_eq!(std::fs::read(&file).expect("the file exists"), bytes, "undo restores the original");
    }
    clear(&folder);
});
