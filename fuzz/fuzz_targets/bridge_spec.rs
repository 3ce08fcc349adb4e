//! Any text as a specification of the embedded bridge: the canonical text of a parsed one must parse to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::bridge::server::BridgeSpec;

fuzz_target!(|text: &str| {
    let Ok(spec) = text.parse::<BridgeSpec>() else { return };
    let written = spec.to_string();
    let again: BridgeSpec = written.parse().expect("the canonical text can be read");
    assert_eq!(again.to_string(), written);
});
