//! A file that a run has mapped, usually a model, is truncated or its storage fails: the run ends as failed, with the
//! file's name.

use std::path::{Path, PathBuf};

use super::super::run::tell;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::record::fail_runs_under_way;
use crate::report;
use crate::term::{Printer, restore_terminal};

/// Handles this from now on. If the system refuses, such a loss ends the process by SIGBUS.
pub(in super::super) fn end_cleanly_where_a_mapped_file_is_lost() {
    let lost = |address| mapped_file(address).map(|file| end(&file) as i32);
    let _ = host::on_lost_memory(Exit::Unreadable as i32, lost);
}

/// Everything except ending the process.
fn end(file: &Path) -> Exit {
    restore_terminal();
    let reason = format!("{} was truncated, or its storage failed, while it was in use", file.display());
    fail_runs_under_way(&reason, report::markdown);
    let failure = Failure::new(Exit::Unreadable, anyhow::anyhow!("{reason}"))
        .hint("write a new file and rename it (mv) instead: programs that use the old file then keep it");
    tell(&failure, Printer::new(false));
    failure.exit()
}

/// The file that is mapped at that address.
#[cfg(target_os = "linux")]
fn mapped_file(address: usize) -> Option<PathBuf> {
    file_of(&std::fs::read_to_string("/proc/self/maps").ok()?, address)
}

/// The file of an address according to /proc/self/maps. Device memory does not count.
#[cfg(target_os = "linux")]
fn file_of(maps: &str, address: usize) -> Option<PathBuf> {
    let of = maps.lines().find(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let range = range.and_then(|(from, to)| Some(number(from)?..number(to)?));
        range.is_some_and(|range| range.contains(&address))
    })?;
    let path = &of[of.find('/')?..];
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let is_device = path.starts_with("/dev/") && !path.starts_with("/dev/shm/");
    (!is_device).then(|| path.into())
}

/// The file that is mapped at that address.
#[cfg(target_os = "macos")]
fn mapped_file(address: usize) -> Option<PathBuf> {
    #![allow(unsafe_code)]
    use std::os::unix::ffi::OsStringExt;

    let mut path = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer has the stated length, and the process queries itself.
    let length = unsafe {
        libc::proc_regionfilename(
            std::process::id() as libc::c_int,
            address as u64,
            path.as_mut_ptr().cast(),
            path.len() as u32,
        )
    };
    path.truncate(usize::try_from(length).ok()?);
    (!path.is_empty()).then(|| std::ffi::OsString::from_vec(path).into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn address_maps_to_its_file() {
        let maps = "5000-6000 r--s 00000000 fd:00 12 /data/my models/tiny.gguf\n\
                    6000-7000 r--s 00000000 fd:00 13 /data/old.gguf (deleted)\n\
                    7000-8000 rw-p 00000000 00:00 0 \n\
                    8000-9000 rw-p 00000000 00:00 0 [heap]\n\
                    9000-a000 rw-s 00000000 00:05 9 /dev/nvidia0\n\
                    a000-b000 rw-s 00000000 00:05 9 /dev/shm/x.gguf\n";
        for (address, file) in [
            (0x4fff, None),
            (0x5000, Some("/data/my models/tiny.gguf")),
            (0x6fff, Some("/data/old.gguf")),
            (0x7000, None),
            (0x8000, None),
            (0x9000, None),
            (0xa000, Some("/dev/shm/x.gguf")),
            (0xb000, None),
        ] {
            assert_eq!(file_of(maps, address), file.map(PathBuf::from), "{address:x}");
        }
    }
}
