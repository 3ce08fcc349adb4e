//! The plan of `tap`: addresses, and what is kept.

use std::net::SocketAddr;

use serde::Serialize;

use crate::bridge::{BridgeError, Target, listening, resolve};
use crate::cli::TapArgs;

/// The plan of a `tap` run.
#[derive(Debug, Clone, Serialize)]
pub struct TapPlan {
    /// Where the application connects.
    pub listen: SocketAddr,
    /// Addresses of Unity, in the order in which they are tried.
    pub to: Vec<SocketAddr>,
    /// Whether it ends with the first connection.
    pub once: bool,
    /// Whether message content is stored.
    pub with_payload: bool,
}

impl TapPlan {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// [`BridgeError::NotLoopback`] for another machine unless allowed, [`BridgeError::Unresolvable`], and
    /// [`BridgeError::BadAddress`] for an address that cannot be tapped: an embedded bridge, or the tap itself.
    pub fn resolve(args: &TapArgs) -> Result<Self, BridgeError> {
        let bad = |detail: &str| BridgeError::BadAddress { text: args.to.to_string(), detail: detail.into() };
        let Target::Remote { host, port } = &args.to else {
            return Err(bad("a tap needs a bridge in another process: HOST:PORT"));
        };
        let listen = listening(args.listen, args.allow_remote)?;
        let to = resolve(host, *port, args.allow_remote)?;
        if to.contains(&listen) {
            return Err(bad("the tap itself listens on that address"));
        }
        Ok(Self { listen, to, once: args.once, with_payload: args.with_payload })
    }
}
