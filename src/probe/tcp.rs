//! TCP connect: does the handshake complete, and if not, who said no.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Latency;

/// Opens a connection and closes it, `attempts` times one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpSpec {
    pub ip: IpAddr,
    pub port: u16,
    pub attempts: u32,
    /// For each attempt.
    pub timeout_ms: u64,
    /// Before the first attempt: what was just changed in the cluster takes a moment to reach every node.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpOutcome {
    /// One entry an attempt, in order.
    pub attempts: Vec<TcpAttempt>,
    /// Connect times of the attempts that opened.
    pub connect: Latency,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum TcpAttempt {
    Opened {
        connect_us: u64,
        /// The socket's own address and port: what the peer sees unless NAT rewrites it on the way.
        local: String,
    },
    /// `ECONNREFUSED`.
    Refused {
        by: Refuser,
        after_us: u64,
    },
    /// Another error: `EHOSTUNREACH`, `ENETUNREACH`, `EACCES`.
    Unreachable {
        by: Refuser,
        error: String,
        after_us: u64,
    },
    TimedOut {
        after_ms: u64,
    },
    #[serde(other)]
    Unknown,
}

/// Who ended the attempt, read from the socket's error queue (`IP_RECVERR`, ip(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Refuser {
    /// A TCP segment with RST: the address is alive and nothing listens on the port.
    Rst {},
    /// An ICMP or `ICMPv6` error, and the address that sent it.
    Icmp { from: IpAddr, icmp_type: u8, code: u8 },
    /// The kernel of the source itself: no route, a local rule.
    Local {},
    #[serde(other)]
    Unknown,
}

impl TcpAttempt {
    /// Somebody said no, or the kernel itself did.
    pub fn is_reported(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { .. })
    }
}

impl TcpOutcome {
    pub fn opened(&self) -> usize {
        self.attempts.iter().filter(|a| matches!(a, TcpAttempt::Opened { .. })).count()
    }

    /// Every attempt opened, and there was at least one.
    pub fn all_opened(&self) -> bool {
        !self.attempts.is_empty() && self.opened() == self.attempts.len()
    }

    /// No attempt opened, and there was at least one.
    pub fn none_opened(&self) -> bool {
        !self.attempts.is_empty() && self.opened() == 0
    }

    /// The last failure that somebody reported, else the last one. Kernels limit how many ICMP errors they send, so that silence may
    /// follow an error that says it all.
    pub fn telling_failure(&self) -> Option<&TcpAttempt> {
        let failed = || self.attempts.iter().rev().filter(|a| !matches!(a, TcpAttempt::Opened { .. }));
        failed().find(|a| a.is_reported()).or_else(|| failed().next())
    }
}
