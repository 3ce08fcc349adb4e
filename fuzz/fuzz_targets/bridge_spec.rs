//! Any text as a specification of the embedded bridge: what is read is written and read again without a change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::bridge::server::BridgeSpec;

fuzz_target!(|text: &str| {
    let Ok(spec) = text.parse::<BridgeSpec>() else { return };
    let written = spec.to_string();
    assert_eq!(written.parse::<BridgeSpec>().as_ref(), Ok(&spec), "{written}");
});
