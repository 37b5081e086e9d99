//! Acts on [`crate::probe::TraceSpec`]: UDP datagrams with growing TTL, whose ICMP errors the error queue brings back
//! without privileges (`IP_RECVERR`, ip(7)).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::micros;
use crate::agent::icmp;
use crate::agent::socket::{ErrorSocket, Event, errno_name};
use crate::probe::{Hop, TraceOutcome, TraceSpec};

/// The first port, as traceroute(8) has it: nothing is expected to listen there.
const BASE_PORT: u16 = 33434;

/// Datagrams on their way at once. Linux sends about one port unreachable a second to one address after a burst of six
/// (`icmp_ratelimit`, icmp(7)); with more than this, the destination would be silent about the first that reached it.
const WAVE: u8 = 4;

/// Hops that are silent at first are asked once more: a neighbour had to be found, or a router had sent enough errors.
const PASSES: u32 = 2;

/// Every hop has at least this long to answer.
const LEAST_WAIT: Duration = Duration::from_millis(200);

/// No router on a cluster's network takes longer than this to answer.
const MOST_WAIT: Duration = Duration::from_secs(1);

pub(super) async fn run(spec: &TraceSpec) -> TraceOutcome {
    let limit = Duration::from_millis(spec.timeout_ms);
    let end = Instant::now() + limit;
    let mut last = spec.max_hops.clamp(1, 64);
    let waves = u32::from(last.div_ceil(WAVE)) * PASSES;
    let wait = (limit / waves).clamp(LEAST_WAIT, MOST_WAIT);
    let mut hops: BTreeMap<u8, Hop> = BTreeMap::new();
    for _ in 0..PASSES {
        let silent: Vec<u8> = (1..=last).filter(|ttl| hops.get(ttl).is_none_or(|hop| hop.from.is_none())).collect();
        for ttls in silent.chunks(usize::from(WAVE)) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            for (hop, is_last) in wave(spec.ip, ttls, wait.min(left)).await {
                last = if is_last { last.min(hop.ttl) } else { last };
                hops.insert(hop.ttl, hop);
            }
            if ttls.contains(&last) {
                break;
            }
        }
    }
    // What was sent past the end of the path came back from there as well.
    let hops: Vec<Hop> = hops.into_values().filter(|hop| hop.ttl <= last).collect();
    let reached = hops.last().is_some_and(|hop| hop.from == Some(spec.ip));
    TraceOutcome { hops, reached }
}

/// Sends one datagram for each TTL side by side. The flag says that the path does not go on behind this hop.
async fn wave(ip: IpAddr, ttls: &[u8], wait: Duration) -> Vec<(Hop, bool)> {
    ttls.iter().map(|ttl| hop(ip, *ttl, wait)).collect::<JoinSet<_>>().join_all().await
}

async fn hop(ip: IpAddr, ttl: u8, wait: Duration) -> (Hop, bool) {
    let started = Instant::now();
    let answer = timeout(wait, ask(ip, ttl)).await;
    let rtt_us = micros(started.elapsed());
    match answer {
        Ok(Ok(Answered { from, answer, is_last })) => (Hop { ttl, from, rtt_us, answer }, is_last),
        Ok(Err(error)) => (Hop { ttl, from: None, rtt_us, answer: errno_name(&error) }, true),
        Err(_) => (Hop { ttl, from: None, rtt_us: 0, answer: String::new() }, false),
    }
}

struct Answered {
    from: Option<IpAddr>,
    answer: String,
    is_last: bool,
}

/// Sends one datagram from a socket of its own: the socket then says which TTL an error belongs to. Source and
/// destination port differ from hop to hop, so where traffic is spread over several paths, hops may be of different ones.
async fn ask(ip: IpAddr, ttl: u8) -> io::Result<Answered> {
    let socket = ErrorSocket::connected_udp(SocketAddr::from((ip, BASE_PORT + u16::from(ttl))))?;
    match ip {
        IpAddr::V4(_) => socket.socket().set_ttl_v4(u32::from(ttl))?,
        IpAddr::V6(_) => socket.socket().set_unicast_hops_v6(u32::from(ttl))?,
    }
    socket.send(b"netcheck")?;
    match socket.next(&mut [0]).await? {
        Event::Datagram(_) => Ok(Answered { from: Some(ip), answer: String::from("answered"), is_last: true }),
        Event::Failed(error) => Err(error),
        Event::Error(reported) => {
            Ok(Answered { from: reported.offender, answer: icmp::words(&reported), is_last: !icmp::is_time_exceeded(&reported) })
        }
    }
}
