//! Who listens in this network namespace.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::Protocol;

/// Reads `/proc/net/{tcp,tcp6,udp,udp6}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketsSpec {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketsOutcome {
    /// TCP sockets in LISTEN and UDP sockets that are bound and not connected.
    pub listening: Vec<Socket>,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    pub protocol: Protocol,
    /// The unspecified address (`0.0.0.0`, `::`) means all.
    pub ip: IpAddr,
    pub port: u16,
}

impl Socket {
    /// Whether a packet to this address would reach the socket. An IPv6 wildcard socket takes IPv4 as well unless
    /// `IPV6_V6ONLY` is set, which /proc does not show (ipv6(7)).
    pub fn takes(&self, ip: IpAddr) -> bool {
        let is_wildcard = self.ip.is_unspecified() && (self.ip.is_ipv6() || ip.is_ipv4());
        is_wildcard || self.ip == ip || self.ip.to_canonical() == ip.to_canonical()
    }
}
