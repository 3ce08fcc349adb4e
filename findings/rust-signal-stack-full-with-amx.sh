#!/usr/bin/env bash
# On a CPU with AMX, the alternate signal stack that Rust gives every thread is filled by the system's frame alone.
#
# What:     Rust's standard library (seen with 1.95) on Linux, CPUs with AMX (Xeons since 2023); libc 0.2.186 (crate) to ask the system.
# Expected: a handler with SA_ONSTACK has some kilobytes to run in: the stack exists for such handlers, and SIGSTKSZ is 8 KiB.
# Happens:  the stack has the larger of SIGSTKSZ and AT_MINSIGSTKSZ bytes, and the second is what the frame of a thread takes that has used
#           AMX. A few hundred bytes are left for the handler. (On CPUs without AMX, 4 KiB are.)
# Affected: Rust programs that run llama.cpp, or other code with AMX, in their own threads and handle a signal with SA_ONSTACK:
#           what the handler needs beyond that is a stack overflow, and the process ends by SIGSEGV instead.
# Solution: the handler for lost model files runs on the thread's own stack (src/host/lost_memory.rs).
set -euo pipefail
if [ "$(uname -s) $(uname -m)" != 'Linux x86_64' ] || ! grep --quiet --word-regexp amx_tile /proc/cpuinfo; then
    echo "error: this CPU has no AMX"
    exit 3
fi
command -v cargo >/dev/null || { echo "error: cargo is missing" && exit 3; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "stack"
edition = "2024"
[dependencies]
libc = "=0.2.186"
[workspace]
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{mem, ptr, thread};

static REACHED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: i32) {
    let here = 0_u8;
    REACHED.store(ptr::from_ref(&here) as usize, Ordering::SeqCst);
}

/// Bytes between the start of a large alternate stack and the handler's own variables.
fn taken() -> usize {
    let stack = vec![0_u8; 1 << 17];
    unsafe {
        let own = libc::stack_t { ss_sp: stack.as_ptr() as *mut _, ss_flags: 0, ss_size: stack.len() };
        assert_eq!(libc::sigaltstack(&own, ptr::null_mut()), 0);
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(i32) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut()), 0);
        libc::raise(libc::SIGUSR1);
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        assert_eq!(libc::sigaltstack(&none, ptr::null_mut()), 0);
    }
    stack.as_ptr() as usize + stack.len() - REACHED.load(Ordering::SeqCst)
}

/// Uses a tile, as a matrix product with AMX does.
fn use_amx() {
    // ARCH_REQ_XCOMP_PERM for tile data.
    assert_eq!(unsafe { libc::syscall(libc::SYS_arch_prctl, 0x1023, 18) }, 0, "the system refuses AMX");
    let mut configuration = [0_u8; 64];
    configuration[0] = 1;
    configuration[16] = 64;
    configuration[48] = 16;
    unsafe { std::arch::asm!("ldtilecfg [{0}]", "tilezero tmm0", in(reg) configuration.as_ptr()) };
}

fn main() {
    let given = thread::spawn(|| unsafe {
        let mut given: libc::stack_t = mem::zeroed();
        assert_eq!(libc::sigaltstack(ptr::null(), &mut given), 0);
        given.ss_size
    });
    let given = given.join().unwrap();
    let without = thread::spawn(taken).join().unwrap();
    let with = thread::spawn(|| { use_amx(); taken() }).join().unwrap();
    println!("alternate stack of a thread: {given} bytes");
    println!("taken when a handler starts: {without} bytes, after the thread has used AMX {with} bytes");
    let left = given.saturating_sub(with);
    println!("left for the handler then: {left} bytes");
    if without + 2048 > given || left > 2048 {
        println!("CHANGED: expected room without AMX, and less than 2 KiB with it");
        std::process::exit(1);
    }
}
RUST
rustc --version
CARGO_TARGET_DIR="$folder/target" RUSTFLAGS='' cargo run --quiet --release --manifest-path "$folder/Cargo.toml"
