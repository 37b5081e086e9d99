use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::plan::backends::Backend;
use crate::plan::reads;

use super::view::{Asked, endpoint_words, endpoints, nothing_to_do, service_addresses, source_words, unmeasured};

declare_finding! {
    /// ## What it finds
    ///
    /// One or more DNS endpoints do not answer the source while others do. The Service spreads queries over all of them, so
    /// names fail or take seconds some of the time.
    ///
    /// ## How it is proven
    ///
    /// Every ready endpoint of the DNS Service is asked on its own, past the Service's address, from the same pod at the
    /// same time. A response of any kind counts as alive.
    ///
    /// ## What to do
    ///
    /// Look at the pod that does not answer and at its node. When every silent endpoint is on one node, and the source is on
    /// another, the path between the two nodes or a rule on that node is what fails, not CoreDNS. To restore service at once
    /// delete the pod, or cordon its node first.
    DnsEndpointFailing, "NC1004", "dns-endpoint-failing", "Some DNS endpoints do not answer"
}

type Endpoint<'a> = (Backend, Asked<'a>);

impl Cause for DnsEndpointFailing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        if service_addresses(cx).is_empty() {
            // NodeLocal DNS or another nameserver stands between: its endpoints are not the source's to ask
            return if cx.environment().is_some() { Verdict::Clear } else { unmeasured() };
        }
        let all: Vec<Endpoint<'_>> = endpoints(cx).into_iter().filter(|(_, a)| a.measured()).collect();
        if all.is_empty() {
            return unmeasured();
        }
        let (good, bad): (Vec<Endpoint<'_>>, Vec<Endpoint<'_>>) = all.into_iter().partition(|(_, a)| !a.failing());
        if good.is_empty() || bad.is_empty() {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(cx, &good, &bad)])
    }
}

fn finding(cx: &Correlation<'_>, good: &[Endpoint<'_>], bad: &[Endpoint<'_>]) -> Finding {
    let (count, total) = (bad.len(), good.len() + bad.len());
    let service = reads::dns_services(cx.cluster).first().map_or_else(|| ObjectRef::service("", "dns"), |s| s.object());
    let one = bad.first().filter(|_| count == 1);
    let about = one.and_then(|(b, _)| b.pod.clone()).unwrap_or_else(|| service.clone());
    let named: Vec<String> = bad.iter().take(3).map(|(b, _)| endpoint_words(b)).collect();
    let silent = bad.iter().all(|(_, a)| a.dead());
    let verb = match (one.is_some(), silent) {
        (true, true) => "does not answer",
        (true, false) => "answers only some",
        (false, true) => "do not answer",
        (false, false) => "answer only some",
    };
    let sentence = format!(
        "{} {verb} DNS queries from {}, and {} of {total} endpoints of {service} do: names fail some of the time.",
        named.join(" and "),
        source_words(cx),
        good.len(),
    );
    let mut finding = Finding::cause(DnsEndpointFailing::META, about, sentence);
    if silent {
        finding = finding.proven();
    }
    for (backend, asked) in bad {
        finding =
            finding.expected(format!("UDP queries to {}", endpoint_words(backend)), "every query is answered", asked.words());
    }
    for (backend, asked) in good {
        finding = finding.seen(format!("UDP queries to {}", endpoint_words(backend)), asked.words());
    }
    let node = |(b, _): &Endpoint<'_>| b.node.clone();
    let nodes: std::collections::BTreeSet<_> = bad.iter().filter_map(node).collect();
    match (nodes.first(), nodes.len()) {
        (Some(only), 1) if !good.iter().any(|e| node(e).as_ref() == Some(only)) => finding
            .next(format!("look at that node and its pod: kubectl get pods -A -o wide --field-selector spec.nodeName={only}")),
        _ => finding.next("look at the pods that do not answer: kubectl describe pod, and the rules on their nodes"),
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::Resource;
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, answered, code, environment, to_web};
    use crate::probe::{Answer, ProbeOutcome, ProbeSpec};

    const SILENT: Answer = Answer::TimedOut { after_ms: 2_000 };

    fn one_dead(world: &World) -> Case {
        Case::measured(world, &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.server == ip("10.244.2.2") => Some(answered(s, &SILENT)),
            _ => None,
        })
    }

    #[test]
    fn one_silent_endpoint_of_two_is_named_with_its_node() {
        let case = one_dead(&World::shop());
        let found = only(explain(&DnsEndpointFailing, &case));
        assert_eq!(
            found.sentence,
            "pod/kube-system/coredns-2 on node/node2 does not answer DNS queries from pod/shop/client, and 1 of 2 endpoints of \
             service/kube-system/kube-dns do: names fail some of the time."
        );
        assert!(found.next.contains("spec.nodeName=node2"));
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec!["NC1004"], 1));
        assert_eq!(answer.verdict.measured, crate::report::diagnosis::Measured::Intermittent);
    }

    #[test]
    fn healthy_is_clear_and_one_lost_datagram_is_no_fault() {
        assert_eq!(explain(&DnsEndpointFailing, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.server == ip("10.244.2.2") && s.attempts == 2 => {
                let mut outcome = answered(s, &code("NOERROR"));
                if let ProbeOutcome::Dns(dns) = &mut outcome {
                    dns.attempts[0] = SILENT;
                }
                Some(outcome)
            }
            _ => None,
        });
        assert!(case.measured.iter().any(|m| matches!(&m.spec, ProbeSpec::Dns(s) if s.attempts == 3)));
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec![], 0), "{answer:#?}");
    }

    #[test]
    fn behind_nodelocal_dns_silent_endpoints_break_nothing() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Environment(_) => {
                let mut environment = environment();
                environment.resolv_conf.as_mut().expect("set").nameservers = vec![ip("169.254.20.10")];
                Some(ProbeOutcome::Environment(environment))
            }
            ProbeSpec::Dns(s) if s.server != ip("169.254.20.10") => Some(answered(s, &SILENT)),
            _ => None,
        });
        assert_eq!(explain(&DnsEndpointFailing, &case), Verdict::Clear);
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec![], 0), "{answer:#?}");
    }

    #[test]
    fn an_ipv6_endpoint_is_not_missed_from_an_ipv4_pod() {
        let mut world = World::shop();
        world.service("kube-dns").cluster_ips.push(ip("fd00:10:96::a"));
        let mut v6 = world.slice_of("kube-dns").clone();
        v6.name = "kube-dns-v6".into();
        v6.address_type = "IPv6".into();
        for endpoint in &mut v6.endpoints {
            endpoint.addresses = vec!["fd00:10:244::2".into()];
        }
        world.slices.push(v6);
        let case = Case::measured(&world, &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.server.is_ipv6() => {
                Some(answered(s, &Answer::Failed { error: "network is unreachable".into() }))
            }
            _ => None,
        });
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.notices.len(), answer.exit_code), (vec![], 0, 0), "{answer:#?}");
    }

    #[test]
    fn unread_slices_and_unrun_probes_leave_it_open() {
        let mut world = World::shop();
        world.denied.push(Resource::EndpointSlices);
        let unread = explain(&DnsEndpointFailing, &Case::healthy(&world, &to_web()));
        let unrun = explain(&DnsEndpointFailing, &Case::not_run(&World::shop(), &to_web()));
        assert!(matches!(unread, Verdict::Undetermined(_)), "{unread:?}");
        assert!(matches!(unrun, Verdict::Undetermined(_)), "{unrun:?}");
    }
}
