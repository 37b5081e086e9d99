use crate::checks::pods::{selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{EndpointSlice, Known, Pod, Service};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// An EndpointSlice of a Service with a selector is not the EndpointSlice controller's, and adds pods that the selector does not match, or
    /// repeats what the controller's own slices say. Nobody keeps such a slice up to date with the pods: it is a leftover of another
    /// controller, of a Service of the same name that was deleted, or written by hand.
    ///
    /// ## How it is proven
    ///
    /// From the label `endpointslice.kubernetes.io/managed-by`: the controller acts on slices with its own name there only. Addresses that no
    /// pod has are a finding of their own (NC3009). Slices of controllers that join clusters are left alone.
    ///
    /// ## What to do
    ///
    /// Find out who writes the slice; delete it when nobody does.
    ForeignSlice, "NC3021", "foreign-slice", "EndpointSlice is not the controller's own"
}

/// The label's value on slices that follow the selector (k8s.io/kubernetes/pkg/controller/endpointslice).
const OWN: &str = "endpointslice-controller.k8s.io";

/// Controllers that add endpoints of other clusters on purpose: Cilium's cluster mesh and Submariner's Lighthouse.
const JOINING: &[&str] = &["endpointslice-mesh-controller.cilium.io", "lighthouse-agent.submariner.io"];

impl Check for ForeignSlice {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| !s.selector.is_empty()) else { return Verdict::NotApplicable };
        let slices = cx.cluster.slices_of(&service.namespace, &service.name);
        let Known::Got(slices) = slices else {
            let why = slices.missing().unwrap_or_default();
            return Verdict::Undetermined(format!("EndpointSlices of {}: {why}", service.object()));
        };
        let is_foreign = |s: &&&EndpointSlice| s.managed_by.as_deref().is_none_or(|m| m != OWN && !JOINING.contains(&m));
        let foreign: Vec<&&EndpointSlice> = slices.iter().filter(is_foreign).collect();
        if foreign.is_empty() {
            return Verdict::Clear;
        }
        let pods = selected(cx, &service.namespace, &service.name);
        let Known::Got(pods) = &pods else { return unknown_pods(&service.object(), &pods) };
        Verdict::of(foreign.iter().filter_map(|slice| finding(cx, service, slice, pods)).collect())
    }
}

fn finding(cx: &Context<'_>, service: &Service, slice: &EndpointSlice, selected: &[&Pod]) -> Option<Finding> {
    let addresses: Vec<&String> =
        slice.endpoints.iter().filter(|e| e.ready && !e.terminating).flat_map(|e| &e.addresses).collect();
    let has = |pod: &&Pod, address: &str| pod.ips.iter().any(|ip| ip.to_string() == *address);
    let stranger = cx
        .cluster
        .pods
        .seen()
        .filter(|p| !p.is_finished())
        .find(|pod| addresses.iter().any(|a| has(pod, a)) && !selected.iter().any(|s| s.object() == pod.object()));
    let repeats = addresses.iter().any(|a| selected.iter().any(|pod| has(pod, a)));
    let manager = slice.managed_by.clone().unwrap_or_else(|| "nobody: it has no such label".to_owned());
    let (object, of) = (slice.object(), service.object());
    let sentence = match stranger {
        Some(pod) => {
            format!("{object} sends part of the connections for {of} to {}, which the selector does not match.", pod.object())
        }
        None if repeats => {
            format!("{object} repeats endpoints of {of} and is not the controller's own: it will not follow the pods.")
        }
        // addresses that no pod has are told as that
        None => return None,
    };
    let finding = Finding::warning(ForeignSlice::META, object.clone(), sentence)
        .proven()
        .expected(format!("{object} label endpointslice.kubernetes.io/managed-by"), OWN, manager)
        .seen(format!("{object} endpoints"), addresses.iter().map(|a| a.as_str()).collect::<Vec<_>>().join(", "));
    let finding = match stranger {
        Some(pod) => {
            let selector = crate::model::Selector::of(&service.selector).to_string();
            let labels = crate::model::Selector::of(&pod.labels).to_string();
            finding.expected(format!("{} labels", pod.object()), selector, labels)
        }
        None => finding,
    };
    Some(finding.next(format!("kubectl -n {} describe endpointslice {}", slice.namespace, slice.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    /// A second slice of `service/shop/web` by another manager, for one pod.
    fn world(manager: Option<&str>, pod: &str) -> World {
        let mut world = World::shop();
        let pod = world.pod(pod).clone();
        let service = world.service("web").clone();
        let mut slice = crate::model::testing::slice(&service, &[&pod]);
        slice.name = "web-old".into();
        slice.managed_by = manager.map(str::to_owned);
        world.slices.push(slice);
        world
    }

    #[test]
    fn a_pod_that_is_not_selected_and_one_that_is_repeated() {
        let found = only(check(&ForeignSlice, &Case::unmeasured(&world(Some("old.example.com"), "client"), &to_web())));
        assert_eq!(
            found.sentence,
            "endpointslice/shop/web-old sends part of the connections for service/shop/web to pod/shop/client, which the selector does not match."
        );
        assert_eq!(found.evidence[0].seen, "old.example.com");
        let case = Case::healthy(&world(None, "web-1"), &to_web());
        let found = only(check(&ForeignSlice, &case));
        assert!(found.sentence.contains("repeats endpoints") && found.evidence[0].seen.starts_with("nobody"), "{found:#?}");
        assert!(causes(&judge(&case)).is_empty());
    }

    #[test]
    fn own_slices_and_those_that_join_clusters_are_clear() {
        assert_eq!(check(&ForeignSlice, &Case::unmeasured(&World::shop(), &to_web())), Verdict::Clear);
        let joined = world(Some("endpointslice-mesh-controller.cilium.io"), "client");
        assert_eq!(check(&ForeignSlice, &Case::unmeasured(&joined, &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_lists_are_undetermined() {
        for resource in [Resource::EndpointSlices, Resource::Pods] {
            let mut case = Case::unmeasured(&world(None, "client"), &to_web());
            if resource == Resource::Pods {
                case.cluster.pods = crate::model::Store::default();
            } else {
                case.cluster.endpoint_slices = crate::model::Store::default();
            }
            assert!(matches!(check(&ForeignSlice, &case), Verdict::Undetermined(_)));
        }
    }
}
