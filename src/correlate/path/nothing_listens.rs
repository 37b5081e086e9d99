//! A destination that is no pod refuses the connection.

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::Subject;

use super::outside::{self, Outside};

declare_finding! {
    /// ## What it finds
    ///
    /// A destination that is no pod (a node, an address, a host of a name, an endpoint that somebody wrote by hand) refuses the
    /// connection: the packets arrive, and nothing listens on that port.
    ///
    /// ## How it is proven
    ///
    /// Every connection is answered with a TCP RST from that address. A firewall that rejects with a RST looks the same.
    ///
    /// ## What to do
    ///
    /// Compare the port with the one the application listens on: `ss -ltn` on that host shows it. For an endpoint written by hand
    /// it is `ports[].port` of the EndpointSlice that decides, not the Service's `targetPort`.
    NothingListens, "NC3040", "nothing-listens", "Nothing listens at an address that is no pod"
}

/// Where Services get their node ports unless the API server's `--service-node-port-range` says otherwise
/// (Kubernetes pkg/kubeapiserver/options/options.go, v1.34). A node refuses one of them when no Service has it, and also while
/// kube-proxy has no rule for it.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

impl Cause for NothingListens {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let addresses = outside::addresses(cx);
        if addresses.is_empty() || outside::explained(cx) {
            return Verdict::NotApplicable;
        }
        let tried = outside::tried(cx);
        if tried.is_empty() {
            return Verdict::Undetermined("no connection to the destination's own address was measured".to_owned());
        }
        let refused: Vec<&Outside> = tried.iter().filter(|o| o.reach.dead() && o.reach.refused_by_rst()).collect();
        Verdict::of(refused.into_iter().take(1).map(|o| finding(cx, o)).collect())
    }
}

fn finding(cx: &Correlation<'_>, refused: &Outside) -> Finding {
    let port = refused.at.port();
    let sentence = format!("{} refuses connections: nothing listens on port {port} there.", refused.words);
    let finding = Finding::cause(NothingListens::META, refused.about.clone(), sentence).proven().expected(
        format!("connections to {}", refused.at),
        "accepted",
        refused.reach.words(),
    );
    match (&cx.question.to, cx.service()) {
        (Subject::Service { .. }, Some(service)) if refused.about.kind == "endpointslice" => {
            let about = &refused.about;
            finding.seen(format!("{about} ports[].port"), port.to_string()).next(format!(
                "kubectl -n {} edit endpointslice {}: {port} is not the port of {} there",
                service.namespace, about.name, service.name
            ))
        }
        (Subject::Node(name), _) if NODE_PORTS.contains(&port) => finding.next(format!(
            "if {port} is meant as a Service's node port: kubectl get services -A | grep {port}, and kube-proxy on {name}; \
             else ss -ltn 'sport = :{port}' there"
        )),
        (Subject::Node(name), _) => finding.next(format!("look at what listens on {name}: ss -ltn 'sport = :{port}'")),
        _ => finding.next(format!("look at that host for what should listen on port {port}, or ask for another port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::Destination;
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, faults, request, to_web};

    fn by_hand() -> World {
        let mut world = World::shop();
        world.service("web").selector.clear();
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.endpoints.truncate(1);
        (slice.endpoints[0].target, slice.endpoints[0].addresses) = (None, vec!["192.0.2.7".into()]);
        world
    }

    #[test]
    fn an_endpoint_by_hand_that_refuses_is_named_with_its_slice() {
        let case = Case::measured(&by_hand(), &to_web(), &|_, spec| faults::refuse(spec, &["10.96.1.10", "192.0.2.7"]));
        let found = only(explain(&NothingListens, &case));
        assert!(
            found.sentence.starts_with("192.0.2.7:8080, the only endpoint of service/shop/web, refuses"),
            "{}",
            found.sentence
        );
        assert_eq!((found.about.kind.as_str(), causes(&judge(&case))), ("endpointslice", vec!["NC3040"]));
    }

    #[test]
    fn a_node_that_refuses_is_named() {
        let mut ask = request(Destination::Node("node2".into()));
        ask.port = Some(crate::model::PortRef::Number(30_099));
        let case = Case::measured(&World::shop(), &ask, &|_, spec| faults::refuse(spec, &["172.18.0.2"]));
        assert_eq!(causes(&judge(&case)), ["NC3040"]);
        let found = only(explain(&NothingListens, &case));
        assert!(found.next.contains("node port"), "{}", found.next);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&NothingListens, &Case::healthy(&by_hand(), &to_web())), Verdict::Clear);
        assert_eq!(explain(&NothingListens, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
        let mut ask = request(Destination::Ip(ip("192.0.2.9")));
        ask.port = Some(crate::model::PortRef::Number(80));
        assert_eq!(explain(&NothingListens, &Case::healthy(&World::shop(), &ask)), Verdict::Clear);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&NothingListens, &Case::not_run(&by_hand(), &to_web())), Verdict::Undetermined(_)));
    }
}
