use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, not_tried, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// The Service's port and the application speak different protocols: the Service says UDP and the application listens on
    /// TCP, or the other way round.
    ///
    /// ## How it is proven
    ///
    /// The endpoint refuses (TCP RST, or ICMP port unreachable for UDP), and an agent in the pod sees the port listened on with
    /// the other protocol.
    ///
    /// ## What to do
    ///
    /// Set `protocol` of the Service's port to what the application speaks. The default is TCP.
    ProtocolMismatch, "NC3005", "protocol-mismatch", "Service and application use different protocols"
}

impl Cause for ProtocolMismatch {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        let mut found = Vec::new();
        for refusal in refusals(cx) {
            let Listener::OtherProtocol(spoken) = refusal.listener else { continue };
            let (pod, port, asked) = (&refusal.pod, refusal.port, cx.question.protocol);
            let about = cx.service().map_or_else(|| pod.clone(), crate::model::Service::object);
            let sentence = format!("{about} carries {asked} to port {port}, where {pod} listens on {spoken}.");
            let finding = Finding::cause(Self::META, about.clone(), sentence)
                .proven()
                .expected(format!("{about} protocol"), spoken.to_string(), asked.to_string())
                .expected(format!("listening sockets in {pod}"), format!("{asked} {port}"), format!("{spoken} {port}"))
                .expected(
                    format!("{asked} to {}", std::net::SocketAddr::new(refusal.ip, port)),
                    "answered",
                    refusal.reach.words(),
                )
                .next(format!("set the port's protocol to {spoken}, or ask with --protocol {spoken}"));
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
    fn a_udp_service_before_a_tcp_application() {
        let mut world = World::shop();
        world.service("web").ports[0].protocol = crate::model::Protocol::Udp;
        world.slice_of("web").ports[0].protocol = crate::model::Protocol::Udp;
        let case = Case::measured(&world, &to_web(), &|_, spec| {
            faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"]).or_else(|| faults::listens_tcp(spec, 8080))
        });
        let found = only(explain(&ProtocolMismatch, &case));
        assert_eq!(found.sentence, "service/shop/web carries UDP to port 8080, where pod/shop/web-1 listens on TCP.");
        assert_eq!(causes(&judge(&case)), ["NC3005"]);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&ProtocolMismatch, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&ProtocolMismatch, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
