use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::backends::Backend;

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
