//! SIGBUS: the thread reads mapped memory whose file is gone.
//!
//! The handler runs in that thread, between any two of its instructions, so it must not allocate, lock or write a
//! record. It wakes a thread that waits for this, and waits itself. That thread runs ordinary code and decides.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io::{self, Read};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::{mem, ptr, thread};

/// Nothing was lost.
const NONE: u8 = 0;
/// A thread waits to be notified.
const ASKED: u8 = 1;
/// It is not the loss of a file: the process ends as it would have without this handler.
const DECLINED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(NONE);
/// The address that was read.
static ADDRESS: AtomicUsize = AtomicUsize::new(0);
/// The pipe by which the handler wakes the thread.
static BELL: AtomicI32 = AtomicI32::new(-1);
/// The exit code if no decision is made in time.
static FALLBACK: AtomicI32 = AtomicI32::new(0);
/// The previous action for SIGBUS.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// How often the handler checks for the decision, in milliseconds, and how many times. After that the process ends
/// anyway: the deciding thread may need a lock that the interrupted one holds.
const LOOK_UP_MS: c_int = 10;
const LOOKS: u32 = 1_000;

const LAST_WORDS: &[u8] =
    b"error: a mapped file was truncated, or its storage failed; the record could not be completed\n";

/// Calls `lost` with the address, on a separate thread, when mapped memory is read that is gone. The process ends with
/// the code that it returns; without one, SIGBUS has its previous effect. If it has not returned after ten seconds, the
/// process ends with `fallback`. Called once per process.
///
/// # Errors
/// If the system refuses a thread, a pipe or the handler.
pub fn on_lost_memory(fallback: c_int, lost: impl Fn(usize) -> Option<c_int> + Send + 'static) -> io::Result<()> {
    FALLBACK.store(fallback, Ordering::SeqCst);
    let (mut bell, rung) = UnixStream::pair().map(|(read, write)| (read, write.into_raw_fd()))?;
    BELL.store(rung, Ordering::SeqCst);
    thread::Builder::new().name("lost memory".into()).spawn(move || {
        if bell.read_exact(&mut [0]).is_err() {
            return;
        }
        match lost(ADDRESS.load(Ordering::SeqCst)) {
            // SAFETY: _exit only ends the process. Destructors do not run, because other threads wait in the handler.
            Some(code) => unsafe { libc::_exit(code) },
            None => STATE.store(DECLINED, Ordering::SeqCst),
        }
    })?;
    // SAFETY: sigaction is a plain structure, for which all zeroes is valid.
    let (mut wanted, mut before): (libc::sigaction, libc::sigaction) = unsafe { (mem::zeroed(), mem::zeroed()) };
    wanted.sa_sigaction = on_loss as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
    // On the thread's own stack: on a CPU with AMX, the system's frame alone fills the alternate stack that Rust gives a thread.
    wanted.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the first call only fills `before`, the second only reads `wanted`, whose handler exists for the life of
    // the process and only does what a signal handler may do.
    let is_set = unsafe {
        libc::sigemptyset(&raw mut wanted.sa_mask);
        libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) == 0 && {
            // The handler needs it.
            let _ = BEFORE.set(before);
            libc::sigaction(libc::SIGBUS, &raw const wanted, ptr::null_mut()) == 0
        }
    };
    if is_set { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Only atomics and calls that POSIX lists as async-signal-safe.
extern "C" fn on_loss(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: with SA_SIGINFO the system passes a valid siginfo_t; si_addr is set for a SIGBUS caused by a read, as
    // BUS_ADRERR indicates.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if code == libc::BUS_ADRERR {
        if STATE.compare_exchange(NONE, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            ADDRESS.store(address, Ordering::SeqCst);
            ring();
        }
        for _ in 0..LOOKS {
            if STATE.load(Ordering::SeqCst) == DECLINED {
                break;
            }
            // SAFETY: poll without descriptors only waits.
            unsafe { libc::poll(ptr::null_mut(), 0, LOOK_UP_MS) };
        }
        if STATE.load(Ordering::SeqCst) != DECLINED {
            // SAFETY: the bytes exist for the life of the process.
            unsafe {
                libc::write(2, LAST_WORDS.as_ptr().cast(), LAST_WORDS.len());
                libc::_exit(FALLBACK.load(Ordering::SeqCst));
            }
        }
    }
    as_before(signal, code);
}

fn ring() {
    // SAFETY: one byte of this frame, to a descriptor that is open for the life of the process.
    unsafe { libc::write(BELL.load(Ordering::SeqCst), [1_u8].as_ptr().cast(), 1) };
}

/// Restores the previous action for SIGBUS. The causing instruction is repeated when the handler returns, and raises it
/// again. On Linux the action is the system's: Rust's own handler, which is for stack overflows, uses the alternate stack, and there they raise
/// SIGSEGV.
fn as_before(signal: c_int, code: c_int) {
    let is_sent = code <= 0;
    // SAFETY: sigaction reads a structure that the system filled; signal and raise take plain numbers. All may be
    // called here.
    unsafe {
        if let Some(before) = BEFORE.get().filter(|_| !is_sent && !cfg!(target_os = "linux")) {
            libc::sigaction(signal, ptr::from_ref(before), ptr::null_mut());
        } else {
            libc::signal(signal, libc::SIG_DFL);
            // What another process sent would not be raised again.
            if is_sent {
                libc::raise(signal);
            }
        }
    }
}
