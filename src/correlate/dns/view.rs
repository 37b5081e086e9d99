//! What the DNS servers that matter to the source answered.

use std::net::IpAddr;

use crate::correlate::Correlation;
use crate::correlate::measurement::answer_words;
use crate::finding::{Verdict, Weight};
use crate::model::{Pod, Subject};
use crate::plan::backends::Backend;
use crate::plan::steps::dns_servers;
use crate::plan::{names, reads};
use crate::probe::{Answer, DnsSpec, Transport};

/// Every query one server got over one transport.
///
/// Whether a server is alive is judged by the cluster's own names where any was asked: an outside name waits for the
/// resolvers behind the server, and their silence is not its own.
#[derive(Debug, Clone, Default)]
pub(in crate::correlate) struct Asked<'a> {
    pub queries: Vec<(&'a DnsSpec, &'a Answer)>,
    /// `.cluster.local`
    below: String,
}

impl<'a> Asked<'a> {
    /// The queries that tell whether the server is alive.
    fn telling(&self) -> impl Iterator<Item = &(&'a DnsSpec, &'a Answer)> {
        let is_inside = |spec: &DnsSpec| spec.name.trim_end_matches('.').ends_with(&self.below);
        let any_inside = self.queries.iter().any(|(spec, _)| is_inside(spec));
        self.queries.iter().filter(move |(spec, _)| !any_inside || is_inside(spec))
    }

    pub(in crate::correlate) fn tries(&self) -> usize {
        self.telling().count()
    }

    /// Responses of any kind: `NXDOMAIN` and `SERVFAIL` come from a server that is alive.
    pub(in crate::correlate) fn responses(&self) -> usize {
        self.telling().filter(|(_, a)| a.is_response()).count()
    }

    pub(super) fn measured(&self) -> bool {
        self.tries() > 0
    }

    pub(super) fn dead(&self) -> bool {
        self.measured() && self.responses() == 0
    }

    /// It answered, with at most one query lost: a single lost datagram proves nothing.
    pub(in crate::correlate) fn alive(&self) -> bool {
        self.responses() > 0 && self.tries() - self.responses() < 2
    }

    /// It answered nothing, or lost several queries.
    pub(in crate::correlate) fn failing(&self) -> bool {
        self.measured() && !self.alive()
    }

    /// The queries for one name.
    pub(super) fn about<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a Answer> + 'b {
        let name = name.trim_end_matches('.');
        self.queries.iter().filter(move |(spec, _)| spec.name.trim_end_matches('.').eq_ignore_ascii_case(name)).map(|(_, a)| *a)
    }

    /// `1 of 4 queries answered; no answer within 2000 ms`.
    pub(super) fn words(&self) -> String {
        let sum = format!("{} of {} queries answered", self.responses(), self.tries());
        let failure = self.telling().filter(|(_, a)| !a.is_response()).last().map(|(_, a)| answer_words(a));
        failure.map_or_else(|| sum.clone(), |failure| format!("{sum}; {failure}"))
    }
}

/// What the source asked a server.
pub(in crate::correlate) fn asked<'a>(cx: &Correlation<'a>, ip: IpAddr, port: u16, transport: Transport) -> Asked<'a> {
    let of_server = cx.dns().filter(|(s, _)| s.server == ip && s.port == port && s.transport == transport);
    let known = |a: &&Answer| **a != Answer::Unknown;
    let below = format!(".{}", names::domain(cx.cluster));
    Asked { below, queries: of_server.flat_map(|(s, o)| o.attempts.iter().filter(known).map(move |a| (s, a))).collect() }
}

/// What was asked of a nameserver on port 53 over UDP.
pub(super) fn udp<'a>(cx: &Correlation<'a>, ip: IpAddr) -> Asked<'a> {
    asked(cx, ip, 53, Transport::Udp)
}

pub(super) fn source<'a>(cx: &Correlation<'a>) -> Option<&'a Pod> {
    cx.question.from.as_ref().and_then(|from| cx.cluster.pod(from))
}

/// `pod/shop/client`.
pub(super) fn source_words(cx: &Correlation<'_>) -> String {
    cx.question.from.as_ref().map_or_else(|| "the source".to_owned(), ToString::to_string)
}

/// The nameservers of the source's resolv.conf, when an agent read it.
pub(super) fn nameservers<'a>(cx: &Correlation<'a>) -> Option<&'a [IpAddr]> {
    cx.environment().and_then(|e| e.resolv_conf.as_ref()).map(|r| r.nameservers.as_slice())
}

/// NodeLocal DNS listens on link-local addresses; IPv6 clusters give it a unique local one.
pub(super) fn is_node_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

/// A family the source has no address of cannot be tried from it.
fn has_family(cx: &Correlation<'_>, ip: IpAddr) -> bool {
    source(cx).is_none_or(|pod| pod.ips.is_empty() || pod.ips.iter().any(|own| own.is_ipv6() == ip.is_ipv6()))
}

/// The DNS Service's addresses that the source asks: all it could ask as long as its resolv.conf is not known.
pub(super) fn service_addresses(cx: &Correlation<'_>) -> Vec<IpAddr> {
    let all = reads::dns_services(cx.cluster).into_iter().flat_map(|s| s.cluster_ips.clone());
    let of_first = dns_servers(cx.cluster).0;
    match nameservers(cx) {
        Some(used) => all.filter(|ip| used.contains(ip)).collect(),
        None => of_first.into_iter().filter(|ip| has_family(cx, *ip)).collect(),
    }
}

/// The ready DNS endpoints that the source's queries may end at, with what each answered over UDP. Empty when the source
/// does not ask the DNS Service, as behind NodeLocal DNS.
pub(in crate::correlate) fn endpoints<'a>(cx: &Correlation<'a>) -> Vec<(Backend, Asked<'a>)> {
    let (addresses, all) = dns_servers(cx.cluster);
    if !service_addresses(cx).iter().any(|ip| addresses.contains(ip)) {
        return Vec::new();
    }
    let local = reads::dns_services(cx.cluster).first().is_some_and(|s| s.internal_local);
    let here = source(cx).and_then(|p| p.node.clone());
    let all = all.into_iter().filter(|b| b.ready && has_family(cx, b.ip) && (!local || b.node == here));
    all.map(|b| {
        let asked = asked(cx, b.ip, b.port, Transport::Udp);
        (b, asked)
    })
    .collect()
}

/// An endpoint as a sentence names it: its pod and node, or its address.
pub(super) fn endpoint_words(backend: &Backend) -> String {
    let who =
        backend.pod.as_ref().map_or_else(|| std::net::SocketAddr::new(backend.ip, backend.port).to_string(), ToString::to_string);
    let place = backend.node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    format!("{who}{place}")
}

/// The source's own lookup found no address. `None` when it was not tried.
pub(super) fn name_failed(cx: &Correlation<'_>) -> Option<bool> {
    cx.resolved().map(|r| r.addresses.is_empty())
}

/// The destination is a name that lies outside the cluster.
pub(super) fn outside_name<'a>(cx: &Correlation<'a>) -> Option<&'a str> {
    match (&cx.question.to, &cx.question.name) {
        (Subject::Name(_), Some(name)) if names::is_outside(name, &names::domain(cx.cluster)) => Some(name),
        (
            Subject::Name(_) | Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_),
            _,
        ) => None,
    }
}

/// The start of every cause here: what to say when there is nothing to look at.
///
/// Objects that explain the failure are the root: no measurement then makes a second cause of it.
pub(super) fn nothing_to_do(cx: &Correlation<'_>) -> Option<Verdict> {
    if cx.question.name.is_none() {
        return Some(Verdict::NotApplicable);
    }
    let explained = cx.findings.iter().any(|f| f.weight == Weight::Cause && f.meta.code.starts_with("NC10"));
    if explained {
        return Some(Verdict::Clear);
    }
    None
}

/// The reason of a cause that could not be decided because nothing was sent.
pub(super) fn unmeasured() -> Verdict {
    Verdict::Undetermined("the name was not looked up as the source does, or no DNS query was answered in time".to_owned())
}

/// NetworkPolicies that select the source: their egress rules may be what blocks DNS.
pub(super) fn policies_on_source(cx: &Correlation<'_>) -> Vec<String> {
    let Some(pod) = source(cx) else { return Vec::new() };
    let all = cx.cluster.network_policies.seen();
    let mut names: Vec<String> = all
        .filter(|p| p.namespace == pod.namespace && p.pod_selector.matches(&pod.labels))
        .map(|p| p.object().to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}
