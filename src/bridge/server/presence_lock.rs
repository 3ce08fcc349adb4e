//! How other processes of this machine learn that a bridge is an embedded one.
//!
//! Over the socket it cannot be told from Unity, and must not be: it is faithful. So its process holds a lock file in the folder
//! for temporary files for as long as it lives, with its parameters in a file beside it. A client on the same machine that finds
//! the lock taken knows that the bridge on that port is simulated, whatever became of earlier processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::spec::BridgeSpec;

/// Held while the bridge runs; dropping it, or the end of the process however it comes, releases it.
#[derive(Debug)]
pub struct PresenceLock {
    address: SocketAddr,
    _lock: File,
}

impl PresenceLock {
    /// Takes the lock for the bridge on `address`, and writes down its parameters.
    ///
    /// # Errors
    /// What the system says when the folder for temporary files cannot be written to.
    pub fn acquire(address: SocketAddr, spec: &BridgeSpec) -> io::Result<Self> {
        let lock =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path(address, "lock"))?;
        lock.lock()?;
        // A file of its own: on Windows a locked one cannot be read.
        fs::write(path(address, "txt"), spec.to_string())?;
        Ok(Self { address, _lock: lock })
    }

    /// The parameters of the embedded bridge on `address`, if a living process of this machine runs one there.
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
        // Tidiness alone: files whose lock nobody holds mean nothing.
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
    fn the_lock_is_held_while_its_bridge_lives() {
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
