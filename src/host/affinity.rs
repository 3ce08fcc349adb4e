//! The CPUs that this process was allowed to use when it was started.
//!
//! GNU's OpenMP runtime, with which llama.cpp may be linked, pins the main thread when it is loaded if the environment asks
//! for it (`OMP_PROC_BIND`), before `main`. Everything that the main thread starts would inherit that: the render-like
//! load, the application that `launch` starts, the workers. Code in `.preinit_array` runs before that of any library.
#![allow(unsafe_code)]

use std::mem::size_of;
use std::sync::OnceLock;

use libc::cpu_set_t;

static AT_START: OnceLock<cpu_set_t> = OnceLock::new();

// SAFETY: the loader calls each entry once, on the only thread, with arguments that a C function may ignore. The function
// makes one system call and stores its result, neither of which needs a library that is not initialised yet.
#[used]
#[unsafe(link_section = ".preinit_array")]
static BEFORE_LIBRARIES: extern "C" fn() = remember;

extern "C" fn remember() {
    // SAFETY: a set of CPUs is plain bits, of which none is a valid value.
    let mut cpus: cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: 0 is the calling thread, and the kernel writes at most the given size. It refuses if the machine has more
    // CPUs than the set has bits.
    if unsafe { libc::sched_getaffinity(0, size_of::<cpu_set_t>(), &raw mut cpus) } == 0 {
        let _ = AT_START.set(cpus);
    }
}

/// Lets the calling thread, and all that it starts later, use the CPUs that this process was allowed to use when it was
/// started. The OpenMP runtime still places the threads of the model as the environment says.
///
/// If the system refuses, the thread keeps the CPUs it has, which [`super::topology()`] then reports.
pub fn restore_affinity() {
    if let Some(cpus) = AT_START.get() {
        // SAFETY: 0 is the calling thread, and the set is as large as stated.
        let _ = unsafe { libc::sched_setaffinity(0, size_of::<cpu_set_t>(), cpus) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinity_is_known_since_before_main() {
        // SAFETY: it only reads the set.
        assert!(AT_START.get().is_some_and(|cpus| unsafe { libc::CPU_COUNT(cpus) } >= 1));
    }
}
