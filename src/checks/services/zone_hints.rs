use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Endpoint, EndpointSlice, Known, Node, Service};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service is to keep traffic near the client (`trafficDistribution`, or the annotation `service.kubernetes.io/topology-mode`), and that
    /// does not happen for this source: kube-proxy ignores the hints and sends to every endpoint of the cluster. Nothing breaks; latency and
    /// cost are not what was meant.
    ///
    /// ## How it is proven
    ///
    /// As kube-proxy decides it (pkg/proxy/topology.go, Kubernetes 1.36): hints count only when every ready endpoint has one, and at least one
    /// is for the node or the zone of the client. Zones are the label `topology.kubernetes.io/zone` of the nodes. Other proxies may ignore
    /// hints altogether.
    ///
    /// ## What to do
    ///
    /// Label the nodes with their zone, and run endpoints in every zone that has clients. With `topology-mode: Auto` the controller gives no
    /// hints at all while there are too few endpoints for the zones.
    ZoneHints, "NC3020", "zone-hints", "Traffic does not stay near the client as the Service wants"
}

/// The label that cloud providers and people set on nodes (core/v1 `LabelTopologyZone`).
const ZONE: &str = "topology.kubernetes.io/zone";

impl Check for ZoneHints {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| !s.headless && !s.internal_local) else { return Verdict::NotApplicable };
        let Some(wanted) = wanted(service) else { return Verdict::NotApplicable };
        let slices = cx.cluster.slices_of(&service.namespace, &service.name);
        let Known::Got(slices) = slices else {
            let why = slices.missing().unwrap_or_default();
            return Verdict::Undetermined(format!("EndpointSlices of {}: {why}", service.object()));
        };
        let pod = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o));
        let name = cx.question.from_node.clone().or_else(|| pod?.node.clone());
        let Some(node) = name.and_then(|n| cx.cluster.node(&n)) else {
            return Verdict::Undetermined(format!(
                "the source's node and its zone, which decide for {}, are not known",
                service.object()
            ));
        };
        Verdict::of(ignored(service, wanted, &ready(&slices), node).into_iter().collect())
    }
}

/// What the Service asks for, and where.
fn wanted(service: &Service) -> Option<(&'static str, String)> {
    // the annotation wins over the field (k8s.io/endpointslice, reconciler.go, `canUseTrafficDistribution`)
    if service.topology_auto {
        return Some(("annotation service.kubernetes.io/topology-mode", "Auto".to_owned()));
    }
    service.traffic_distribution.clone().map(|mode| ("spec.trafficDistribution", mode))
}

fn ready<'a>(slices: &[&'a EndpointSlice]) -> Vec<&'a Endpoint> {
    slices.iter().flat_map(|s| &s.endpoints).filter(|e| e.ready && !e.addresses.is_empty()).collect()
}

/// Why the hints do not count on this node; `None` when they do, or when there is nothing to hint at.
fn ignored(service: &Service, wanted: (&str, String), ready: &[&Endpoint], node: &Node) -> Option<Finding> {
    let zone = node.labels.get(ZONE);
    let by_node = ready.iter().all(|e| !e.node_hints.is_empty()) && ready.iter().any(|e| e.node_hints.contains(&node.name));
    let in_zone = |e: &&&Endpoint| zone.is_some_and(|z| e.hints.contains(z));
    let by_zone = ready.iter().all(|e| !e.hints.is_empty()) && ready.iter().any(|e| in_zone(&e));
    if ready.is_empty() || by_node || by_zone {
        return None;
    }
    let object = service.object();
    let without = ready.iter().find(|e| e.hints.is_empty());
    let place = |e: &Endpoint| e.node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    let (why, source, expected, seen) = match (without, zone) {
        (Some(endpoint), _) => {
            let zone = endpoint.zone.clone().map_or_else(|| "in no zone".to_owned(), |z| format!("in zone {z}"));
            (
                format!("its endpoint {}{} has no hint", endpoint.addresses.join(", "), place(endpoint)),
                "EndpointSlices hints".to_owned(),
                "one for every ready endpoint".to_owned(),
                format!("none for {}, {zone}", endpoint.addresses.join(", ")),
            )
        }
        (None, None) => (
            format!("node/{} has no zone", node.name),
            format!("node/{} label {ZONE}", node.name),
            "its zone".to_owned(),
            "none".to_owned(),
        ),
        (None, Some(zone)) => (
            format!("no endpoint is for zone {zone} of node/{}", node.name),
            "EndpointSlices hints".to_owned(),
            zone.clone(),
            zones(ready),
        ),
    };
    let (field, mode) = wanted;
    let sentence =
        format!("{object} sends {} to every endpoint of the cluster, although it is to stay near: {why}.", node.object());
    // a zone without endpoints is what the fallback is for
    let base = if without.is_none() && zone.is_some() {
        Finding::note(ZoneHints::META, object.clone(), sentence)
    } else {
        Finding::warning(ZoneHints::META, object.clone(), sentence)
    };
    Some(base.proven().seen(format!("{object} {field}"), mode).expected(source, expected, seen).next(format!(
        "kubectl get nodes -L {ZONE}; kubectl -n {} get endpointslices -l kubernetes.io/service-name={} -o yaml",
        service.namespace, service.name
    )))
}

fn zones(ready: &[&Endpoint]) -> String {
    let mut all: Vec<&str> = ready.iter().flat_map(|e| &e.hints).map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    /// node1 is in zone a, node2 in b, node3 in c; each endpoint is for the zone given.
    fn world(hints: [&str; 2]) -> World {
        let mut world = World::shop();
        for (node, zone) in world.nodes.iter_mut().zip(["a", "b", "c"]) {
            node.labels.insert(ZONE.into(), zone.into());
        }
        world.service("web").traffic_distribution = Some("PreferSameZone".into());
        for (endpoint, hint) in world.slice_of("web").endpoints.iter_mut().zip(hints) {
            endpoint.hints = if hint.is_empty() { vec![] } else { vec![hint.into()] };
        }
        world
    }

    #[test]
    fn a_zone_without_endpoint_is_a_note_and_a_missing_hint_or_label_a_warning() {
        let found = only(check(&ZoneHints, &Case::unmeasured(&world(["b", "c"]), &to_web())));
        assert_eq!(found.weight, Weight::Note);
        assert_eq!(
            found.sentence,
            "service/shop/web sends node/node1 to every endpoint of the cluster, although it is to stay near: no endpoint is for zone a of node/node1."
        );
        let found = only(check(&ZoneHints, &Case::unmeasured(&world(["a", ""]), &to_web())));
        assert_eq!(found.weight, Weight::Warning);
        assert!(found.sentence.ends_with("its endpoint 10.244.3.10 on node/node3 has no hint."), "{}", found.sentence);
        let mut unlabelled = world(["b", "c"]);
        unlabelled.nodes[0].labels.clear();
        let found = only(check(&ZoneHints, &Case::unmeasured(&unlabelled, &to_web())));
        assert!(found.sentence.ends_with("node/node1 has no zone."), "{}", found.sentence);
    }

    #[test]
    fn hints_that_count_are_clear() {
        assert_eq!(check(&ZoneHints, &Case::unmeasured(&world(["a", "c"]), &to_web())), Verdict::Clear);
        let mut by_node = world(["", ""]);
        for endpoint in &mut by_node.slice_of("web").endpoints {
            endpoint.node_hints = vec!["node1".into()];
        }
        assert_eq!(check(&ZoneHints, &Case::unmeasured(&by_node, &to_web())), Verdict::Clear);
        assert_eq!(check(&ZoneHints, &Case::unmeasured(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn denied_nodes_or_slices_are_undetermined() {
        for resource in [Resource::Nodes, Resource::EndpointSlices] {
            let mut world = world(["a", "c"]);
            world.denied.push(resource);
            assert!(matches!(check(&ZoneHints, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
        }
    }
}
