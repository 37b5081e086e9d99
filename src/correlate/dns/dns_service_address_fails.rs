use std::net::{IpAddr, SocketAddr};

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::plan::reads;

use super::view::{Asked, endpoints, nothing_to_do, service_addresses, source, source_words, udp, unmeasured};

declare_finding! {
    /// ## What it finds
    ///
    /// The DNS Service's address, which the pod's resolv.conf names, does not answer, though every DNS endpoint behind it
    /// does: the translation from the one to the others is missing, stale or broken on the source's node.
    ///
    /// ## How it is proven
    ///
    /// The same names are asked over UDP at the Service's address and at each endpoint, from the same pod at the same time.
    /// All endpoints answer every query; the address answers none of several, or loses more than one.
    ///
    /// ## What to do
    ///
    /// Look at kube-proxy, or what replaces it, on the source's node: is it running, and what does its log say? A stale
    /// conntrack entry of UDP port 53 looks the same and ends with `conntrack -D -p udp --dport 53` on that node.
    DnsServiceAddressFails, "NC1011", "dns-service-address-fails", "The DNS Service's address fails while its endpoints answer"
}

impl Cause for DnsServiceAddressFails {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        let addresses = service_addresses(cx);
        if addresses.is_empty() {
            return if cx.environment().is_some() { Verdict::Clear } else { unmeasured() };
        }
        let behind = endpoints(cx);
        let servers: Vec<(IpAddr, Asked<'_>)> = addresses.into_iter().map(|ip| (ip, udp(cx, ip))).collect();
        if servers.iter().all(|(_, a)| !a.measured()) || behind.iter().all(|(_, a)| !a.measured()) {
            return unmeasured();
        }
        if !behind.iter().all(|(_, a)| a.alive()) {
            return Verdict::Clear;
        }
        let found = servers.iter().filter(|(_, a)| a.failing() && a.tries() > 1).map(|(ip, a)| finding(cx, *ip, a, behind.len()));
        Verdict::of(found.collect())
    }
}

fn finding(cx: &Correlation<'_>, ip: IpAddr, asked: &Asked<'_>, endpoints: usize) -> Finding {
    let service = reads::dns_services(cx.cluster).into_iter().find(|s| s.cluster_ips.contains(&ip));
    let object = service.map_or_else(|| ObjectRef::new("address", "", &ip.to_string()), crate::model::Service::object);
    let at = SocketAddr::new(ip, 53);
    let node = source(cx).and_then(|p| p.node.clone());
    let place = node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    let verb = if asked.dead() { "does not answer" } else { "answers only some queries of" };
    let sentence = format!(
        "{object} {verb} {} at {at}, and all {endpoints} endpoints do: its address is not translated{place}.",
        source_words(cx)
    );
    let next = match node {
        Some(node) => {
            format!(
                "look at kube-proxy there, and its log: kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={node}"
            )
        }
        None => "look at kube-proxy on the source's node, and its log".to_owned(),
    };
    Finding::cause(DnsServiceAddressFails::META, object, sentence)
        .proven()
        .expected(format!("UDP queries to {at}"), "every query is answered", asked.words())
        .seen("UDP queries to the endpoints themselves", "every query was answered")
        .next(next)
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, answered, code, to_web};
    use crate::probe::{Answer, ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

    fn silent_address(_: &ObjectRef, spec: &ProbeSpec) -> Option<ProbeOutcome> {
        match spec {
            ProbeSpec::Dns(s) if s.server == ip("10.96.0.10") => Some(answered(s, &Answer::TimedOut { after_ms: 2_000 })),
            ProbeSpec::Resolve(s) => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: vec![(s.name.clone(), RecordType::A, "timeout".into())],
                total_us: 5_000_000,
                error: Some("no answer".into()),
            })),
            _ => None,
        }
    }

    #[test]
    fn a_silent_address_with_live_endpoints_blames_the_node() {
        let case = Case::measured(&World::shop(), &to_web(), &silent_address);
        let found = only(explain(&DnsServiceAddressFails, &case));
        assert_eq!(
            found.sentence,
            "service/kube-system/kube-dns does not answer pod/shop/client at 10.96.0.10:53, and all 2 endpoints do: its address is \
             not translated on node/node1."
        );
        assert_eq!(causes(&judge(&case)), ["NC1011"]);
    }

    #[test]
    fn healthy_is_clear_and_so_is_a_server_that_answers_badly() {
        assert_eq!(explain(&DnsServiceAddressFails, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) => Some(answered(s, &code("SERVFAIL"))),
            _ => None,
        });
        assert_eq!(explain(&DnsServiceAddressFails, &case), Verdict::Clear);
    }

    #[test]
    fn unrun_probes_leave_it_open() {
        let verdict = explain(&DnsServiceAddressFails, &Case::not_run(&World::shop(), &to_web()));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
