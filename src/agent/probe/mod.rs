//! What the agent does for each word of [`crate::probe`]: one file a probe.

mod dns;
mod environment;
mod http;
mod path_mtu;
mod ping;
mod resolve;
mod sockets;
mod tcp;
mod tls;
mod trace;
mod udp;

use std::time::Duration;

use crate::probe::{ProbeOutcome, ProbeSpec};

/// Most tries in one probe: answers are kept in memory, and a flood is no diagnosis.
const MOST_ATTEMPTS: u32 = 1000;

/// Runs one probe to its end. The caller owns the deadline.
pub(super) async fn run(spec: ProbeSpec) -> ProbeOutcome {
    if attempts(&spec) > MOST_ATTEMPTS {
        return ProbeOutcome::NotRun { why: format!("{} attempts, at most {MOST_ATTEMPTS} are made", attempts(&spec)) };
    }
    match spec {
        ProbeSpec::Environment(_) => ProbeOutcome::Environment(environment::read()),
        ProbeSpec::Sockets(_) => ProbeOutcome::Sockets(sockets::read()),
        ProbeSpec::Tcp(spec) => ProbeOutcome::Tcp(tcp::run(&spec).await),
        ProbeSpec::Udp(spec) => udp::run(&spec).await,
        ProbeSpec::Dns(spec) => ProbeOutcome::Dns(dns::run(&spec).await),
        ProbeSpec::Ping(spec) => ping::run(&spec).await,
        ProbeSpec::Resolve(spec) => ProbeOutcome::Resolve(resolve::run(&spec).await),
        ProbeSpec::Http(spec) => http::run(&spec).await,
        ProbeSpec::Trace(spec) => ProbeOutcome::Trace(trace::run(&spec).await),
        ProbeSpec::PathMtu(spec) => ProbeOutcome::PathMtu(path_mtu::run(&spec).await),
    }
}

fn attempts(spec: &ProbeSpec) -> u32 {
    match spec {
        ProbeSpec::Tcp(spec) => spec.attempts,
        ProbeSpec::Udp(spec) => spec.attempts,
        ProbeSpec::Ping(spec) => spec.count,
        ProbeSpec::Dns(spec) => spec.attempts,
        ProbeSpec::Environment(_)
        | ProbeSpec::Sockets(_)
        | ProbeSpec::Resolve(_)
        | ProbeSpec::Http(_)
        | ProbeSpec::Trace(_)
        | ProbeSpec::PathMtu(_) => 1,
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
