//! Which probes to run: first what tells most at least cost, then what the answers leave open.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::dns_config::{self, Corefile, Upstream};
use crate::finding::{Finding, Weight};
use crate::model::{Cluster, Destination, ObjectRef, Protocol, Question, Service, ServiceKind, Subject};
use crate::probe::{
    DnsOutcome, DnsSpec, EnvironmentSpec, HttpSpec, PingSpec, ProbeOutcome, ProbeSpec, RecordType, ResolveSpec, SocketsSpec,
    TcpSpec, Transport, UdpSpec,
};
use crate::protocol::Measurement;

use super::backends::{Backend, asked_backends, asked_port, backends, in_use};
use super::{Step, names, reads, resolve, routes, settle, silence};

/// A lost SYN is sent again after 1 s (`TCP_TIMEOUT_INIT`, include/net/tcp.h): one retransmission fits.
pub const TCP_TIMEOUT_MS: u64 = 1_500;
/// Half of what resolv.conf(5) gives a server before it asks again.
pub const DNS_TIMEOUT_MS: u64 = 2_000;
/// Most endpoints of one Service that are tried one by one.
pub const MAX_BACKENDS: usize = 16;
/// Most DNS endpoints that are asked one by one.
pub const MAX_DNS_ENDPOINTS: usize = 8;
/// Most destination pods an agent is started in to look from inside.
pub const MAX_DESTINATION_AGENTS: usize = 2;
/// Tries of an endpoint whose first answers differed.
const REPEATS: u32 = 10;

/// The first wave: everything that starts in the source.
pub fn first(question: &Question, cluster: &Cluster, findings: &[Finding]) -> Vec<Step> {
    let Some(from) = question.from.clone().filter(|_| !question.request.no_probes) else { return Vec::new() };
    let mut wave = Wave::new(from, cluster);
    wave.add("the pod's own addresses, routes and resolv.conf", ProbeSpec::Environment(EnvironmentSpec {}));
    names_wave(question, cluster, findings, &mut wave);
    match &question.to {
        Subject::Service { namespace, name } => {
            if let Some(service) = cluster.service(namespace, name) {
                service_wave(question, cluster, service, &mut wave);
            }
        }
        Subject::Pod(object) => {
            for ip in cluster.pod(object).into_iter().flat_map(|p| &p.ips) {
                address(question, *ip, "the destination pod", &mut wave);
            }
        }
        Subject::Node(name) => {
            for ip in cluster.node(name).into_iter().flat_map(|n| &n.internal_ips) {
                address(question, *ip, "the node", &mut wave);
            }
            parts_wave(question, cluster, &mut wave);
        }
        Subject::Ip(ip) => address(question, *ip, "the address", &mut wave),
        Subject::Route(_) => route_wave(question, cluster, &mut wave),
        Subject::Name(_) => {}
    }
    if let Destination::Url(url) = &question.request.destination {
        wave.add("the URL, as an HTTP client would", ProbeSpec::Http(HttpSpec { url: url.clone(), ip: None, timeout_ms: 5_000 }));
    }
    wave.steps
}

/// The requests of a route, and the Services behind it.
fn route_wave(question: &Question, cluster: &Cluster, wave: &mut Wave) {
    for (why, spec) in routes::steps::first(question, cluster) {
        wave.add(why, spec);
    }
    parts_wave(question, cluster, wave);
}

/// The Services behind a route or a node port, as in questions of their own.
fn parts_wave(question: &Question, cluster: &Cluster, wave: &mut Wave) {
    for part in routes::parts(question, cluster) {
        if let Subject::Service { namespace, name } = &part.to
            && let Some(service) = cluster.service(namespace, name)
        {
            service_wave(&part, cluster, service, wave);
        }
    }
}

pub(super) struct Wave {
    from: ObjectRef,
    /// The pod has an address of that family: v4, v6. Without one its packets cannot leave, which is no fault of the destination.
    families: (bool, bool),
    steps: Vec<Step>,
}

impl Wave {
    fn new(from: ObjectRef, cluster: &Cluster) -> Self {
        let ips = cluster.pod(&from).map(|p| p.ips.clone()).unwrap_or_default();
        let families =
            if ips.is_empty() { (true, true) } else { (ips.iter().any(IpAddr::is_ipv4), ips.iter().any(IpAddr::is_ipv6)) };
        Self { from, families, steps: Vec::new() }
    }

    /// The source can send to this address at all.
    fn has_family_of(&self, ip: IpAddr) -> bool {
        if ip.is_ipv6() { self.families.1 } else { self.families.0 }
    }

    pub(super) fn add(&mut self, why: &str, spec: ProbeSpec) {
        if !self.steps.iter().any(|s| s.spec == spec && s.from == self.from) {
            self.steps.push(Step { why: why.to_owned(), from: self.from.clone(), spec });
        }
    }

    fn dns(&mut self, why: &str, server: IpAddr, name: &str, record: RecordType, transport: Transport) {
        if !self.has_family_of(server) {
            return;
        }
        let spec =
            DnsSpec { server, port: 53, name: name.to_owned(), record, transport, attempts: 1, timeout_ms: DNS_TIMEOUT_MS };
        self.add(why, ProbeSpec::Dns(spec));
    }
}

fn tcp(ip: IpAddr, port: u16, attempts: u32) -> ProbeSpec {
    ProbeSpec::Tcp(TcpSpec { ip, port, attempts, timeout_ms: TCP_TIMEOUT_MS, wait_ms: 0 })
}

/// Which address records the destination should have.
pub fn records_wanted(question: &Question, cluster: &Cluster) -> Vec<RecordType> {
    let Subject::Service { namespace, name } = &question.to else { return vec![RecordType::A] };
    let families = cluster.service(namespace, name).map(|s| s.ip_families.clone()).unwrap_or_default();
    let mut records = Vec::new();
    if families.is_empty() || families.iter().any(|f| f == "IPv4") {
        records.push(RecordType::A);
    }
    if families.iter().any(|f| f == "IPv6") {
        records.push(RecordType::Aaaa);
    }
    records
}

/// The DNS servers a pod with cluster DNS uses: addresses of the DNS Service, then each endpoint.
pub fn dns_servers(cluster: &Cluster) -> (Vec<IpAddr>, Vec<Backend>) {
    let Some(service) = reads::dns_services(cluster).into_iter().next() else { return (Vec::new(), Vec::new()) };
    let port = asked_port(service, Some(53), Protocol::Udp);
    let endpoints = port.map(|p| backends(cluster, service, p)).and_then(|k| k.got().cloned()).unwrap_or_default();
    (service.cluster_ips.clone(), endpoints)
}

fn names_wave(question: &Question, cluster: &Cluster, findings: &[Finding], wave: &mut Wave) {
    let Some(name) = &question.name else { return };
    wave.add(
        "the name, as an application in the pod looks it up",
        ProbeSpec::Resolve(ResolveSpec { name: name.clone(), timeout_ms: resolve_timeout_ms(findings) }),
    );
    let domain = names::domain(cluster);
    let absolute = match &question.to {
        Subject::Service { namespace, name } => names::full_name(namespace, name, &domain),
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => name.clone(),
    };
    let mut questions = vec![absolute];
    if question.request.destination == Destination::Dns {
        questions.push(resolve::INTERNET.to_owned());
    }
    let (addresses, endpoints) = dns_servers(cluster);
    for name in &questions {
        for record in records_wanted(question, cluster) {
            for server in &addresses {
                wave.dns("the DNS Service over UDP", *server, name, record, Transport::Udp);
                wave.dns("the DNS Service over TCP", *server, name, record, Transport::Tcp);
            }
            for endpoint in endpoints.iter().take(MAX_DNS_ENDPOINTS) {
                ask_endpoint(endpoint, name, record, wave);
            }
        }
    }
}

/// An application waits 5 s for a server before it asks again (resolv.conf(5)). Where the objects already say why DNS
/// fails, a shorter wait confirms it.
fn resolve_timeout_ms(findings: &[Finding]) -> u64 {
    let explained = findings.iter().any(|f| f.weight == Weight::Cause && f.meta.code.starts_with("NC10"));
    if explained { 2_000 } else { 6_000 }
}

/// CoreDNS may listen on another port than 53 behind its Service.
fn ask_endpoint(endpoint: &Backend, name: &str, record: RecordType, wave: &mut Wave) {
    if !wave.has_family_of(endpoint.ip) {
        return;
    }
    let spec = DnsSpec {
        server: endpoint.ip,
        port: endpoint.port,
        name: name.to_owned(),
        record,
        transport: Transport::Udp,
        attempts: 2,
        timeout_ms: DNS_TIMEOUT_MS,
    };
    wave.add("each DNS endpoint on its own", ProbeSpec::Dns(spec));
}

fn service_wave(question: &Question, cluster: &Cluster, service: &Service, wave: &mut Wave) {
    let Some(port) = question.port else { return };
    let is_known = service.headless || asked_port(service, Some(port), question.protocol).is_some();
    if !is_known || question.protocol == Protocol::Sctp {
        return;
    }
    for ip in &service.cluster_ips {
        connect(question, *ip, port, question.request.attempts, "the Service's address, as the application uses it", wave);
    }
    let endpoints = asked_backends(cluster, service, Some(port), question.protocol).got().cloned().unwrap_or_default();
    let last = in_use(&endpoints);
    for backend in endpoints.iter().filter(|b| !b.terminating || last.contains(b)).take(MAX_BACKENDS) {
        // a headless Service translates nothing: clients knock at the pods with the port they were told
        if service.headless && port != backend.port {
            connect(question, backend.ip, port, 2, "each pod of the headless Service, as the application uses it", wave);
        }
        connect(question, backend.ip, backend.port, 2, "each endpoint on its own, past the Service's address", wave);
    }
    for (_, ip, node_port) in node_port_targets(question, cluster) {
        if wave.has_family_of(ip) {
            wave.add("the node port of a node with an endpoint", tcp(ip, node_port, 1));
        }
    }
}

/// Most nodes whose node port is tried.
const MAX_NODE_PORTS: usize = 2;

/// Node name, address and node port of nodes that must answer for the Service.
pub fn node_port_targets(question: &Question, cluster: &Cluster) -> Vec<(String, IpAddr, u16)> {
    let Subject::Service { namespace, name } = &question.to else { return Vec::new() };
    let Some(service) = cluster.service(namespace, name) else { return Vec::new() };
    let Some(port) = asked_port(service, question.port, question.protocol) else { return Vec::new() };
    let (Some(node_port), Protocol::Tcp) = (port.node_port, port.protocol) else { return Vec::new() };
    let endpoints = backends(cluster, service, port).got().cloned().unwrap_or_default();
    let nodes: BTreeSet<String> = endpoints.iter().filter(|b| b.ready).filter_map(|b| b.node.clone()).collect();
    let at = |name: &String| Some((name.clone(), *cluster.node(name)?.internal_ips.first()?, node_port));
    nodes.iter().filter_map(at).take(MAX_NODE_PORTS).collect()
}

fn address(question: &Question, ip: IpAddr, what: &str, wave: &mut Wave) {
    if !wave.has_family_of(ip) {
        return;
    }
    if let Some(port) = question.port {
        connect(question, ip, port, question.request.attempts, what, wave);
    }
    wave.add(what, ProbeSpec::Ping(PingSpec { ip, count: 3, payload_bytes: 56, timeout_ms: 1_000 }));
}

fn connect(question: &Question, ip: IpAddr, port: u16, attempts: u32, why: &str, wave: &mut Wave) {
    if !wave.has_family_of(ip) {
        return;
    }
    match question.protocol {
        Protocol::Tcp => wave.add(why, tcp(ip, port, attempts)),
        // a DNS server answers only DNS: the name probes ask it properly
        Protocol::Udp if port == 53 => {}
        Protocol::Udp => {
            wave.add(why, ProbeSpec::Udp(UdpSpec { ip, port, attempts, timeout_ms: 1_000, payload_hex: String::new() }));
        }
        Protocol::Sctp => {}
    }
}

/// The next wave: what the answers so far leave open. Empty when nothing more would tell.
pub fn more(question: &Question, cluster: &Cluster, _findings: &[Finding], measured: &[Measurement], wave: u32) -> Vec<Step> {
    let Some(from) = question.from.clone() else { return Vec::new() };
    let mut next = Wave::new(from.clone(), cluster);
    for (why, spec) in silence::follow(question, cluster, measured) {
        if !measured.iter().any(|m| m.from == from && m.spec == spec) {
            next.add(why, spec);
        }
    }
    // a name's addresses are known, and tried, one wave later than others
    if wave > 1 {
        return next.steps;
    }
    other_nameservers(question, cluster, measured, &mut next);
    settle::again(question, cluster, measured, &mut next);
    alias_target(question, cluster, measured, &mut next);
    resolved_addresses(question, cluster, measured, &mut next);
    for (why, spec) in routes::steps::more(question, cluster, measured) {
        if !measured.iter().any(|m| m.spec == spec) {
            next.add(why, spec);
        }
    }
    let mut insiders = BTreeSet::new();
    for m in measured.iter().filter(|m| m.from == from) {
        match (&m.spec, &m.outcome) {
            (ProbeSpec::Tcp(spec), ProbeOutcome::Tcp(outcome)) if !outcome.all_opened() => {
                if !outcome.none_opened() {
                    next.add("more tries, as the first answers differed", tcp(spec.ip, spec.port, REPEATS));
                }
                insiders.extend(pod_at(cluster, spec.ip).map(|pod| (pod, spec.ip, spec.port)));
            }
            (ProbeSpec::Udp(spec), ProbeOutcome::Udp(outcome)) if outcome.answered == 0 => {
                insiders.extend(pod_at(cluster, spec.ip).map(|pod| (pod, spec.ip, spec.port)));
            }
            (ProbeSpec::Dns(spec), ProbeOutcome::Dns(outcome))
                if spec.transport == Transport::Udp && !outcome.attempts.iter().any(|a| a.records().is_some()) =>
            {
                internal_control(cluster, spec, &mut next);
                upstream_control(cluster, spec, &mut next);
                unanswered(spec, outcome, &mut next);
            }
            (ProbeSpec::Dns(spec), ProbeOutcome::Dns(outcome)) if spec.transport == Transport::Udp => {
                unanswered(spec, outcome, &mut next);
            }
            _ => {}
        }
    }
    let mut steps = next.steps;
    let pods: BTreeSet<ObjectRef> = insiders.iter().map(|(pod, _, _)| pod.clone()).collect();
    for pod in pods.iter().take(MAX_DESTINATION_AGENTS) {
        let mut inside = Wave::new(pod.clone(), cluster);
        inside.add("who listens inside the destination pod", ProbeSpec::Sockets(SocketsSpec {}));
        for (_, ip, port) in insiders.iter().filter(|(p, _, _)| p == pod) {
            if question.protocol == Protocol::Tcp {
                let loopback: IpAddr =
                    if ip.is_ipv6() { std::net::Ipv6Addr::LOCALHOST.into() } else { std::net::Ipv4Addr::LOCALHOST.into() };
                inside.add("the port from inside the destination pod, over loopback", tcp(loopback, *port, 1));
                if *pod != from {
                    inside.add("the port from inside the destination pod, at its own address", tcp(*ip, *port, 1));
                }
            }
        }
        steps.extend(inside.steps);
    }
    steps
}

/// resolv.conf may name servers that are not the cluster's DNS Service: ask each.
fn other_nameservers(question: &Question, cluster: &Cluster, measured: &[Measurement], next: &mut Wave) {
    let Some(name) = &question.name else { return };
    let (known, _) = dns_servers(cluster);
    for m in measured {
        let ProbeOutcome::Environment(environment) = &m.outcome else { continue };
        for server in environment.resolv_conf.iter().flat_map(|r| &r.nameservers).filter(|s| !known.contains(s)) {
            next.dns("a nameserver of resolv.conf that is not the DNS Service", *server, name, RecordType::A, Transport::Udp);
            let control = control_name(cluster);
            next.dns("whether it knows names of the cluster", *server, &control, RecordType::A, Transport::Udp);
        }
    }
}

/// A name outside the cluster: connect to what it resolved to.
fn resolved_addresses(question: &Question, cluster: &Cluster, measured: &[Measurement], next: &mut Wave) {
    let Some(port) = question.port else { return };
    let by_name = match &question.to {
        Subject::Name(_) => true,
        // an alias has no address of its own: the name's are all there is to try
        Subject::Service { namespace, name } => {
            cluster.service(namespace, name).is_some_and(|s| s.kind == ServiceKind::ExternalName)
        }
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) => false,
    };
    if !by_name {
        return;
    }
    for m in measured {
        let ProbeOutcome::Resolve(resolved) = &m.outcome else { continue };
        for ip in resolved.addresses.iter().filter_map(|a| a.parse().ok()).take(4) {
            connect(question, ip, port, question.request.attempts, "the address the name stands for", next);
        }
    }
}

/// The name an ExternalName Service stands for, where the alias brought no address: the cluster's DNS answers for the alias
/// without saying why there is none.
fn alias_target(question: &Question, cluster: &Cluster, measured: &[Measurement], next: &mut Wave) {
    let Some(target) = alias_name(question, cluster) else { return };
    let failed = |m: &Measurement| matches!(&m.outcome, ProbeOutcome::Resolve(r) if r.addresses.is_empty());
    if measured.iter().any(failed) {
        next.add("the name the alias stands for", ProbeSpec::Resolve(ResolveSpec { name: target, timeout_ms: 3_000 }));
    }
}

/// The name the destination is an alias for (`spec.externalName`), with the final dot that keeps search lists off it.
pub fn alias_name(question: &Question, cluster: &Cluster) -> Option<String> {
    let Subject::Service { namespace, name } = &question.to else { return None };
    let service = cluster.service(namespace, name).filter(|s| s.kind == ServiceKind::ExternalName)?;
    let target = service.external_name.as_ref().filter(|t| t.parse::<IpAddr>().is_err())?;
    Some(format!("{}.", target.trim_end_matches('.')))
}

/// A name that every DNS of a cluster knows.
fn control_name(cluster: &Cluster) -> String {
    names::full_name("default", "kubernetes", &names::domain(cluster))
}

/// A server that did not know the name is asked for one it must know: that tells its upstream from itself.
fn internal_control(cluster: &Cluster, spec: &DnsSpec, next: &mut Wave) {
    let control = control_name(cluster);
    if spec.name != control {
        next.add(
            "a name inside the cluster, for comparison",
            ProbeSpec::Dns(DnsSpec { name: control, attempts: 1, ..spec.clone() }),
        );
    }
}

/// A server left a query unanswered: one lost datagram proves nothing.
fn unanswered(spec: &DnsSpec, outcome: &DnsOutcome, next: &mut Wave) {
    let lost = outcome.attempts.iter().filter(|a| !a.is_response()).count();
    let is_settled = lost > 1 && lost == outcome.attempts.len();
    if lost > 0 && !is_settled {
        let again = DnsSpec { attempts: 3, timeout_ms: 700, ..spec.clone() };
        next.add("more tries, as a query was not answered", ProbeSpec::Dns(again));
    }
}

/// The resolvers with an address that CoreDNS forwards a name to over plain DNS.
pub fn upstreams(cluster: &Cluster, name: &str) -> Vec<(IpAddr, u16)> {
    let text = cluster.config_maps.seen().find_map(|c| c.data.get("Corefile"));
    let corefile = text.and_then(|t| Corefile::parse(t).ok());
    let forward = corefile.and_then(|c| c.block_for(name, 53)?.forward_for(name));
    let plain = |upstream: &Upstream| match upstream {
        Upstream::Server { transport: dns_config::Transport::Dns, ip, port } if !ip.is_loopback() => Some((*ip, *port)),
        Upstream::Server { .. } | Upstream::ResolvConf(_) | Upstream::Other(_) => None,
    };
    forward.iter().flat_map(|f| &f.upstreams).filter_map(plain).take(3).collect()
}

/// An outside name that the cluster's DNS could not resolve: the resolvers behind it are asked directly.
fn upstream_control(cluster: &Cluster, spec: &DnsSpec, next: &mut Wave) {
    if !names::is_outside(&spec.name, &names::domain(cluster)) {
        return;
    }
    for (server, port) in upstreams(cluster, &spec.name) {
        let direct = DnsSpec { server, port, attempts: 1, ..spec.clone() };
        next.add("the resolver behind the cluster's DNS, asked directly", ProbeSpec::Dns(direct));
    }
}

/// The pods of the destination that an agent may be started in when connections fail: at most [`MAX_DESTINATION_AGENTS`] of them.
pub fn may_look_inside(question: &Question, cluster: &Cluster) -> Vec<ObjectRef> {
    let at = |ip: &IpAddr| pod_at(cluster, *ip);
    let mut pods: Vec<ObjectRef> = match &question.to {
        Subject::Service { namespace, name } => {
            let service = cluster.service(namespace, name);
            let endpoints = service.map(|s| asked_backends(cluster, s, question.port, question.protocol));
            let endpoints = endpoints.and_then(|e| e.got().cloned()).unwrap_or_default();
            endpoints.iter().filter_map(|b| at(&b.ip)).collect()
        }
        Subject::Pod(object) => cluster.pod(object).into_iter().flat_map(|p| p.ips.iter().filter_map(at)).collect(),
        Subject::Route(_) | Subject::Node(_) => routes::parts(question, cluster)
            .iter()
            .filter(|part| matches!(part.to, Subject::Service { .. }))
            .flat_map(|part| may_look_inside(part, cluster))
            .collect(),
        Subject::Ip(_) | Subject::Name(_) => Vec::new(),
    };
    pods.retain(|pod| question.from.as_ref() != Some(pod));
    pods.sort();
    pods.dedup();
    pods
}

/// The pod of the destination that has this address and can take an agent.
fn pod_at(cluster: &Cluster, ip: IpAddr) -> Option<ObjectRef> {
    let pod = cluster.pods.seen().find(|p| p.ips.contains(&ip) && !p.host_network && p.is_running())?;
    Some(pod.object())
}
