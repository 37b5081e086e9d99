use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, Refusal, declares, list, not_tried, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// Nothing listens on the destination's port: the application is on another port than its pod declares, or has no listening
    /// socket at all.
    ///
    /// ## How it is proven
    ///
    /// The pod's own address refuses with a TCP RST, which only a host that has the address sends, and an agent in the pod reads
    /// the listening sockets. Without that look it is likely: an application on 127.0.0.1 alone is refused the same way.
    ///
    /// ## What to do
    ///
    /// Look at the application's own configuration and log: it may have failed to bind, or listen where it was not expected.
    ApplicationListensElsewhere, "NC3007", "application-listens-elsewhere", "Nothing listens on the port"
}

impl Cause for ApplicationListensElsewhere {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        let refusals = refusals(cx);
        Verdict::of(refusals.iter().find_map(|r| finding(cx, r)).into_iter().collect())
    }
}

fn finding(cx: &Correlation<'_>, refusal: &Refusal) -> Option<Finding> {
    let (pod, port) = (&refusal.pod, refusal.port);
    let through_service = cx.service_port().is_some();
    let declared = declares(cx, pod, port);
    let (sentence, seen) = match &refusal.listener {
        Listener::Elsewhere(ports) if ports.is_empty() => (
            format!("{pod} does not listen on port {port}: the application has no listening {} socket.", cx.question.protocol),
            "none".to_owned(),
        ),
        // without a declaration of the port the Service's targetPort is the one at fault
        Listener::Elsewhere(_) if through_service && !declared => return None,
        Listener::Elsewhere(ports) => {
            (format!("{pod} does not listen on port {port}: the application listens on {}.", list(ports)), list(ports))
        }
        // a pod that declares no port says nothing of what was meant
        Listener::NotLooked if !through_service || declared || declares_nothing(cx, pod) => {
            let sentence = format!(
                "{pod} refuses port {port}: nothing listens at {} (not looked at from inside the pod: 127.0.0.1 is left open).",
                refusal.ip
            );
            (sentence, "not looked at from inside".to_owned())
        }
        Listener::NotLooked | Listener::Here | Listener::OnlyOn(_) | Listener::OtherProtocol(_) => return None,
    };
    let at = std::net::SocketAddr::new(refusal.ip, port);
    let finding = Finding::cause(ApplicationListensElsewhere::META, pod.clone(), sentence)
        .expected(format!("connections to {at}"), "accepted", refusal.reach.words())
        .expected(format!("listening sockets in {pod}"), port.to_string(), seen)
        .next(format!("kubectl -n {} logs {}: why does the application not listen on {port}?", pod.namespace, pod.name));
    Some(if refusal.listener == Listener::NotLooked { finding } else { finding.proven() })
}

fn declares_nothing(cx: &Correlation<'_>, pod: &crate::model::ObjectRef) -> bool {
    cx.cluster.pod(pod).is_some_and(|p| p.containers.iter().all(|c| c.ports.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    #[test]
    fn the_application_is_on_another_port_than_its_pod_declares() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"]).or_else(|| faults::listens(spec, "0.0.0.0", 9090))
        });
        let found = only(explain(&ApplicationListensElsewhere, &case));
        assert_eq!(found.sentence, "pod/shop/web-1 does not listen on port 8080: the application listens on 9090.");
        assert_eq!(causes(&judge(&case)), ["NC3007"]);
    }

    #[test]
    fn without_a_look_inside_it_is_likely_and_says_so() {
        let case = Case::measured(&World::shop(), &to_web(), &|from, spec| {
            faults::refuse(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"]).or_else(|| faults::no_agent(from, "client"))
        });
        let found = only(explain(&ApplicationListensElsewhere, &case));
        assert_eq!(found.confidence, crate::finding::Confidence::Likely);
        assert!(found.sentence.contains("not looked at from inside"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&ApplicationListensElsewhere, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(
            explain(&ApplicationListensElsewhere, &Case::not_run(&World::shop(), &to_web())),
            Verdict::Undetermined(_)
        ));
    }
}
