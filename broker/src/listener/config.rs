//! Checked settings of the public listener and of the node as a whole.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::identity::NodeId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// `[::]:4444` takes IPv4 too.
    pub bind: SocketAddr,
    /// Threads that hold sessions; default one per core.
    pub workers: usize,
    /// Names this node in session ids, on the bus and in logs.
    pub node_id: NodeId,
    /// From these addresses (or networks) `client_address_header` is believed.
    pub trusted_proxies: Vec<Network>,
    /// `Fly-Client-IP`, `X-Forwarded-For`.
    pub client_address_header: Option<http::HeaderName>,
    /// The folder of static files; `None` = none are served.
    pub pages: Option<PathBuf>,
    /// From the signal to the end of the process.
    pub drain_timeout: Duration,
    /// RECONNECT is spread over this time; each connection is closed as long after its own.
    pub drain_spread: Duration,
}

/// An address with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                (u64::from(u32::from(mine)) >> shift) == (u64::from(u32::from(other)) >> shift)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                u128::from(mine).checked_shr(shift) == u128::from(other).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("{text:?} is no address or network"))?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => widest,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|bits| *bits <= widest)
                .ok_or_else(|| format!("{text:?} has no prefix length of 0 to {widest}"))?,
        };
        Ok(Self { address, prefix })
    }
}
