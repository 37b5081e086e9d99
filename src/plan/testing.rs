//! A question asked of a test's cluster, and probes that answer as healthy nodes would unless the test says otherwise.

use std::net::IpAddr;

use crate::model::testing::{World, ip};
use crate::model::{Cluster, Destination, ObjectRef, Question, Request, Source, Subject};
use crate::probe::{
    Answer, DnsOutcome, DnsSpec, EnvironmentOutcome, HttpOutcome, Latency, Phases, PingOutcome, ProbeOutcome, ProbeSpec,
    RecordType, ResolvConf, ResolveOutcome, SocketsOutcome, TcpAttempt, TcpOutcome, TraceOutcome, UdpOutcome,
};
use crate::probe::{Interface, PathMtuOutcome, Socket};
use crate::protocol::Measurement;

use super::{names, reads, resolve, steps};

/// What decisions are made from.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub cluster: Cluster,
    pub question: Question,
    pub measured: Vec<Measurement>,
}

/// A probe's answer other than the healthy one: takes where it starts and what it is.
pub(crate) type Fault<'a> = &'a dyn Fn(&ObjectRef, &ProbeSpec) -> Option<ProbeOutcome>;

/// `pod/shop/client` asks for a destination.
pub(crate) fn request(destination: Destination) -> Request {
    Request {
        source: Source::Object(ObjectRef::pod("shop", "client")),
        destination,
        namespace: "shop".into(),
        port: None,
        protocol: None,
        attempts: 3,
        deep: false,
        no_probes: false,
    }
}

/// `pod/shop/client` asks for `service/shop/web`.
pub(crate) fn to_web() -> Request {
    request(Destination::Object(ObjectRef::service("shop", "web")))
}

/// `pod/shop/client` asks for `ingress/shop/web`.
pub(crate) fn to_ingress() -> Request {
    request(Destination::Object(ObjectRef::new("ingress", "shop", "web")))
}

/// `pod/shop/client` asks for `httproute/shop/web`.
pub(crate) fn to_http_route() -> Request {
    request(Destination::Object(ObjectRef::new("httproute", "shop", "web")))
}

/// `pod/shop/client` asks for `gateway/infra/edge`.
pub(crate) fn to_gateway() -> Request {
    request(Destination::Object(ObjectRef::new("gateway", "infra", "edge")))
}

/// `pod/shop/client` asks for a DNS name.
pub(crate) fn to_name(name: &str) -> Request {
    request(Destination::Name(name.into()))
}

/// Reads the cluster as the program does, round by round.
pub(crate) fn read(world: &World, request: &Request) -> Cluster {
    let mut cluster = Cluster::default();
    for _ in 0..20 {
        let queries = reads::next(request, &cluster);
        if queries.is_empty() {
            return cluster;
        }
        for query in &queries {
            world.ask(&mut cluster, query);
        }
    }
    panic!("reads do not end: {:?}", reads::next(request, &cluster));
}

impl Case {
    /// Read, and nothing measured.
    pub(crate) fn unmeasured(world: &World, request: &Request) -> Self {
        let cluster = read(world, request);
        let question = resolve::question(request, &cluster).expect("the question resolves");
        Self { cluster, question, measured: Vec::new() }
    }

    /// Read and measured, with the faults that the test puts in.
    pub(crate) fn measured(world: &World, request: &Request, fault: Fault<'_>) -> Self {
        let mut case = Self::unmeasured(world, request);
        let mut next = steps::first(&case.question, &case.cluster, &[]);
        for wave in 0..5 {
            for step in next {
                let outcome = fault(&step.from, &step.spec).unwrap_or_else(|| healthy(&case, world, &step.spec));
                case.measured.push(Measurement { from: step.from, spec: step.spec, outcome, wave, elapsed_us: 1_000 });
            }
            next = steps::more(&case.question, &case.cluster, &[], &case.measured, wave + 1);
            if next.is_empty() {
                break;
            }
        }
        case
    }

    /// Read and measured, and all is well.
    pub(crate) fn healthy(world: &World, request: &Request) -> Self {
        Self::measured(world, request, &|_, _| None)
    }

    /// Every probe is answered with `NotRun`.
    pub(crate) fn not_run(world: &World, request: &Request) -> Self {
        Self::measured(world, request, &|_, _| Some(ProbeOutcome::NotRun { why: "no agent was allowed".into() }))
    }
}

/// What a probe answers in a healthy cluster.
fn healthy(case: &Case, world: &World, spec: &ProbeSpec) -> ProbeOutcome {
    let times = |tries: u32| Latency::of(tries, vec![300; tries as usize]);
    match spec {
        ProbeSpec::Environment(_) => ProbeOutcome::Environment(environment()),
        ProbeSpec::Sockets(_) => ProbeOutcome::Sockets(SocketsOutcome {
            listening: vec![Socket { protocol: case.question.protocol, ip: ip("0.0.0.0"), port: 8080 }],
            error: None,
        }),
        ProbeSpec::Tcp(s) => {
            let opened = TcpAttempt::Opened { connect_us: 300, local: "10.244.1.5:40000".into() };
            let attempts = vec![opened; s.attempts as usize];
            ProbeOutcome::Tcp(TcpOutcome { attempts, connect: times(s.attempts) })
        }
        ProbeSpec::Udp(s) => {
            ProbeOutcome::Udp(UdpOutcome { answered: s.attempts, answer: times(s.attempts), refused_by: None, silent: 0 })
        }
        ProbeSpec::Ping(s) => ProbeOutcome::Ping(PingOutcome { echo: times(s.count), error: None }),
        ProbeSpec::Dns(s) => {
            let answer = answer(case, world, &s.name, s.record);
            answered(s, &answer)
        }
        ProbeSpec::Resolve(s) => ProbeOutcome::Resolve(looked_up(case, world, &s.name)),
        ProbeSpec::Http(_) => ProbeOutcome::Http(HttpOutcome::Response {
            status: 200,
            version: "HTTP/1.1".into(),
            location: None,
            server: None,
            body_start: "ok".into(),
            body_bytes: 2,
            phases: Phases { total_us: 900, ..Phases::default() },
            certificate: None,
        }),
        ProbeSpec::Trace(_) => ProbeOutcome::Trace(TraceOutcome { hops: Vec::new(), reached: true }),
        ProbeSpec::PathMtu(_) => ProbeOutcome::PathMtu(PathMtuOutcome {
            largest_answered: Some(1450),
            smallest_lost: None,
            interface_mtu: Some(1450),
            reported: None,
            error: None,
        }),
    }
}

/// The network of `pod/shop/client`.
pub(crate) fn environment() -> EnvironmentOutcome {
    let eth0 = Interface {
        name: "eth0".into(),
        up: true,
        mtu: Some(1450),
        addresses: vec!["10.244.1.5/24".into()],
        rx_packets: 9,
        rx_errors: 0,
        rx_dropped: 0,
        tx_packets: 9,
        tx_errors: 0,
        tx_dropped: 0,
    };
    let resolv_conf = ResolvConf {
        nameservers: vec![ip("10.96.0.10")],
        search: ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"].map(String::from).into(),
        ndots: 5,
        options: vec!["ndots:5".into()],
    };
    EnvironmentOutcome { interfaces: vec![eth0], resolv_conf: Some(resolv_conf), ..EnvironmentOutcome::default() }
}

/// Every attempt of a query gets the same answer.
pub(crate) fn answered(spec: &DnsSpec, answer: &Answer) -> ProbeOutcome {
    let times = if answer.is_response() { vec![400; spec.attempts as usize] } else { Vec::new() };
    ProbeOutcome::Dns(DnsOutcome {
        attempts: vec![answer.clone(); spec.attempts as usize],
        query: Latency::of(spec.attempts, times),
    })
}

/// A response with a code and no records.
pub(crate) fn code(code: &str) -> Answer {
    Answer::Response { code: code.into(), records: Vec::new(), aliases: Vec::new(), truncated: false, after_us: 400 }
}

/// What CoreDNS answers: its Services, `example.com` and what is below it, and nothing else.
fn answer(case: &Case, world: &World, name: &str, record: RecordType) -> Answer {
    let name = name.trim_end_matches('.');
    let domain = names::domain(&case.cluster);
    let addresses: Vec<IpAddr> = if name.ends_with(&format!(".{domain}")) {
        let service = world.services.iter().find(|s| names::full_name(&s.namespace, &s.name, &domain) == name);
        let Some(service) = service else { return code("NXDOMAIN") };
        if service.headless {
            let slices = world.slices.iter().filter(|s| s.service.as_ref() == Some(&service.name));
            slices.flat_map(|s| &s.endpoints).flat_map(|e| &e.addresses).filter_map(|a| a.parse().ok()).collect()
        } else {
            service.cluster_ips.clone()
        }
    } else if name == "example.com" || name.ends_with(".example.com") {
        vec![ip("192.0.2.34")]
    } else {
        return code("NXDOMAIN");
    };
    let wanted = addresses.iter().filter(|a| a.is_ipv6() == (record == RecordType::Aaaa));
    let records = wanted.map(ToString::to_string).collect();
    Answer::Response { code: "NOERROR".into(), records, aliases: Vec::new(), truncated: false, after_us: 400 }
}

/// The search list of resolv.conf(5), tried in order.
fn looked_up(case: &Case, world: &World, name: &str) -> ResolveOutcome {
    let resolv = environment().resolv_conf.expect("set above");
    let dots = name.matches('.').count();
    let searched = resolv.search.iter().map(|s| format!("{name}.{s}"));
    let mut candidates: Vec<String> = if name.ends_with('.') { Vec::new() } else { searched.collect() };
    let absolute = name.trim_end_matches('.').to_owned();
    let first = dots >= resolv.ndots as usize;
    candidates.insert(if first { 0 } else { candidates.len() }, absolute);
    let mut outcome = ResolveOutcome { addresses: Vec::new(), answered_as: None, queries: Vec::new(), total_us: 0, error: None };
    for candidate in candidates {
        for record in [RecordType::A, RecordType::Aaaa] {
            let answer = answer(case, world, &candidate, record);
            outcome.queries.push((candidate.clone(), record, answer.code().unwrap_or("timeout").to_owned()));
            outcome.total_us += 400;
            outcome.addresses.extend(answer.records().unwrap_or_default().iter().cloned());
        }
        if !outcome.addresses.is_empty() {
            outcome.answered_as = Some(candidate);
            return outcome;
        }
    }
    outcome.error = Some(format!("{name} does not exist (NXDOMAIN)"));
    outcome
}

#[test]
fn the_healthy_cluster_is_read_to_its_end_and_answers() {
    let case = Case::healthy(&World::shop(), &to_web());
    assert_eq!(case.question.to, Subject::Service { namespace: "shop".into(), name: "web".into() });
    assert_eq!(case.question.port, Some(80));
    let resolved =
        case.measured.iter().find_map(|m| if let ProbeOutcome::Resolve(resolved) = &m.outcome { Some(resolved) } else { None });
    assert_eq!(resolved.expect("resolved").addresses, ["10.96.1.10"]);
}

#[test]
fn a_name_that_no_service_has_is_absent() {
    let case = Case::healthy(&World::shop(), &to_name("wbe"));
    assert_eq!(case.question.to, Subject::Name("wbe".into()));
}

/// Faults that several tests put in.
pub(crate) mod faults {
    use super::{Latency, ObjectRef, ProbeOutcome, ProbeSpec, Socket, SocketsOutcome, TcpAttempt, TcpOutcome, UdpOutcome, ip};
    use crate::model::Protocol;
    use crate::probe::Refuser;

    fn tcp(spec: &ProbeSpec, ips: &[&str], attempt: &TcpAttempt) -> Option<ProbeOutcome> {
        let ProbeSpec::Tcp(s) = spec else { return None };
        let attempts = vec![attempt.clone(); s.attempts as usize];
        let hit = ips.iter().any(|i| ip(i) == s.ip);
        hit.then(|| ProbeOutcome::Tcp(TcpOutcome { attempts, connect: Latency::of(s.attempts, Vec::new()) }))
    }

    fn rst() -> TcpAttempt {
        TcpAttempt::Refused { by: Refuser::Rst {}, after_us: 200 }
    }

    /// A RST for TCP, an ICMP port unreachable for UDP.
    pub(crate) fn refuse(spec: &ProbeSpec, ips: &[&str]) -> Option<ProbeOutcome> {
        let udp = || {
            let ProbeSpec::Udp(s) = spec else { return None };
            let by = Refuser::Icmp { from: s.ip, icmp_type: 3, code: 3 };
            let outcome =
                UdpOutcome { answered: 0, answer: Latency::of(s.attempts, Vec::new()), refused_by: Some(by), silent: 0 };
            ips.iter().any(|i| ip(i) == s.ip).then_some(ProbeOutcome::Udp(outcome))
        };
        tcp(spec, ips, &rst()).or_else(udp)
    }

    /// A RST from every address at one port.
    pub(crate) fn refuse_port(spec: &ProbeSpec, port: u16) -> Option<ProbeOutcome> {
        let ProbeSpec::Tcp(s) = spec else { return None };
        if s.port == port { tcp(spec, &[&s.ip.to_string()], &rst()) } else { None }
    }

    pub(crate) fn time_out(spec: &ProbeSpec, ips: &[&str]) -> Option<ProbeOutcome> {
        tcp(spec, ips, &TcpAttempt::TimedOut { after_ms: 1_500 })
    }

    /// ICMP "communication administratively prohibited" (RFC 1812).
    pub(crate) fn prohibit(spec: &ProbeSpec, ips: &[&str], from: &str) -> Option<ProbeOutcome> {
        let by = Refuser::Icmp { from: ip(from), icmp_type: 3, code: 13 };
        tcp(spec, ips, &TcpAttempt::Unreachable { by, error: "EHOSTUNREACH".into(), after_us: 400 })
    }

    /// The only listening socket.
    pub(crate) fn listens(spec: &ProbeSpec, address: &str, port: u16) -> Option<ProbeOutcome> {
        let socket = Socket { protocol: Protocol::Tcp, ip: ip(address), port };
        matches!(spec, ProbeSpec::Sockets(_))
            .then(|| ProbeOutcome::Sockets(SocketsOutcome { listening: vec![socket], error: None }))
    }

    pub(crate) fn listens_tcp(spec: &ProbeSpec, port: u16) -> Option<ProbeOutcome> {
        listens(spec, "0.0.0.0", port)
    }

    /// No agent could start in any pod but the named one.
    pub(crate) fn no_agent(from: &ObjectRef, but: &str) -> Option<ProbeOutcome> {
        (from.name != but).then(|| ProbeOutcome::NotRun { why: "no agent could start there".into() })
    }
}
