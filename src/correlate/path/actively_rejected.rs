use crate::correlate::summary::decisive;
use crate::correlate::view::icmp_meaning;
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::probe::{Refuser, TcpAttempt};

use super::nobody_has_address::is_nobodys;

declare_finding! {
    /// ## What it finds
    ///
    /// Somebody on the way rejects the packets with an ICMP error instead of dropping them: a firewall's REJECT rule, a router
    /// without a route, or a neighbour that does not answer.
    ///
    /// ## How it is proven
    ///
    /// The kernel hands the ICMP error to the probe with the address that sent it (`IP_RECVERR`).
    ///
    /// ## What to do
    ///
    /// The sender of the error is the host to look at: its firewall for "administratively prohibited" (code 9, 10 or 13) and "port
    /// unreachable", its routes and neighbours for "host unreachable".
    ActivelyRejected, "NC4005", "actively-rejected", "A host on the way rejects the packets"
}

impl Cause for ActivelyRejected {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        // the objects explain it: a Service without endpoints is rejected by design
        if cx.findings.iter().any(|f| f.weight == crate::finding::Weight::Cause) || is_nobodys(cx) {
            return Verdict::Clear;
        }
        let mut rejected: Vec<Finding> = Vec::new();
        let reaches = decisive(cx);
        let vips = cx.service().map_or(0, |s| s.cluster_ips.len());
        // rules for the Service's address alone send the error, and that is kube-proxy's matter
        let endpoints_answer = reaches.len() > vips && reaches.iter().skip(vips).all(|(_, r)| r.ok());
        if vips > 0 && endpoints_answer {
            return Verdict::Clear;
        }
        for (what, reach) in reaches.into_iter().filter(|(_, r)| r.dead()) {
            let Some(TcpAttempt::Refused { by, .. } | TcpAttempt::Unreachable { by, .. }) = &reach.refusal else {
                continue;
            };
            let Refuser::Icmp { from, icmp_type, code } = by else { continue };
            let about = sender(cx, *from);
            let sentence = format!(
                "{about} rejects packets to {what} with ICMP type {icmp_type} code {code} ({}).",
                icmp_meaning(from.is_ipv6(), *icmp_type, *code)
            );
            let finding = Finding::cause(Self::META, about, sentence)
                .proven()
                .expected(format!("connections to {what}"), "accepted", reach.words())
                .next("look at the firewall and the routes of the host that sent the error");
            rejected.push(finding);
        }
        // on the way back through a Service's address the sender is rewritten to that address: an endpoint's own error says who it was
        rejected.sort_by_key(|f| f.about.kind == "address");
        rejected.truncate(1);
        Verdict::of(rejected)
    }
}

/// The pod or node that has the address; a node also answers with its own address in its pods' network.
fn sender(cx: &Correlation<'_>, ip: std::net::IpAddr) -> ObjectRef {
    let pod = cx.cluster.pods.seen().find(|p| !p.host_network && p.ips.contains(&ip)).map(crate::model::Pod::object);
    let has = |n: &&crate::model::Node| n.internal_ips.contains(&ip) || n.pod_cidrs.iter().any(|c| c.contains(&ip));
    let node = || cx.cluster.nodes.seen().find(has).map(crate::model::Node::object);
    pod.or_else(node).unwrap_or_else(|| ObjectRef::new("address", "", &ip.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    #[test]
    fn the_sender_of_the_error_is_named() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            faults::prohibit(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"], "172.18.0.2")
        });
        let found = only(explain(&ActivelyRejected, &case));
        assert!(found.sentence.starts_with("node/node2 rejects packets to service/shop/web 10.96.1.10:80 with ICMP type 3 code 13 (administratively prohibited)"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), ["NC4005"]);
    }

    #[test]
    fn an_error_through_the_service_hides_its_sender_and_an_endpoint_shows_it() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            let service = faults::prohibit(spec, &["10.96.1.10"], "10.96.1.10");
            service.or_else(|| faults::prohibit(spec, &["10.244.2.10", "10.244.3.10"], "10.244.2.1"))
        });
        let found = only(explain(&ActivelyRejected, &case));
        assert!(found.sentence.starts_with("node/node2 rejects packets to pod/shop/"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&ActivelyRejected, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
