//! Past bugs of how the program is built.

use std::io::Write;
use std::process::{Command, Stdio};

/// As llama.cpp loads one; the number of rows is an argument, so that its register shows whether the compiler stores it.
const LOADS_A_CONFIGURATION: &[u8] = b"#include <immintrin.h>
struct Configuration { unsigned char palette, start, reserved[14]; unsigned short bytes[16]; unsigned char rows[16]; };
void load(unsigned char rows) {
    alignas(64) Configuration configuration = {};
    configuration.palette = 1;
    for (int tile = 0; tile < 8; ++tile) configuration.rows[tile] = rows;
    _tile_loadconfig(&configuration);
}
";

/// GCC 12.2 left out most of it, and the first AMX instruction of a model ended the program.
#[test]
fn tile_configuration_is_stored_whole() {
    let header = concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/tile-config.h");
    let mut compiler = Command::new("c++");
    compiler.args(["-O3", "-mamx-tile", "-include", header, "-x", "c++", "-S", "-o", "-", "-"]);
    let mut child = compiler.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LOADS_A_CONFIGURATION).unwrap();
    let output = child.wait_with_output().unwrap();
    let assembly = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && assembly.contains("ldtilecfg"), "{assembly}");
    assert!(["%edi", "%dil"].iter().any(|register| assembly.contains(register)), "{assembly}");
}
