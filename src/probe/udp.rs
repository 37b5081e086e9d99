//! UDP: one datagram, and what came back.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Latency, Refuser};

/// Sends a datagram and waits for an answer or an ICMP error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UdpSpec {
    pub ip: IpAddr,
    pub port: u16,
    pub attempts: u32,
    pub timeout_ms: u64,
    /// Payload in hexadecimal; empty for an empty datagram.
    pub payload_hex: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpOutcome {
    /// Answers received.
    pub answered: u32,
    /// Times of the answers.
    pub answer: Latency,
    /// The last error a host or router sent back. Port unreachable proves that nothing listens there.
    pub refused_by: Option<Refuser>,
    /// Neither answer nor error. Many services answer only what they understand: silence proves nothing.
    pub silent: u32,
}
