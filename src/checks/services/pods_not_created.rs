use crate::checks::pods::{selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Event, Known, Query, Resource, Selector, Service, Workload};

use crate::plan::reads::creation_warnings;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service has no pods because the API server refuses to create them: an admission webhook fails, a quota is used up, Pod Security
    /// forbids them, a service account is missing.
    ///
    /// ## How it is proven
    ///
    /// A workload whose pods the Service selects wants pods and has none, and the events `FailedCreate` of its ReplicaSet, StatefulSet or
    /// DaemonSet say what the API server answered.
    ///
    /// ## What to do
    ///
    /// What the event says. For a webhook look at the Service behind it: while that is down, and its `failurePolicy` is `Fail`, nothing of the
    /// kinds it watches can be created or changed.
    PodsNotCreated, "NC3022", "pods-not-created", "The Service's pods are refused when they are created"
}

/// A workload that should have pods for a Service, and the refusal that was last reported for it.
pub(super) fn refused<'a>(service: &Service, cluster: &'a Cluster) -> Option<(&'a Workload, &'a Event)> {
    let selector = Selector::of(&service.selector);
    let wants = |w: &&Workload| w.namespace == service.namespace && selector.matches(&w.pod_labels) && w.desired != Some(0);
    let mut found: Vec<(&Workload, &Event)> = Vec::new();
    for workload in cluster.workloads.seen().filter(wants) {
        let about = |e: &&Event| {
            let (kind, name) = (e.about.kind.as_str(), e.about.name.as_str());
            // a ReplicaSet is its Deployment's name, a dash and a hash
            let of_deployment = kind == "replicaset" && name.rsplit_once('-').is_some_and(|(head, _)| head == workload.name);
            e.reason == "FailedCreate"
                && e.about.namespace == workload.namespace
                && ((kind == workload.kind && name == workload.name) || (workload.kind == "deployment" && of_deployment))
        };
        let last = cluster.events.seen().filter(about).max_by(|a, b| a.last_seen.cmp(&b.last_seen));
        found.extend(last.map(|e| (workload, e)));
    }
    found.into_iter().max_by(|a, b| a.1.last_seen.cmp(&b.1.last_seen))
}

impl Check for PodsNotCreated {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| !s.selector.is_empty()) else { return Verdict::NotApplicable };
        let pods = selected(cx, &service.namespace, &service.name);
        let Known::Got(pods) = &pods else { return unknown_pods(&service.object(), &pods) };
        if !pods.is_empty() {
            return Verdict::Clear;
        }
        if let Some((workload, event)) = refused(service, cx.cluster) {
            return Verdict::Found(vec![finding(service, workload, event)]);
        }
        let known = cx.cluster.events.answer(&creation_warnings(Query::within(Resource::Events, &service.namespace)));
        match known {
            // nobody wants pods, so nobody was asked why there are none
            Known::Got(_) | Known::Unasked => Verdict::Clear,
            Known::Denied(_) | Known::Absent(_) | Known::Failed(_) => Verdict::Undetermined(format!(
                "events in namespace {}: {}",
                service.namespace,
                known.missing().unwrap_or_default()
            )),
        }
    }
}

fn finding(service: &Service, workload: &Workload, event: &Event) -> Finding {
    let object = service.object();
    let message = event.message.trim_end_matches('.');
    let why = if message.contains("failed calling webhook") { ", as an admission webhook fails" } else { "" };
    let sentence = format!("{object} has no pods: those of {} cannot be created{why}.", workload.object());
    let finding = Finding::cause(PodsNotCreated::META, object, sentence)
        .expected(format!("event FailedCreate of {}", event.about), "none", message)
        .expected(format!("{} pods", workload.object()), format!("{} wanted", workload.desired.unwrap_or(1)), "none");
    match webhook_service(message) {
        Some((namespace, name)) => {
            finding.next(format!("kubectl -n {namespace} get service,endpointslices -l kubernetes.io/service-name={name}"))
        }
        None => finding.next(format!("kubectl -n {} describe {} {}", event.about.namespace, event.about.kind, event.about.name)),
    }
}

/// The Service that the API server called, from the URL in its error: `Post "https://NAME.NAMESPACE.svc:443/…"`.
fn webhook_service(message: &str) -> Option<(&str, &str)> {
    let (_, url) = message.split_once("https://")?;
    let host = url.split(['/', ':', '"']).next()?;
    match host.split('.').collect::<Vec<_>>().as_slice() {
        [name, namespace, "svc", ..] => Some((namespace, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::ObjectRef;
    use crate::model::testing::{World, labels};
    use crate::plan::testing::{Case, to_web};

    /// Deployment `web` wants two pods and gets none.
    fn refusing(message: &str) -> World {
        let mut world = World::shop();
        world.pods.retain(|p| !p.name.starts_with("web-"));
        world.workloads.push(Workload {
            kind: "deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
            pod_labels: labels("app=web"),
            selector: Selector::of(&labels("app=web")),
            desired: Some(2),
            ready: Some(0),
            ..Workload::default()
        });
        world.events.push(Event {
            about: ObjectRef::new("replicaset", "shop", "web-5d9c8b7f6"),
            kind: "Warning".into(),
            reason: "FailedCreate".into(),
            message: message.into(),
            count: 12,
            last_seen: None,
        });
        world.write_slices();
        world
    }

    #[test]
    fn the_api_servers_refusal_is_the_cause() {
        // the form of the API server's errors, Kubernetes 1.36
        let message = "Error creating: Internal error occurred: failed calling webhook \"pods.example.com\": failed to call webhook: Post \"https://guard.policy.svc:443/validate?timeout=10s\": no endpoints available for service \"guard\"";
        let case = Case::unmeasured(&refusing(message), &to_web());
        let found = only(check(&PodsNotCreated, &case));
        assert_eq!(
            found.sentence,
            "service/shop/web has no pods: those of deployment/shop/web cannot be created, as an admission webhook fails."
        );
        assert_eq!(found.next, "kubectl -n policy get service,endpointslices -l kubernetes.io/service-name=guard");
        assert_eq!(causes(&judge(&case)), ["NC3022"]);
        let quota = refusing("Error creating: pods \"web-5d9c8b7f6-x\" is forbidden: exceeded quota: small");
        assert!(
            only(check(&PodsNotCreated, &Case::unmeasured(&quota, &to_web()))).next.contains("describe replicaset web-5d9c8b7f6")
        );
    }

    #[test]
    fn healthy_and_scaled_to_zero_are_silent() {
        assert_eq!(check(&PodsNotCreated, &Case::unmeasured(&World::shop(), &to_web())), Verdict::Clear);
        let mut world = refusing("Error creating: old");
        world.workloads.last_mut().unwrap().desired = Some(0);
        assert_eq!(check(&PodsNotCreated, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_events_are_undetermined() {
        let mut world = refusing("Error creating: x");
        world.denied.push(Resource::Events);
        assert!(matches!(check(&PodsNotCreated, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
    }
}
