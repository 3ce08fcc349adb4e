//! Tells other processes on this machine that a bridge is an embedded one.
//!
//! Over the socket it must not be distinguishable from Unity. So while its process lives, it holds a lock on a file in
//! the temporary directory, with its parameters in a second file. A client on the same machine that finds the lock held
//! knows that the bridge on that port is simulated; files left by earlier processes do not matter.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::spec::BridgeSpec;

/// Held while the bridge runs; released when dropped or when the process ends for whatever reason.
#[derive(Debug)]
pub struct PresenceLock {
    address: SocketAddr,
    _lock: File,
}

impl PresenceLock {
    /// Acquires the lock for the bridge on `address` and writes its parameters.
    ///
    /// # Errors
    /// Those of the system if the temporary directory is not writable.
    pub fn acquire(address: SocketAddr, spec: &BridgeSpec) -> io::Result<Self> {
        let lock =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path(address, "lock"))?;
        lock.lock()?;
        // A separate file, since a locked file cannot be read on Windows.
        fs::write(path(address, "txt"), spec.to_string())?;
        Ok(Self { address, _lock: lock })
    }

    /// The parameters of the embedded bridge on `address`, if a running process on this machine has one there.
    #[must_use]
    pub fn holder(address: SocketAddr) -> Option<String> {
        let lock = File::open(path(address, "lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                Some(fs::read_to_string(path(address, "txt")).unwrap_or_else(|_| "parameters unknown".into()))
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

impl Drop for PresenceLock {
    fn drop(&mut self) {
        // Clean-up only: files without a lock holder have no meaning.
        for ending in ["txt", "lock"] {
            let _ = fs::remove_file(path(self.address, ending));
        }
    }
}

fn path(address: SocketAddr, ending: &str) -> PathBuf {
    std::env::temp_dir().join(format!("workly-perf-bridge-{}.{ending}", address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_held_while_the_bridge_runs() {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = free.local_addr().unwrap();
        assert_eq!(PresenceLock::holder(address), None);
        let lock = PresenceLock::acquire(address, &"fps=30".parse().unwrap()).unwrap();
        assert_eq!(PresenceLock::holder(address).as_deref(), Some("dialect=stock,fps=30,nodelay=off"));
        drop(lock);
        assert_eq!(PresenceLock::holder(address), None);
        // What a killed process leaves behind.
        fs::write(path(address, "lock"), "").unwrap();
        assert_eq!(PresenceLock::holder(address), None);
        fs::remove_file(path(address, "lock")).unwrap();
    }
}
