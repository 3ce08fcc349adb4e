//! The process that listens on a port.

use std::net::SocketAddr;

use crate::record::Fact;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningProcess {
    /// Its ID.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// The process that listens on that address; the value `None` if this user can see no such process.
#[must_use]
pub fn listening_on(address: SocketAddr) -> Fact<Option<ListeningProcess>> {
    match listeners::get_process_by_port(address.port(), listeners::Protocol::TCP) {
        Ok(process) => Fact::Value(Some(ListeningProcess { pid: process.pid, name: process.name })),
        // The library has one error for both "none" and "not known".
        Err(_) => Fact::Value(None),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn own_port_is_attributed_to_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = listening_on(address);
        assert_eq!(found.value().unwrap().as_ref().map(|process| process.pid), Some(std::process::id()));
        drop(listener);
        assert_eq!(listening_on(address), Fact::Value(None));
    }
}
