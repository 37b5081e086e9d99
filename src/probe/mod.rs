//! What an agent can be asked to try, and what it can answer: one file a probe.
//!
//! These are the words both programs share; the code that acts on them is in `agent/probe`, one file of the same name
//! each. A failed probe is an answer, not an error. Durations are integers with their unit in the name.

mod dns;
mod environment;
mod http;
mod ping;
mod resolve;
mod sockets;
mod tcp;
mod trace;
mod udp;

use serde::{Deserialize, Serialize};

pub use dns::{Answer, DnsOutcome, DnsSpec, RecordType, Transport};
pub use environment::{EnvironmentOutcome, EnvironmentSpec, Interface, ResolvConf, Route};
pub use http::{Certificate, HttpOutcome, HttpSpec, Phases};
pub use ping::{PingOutcome, PingSpec};
pub use resolve::{ResolveOutcome, ResolveSpec};
pub use sockets::{Socket, SocketsOutcome, SocketsSpec};
pub use tcp::{Refuser, TcpAttempt, TcpOutcome, TcpSpec};
pub use trace::{Hop, PathMtuOutcome, PathMtuSpec, TraceOutcome, TraceSpec};
pub use udp::{UdpOutcome, UdpSpec};

/// One probe to run. Requests are strict: an agent that ignored an option it does not know would mislead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case")]
pub enum ProbeSpec {
    Environment(EnvironmentSpec),
    Sockets(SocketsSpec),
    Tcp(TcpSpec),
    Udp(UdpSpec),
    Ping(PingSpec),
    Dns(DnsSpec),
    Resolve(ResolveSpec),
    Http(HttpSpec),
    Trace(TraceSpec),
    PathMtu(PathMtuSpec),
}

/// What came of it. Answers are tolerant: a kind of answer that this version does not know is `Unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case")]
pub enum ProbeOutcome {
    Environment(EnvironmentOutcome),
    Sockets(SocketsOutcome),
    Tcp(TcpOutcome),
    Udp(UdpOutcome),
    Ping(PingOutcome),
    Dns(DnsOutcome),
    Resolve(ResolveOutcome),
    Http(HttpOutcome),
    Trace(TraceOutcome),
    PathMtu(PathMtuOutcome),
    /// The probe was not tried: the agent does not know it, lacks a permission, or time ran out.
    NotRun {
        why: String,
    },
    #[serde(other)]
    Unknown,
}

impl ProbeSpec {
    /// The name of the probe, as in the handshake's list.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Environment(_) => "environment",
            Self::Sockets(_) => "sockets",
            Self::Tcp(_) => "tcp",
            Self::Udp(_) => "udp",
            Self::Ping(_) => "ping",
            Self::Dns(_) => "dns",
            Self::Resolve(_) => "resolve",
            Self::Http(_) => "http",
            Self::Trace(_) => "trace",
            Self::PathMtu(_) => "path-mtu",
        }
    }

    /// Every probe this build knows.
    pub const NAMES: [&'static str; 10] =
        ["environment", "sockets", "tcp", "udp", "ping", "dns", "resolve", "http", "trace", "path-mtu"];
}

/// Round-trip times in microseconds over repeated tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latency {
    pub tries: u32,
    pub lost: u32,
    pub min_us: u64,
    pub median_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Latency {
    /// Sums up the times of the tries that succeeded. All times are 0 when none did.
    pub fn of(tries: u32, mut times_us: Vec<u64>) -> Self {
        times_us.sort_unstable();
        // nearest-rank percentile: the smallest value that at least that share of the tries does not exceed
        let rank =
            |percent: usize| times_us.get((times_us.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        let got = u32::try_from(times_us.len()).unwrap_or(u32::MAX);
        Self { tries, lost: tries.saturating_sub(got), min_us: rank(0), median_us: rank(50), p99_us: rank(99), max_us: rank(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn latency_takes_the_nearest_rank() {
        let l = Latency::of(5, vec![400, 100, 200, 300]);
        assert_eq!((l.lost, l.min_us, l.median_us, l.p99_us, l.max_us), (1, 100, 200, 400, 400));
        assert_eq!(Latency::of(3, vec![]), Latency { tries: 3, lost: 3, ..Latency::default() });
    }
}
