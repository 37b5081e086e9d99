//! What to ask when an address answers nothing: how far packets get, and whether its neighbourhood is silent too.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{Cluster, ObjectRef, Pod, Question, Subject};
use crate::probe::{PingSpec, ProbeOutcome, ProbeSpec, TcpAttempt, TraceSpec};
use crate::protocol::Measurement;

/// Most other pods of the silent pod's node that are asked for an echo.
const NEIGHBOURS: usize = 2;

/// The next probes for every address that let all connections from the source time out, each with its reason.
///
/// A refusal needs none of this: somebody answered. Nor does a Service's own address, which answers no echo when all is well.
pub(super) fn follow(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Vec<(&'static str, ProbeSpec)> {
    let Some(from) = &question.from else { return Vec::new() };
    let own = match &question.to {
        Subject::Service { namespace, name } => cluster.service(namespace, name).map(|s| s.cluster_ips.clone()),
        Subject::Pod(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) | Subject::Route(_) => None,
    };
    let silent: BTreeSet<IpAddr> = measured.iter().filter(|m| m.from == *from).filter_map(silent).collect();
    let mut probes = Vec::new();
    for ip in silent.into_iter().filter(|ip| !own.as_ref().is_some_and(|own| own.contains(ip))) {
        probes.push(("whether the address answers at all", ping(ip)));
        probes.push(("how far packets get", ProbeSpec::Trace(TraceSpec { ip, max_hops: 8, timeout_ms: 1_500 })));
        probes.extend(neighbourhood(from, ip, cluster));
    }
    probes
}

/// The address of a TCP probe whose every try timed out.
fn silent(m: &Measurement) -> Option<IpAddr> {
    let (ProbeSpec::Tcp(spec), ProbeOutcome::Tcp(outcome)) = (&m.spec, &m.outcome) else { return None };
    let timed_out = outcome.attempts.iter().all(|a| matches!(a, TcpAttempt::TimedOut { .. }));
    (timed_out && !outcome.attempts.is_empty()).then_some(spec.ip)
}

/// The node of a silent pod, and other pods there: is it the pod, or the way to its node?
fn neighbourhood(from: &ObjectRef, ip: IpAddr, cluster: &Cluster) -> Vec<(&'static str, ProbeSpec)> {
    let Some(pod) = cluster.pods.seen().find(|p| !p.host_network && !p.is_finished() && p.ips.contains(&ip)) else {
        return Vec::new();
    };
    let Some(node) = &pod.node else { return Vec::new() };
    if cluster.pod(from).and_then(|p| p.node.as_ref()) == Some(node) {
        return Vec::new();
    }
    let mut probes = Vec::new();
    let of_family = |ips: &[IpAddr]| ips.iter().find(|i| i.is_ipv6() == ip.is_ipv6()).copied();
    if let Some(address) = cluster.node(node).and_then(|n| of_family(&n.internal_ips)) {
        probes.push(("whether the silent pod's node answers", ping(address)));
    }
    let beside = |p: &&Pod| p.node.as_ref() == Some(node) && p.is_running() && !p.host_network && !p.ips.contains(&ip);
    let others: BTreeSet<IpAddr> = cluster.pods.seen().filter(beside).filter_map(|p| of_family(&p.ips)).collect();
    probes.extend(others.into_iter().take(NEIGHBOURS).map(|other| ("whether other pods of its node answer", ping(other))));
    probes
}

fn ping(ip: IpAddr) -> ProbeSpec {
    ProbeSpec::Ping(PingSpec { ip, count: 2, payload_bytes: 56, timeout_ms: 800 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, faults, to_web};

    fn follow_ups(case: &Case) -> Vec<ProbeSpec> {
        follow(&case.question, &case.cluster, &case.measured).into_iter().map(|(_, spec)| spec).collect()
    }

    #[test]
    fn a_silent_pod_has_its_node_and_neighbours_asked() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| faults::time_out(spec, &["10.96.1.10", "10.244.2.10"]));
        let asked = follow_ups(&case);
        assert!(asked.contains(&ping(ip("10.244.2.10"))) && asked.contains(&ping(ip("172.18.0.2"))), "{asked:#?}");
        let coredns = case.cluster.pods.seen().find(|p| p.name == "coredns-2").expect("read").ips[0];
        assert!(asked.contains(&ping(coredns)), "{asked:#?}");
        assert!(!asked.contains(&ping(ip("10.96.1.10"))), "a Service's address answers no echo");
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| faults::refuse(spec, &["10.96.1.10", "10.244.2.10"]));
        assert!(follow_ups(&case).is_empty());
    }
}
