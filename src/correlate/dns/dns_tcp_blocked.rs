use std::net::{IpAddr, SocketAddr};

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::plan::reads;
use crate::probe::{Answer, Transport};

use super::view::{
    Asked, asked, name_failed, nothing_to_do, policies_on_source, service_addresses, source_words, udp, unmeasured,
};

declare_finding! {
    /// ## What it finds
    ///
    /// The DNS Service answers the source over UDP and not over TCP. Names with small answers work; an answer that does not
    /// fit into a UDP packet is asked for again over TCP, and fails.
    ///
    /// ## How it is proven
    ///
    /// The same name is asked at the same address over both. It is a warning, and a cause when an answer to this question
    /// came back truncated.
    ///
    /// ## What to do
    ///
    /// Allow TCP port 53 beside UDP port 53 in egress policies and firewalls, and in the Service's ports.
    DnsTcpBlocked, "NC1012", "dns-tcp-blocked", "DNS over TCP is blocked"
}

impl Cause for DnsTcpBlocked {
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
        let both = addresses.into_iter().map(|ip| (ip, udp(cx, ip), asked(cx, ip, 53, Transport::Tcp)));
        let both: Vec<(IpAddr, Asked<'_>, Asked<'_>)> = both.filter(|(_, u, t)| u.measured() && t.measured()).collect();
        if both.is_empty() {
            return unmeasured();
        }
        // one try over TCP may have met the one endpoint that is dead
        if super::view::endpoints(cx).iter().any(|(_, asked)| asked.failing()) {
            return Verdict::Clear;
        }
        let blocked = both.iter().filter(|(_, u, t)| u.alive() && t.dead());
        Verdict::of(blocked.map(|(ip, u, t)| finding(cx, *ip, u, t)).collect())
    }
}

fn finding(cx: &Correlation<'_>, ip: IpAddr, udp: &Asked<'_>, tcp: &Asked<'_>) -> Finding {
    let service = reads::dns_services(cx.cluster).into_iter().find(|s| s.cluster_ips.contains(&ip));
    let object = service.map_or_else(|| ObjectRef::new("address", "", &ip.to_string()), crate::model::Service::object);
    let at = SocketAddr::new(ip, 53);
    let cut = udp.queries.iter().any(|(_, a)| matches!(a, Answer::Response { truncated: true, .. }));
    let sentence =
        format!("{object} answers {} at {at} over UDP and not over TCP: answers too large for UDP fail.", source_words(cx));
    let finding = if cut && name_failed(cx) == Some(true) {
        Finding::cause(DnsTcpBlocked::META, object, sentence).proven()
    } else {
        Finding::warning(DnsTcpBlocked::META, object, sentence).proven()
    };
    let policies = policies_on_source(cx);
    let finding = finding.seen(format!("UDP queries to {at}"), udp.words()).expected(
        format!("TCP queries to {at}"),
        "an answer",
        tcp.words(),
    );
    if policies.is_empty() {
        return finding.next("allow TCP port 53 to the DNS pods beside UDP");
    }
    finding
        .seen(format!("NetworkPolicies that select {}", source_words(cx)), policies.join(", "))
        .next("add protocol TCP, port 53 to the egress rule that allows DNS")
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, answered, to_web};
    use crate::probe::ProbeSpec;

    #[test]
    fn udp_without_tcp_is_a_warning() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.transport == Transport::Tcp => Some(answered(s, &Answer::TimedOut { after_ms: 2_000 })),
            _ => None,
        });
        let found = only(explain(&DnsTcpBlocked, &case));
        assert_eq!(found.weight, Weight::Warning);
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec![], 0));
        assert!(answer.notices.iter().any(|n| n.code == "NC1012"));
    }

    #[test]
    fn healthy_is_clear_and_unrun_probes_leave_it_open() {
        assert_eq!(explain(&DnsTcpBlocked, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        let verdict = explain(&DnsTcpBlocked, &Case::not_run(&World::shop(), &to_web()));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
