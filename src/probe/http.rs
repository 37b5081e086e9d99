//! HTTP and HTTPS with the time of each phase.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One GET. Redirects are not followed; certificates are looked at, not enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    pub url: String,
    /// Connect here instead of resolving the host of the URL.
    pub ip: Option<IpAddr>,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum HttpOutcome {
    Response {
        status: u16,
        version: String,
        /// A redirect's target.
        location: Option<String>,
        server: Option<String>,
        /// At most the first 4 KiB of the body, as text.
        body_start: String,
        body_bytes: u64,
        phases: Phases,
        certificate: Option<Certificate>,
    },
    /// It got as far as `phase`: `dns`, `connect`, `tls`, `request` or `body`.
    Failed { phase: String, error: String, phases: Phases, certificate: Option<Certificate> },
    #[serde(other)]
    Unknown,
}

/// Microseconds from the start of each phase to its end; 0 when it was not reached or not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Phases {
    pub dns_us: u64,
    pub connect_us: u64,
    pub tls_us: u64,
    /// From the request sent to the first byte of the answer.
    pub first_byte_us: u64,
    pub total_us: u64,
}

/// What the server's certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
    /// The name asked for is among its names.
    pub matches_name: bool,
    /// It was valid when the agent looked.
    pub in_date: bool,
}
