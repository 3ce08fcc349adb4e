//! The sign on the door of an embedded bridge that runs as a process of its own.
//!
//! Over the socket it cannot be told from Unity, and must not be: it is faithful. So the process leaves a note beside a lock
//! that it holds for as long as it lives, in the folder for temporary files. A client on the same machine that finds the
//! lock taken knows that what answers on that port is a stand-in, whatever became of earlier processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::spec::BridgeSpec;

/// Held while the bridge runs; dropping it, or the end of the process however it comes, takes the sign down.
#[derive(Debug)]
pub struct Sign {
    address: SocketAddr,
    _lock: File,
}

impl Sign {
    /// Says that the bridge on `address` is embedded, and how it was told to behave.
    ///
    /// # Errors
    /// What the system says when the folder for temporary files cannot be written to.
    pub fn hang(address: SocketAddr, spec: &BridgeSpec) -> io::Result<Self> {
        let lock =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path(address, "lock"))?;
        lock.lock()?;
        // A file of its own: on Windows a locked one cannot be read.
        fs::write(path(address, "txt"), spec.to_string())?;
        Ok(Self { address, _lock: lock })
    }

    /// The specification of the embedded bridge on `address`, if a living process of this machine runs one there.
    #[must_use]
    pub fn read(address: SocketAddr) -> Option<String> {
        let lock = File::open(path(address, "lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                Some(fs::read_to_string(path(address, "txt")).unwrap_or_else(|_| "parameters unknown".into()))
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        // Tidiness alone: a sign whose lock nobody holds is not believed.
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
    fn a_sign_is_there_while_its_bridge_is() {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = free.local_addr().unwrap();
        assert_eq!(Sign::read(address), None);
        let sign = Sign::hang(address, &"fps=30".parse().unwrap()).unwrap();
        assert_eq!(Sign::read(address).as_deref(), Some("dialect=stock,fps=30,nodelay=off"));
        drop(sign);
        assert_eq!(Sign::read(address), None);
        // What a killed process leaves behind.
        fs::write(path(address, "lock"), "").unwrap();
        assert_eq!(Sign::read(address), None);
        fs::remove_file(path(address, "lock")).unwrap();
    }
}
