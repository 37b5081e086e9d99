//! One DNS query to one server: what each nameserver and each CoreDNS endpoint says on its own.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Latency;

/// Asks one server for one name (always absolute, the search list is not used), `attempts` times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsSpec {
    pub server: IpAddr,
    pub port: u16,
    pub name: String,
    pub record: RecordType,
    pub transport: Transport,
    pub attempts: u32,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    A,
    Aaaa,
    Srv,
    Ptr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsOutcome {
    /// One entry an attempt, in order.
    pub attempts: Vec<Answer>,
    /// Times of the attempts that were answered, whatever the answer.
    pub query: Latency,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Answer {
    /// A response arrived.
    Response {
        /// The response code as RFC 1035 and IANA name it: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`.
        code: String,
        /// Addresses, or names for SRV and PTR, sorted. Names are without the dot of the root, here and below.
        records: Vec<String>,
        /// Targets of CNAME records in the answer, in order.
        aliases: Vec<String>,
        /// The TC bit: the answer did not fit.
        truncated: bool,
        after_us: u64,
    },
    TimedOut {
        after_ms: u64,
    },
    /// The server's address refused: nothing listens there.
    Refused {
        after_us: u64,
    },
    /// Any other failure, in words.
    Failed {
        error: String,
    },
    #[serde(other)]
    Unknown,
}

impl Answer {
    /// A response with `NOERROR` and at least one record.
    pub fn records(&self) -> Option<&[String]> {
        match self {
            Self::Response { code, records, .. } if code == "NOERROR" && !records.is_empty() => Some(records),
            Self::Response { .. } | Self::TimedOut { .. } | Self::Refused { .. } | Self::Failed { .. } | Self::Unknown => None,
        }
    }

    /// A response of any kind arrived: the server is alive.
    pub fn is_response(&self) -> bool {
        matches!(self, Self::Response { .. })
    }

    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Response { code, .. } => Some(code),
            Self::TimedOut { .. } | Self::Refused { .. } | Self::Failed { .. } | Self::Unknown => None,
        }
    }
}
