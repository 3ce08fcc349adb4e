//! Any text as a dialect file: a parsed dialect can format its commands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Map;
use workly_perf::bridge::{Ack, Dialect};

fuzz_target!(|text: &str| {
    let Ok(dialect) = Dialect::parse(text) else { return };
    for command in &dialect.commands {
        let _ = dialect.body(&command.name, &Map::new());
        let _ = dialect.batch_body(&[(&command.name, Map::new())]);
    }
    let _ = (dialect.acks(), dialect.probe(Ack::Received), dialect.probe(Ack::Applied));
    let _ = dialect.is_greeting(text);
});
