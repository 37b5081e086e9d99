//! The path to an address and the packets that fit through it, without privileges (`IP_RECVERR`, ip(7)).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Sends UDP datagrams with growing TTL and reads who sends them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSpec {
    pub ip: IpAddr,
    pub max_hops: u8,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceOutcome {
    pub hops: Vec<Hop>,
    /// The destination itself answered.
    pub reached: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub ttl: u8,
    /// `None`: nobody answered in time.
    pub from: Option<IpAddr>,
    pub rtt_us: u64,
    /// The ICMP error in words: `time exceeded`, `port unreachable`.
    pub answer: String,
}

/// Finds the largest packet that reaches an address with fragmentation forbidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathMtuSpec {
    pub ip: IpAddr,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMtuOutcome {
    /// Bytes of the largest IP packet that was answered; `None` when none was.
    pub largest_answered: Option<u16>,
    /// Bytes of the smallest IP packet that was not answered while a smaller one was.
    pub smallest_lost: Option<u16>,
    /// The MTU of the pod's own interface towards the address.
    pub interface_mtu: Option<u16>,
    /// The MTU a router on the path reported, and which router.
    pub reported: Option<(u16, IpAddr)>,
    pub error: Option<String>,
}
