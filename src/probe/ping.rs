//! ICMP echo.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Latency;

/// Sends echo requests over a datagram ICMP socket, or a raw one where that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PingSpec {
    pub ip: IpAddr,
    pub count: u32,
    /// Bytes of ICMP payload.
    pub payload_bytes: u16,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingOutcome {
    pub echo: Latency,
    /// The error of the last try that failed for another reason than silence.
    pub error: Option<String>,
}
