//! What was measured, in sum and in words: the verdict's second half, the path, and what was and was not covered.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Destination, Protocol, ServiceKind, ServicePort, Subject};
use crate::plan::reads;
use crate::plan::steps::MAX_BACKENDS;
use crate::probe::{HttpOutcome, ProbeOutcome, ProbeSpec};
use crate::protocol::Measurement;
use crate::report::diagnosis::{Configured, HopPart, Measured};

use super::diagnose::Gap;
use super::services::http;
use super::view::{Reach, micros};
use super::{Correlation, routes};

pub(super) use super::measurement::measurement;

/// What one stage of the way came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotMeasured,
    Ok,
    Mixed,
    Failed,
}

/// Whether traffic arrived, over the name, the connection and, for a URL, the request; with successes and tries when only some did.
pub(super) fn measured(cx: &Correlation<'_>) -> (Measured, Option<(u32, u32)>) {
    let reaches = decisive(cx);
    let (name, connect, http) = (name_stage(cx), connect_stage(cx, &reaches), http_stage(cx));
    let has = |stage: Stage| [name, connect, http].contains(&stage);
    if has(Stage::Failed) {
        return (Measured::Unreachable, None);
    }
    if has(Stage::Mixed) {
        let dns: Vec<Reach> = dns_endpoint_reaches(cx).into_iter().map(|(_, r)| r).collect();
        let counted: Vec<&Reach> =
            if connect == Stage::Mixed { reaches.iter().map(|(_, r)| r).collect() } else { dns.iter().collect() };
        let tally = counted.iter().fold((0, 0), |(s, t), r| (s + r.successes, t + r.tries));
        return (Measured::Intermittent, Some(tally));
    }
    // a name that resolves is not yet a connection
    if connect == Stage::NotMeasured && http == Stage::NotMeasured {
        return (Measured::NotMeasured, None);
    }
    (Measured::Reachable, None)
}

fn name_stage(cx: &Correlation<'_>) -> Stage {
    let Some(resolved) = cx.resolved() else { return Stage::NotMeasured };
    if resolved.addresses.is_empty() {
        return Stage::Failed;
    }
    // when no endpoint answers and the name resolves, something between serves it, as NodeLocal DNS does
    let endpoints = super::dns::view::endpoints(cx);
    let is_mixed = endpoints.iter().any(|(_, a)| a.alive()) && endpoints.iter().any(|(_, a)| a.failing());
    if is_mixed { Stage::Mixed } else { Stage::Ok }
}

/// How each DNS endpoint answered on its own: successes are responses, whatever their code.
pub(super) fn dns_endpoint_reaches(cx: &Correlation<'_>) -> Vec<(IpAddr, Reach)> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let reach = |asked: &super::dns::view::Asked<'_>| Reach {
        tries: count(asked.tries()),
        successes: count(asked.responses()),
        ..Reach::default()
    };
    super::dns::view::endpoints(cx).iter().map(|(backend, asked)| (backend.ip, reach(asked))).collect()
}

/// The addresses whose answers decide, with what they answered.
pub(super) fn decisive(cx: &Correlation<'_>) -> Vec<(String, Reach)> {
    let port = cx.question.port;
    let at =
        |what: String, ip: IpAddr, port: u16| (format!("{what} {}", std::net::SocketAddr::new(ip, port)), cx.reach(ip, port));
    match (&cx.question.to, port) {
        (Subject::Route(_), _) => routes::view::reaches(cx),
        (Subject::Service { .. }, Some(port)) => {
            let Some(service) = cx.service() else { return Vec::new() };
            if service.kind == ServiceKind::ExternalName {
                return resolved_reaches(cx, port);
            }
            let addresses = service.cluster_ips.iter().map(|ip| at(service.object().to_string(), *ip, port));
            let backends = cx.backends_in_use().into_iter();
            // a headless Service translates nothing: the port the client uses decides
            let knock = |own: u16| if service.headless { port } else { own };
            let backends =
                backends.map(|b| at(b.pod.map_or_else(|| "endpoint".to_owned(), |p| p.to_string()), b.ip, knock(b.port)));
            addresses.chain(backends).filter(|(_, r)| r.measured()).collect()
        }
        (Subject::Pod(object), Some(port)) => {
            let ips = cx.cluster.pod(object).map(|p| p.ips.clone()).unwrap_or_default();
            ips.into_iter().map(|ip| at(object.to_string(), ip, port)).filter(|(_, r)| r.measured()).collect()
        }
        (Subject::Node(name), Some(port)) => {
            let ips = cx.cluster.node(name).map(|n| n.internal_ips.clone()).unwrap_or_default();
            ips.into_iter().map(|ip| at(format!("node/{name}"), ip, port)).filter(|(_, r)| r.measured()).collect()
        }
        (Subject::Ip(ip), Some(port)) => vec![at("address".to_owned(), *ip, port)],
        (Subject::Name(_), Some(port)) => resolved_reaches(cx, port),
        (_, None) => pings(cx),
    }
}

fn resolved_reaches(cx: &Correlation<'_>, port: u16) -> Vec<(String, Reach)> {
    let addresses = cx.resolved().map(|r| r.addresses.clone()).unwrap_or_default();
    let ips = addresses.iter().filter_map(|a| a.parse::<IpAddr>().ok());
    ips.map(|ip| (std::net::SocketAddr::new(ip, port).to_string(), cx.reach(ip, port))).filter(|(_, r)| r.measured()).collect()
}

/// Without a port, echo replies stand for reachability.
fn pings(cx: &Correlation<'_>) -> Vec<(String, Reach)> {
    let mut all = Vec::new();
    for m in cx.measured.iter().filter(|m| Some(&m.from) == cx.question.from.as_ref()) {
        if let (ProbeSpec::Ping(spec), ProbeOutcome::Ping(outcome)) = (&m.spec, &m.outcome) {
            let reach = Reach {
                tries: outcome.echo.tries,
                successes: outcome.echo.tries.saturating_sub(outcome.echo.lost),
                failure: (outcome.echo.lost > 0).then(|| outcome.error.clone().unwrap_or_else(|| "no echo reply".to_owned())),
                refusal: None,
            };
            all.push((format!("ping {}", spec.ip), reach));
        }
    }
    all
}

fn connect_stage(cx: &Correlation<'_>, reaches: &[(String, Reach)]) -> Stage {
    if reaches.iter().all(|(_, r)| !r.measured()) {
        return Stage::NotMeasured;
    }
    let has_address = cx.service().is_some_and(|s| !s.cluster_ips.is_empty());
    // the Service's own addresses come first in the list: all of them dead is a failure whatever the endpoints do
    let vips = cx.service().map_or(0, |s| s.cluster_ips.len());
    if has_address && cx.question.port.is_some() {
        let own: Vec<&Reach> = reaches.iter().take(vips).map(|(_, r)| r).filter(|r| r.measured()).collect();
        if !own.is_empty() && own.iter().all(|r| r.dead()) {
            // a few tries of the address may all have met the bad one of several endpoints
            let endpoints = || reaches.iter().skip(own.len()).map(|(_, r)| r).filter(|r| r.measured());
            let some_answer = endpoints().any(Reach::ok) && endpoints().any(|r| !r.ok());
            return if some_answer { Stage::Mixed } else { Stage::Failed };
        }
    }
    if reaches.iter().all(|(_, r)| r.ok()) {
        Stage::Ok
    } else if reaches.iter().all(|(_, r)| r.dead()) {
        Stage::Failed
    } else {
        Stage::Mixed
    }
}

fn http_stage(cx: &Correlation<'_>) -> Stage {
    // the requests to a route are what decides for it
    if matches!(cx.question.to, Subject::Route(_)) {
        return Stage::NotMeasured;
    }
    let outcome =
        cx.measured.iter().find_map(|m| if let ProbeOutcome::Http(outcome) = &m.outcome { Some(outcome) } else { None });
    match outcome {
        None | Some(HttpOutcome::Unknown) => Stage::NotMeasured,
        Some(HttpOutcome::Response { .. }) => Stage::Ok,
        Some(HttpOutcome::Failed { .. }) => Stage::Failed,
    }
}

/// The verdict when no cause was found.
///
/// `of_run`: what went wrong while running, which is why nothing was measured when that is so.
pub(super) fn sentence(cx: &Correlation<'_>, configured: Configured, measured: Measured, of_run: &[Gap]) -> String {
    let to = destination(cx);
    match measured {
        Measured::Reachable if matches!(cx.question.to, Subject::Route(_)) => {
            let requests = routes::view::decisive(cx);
            let first = requests.first().map(|r| format!(": {} {}", r.url, routes::view::words(r.via))).unwrap_or_default();
            format!("{to} answers {}{first}.", from(cx))
        }
        Measured::Reachable if http::answer(cx).is_some() => {
            let request = http::answer(cx).map(|(spec, status, _)| format!("GET {} with {status}", spec.url)).unwrap_or_default();
            let took = fastest(cx).map(|us| format!("; the connection took {}", micros(us))).unwrap_or_default();
            format!("{to} answers {}: {request}{took}.", from(cx))
        }
        Measured::Reachable => match fastest(cx) {
            Some(us) => format!("{to} accepts connections from {}; the fastest took {}.", from(cx), micros(us)),
            None => format!("{to} answers {}.", from(cx)),
        },
        Measured::NotMeasured => {
            let objects = match configured {
                Configured::Allowed => "the objects look right",
                Configured::Denied => "the objects deny it",
                Configured::Broken => "the objects are broken",
                Configured::Undetermined => "the objects leave it open",
            };
            format!("{to}: {objects}, and nothing was measured ({}).", why_unmeasured(cx, of_run))
        }
        Measured::Unreachable | Measured::Intermittent => {
            format!("{to} does not answer {} reliably, and no cause was found.", from(cx))
        }
    }
}

/// Why no packet decided, in the words of the gap that stands for it: never of one that has nothing to do with it.
fn why_unmeasured(cx: &Correlation<'_>, of_run: &[Gap]) -> String {
    if let Some(gap) = no_family(cx) {
        return gap.why;
    }
    let silent = |m: &Measurement| matches!(&m.outcome, ProbeOutcome::Udp(u) if u.answered == 0 && u.silent > 0);
    let whole = |gap: Gap| format!("{}: {}", gap.what, gap.why);
    if let Some(gap) = of_run.first() {
        return whole(gap.clone());
    }
    let of_question = [no_port(cx), from_node(cx), sctp(cx)].into_iter().flatten().next();
    if let Some(gap) = of_question.or_else(|| not_run(cx).into_iter().next()) {
        return whole(gap);
    }
    if cx.measured.iter().any(silent) { "no UDP probe was answered, which proves nothing" } else { "no probe was run" }.to_owned()
}

/// The source has no address of the family that the destination's addresses are of.
fn no_family(cx: &Correlation<'_>) -> Option<Gap> {
    let own = &cx.cluster.pod(cx.question.from.as_ref()?)?.ips;
    let to: Vec<IpAddr> = match &cx.question.to {
        Subject::Service { .. } => cx.service().map(|s| s.cluster_ips.clone()).unwrap_or_default(),
        Subject::Pod(object) => cx.cluster.pod(object).map(|p| p.ips.clone()).unwrap_or_default(),
        Subject::Node(name) => cx.cluster.node(name).map(|n| n.internal_ips.clone()).unwrap_or_default(),
        Subject::Ip(ip) => vec![*ip],
        Subject::Route(_) | Subject::Name(_) => Vec::new(),
    };
    let first = to.first()?;
    if own.is_empty() || to.iter().any(|ip| own.iter().any(|o| o.is_ipv6() == ip.is_ipv6())) {
        return None;
    }
    let family = if first.is_ipv6() { "IPv6" } else { "IPv4" };
    Some(Gap { what: format!("connections to {first}"), why: format!("{} has no {family} address", from(cx)) })
}

/// Names without a port are looked up, and nothing is connected to.
fn no_port(cx: &Correlation<'_>) -> Option<Gap> {
    let is_name = matches!(&cx.question.to, Subject::Name(_)) && cx.question.port.is_none();
    let why = format!("no port was given: write it as {}:443", cx.question.to);
    is_name.then(|| Gap { what: "connections".to_owned(), why })
}

fn sctp(cx: &Correlation<'_>) -> Option<Gap> {
    let why = "there is no probe for SCTP".to_owned();
    (cx.question.protocol == Protocol::Sctp).then(|| Gap { what: "the SCTP port".to_owned(), why })
}

fn from(cx: &Correlation<'_>) -> String {
    match (&cx.question.from_node, &cx.question.from) {
        (Some(node), _) => format!("node/{node}"),
        (None, Some(pod)) => pod.to_string(),
        (None, None) => "the source".to_owned(),
    }
}

/// The destination with its port, as a sentence names it.
pub(super) fn destination(cx: &Correlation<'_>) -> String {
    match cx.question.port {
        Some(port) => format!("{} port {port}/{}", cx.question.to, cx.question.protocol),
        None => cx.question.to.to_string(),
    }
}

fn fastest(cx: &Correlation<'_>) -> Option<u64> {
    let times = cx.measured.iter().filter(|m| Some(&m.from) == cx.question.from.as_ref()).filter_map(|m| {
        if let ProbeOutcome::Tcp(t) = &m.outcome { (t.opened() > 0).then_some(t.connect.median_us) } else { None }
    });
    times.min()
}

/// The hops of the traffic, with what was seen at each.
pub(super) fn path(cx: &Correlation<'_>) -> Vec<HopPart> {
    let mut hops = vec![source_hop(cx)];
    if let Some(resolved) = cx.resolved() {
        let ok = !resolved.addresses.is_empty();
        let seen = if ok {
            let (addresses, queries) = (resolved.addresses.join(", "), resolved.queries.len());
            let queries = if queries == 1 { "1 query".to_owned() } else { format!("{queries} queries") };
            format!("{addresses} in {}, {queries}", micros(resolved.total_us))
        } else {
            resolved.error.clone().unwrap_or_else(|| "no address".to_owned())
        };
        hops.push(hop(format!("DNS {}", cx.question.name.clone().unwrap_or_default()), Some(ok), seen));
    }
    if matches!(cx.question.to, Subject::Route(_)) {
        hops.extend(routes::path::hops(cx));
        return hops;
    }
    for (what, reach) in decisive(cx) {
        hops.push(hop(what, reach.measured().then_some(reach.ok()), reach.words()));
    }
    hops.extend(http::hops(cx));
    hops
}

pub(super) fn hop(at: String, ok: Option<bool>, seen: String) -> HopPart {
    let state = match ok {
        Some(true) => "ok",
        Some(false) => "failed",
        None => "unknown",
    };
    HopPart { at, state: state.to_owned(), seen }
}

fn source_hop(cx: &Correlation<'_>) -> HopPart {
    let pod = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o));
    let node = cx.question.from_node.as_ref().and_then(|n| cx.cluster.node(n));
    let place = pod.filter(|_| cx.question.from_node.is_none()).and_then(|p| p.node.clone());
    let place = place.map(|n| format!(" on node/{n}")).unwrap_or_default();
    let ips = pod.map(|p| &p.ips).or(node.map(|n| &n.internal_ips));
    let address = ips.map(|ips| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")).unwrap_or_default();
    let mtu = cx.environment().and_then(|e| e.interfaces.iter().find(|i| i.name != "lo")).and_then(|i| i.mtu);
    let seen = match mtu {
        Some(mtu) => format!("{address}, MTU {mtu}"),
        None if address.is_empty() => "not looked at from inside".to_owned(),
        None => format!("{address}; not looked at from inside"),
    };
    hop(format!("{}{place}", from(cx)), cx.environment().map(|_| true), seen)
}

/// What was looked at and found well, beside what the path tells hop by hop: a line each.
pub(super) fn covered(cx: &Correlation<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (ip, reach) in dns_endpoint_reaches(cx).iter().filter(|(_, r)| r.ok()) {
        lines.push(format!("DNS endpoint {ip}: {} of {} queries answered", reach.successes, reach.tries));
    }
    lines.extend(super::policies::covered(cx));
    if let Some(service) = cx.service()
        && cx.service_port().is_some()
    {
        let backends = cx.backends();
        let ready = backends.iter().filter(|b| b.ready).count();
        // fewer is a finding, and none is nothing to be pleased with
        if ready > 0 && ready == backends.len() {
            let words = if ready == 1 { "its only endpoint is ready".to_owned() } else { format!("all {ready} endpoints ready") };
            lines.push(format!("{}: {words}", service.object()));
        }
    }
    lines
}

/// What was not looked at.
pub(super) fn gaps(cx: &Correlation<'_>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = super::policies::gaps(cx);
    for listing in &cx.cluster.network_policies.listings {
        if let (None, Some(why)) = (listing.items.got(), listing.items.missing()) {
            gaps.push(Gap { what: "NetworkPolicy objects".to_owned(), why });
        }
    }
    if let Some(why) = dns_unknown(cx) {
        gaps.push(Gap { what: "the cluster's DNS Service and its endpoints".to_owned(), why });
    }
    gaps.extend(routes::unread_secrets(cx));
    gaps.extend(from_node(cx));
    gaps.extend(not_run(cx));
    let endpoints = cx.backends().len();
    if endpoints > MAX_BACKENDS {
        gaps.push(Gap {
            what: format!("{} of {endpoints} endpoints", endpoints - MAX_BACKENDS),
            why: format!("at most {MAX_BACKENDS} are tried one by one"),
        });
    }
    gaps.extend([no_family(cx), no_port(cx), unasked_ports(cx), http::trust(cx), sctp(cx)].into_iter().flatten());
    gaps.push(Gap {
        what: "rules, routes and conntrack entries on the nodes".to_owned(),
        why: "a pair diagnosis of this version does not enter nodes".to_owned(),
    });
    gaps
}

/// Without a port in the question one of the Service's ports is tried, and says nothing of the others.
fn unasked_ports(cx: &Correlation<'_>) -> Option<Gap> {
    let asked = &cx.question.request;
    let is_chosen = asked.port.is_none() && matches!(asked.destination, Destination::Object(_) | Destination::Name(_));
    let service = cx.service().filter(|_| is_chosen)?;
    let tried = cx.service_port()?;
    let name = |p: &ServicePort| p.name.as_ref().map(|n| format!("{n}=")).unwrap_or_default();
    let others: Vec<String> =
        service.ports.iter().filter(|p| *p != tried).map(|p| format!("{}{}/{}", name(p), p.port, p.protocol)).collect();
    let words = if others.len() == 1 { "port" } else { "ports" };
    let why = format!("no port was given, and {}/{} stands for it: write SERVICE:PORT", tried.port, tried.protocol);
    (!others.is_empty()).then(|| Gap { what: format!("{words} {} of {}", others.join(", "), service.object()), why })
}

/// Probes from a node start in a pod that shares its network, which the user has to allow.
fn from_node(cx: &Correlation<'_>) -> Option<Gap> {
    let node = cx.question.from_node.as_ref().filter(|_| cx.question.from.is_none() && !cx.question.request.no_probes)?;
    let why = if cx.question.request.deep {
        "no ready pod on it shares its network, or pods of that node could not be read"
    } else {
        "they start in a pod that shares the node's network; allow it with --deep"
    };
    Some(Gap { what: format!("probes from node/{node}"), why: why.to_owned() })
}

/// Probes that were not run: by name when they are few, by number when a whole agent is missing.
fn not_run(cx: &Correlation<'_>) -> Vec<Gap> {
    let mut by_reason: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for m in cx.measured {
        if let ProbeOutcome::NotRun { why } = &m.outcome {
            by_reason.entry((m.from.to_string(), why.clone())).or_default().push(super::measurement::label(&m.spec));
        }
    }
    let told = |((from, why), labels): ((String, String), Vec<String>)| {
        let what = if labels.len() > 3 { format!("{} probes", labels.len()) } else { labels.join(", ") };
        Gap { what: format!("{what} from {from}"), why }
    };
    by_reason.into_iter().map(told).collect()
}

fn dns_unknown(cx: &Correlation<'_>) -> Option<String> {
    cx.question.name.as_ref()?;
    if !reads::dns_services(cx.cluster).is_empty() {
        return None;
    }
    let mut missing =
        cx.cluster.services.listings.iter().filter(|l| l.query.labels.as_deref() == Some(crate::plan::names::DNS_LABEL));
    Some(missing.find_map(|l| l.items.missing()).unwrap_or_else(|| "no Service has the label k8s-app=kube-dns".to_owned()))
}
