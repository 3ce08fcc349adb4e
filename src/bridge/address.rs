//! Where the bridge is: in another process, or embedded in this one.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use super::error::BridgeError;
use super::server::BridgeSpec;

/// The port of the stock bridge.
pub const DEFAULT_PORT: u16 = 5555;

/// Where to measure.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The embedded bridge: simulated, and marked so in every output.
    Embedded(Box<BridgeSpec>),
    /// A bridge in another process.
    Remote {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A bridge that connects to this address.
    Listen(SocketAddr),
}

impl FromStr for Target {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |detail: String| BridgeError::BadAddress { text: text.into(), detail };
        if let Some(spec) = text.strip_prefix("embedded") {
            let spec = match spec.strip_prefix(':') {
                Some(spec) => spec,
                None if spec.is_empty() => "",
                None => return Err(bad("write embedded, or embedded:KEY=VALUE,…".into())),
            };
            return spec.parse().map(|spec| Self::Embedded(Box::new(spec))).map_err(|error| bad(error.with_hint()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("it has no :PORT".into()))?;
        if host.len() == 1 && port.starts_with(['\\', '/']) {
            return Err(bad("it is a path, and a bridge is HOST:PORT or embedded".into()));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(bad("it has no host before the colon".into()));
        }
        let port = port.parse().map_err(|_| bad(format!("'{port}' is not a port (1 to 65535)")))?;
        if port == 0 {
            return Err(bad("port 0 cannot be connected to".into()));
        }
        Ok(Self::Remote { host: host.into(), port })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(spec) => write!(f, "embedded:{spec}"),
            Self::Listen(address) => write!(f, "listen:{address}"),
            Self::Remote { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Remote { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The socket addresses of a host, IPv4 first, since the stock bridge listens on 127.0.0.1.
///
/// # Errors
/// [`BridgeError::Unresolvable`], and [`BridgeError::NotLoopback`] if any address is not on this machine and
/// `allow_remote` is false.
pub fn resolve(host: &str, port: u16, allow_remote: bool) -> Result<Vec<SocketAddr>, BridgeError> {
    let unresolvable = |source| BridgeError::Unresolvable { host: host.into(), source };
    let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(unresolvable)?.collect();
    if addresses.is_empty() {
        return Err(unresolvable(std::io::Error::other("the name has no address")));
    }
    if let Some(&address) = addresses.iter().find(|address| !allow_remote && !address.ip().is_loopback()) {
        return Err(BridgeError::NotLoopback { host: host.into(), address });
    }
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    Ok(addresses)
}

/// The address to listen on, if it is local to this machine.
///
/// # Errors
/// [`BridgeError::NotLoopback`] if it is not and `allow_remote` is false.
pub fn listening(address: SocketAddr, allow_remote: bool) -> Result<SocketAddr, BridgeError> {
    if allow_remote || address.ip().is_loopback() {
        return Ok(address);
    }
    Err(BridgeError::NotLoopback { host: address.to_string(), address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_and_errors_name_the_fault() {
        let remote = |host: &str, port| Target::Remote { host: host.into(), port };
        assert_eq!("127.0.0.1:5555".parse::<Target>().unwrap(), remote("127.0.0.1", 5555));
        assert_eq!("[::1]:80".parse::<Target>().unwrap(), remote("::1", 80));
        assert_eq!(remote("::1", 80).to_string(), "[::1]:80");
        for (text, fault) in [
            ("localhost", "no :PORT"),
            (r"C:\Workly\bridge.json", "it is a path"),
            ("c:/Workly", "it is a path"),
            (r"\\nas\Workly", "no :PORT"),
            (":5555", "no host"),
            ("localhost:http", "'http' is not a port"),
            ("localhost:0", "port 0"),
            ("embeddedfps=3", "write embedded"),
            ("embedded:wings=2", "wings"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(fault), "{text}: {error}");
        }
    }

    #[test]
    fn remote_address_is_refused_unless_allowed() {
        assert!(matches!(resolve("192.0.2.1", 5555, false), Err(BridgeError::NotLoopback { .. })));
        assert_eq!(resolve("192.0.2.1", 5555, true).unwrap(), ["192.0.2.1:5555".parse().unwrap()]);
        assert!(listening("0.0.0.0:5555".parse().unwrap(), false).is_err());
        assert!(listening("[::1]:5555".parse().unwrap(), false).is_ok());
        assert_eq!(resolve("127.0.0.1", 5555, false).unwrap(), ["127.0.0.1:5555".parse().unwrap()]);
    }
}
