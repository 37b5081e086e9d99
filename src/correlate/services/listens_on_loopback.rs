use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, not_tried, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// The application listens on the right port, and only on 127.0.0.1 (or `::1`): containers of its own pod reach it, nobody
    /// else does.
    ///
    /// ## How it is proven
    ///
    /// The pod's address refuses with a TCP RST, and an agent in the pod sees the listening socket bound to a loopback address.
    ///
    /// ## What to do
    ///
    /// Make the application listen on all addresses: `0.0.0.0` for IPv4, `::` for both families.
    ListensOnLoopback, "NC3006", "listens-on-loopback", "Application listens on loopback only"
}

impl Cause for ListensOnLoopback {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        let mut found = Vec::new();
        for refusal in refusals(cx) {
            let Listener::OnlyOn(bound) = refusal.listener else { continue };
            let (pod, port) = (&refusal.pod, refusal.port);
            let what = if bound.is_loopback() {
                "which only its own pod reaches"
            } else {
                "which is not the address traffic is sent to"
            };
            let sentence = format!("{pod} listens on {bound} port {port}, {what}: {} is refused.", refusal.ip);
            let finding = Finding::cause(Self::META, pod.clone(), sentence)
                .proven()
                .expected(
                    format!("listening sockets in {pod}"),
                    format!("0.0.0.0 or {} port {port}", refusal.ip),
                    format!("{bound} port {port}"),
                )
                .expected(
                    format!("connections to {}", std::net::SocketAddr::new(refusal.ip, port)),
                    "accepted",
                    refusal.reach.words(),
                )
                .next("make the application listen on 0.0.0.0 (or :: for both families)");
            found.push(finding);
        }
        found.truncate(1);
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
    fn a_loopback_socket_is_named() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"])
                .or_else(|| faults::listens(spec, "127.0.0.1", 8080))
        });
        let found = only(explain(&ListensOnLoopback, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/web-1 listens on 127.0.0.1 port 8080, which only its own pod reaches: 10.244.2.10 is refused."
        );
        assert_eq!(causes(&judge(&case)), ["NC3006"]);
    }

    #[test]
    fn a_pod_that_asks_itself_is_looked_at_from_inside() {
        let mut ask = to_web();
        ask.source = crate::model::Source::Object(crate::model::ObjectRef::pod("shop", "web-1"));
        ask.destination = crate::model::Destination::Object(crate::model::ObjectRef::pod("shop", "web-1"));
        ask.port = Some(crate::model::PortRef::Number(8080));
        let case = Case::measured(&World::shop(), &ask, &|_, spec| {
            faults::refuse(spec, &["10.244.2.10"]).or_else(|| faults::listens(spec, "127.0.0.1", 8080))
        });
        let found = only(explain(&ListensOnLoopback, &case));
        assert!(found.sentence.starts_with("pod/shop/web-1 listens on 127.0.0.1 port 8080"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), ["NC3006"]);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&ListensOnLoopback, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&ListensOnLoopback, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
