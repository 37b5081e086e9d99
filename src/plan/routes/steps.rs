//! What a question about a route tries: each entry at the door, and the same request at the Service behind it.

use std::net::IpAddr;

use crate::model::{Cluster, Question};
use crate::probe::{ProbeOutcome, ProbeSpec, ResolveSpec, TcpSpec};
use crate::protocol::Measurement;

use super::{Address, Door, Entry, MAX_ENTRIES, doors, entries, of};

/// Most doors of one kind, published or the controller's own, that are tried.
const MAX_DOORS: usize = 2;
/// Half of what an application waits for a resolver (resolv.conf(5)).
const RESOLVE_TIMEOUT_MS: u64 = 3_000;

/// Entries with the address that decides for each: where status publishes one, that, else the controller's own.
pub fn decisive(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Vec<(Entry, Door, IpAddr)> {
    let Some(route) = of(question) else { return Vec::new() };
    let all = doors(route, cluster);
    let published = all.iter().any(|d| d.published);
    tried(question, cluster, measured).into_iter().filter(|(_, door, _)| door.published == published).collect()
}

/// Every entry at every door whose address is known by now.
pub fn tried(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Vec<(Entry, Door, IpAddr)> {
    let Some(route) = of(question) else { return Vec::new() };
    let all = doors(route, cluster);
    let (published, own): (Vec<&Door>, Vec<&Door>) = all.iter().partition(|d| d.published);
    let has_published = !published.is_empty();
    let chosen: Vec<&Door> = published.into_iter().take(MAX_DOORS).chain(own.into_iter().take(MAX_DOORS)).collect();
    let mut found = Vec::new();
    for (i, entry) in entries(route, cluster).into_iter().take(MAX_ENTRIES).enumerate() {
        // beside a published address the controller's own is a comparison, for which one entry is enough
        let fits = |d: &&&Door| d.of == entry.on && (i == 0 || d.published == has_published);
        for door in chosen.iter().filter(fits) {
            found.extend(address(door, measured).map(|ip| (entry.clone(), (*door).clone(), ip)));
        }
    }
    found
}

/// The door's address; of a name, what the source made of it.
fn address(door: &Door, measured: &[Measurement]) -> Option<IpAddr> {
    let name = match &door.address {
        Address::Ip(ip) => return Some(*ip),
        Address::Name(name) => name,
    };
    let addresses = measured.iter().find_map(|m| match (&m.spec, &m.outcome) {
        (ProbeSpec::Resolve(spec), ProbeOutcome::Resolve(outcome)) if spec.name == *name => Some(&outcome.addresses),
        _ => None,
    })?;
    addresses.iter().find_map(|a| a.parse().ok())
}

/// Probes with the reason for each: names first, then requests.
pub(in crate::plan) fn first(question: &Question, cluster: &Cluster) -> Vec<(&'static str, ProbeSpec)> {
    let Some(route) = of(question) else { return Vec::new() };
    let resolve = |name: String| ProbeSpec::Resolve(ResolveSpec { name, timeout_ms: RESOLVE_TIMEOUT_MS });
    let mut steps = Vec::new();
    for door in doors(route, cluster).iter().filter(|d| d.published).take(MAX_DOORS) {
        if let Address::Name(name) = &door.address {
            steps.push(("the load balancer's name", resolve(name.clone())));
        }
    }
    steps.extend(hosts(question, cluster).into_iter().map(|host| ("where the host's name leads", resolve(host))));
    for entry in entries(route, cluster).into_iter().take(MAX_ENTRIES) {
        let direct = entry.direct(cluster).map(|spec| ("the same request, past the controller", ProbeSpec::Http(spec)));
        steps.extend(direct);
    }
    steps.extend(requests(question, cluster, &[]));
    steps
}

/// Requests at doors whose address only a probe could tell.
pub(in crate::plan) fn more(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Vec<(&'static str, ProbeSpec)> {
    requests(question, cluster, measured)
}

fn requests(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Vec<(&'static str, ProbeSpec)> {
    let why = |door: &Door| {
        if door.published { "the request, as a user sends it" } else { "the request, at the controller inside the cluster" }
    };
    let all = tried(question, cluster, measured);
    let step = |(entry, door, ip): (Entry, Door, IpAddr)| {
        let port = question.port.unwrap_or(entry.listener);
        let tcp =
            TcpSpec { ip, port, attempts: question.request.attempts, timeout_ms: crate::plan::steps::TCP_TIMEOUT_MS, wait_ms: 0 };
        (why(&door), if entry.is_http { ProbeSpec::Http(entry.via(ip, question.port)) } else { ProbeSpec::Tcp(tcp) })
    };
    all.into_iter().map(step).collect()
}

/// The first hosts that a user could type.
pub fn hosts(question: &Question, cluster: &Cluster) -> Vec<String> {
    let Some(route) = of(question) else { return Vec::new() };
    let mut hosts: Vec<String> =
        entries(route, cluster).into_iter().filter_map(|e| e.host).filter(|h| !h.starts_with('*')).collect();
    hosts.dedup();
    hosts.truncate(2);
    hosts
}
