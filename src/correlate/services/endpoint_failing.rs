use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ObjectRef, Pod};
use crate::plan::backends::Backend;

use super::inside::{Listener, list, listener, not_tried};

declare_finding! {
    /// ## What it finds
    ///
    /// One endpoint of several fails while others answer: about one connection in so many fails, seemingly at random.
    ///
    /// ## How it is proven
    ///
    /// Every ready endpoint is tried on its own, past the Service's address. Those that fail are named with their node, who
    /// refused, and what listens inside.
    ///
    /// ## What to do
    ///
    /// Mend or delete the failing pod. A readiness probe on the port would have taken it out of the Service by itself.
    EndpointFailing, "NC3010", "endpoint-failing", "Some endpoints fail while others answer"
}

impl Cause for EndpointFailing {
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
        let ready: Vec<Backend> = cx.backends_in_use();
        let works = ready.iter().any(|b| cx.reach(b.ip, b.port).ok());
        if !works {
            return Verdict::Clear;
        }
        // an address without a pod is another finding's
        let failing =
            ready.iter().filter(|b| b.pod.as_ref().is_some_and(|p| cx.cluster.pod(p).is_some_and(|p| p.ips.contains(&b.ip))));
        let bad: Vec<&Backend> = failing.filter(|b| cx.reach(b.ip, b.port).measured() && !cx.reach(b.ip, b.port).ok()).collect();
        Verdict::of(bad.iter().map(|b| finding(cx, b, ready.len())).collect())
    }
}

fn finding(cx: &Correlation<'_>, backend: &Backend, of: usize) -> Finding {
    let service = cx.service().map(crate::model::Service::object);
    let name = service.as_ref().map(ToString::to_string).unwrap_or_default();
    let at = std::net::SocketAddr::new(backend.ip, backend.port);
    let pod = backend.pod.clone().unwrap_or_else(|| backend.slice.clone());
    let place = backend.node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    let reach = cx.reach(backend.ip, backend.port);
    let inside = match listener(cx, &pod, backend.ip, backend.port) {
        Listener::NotLooked => String::new(),
        Listener::Here => format!(", though the application listens on {}", backend.port),
        Listener::OnlyOn(ip) => format!(": the application listens on {ip} only"),
        Listener::OtherProtocol(protocol) => format!(": the application listens on {protocol}"),
        Listener::Elsewhere(ports) if ports.is_empty() => ": nothing listens in it".to_owned(),
        Listener::Elsewhere(ports) => format!(": the application listens on {}", list(&ports)),
    };
    let sentence = format!("{pod}{place}, one of {of} endpoints of {name}, fails at {at}{inside}.");
    let finding = Finding::cause(EndpointFailing::META, pod.clone(), sentence)
        .proven()
        .expected(format!("connections to {at}"), "every try succeeds", reach.words())
        .seen(backend.slice.to_string(), format!("{at} is listed as ready"));
    if let (Some(stranger), Some(service)) = (stranger(cx, &pod), service) {
        return finding.expected(format!("{pod} metadata.ownerReferences"), stranger.others, stranger.own).next(format!(
            "kubectl -n {} edit service {}: its selector also matches the pods of another workload",
            service.namespace, service.name
        ));
    }
    finding.next(format!(
        "kubectl -n {} logs {}; then delete the pod or mend it, and give it a readiness probe",
        pod.namespace, pod.name
    ))
}

struct Stranger {
    own: String,
    others: String,
}

/// The pod belongs to another workload than every endpoint that answers.
fn stranger(cx: &Correlation<'_>, pod: &ObjectRef) -> Option<Stranger> {
    let own = workload(cx.cluster.pod(pod)?)?;
    let answering = cx.backends_in_use().into_iter().filter(|b| cx.reach(b.ip, b.port).ok());
    let others: Vec<String> = answering.map(|b| workload(cx.cluster.pod(&b.pod?)?)).collect::<Option<_>>()?;
    (!others.contains(&own)).then(|| Stranger { own, others: others.first().cloned().unwrap_or_default() })
}

/// What the pod belongs to; the ReplicaSets of one Deployment count as one.
fn workload(pod: &Pod) -> Option<String> {
    let (kind, name) = pod.owner.as_ref()?;
    let hash = pod.labels.get("pod-template-hash").map(|hash| format!("-{hash}"));
    let deployment = hash.and_then(|hash| name.strip_suffix(&hash)).filter(|_| kind == "replicaset");
    Some(deployment.map_or_else(|| format!("{kind}/{name}"), |name| format!("deployment/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    #[test]
    fn the_one_that_fails_is_named_with_its_node() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            faults::refuse(spec, &["10.244.3.10"]).or_else(|| faults::listens(spec, "127.0.0.1", 8080))
        });
        let found = only(explain(&EndpointFailing, &case));
        assert!(
            found
                .sentence
                .starts_with("pod/shop/web-2 on node/node3, one of 2 endpoints of service/shop/web, fails at 10.244.3.10:8080"),
            "{}",
            found.sentence
        );
        let answer = judge(&case);
        assert_eq!(
            (causes(&answer), answer.verdict.measured),
            (vec!["NC3010"], crate::report::diagnosis::Measured::Intermittent)
        );
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&EndpointFailing, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&EndpointFailing, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
