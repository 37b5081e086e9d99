use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::Service;
use crate::plan::backends::Backend;

use std::net::IpAddr;

use super::inside::not_tried;

declare_finding! {
    /// ## What it finds
    ///
    /// The Service's own address does not answer, though every endpoint behind it does: the translation (DNAT) from the one to the
    /// others is missing, stale or broken on the source's node. That is the work of kube-proxy or of what replaces it.
    ///
    /// ## How it is proven
    ///
    /// The same port is tried at the Service's address and at each endpoint from the same pod at the same time. A pod that is itself
    /// an endpoint may also fail at its own Service (hairpin); the sentence says so.
    ///
    /// ## What to do
    ///
    /// Look at the kube-proxy pod of the source's node: is it running, what does its log say, when did it last sync?
    ServiceAddressFails, "NC5001", "service-address-fails", "Service's address fails while its endpoints answer"
}

impl Cause for ServiceAddressFails {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let (Some(service), Some(port)) = (cx.service(), cx.service_port()) else { return Verdict::NotApplicable };
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        let ready: Vec<Backend> = cx.backends_in_use();
        let endpoints_work = !ready.is_empty() && ready.iter().all(|b| cx.reach(b.ip, b.port).ok());
        // a policy that leaves this node out is the objects' own doing
        let by_policy = cx.findings.iter().any(|f| f.meta.code == "NC3018");
        if !endpoints_work || by_policy {
            return Verdict::Clear;
        }
        let pod = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o));
        let node = pod.and_then(|p| p.node.clone()).unwrap_or_default();
        let own = pod.is_some_and(|p| ready.iter().any(|b| p.ips.contains(&b.ip)));
        let mut found = Vec::new();
        for ip in &service.cluster_ips {
            let reach = cx.reach(*ip, port.port);
            if reach.ok() && cx.at_once(*ip, port.port).dead() {
                found.push(late(cx, service, *ip, port.port, &node));
            }
            if reach.measured() && !reach.ok() {
                let at = std::net::SocketAddr::new(*ip, port.port);
                let object = service.object();
                let hairpin =
                    if own { "; the source is itself an endpoint, so a broken hairpin would look the same" } else { "" };
                let answers = if reach.mixed() {
                    format!("answers only {} of {} tries", reach.successes, reach.tries)
                } else {
                    "does not answer".to_owned()
                };
                let rules = if reach.mixed() { "is partly translated to something else" } else { "is not translated" };
                let sentence = format!(
                    "{object} {answers} at {at} from node/{node}, though all {} endpoints do: its address {rules} there{hairpin}.",
                    ready.len()
                );
                let finding = Finding::cause(Self::META, object, sentence)
                    .expected(format!("connections to {at}"), "every try succeeds", reach.words())
                    .seen("connections to the endpoints themselves", "every try succeeded")
                    .next(format!("kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={node}: look at kube-proxy there, and its log"));
                found.push(finding);
            }
        }
        Verdict::of(found)
    }
}

/// The rules came after the question: nothing is wrong any more.
fn late(cx: &Correlation<'_>, service: &Service, ip: IpAddr, port: u16, node: &str) -> Finding {
    let (object, at) = (service.object(), std::net::SocketAddr::new(ip, port));
    let sentence = format!(
        "{object} was refused at {at} from node/{node} at first, and answered a moment later: kube-proxy had just been told."
    );
    Finding::warning(ServiceAddressFails::META, object, sentence)
        .expected(format!("connections to {at}"), "every try succeeds", cx.at_once(ip, port).words())
        .seen("the same a moment later", cx.reach(ip, port).words())
        .next("nothing, where the Service or its pods just changed; else ask again: kube-proxy may lag behind all the time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    #[test]
    fn the_address_fails_and_the_endpoints_answer() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| faults::time_out(spec, &["10.96.1.10"]));
        let found = only(explain(&ServiceAddressFails, &case));
        assert!(
            found.sentence.contains("does not answer at 10.96.1.10:80 from node/node1, though all 2 endpoints do"),
            "{}",
            found.sentence
        );
        assert_eq!(causes(&judge(&case)), ["NC5001"]);
    }

    fn rejected_at_first(settles: bool) -> Case {
        Case::measured(&World::shop(), &to_web(), &|_, spec| {
            let is_later = matches!(spec, crate::probe::ProbeSpec::Tcp(tcp) if tcp.wait_ms > 0);
            if is_later && settles { None } else { faults::prohibit(spec, &["10.96.1.10"], "172.18.0.2") }
        })
    }

    #[test]
    fn an_error_for_the_address_alone_is_the_proxys_matter() {
        let case = rejected_at_first(false);
        assert_eq!(causes(&judge(&case)), ["NC5001"]);
        // asked again a moment later
        assert!(case.measured.iter().any(|m| matches!(&m.spec, crate::probe::ProbeSpec::Tcp(tcp) if tcp.wait_ms > 0)));
    }

    #[test]
    fn rules_that_came_late_are_a_warning() {
        let case = rejected_at_first(true);
        assert_eq!(only(explain(&ServiceAddressFails, &case)).weight, crate::finding::Weight::Warning);
        let answer = judge(&case);
        assert_eq!((answer.exit_code, causes(&answer)), (0, vec![]));
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&ServiceAddressFails, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&ServiceAddressFails, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
