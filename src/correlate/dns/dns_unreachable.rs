use std::net::{IpAddr, SocketAddr};

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::plan::reads;
use crate::probe::Transport;

use super::view::{
    Asked, asked, endpoint_words, endpoints, is_node_local, name_failed, nameservers, nothing_to_do, policies_on_source,
    service_addresses, source, source_words, udp, unmeasured,
};

declare_finding! {
    /// ## What it finds
    ///
    /// The source gets no answer from any DNS server it could ask: neither the DNS Service's address nor any endpoint behind
    /// it responds over UDP. Or, behind NodeLocal DNS, the node's own DNS address is silent.
    ///
    /// ## How it is proven
    ///
    /// The Service's address and every ready endpoint are asked from the source pod, each several times. DNS pods that are
    /// down are another finding, and this one stays silent then. NetworkPolicies that select the source are listed: an
    /// egress policy that forgets port 53 over UDP and TCP is the most common reason.
    ///
    /// ## What to do
    ///
    /// Allow egress to the DNS pods on port 53, UDP and TCP, in every policy that restricts the source's egress. With
    /// NodeLocal DNS a rule of pod selectors does not match the link-local address: add an `ipBlock`. Without policies look at
    /// the path between the source's node and the DNS pods' nodes.
    DnsUnreachable, "NC1010", "dns-unreachable", "The source cannot reach DNS"
}

impl Cause for DnsUnreachable {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        if let Some(finding) = nameserver_silent(cx) {
            return Verdict::Found(vec![finding]);
        }
        let servers: Vec<(IpAddr, Asked<'_>)> =
            service_addresses(cx).into_iter().map(|ip| (ip, udp(cx, ip))).filter(|(_, a)| a.measured()).collect();
        if servers.is_empty() {
            // a pod that uses other nameservers has findings of its own
            let uses_others = cx.environment().is_some() && service_addresses(cx).is_empty();
            return if uses_others || name_failed(cx) == Some(false) { Verdict::Clear } else { unmeasured() };
        }
        let behind = endpoints(cx);
        let silent = servers.iter().all(|(_, a)| a.dead()) && behind.iter().all(|(_, a)| a.dead() || !a.measured());
        // a name that resolves was answered by somebody
        if !silent || name_failed(cx) == Some(false) {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(cx, &servers)])
    }
}

fn finding(cx: &Correlation<'_>, servers: &[(IpAddr, Asked<'_>)]) -> Finding {
    let service = reads::dns_services(cx.cluster).first().map(|s| s.object());
    let object = service.unwrap_or_else(|| ObjectRef::service("", "dns"));
    let behind: Vec<_> = endpoints(cx).into_iter().filter(|(_, a)| a.measured()).collect();
    let over_tcp = servers.iter().any(|(ip, _)| asked(cx, *ip, 53, Transport::Tcp).responses() > 0);
    let at: Vec<String> = servers.iter().map(|(ip, _)| SocketAddr::new(*ip, 53).to_string()).collect();
    let also = match behind.len() {
        0 => String::new(),
        1 => " nor at its endpoint".to_owned(),
        n => format!(" nor at its {n} endpoints"),
    };
    let tcp = if over_tcp { "; TCP port 53 is answered, so UDP is what is blocked" } else { "" };
    let sentence = format!("{object} does not answer {} at {}{also}: no name resolves{tcp}.", source_words(cx), at.join(", "));
    let mut finding = Finding::cause(DnsUnreachable::META, object, sentence);
    for (ip, asked) in servers {
        let at = SocketAddr::new(*ip, 53);
        finding = finding.expected(format!("UDP queries to {at}"), "an answer", asked.words());
    }
    for (backend, asked) in behind.iter().take(4) {
        finding = finding.expected(format!("UDP queries to {}", endpoint_words(backend)), "an answer", asked.words());
    }
    with_policies(cx, finding)
}

fn with_policies(cx: &Correlation<'_>, finding: Finding) -> Finding {
    let policies = policies_on_source(cx);
    let node = source(cx).and_then(|p| p.node.clone()).unwrap_or_default();
    if policies.is_empty() {
        return finding.next(format!(
            "ask the same from a pod on another node: if that works, the rules and routes of node/{node} are at fault"
        ));
    }
    finding
        .seen(format!("NetworkPolicies that select {}", source_words(cx)), policies.join(", "))
        .next("see whether these policies allow egress to port 53 over UDP and TCP: a policy that lists egress and forgets DNS blocks it")
}

/// The nameservers of resolv.conf are silent, and no DNS Service is known to stand behind them: NodeLocal DNS on the
/// source's node, or a DNS Service that could not be read.
fn nameserver_silent(cx: &Correlation<'_>) -> Option<Finding> {
    if name_failed(cx) != Some(true) {
        return None;
    }
    let unread = reads::dns_services(cx.cluster).is_empty();
    let all = nameservers(cx)?;
    let of_interest = all.iter().filter(|ip| unread || is_node_local(**ip));
    let asked: Vec<(IpAddr, Asked<'_>)> = of_interest.map(|ip| (*ip, udp(cx, *ip))).filter(|(_, a)| a.measured()).collect();
    if asked.is_empty() || asked.len() < all.len() || !asked.iter().all(|(_, a)| a.dead()) {
        return None;
    }
    let (ip, answers) = asked.first()?;
    let node = source(cx).and_then(|p| p.node.clone()).unwrap_or_default();
    let object = ObjectRef::new("address", "", &ip.to_string());
    let who = source_words(cx);
    let sentence = if is_node_local(*ip) {
        format!(
            "address {ip}, the nameserver of {who}, does not answer: NodeLocal DNS on node/{node} is down or blocked, so no name resolves."
        )
    } else {
        format!("address {ip}, the nameserver of {who}, does not answer, so no name resolves.")
    };
    let at = SocketAddr::new(*ip, 53);
    let finding = Finding::cause(DnsUnreachable::META, object, sentence).expected(
        format!("UDP queries to {at}"),
        "an answer",
        answers.words(),
    );
    if is_node_local(*ip) && policies_on_source(cx).is_empty() {
        return Some(finding.next(format!(
            "kubectl -n kube-system get pods -l k8s-app=node-local-dns -o wide --field-selector spec.nodeName={node}"
        )));
    }
    Some(with_policies(cx, finding))
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::{World, ip, labels};
    use crate::model::{NetworkPolicy, Selector};
    use crate::plan::testing::{Case, answered, environment, to_web};
    use crate::probe::{Answer, ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

    fn unresolved(name: &str) -> ProbeOutcome {
        ProbeOutcome::Resolve(ResolveOutcome {
            addresses: Vec::new(),
            answered_as: None,
            queries: vec![(name.to_owned(), RecordType::A, "timeout".into())],
            total_us: 5_000_000,
            error: Some("no answer".into()),
        })
    }

    fn silence(world: &World) -> Case {
        Case::measured(world, &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) => Some(answered(s, &Answer::TimedOut { after_ms: 2_000 })),
            ProbeSpec::Resolve(s) => Some(unresolved(&s.name)),
            _ => None,
        })
    }

    #[test]
    fn silence_everywhere_names_the_policies_on_the_source() {
        let mut world = World::shop();
        world.network_policies.push(NetworkPolicy {
            namespace: "shop".into(),
            name: "egress".into(),
            pod_selector: Selector::of(&labels("app=client")),
            ..NetworkPolicy::default()
        });
        let case = silence(&world);
        let found = only(explain(&DnsUnreachable, &case));
        assert_eq!(
            found.sentence,
            "service/kube-system/kube-dns does not answer pod/shop/client at 10.96.0.10:53 nor at its 2 endpoints: no name resolves."
        );
        assert!(found.evidence.iter().any(|e| e.seen == "networkpolicy/shop/egress"));
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec!["NC1010"], 1));
    }

    #[test]
    fn udp_alone_blocked_is_said() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.transport == Transport::Udp => Some(answered(s, &Answer::TimedOut { after_ms: 2_000 })),
            ProbeSpec::Resolve(s) => Some(unresolved(&s.name)),
            _ => None,
        });
        assert!(only(explain(&DnsUnreachable, &case)).sentence.contains("UDP is what is blocked"));
    }

    #[test]
    fn pods_that_are_down_are_the_root_and_silence_only_follows() {
        let mut world = World::shop();
        world.crash("coredns-1", "CrashLoopBackOff", 1, "Error");
        world.crash("coredns-2", "CrashLoopBackOff", 1, "Error");
        assert_eq!(causes(&judge(&silence(&world))), ["NC1003"]);
    }

    #[test]
    fn a_silent_nodelocal_address_is_its_own_fault() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Environment(_) => {
                let mut environment = environment();
                environment.resolv_conf.as_mut().expect("set").nameservers = vec![ip("169.254.20.10")];
                Some(ProbeOutcome::Environment(environment))
            }
            ProbeSpec::Dns(s) if s.server == ip("169.254.20.10") => Some(answered(s, &Answer::Refused { after_us: 90 })),
            ProbeSpec::Resolve(s) => Some(unresolved(&s.name)),
            _ => None,
        });
        let found = only(explain(&DnsUnreachable, &case));
        assert!(found.sentence.contains("NodeLocal DNS on node/node1"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), ["NC1010"]);
    }

    #[test]
    fn a_user_who_may_not_read_kube_system_is_told_as_much_as_can_be() {
        let mut case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) => Some(answered(s, &Answer::TimedOut { after_ms: 2_000 })),
            ProbeSpec::Resolve(s) => Some(unresolved(&s.name)),
            _ => None,
        });
        for listing in &mut case.cluster.services.listings {
            if listing.query.labels.is_some() {
                listing.items = crate::model::Known::Denied("list services in namespace kube-system".into());
            }
        }
        let found = only(explain(&DnsUnreachable, &case));
        assert_eq!(
            found.sentence,
            "address 10.96.0.10, the nameserver of pod/shop/client, does not answer, so no name resolves."
        );
    }

    #[test]
    fn healthy_is_clear_and_unrun_probes_leave_it_open() {
        assert_eq!(explain(&DnsUnreachable, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        let verdict = explain(&DnsUnreachable, &Case::not_run(&World::shop(), &to_web()));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
