use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, Refusal, declared, declares, list, not_tried, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// A Service sends traffic to a port of its pods on which nothing listens, while the pods listen on another one.
    ///
    /// ## How it is proven
    ///
    /// Every endpoint refuses with a TCP RST: the packets arrive. An agent in the destination pod reads which ports are listened
    /// on. Without such an agent, declared container ports that differ from `targetPort` make it likely.
    ///
    /// ## What to do
    ///
    /// Set the Service's `targetPort` to the port the application listens on.
    WrongTargetPort, "NC3003", "wrong-target-port", "Service's targetPort is not the application's port"
}

impl Cause for WrongTargetPort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if cx.service_port().is_none() {
            return Verdict::NotApplicable;
        }
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        let refusals = refusals(cx);
        Verdict::of(refusals.iter().find_map(|r| finding(cx, r)).into_iter().collect())
    }
}

fn finding(cx: &Correlation<'_>, refusal: &Refusal) -> Option<Finding> {
    let (service, port) = (cx.service()?, cx.service_port()?);
    let pod = &refusal.pod;
    // the pod itself declares the port: then the application is what differs
    if declares(cx, pod, refusal.port) {
        return None;
    }
    let object = service.object();
    let (others, proven, source) = match &refusal.listener {
        Listener::Elsewhere(ports) if !ports.is_empty() => (ports.clone(), true, format!("listening sockets in {pod}")),
        Listener::NotLooked => {
            let declared = cx.cluster.pod(pod).map(|p| declared(cx, p)).filter(|d| !d.is_empty())?;
            (declared, false, format!("{pod} spec.containers[].ports"))
        }
        Listener::Elsewhere(_) | Listener::Here | Listener::OnlyOn(_) | Listener::OtherProtocol(_) => return None,
    };
    let verb = if proven { "listens on" } else { "declares" };
    let sentence = format!(
        "{object} port {} sends to port {} (targetPort), where nothing listens: {pod} {verb} {}.",
        port.port,
        refusal.port,
        list(&others)
    );
    let finding = Finding::cause(WrongTargetPort::META, object.clone(), sentence)
        .expected(format!("{object} spec.ports[{}].targetPort", port.port), list(&others), port.target.to_string())
        .expected(
            format!("connections to {}", std::net::SocketAddr::new(refusal.ip, refusal.port)),
            "accepted",
            refusal.reach.words(),
        )
        .expected(source, refusal.port.to_string(), list(&others))
        .next(format!("kubectl -n {} edit service {}: set targetPort to {}", service.namespace, service.name, others.first()?));
    Some(if proven { finding.proven() } else { finding })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    fn world() -> World {
        let mut world = World::shop();
        world.service("web").ports[0].target = crate::model::TargetPort::Number(8081);
        world.slice_of("web").ports[0].port = Some(8081);
        world
    }

    #[test]
    fn the_port_that_is_listened_on_is_named() {
        let case =
            Case::measured(&world(), &to_web(), &|_, spec| faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"]));
        let found = only(explain(&WrongTargetPort, &case));
        assert!(
            found.sentence.contains("sends to port 8081 (targetPort), where nothing listens: pod/shop/web-1 listens on 8080"),
            "{}",
            found.sentence
        );
        assert_eq!(causes(&judge(&case)), ["NC3003"]);
    }

    #[test]
    fn without_a_look_inside_the_declared_port_makes_it_likely() {
        let case = Case::measured(&world(), &to_web(), &|from, spec| {
            faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"]).or_else(|| faults::no_agent(from, "client"))
        });
        assert_eq!(only(explain(&WrongTargetPort, &case)).confidence, crate::finding::Confidence::Likely);
        assert_eq!(causes(&judge(&case)), ["NC3003"]);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&WrongTargetPort, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&WrongTargetPort, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
