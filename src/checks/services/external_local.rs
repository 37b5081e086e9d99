use std::collections::BTreeSet;

use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Resource, Service, ServiceKind, Subject};
use crate::plan::backends::{asked_port, backends};
use crate::plan::node_ports;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service with `externalTrafficPolicy: Local` has no ready endpoint on a node, and that node drops whatever comes to the Service's node
    /// port from outside. A load balancer that asks the health check port leaves such nodes out; clients that use a node's address do not.
    ///
    /// ## How it is proven
    ///
    /// From the Service, and from the nodes of its ready endpoints in the EndpointSlices. Traffic that starts on the node itself is sent to
    /// every endpoint and is not affected (pkg/proxy/iptables/proxier.go, Kubernetes 1.36).
    ///
    /// ## What to do
    ///
    /// Use the address of a node that has an endpoint, run one on every node (a DaemonSet does), or set the policy to `Cluster`: then the
    /// application no longer sees the client's own address.
    ExternalLocal, "NC3019", "external-local", "Nodes without an endpoint drop what comes from outside"
}

impl Check for ExternalLocal {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        match &cx.question.to {
            Subject::Node(node) => at_node(cx, node),
            Subject::Service { .. } => of_service(cx),
            Subject::Pod(_) | Subject::Route(_) | Subject::Ip(_) | Subject::Name(_) => Verdict::NotApplicable,
        }
    }
}

/// The node port of one node was asked for.
fn at_node(cx: &Context<'_>, node: &str) -> Verdict {
    let Some((service, port)) = node_ports::service_of(cx.question, cx.cluster) else { return Verdict::NotApplicable };
    if !service.external_local || source_node(cx).as_deref() == Some(node) {
        return Verdict::NotApplicable;
    }
    let endpoints = backends(cx.cluster, service, port);
    let Known::Got(endpoints) = &endpoints else {
        return Verdict::Undetermined(format!(
            "EndpointSlices of {}: {}",
            service.object(),
            endpoints.missing().unwrap_or_default()
        ));
    };
    let nodes: BTreeSet<String> = endpoints.iter().filter(|b| b.ready).filter_map(|b| b.node.clone()).collect();
    // without any ready endpoint the fault is another one
    if nodes.is_empty() || nodes.contains(node) {
        return Verdict::Clear;
    }
    let sentence = format!(
        "node/{node} drops connections to node port {} of {}: externalTrafficPolicy is Local, and its endpoints are on {} only.",
        port.node_port.unwrap_or_default(),
        service.object(),
        list(&nodes)
    );
    Verdict::Found(vec![evidence(Finding::cause(ExternalLocal::META, service.object(), sentence), service, node, &nodes)])
}

fn of_service(cx: &Context<'_>) -> Verdict {
    // a load balancer leaves such nodes out by their health check
    let of_type = |s: &&Service| s.external_local && s.kind == ServiceKind::NodePort;
    let Some(service) = service(cx).filter(of_type) else { return Verdict::NotApplicable };
    let Some(port) = asked_port(service, cx.question.port, cx.question.protocol) else { return Verdict::NotApplicable };
    let endpoints = backends(cx.cluster, service, port);
    let Known::Got(endpoints) = &endpoints else {
        return Verdict::Undetermined(format!(
            "EndpointSlices of {}: {}",
            service.object(),
            endpoints.missing().unwrap_or_default()
        ));
    };
    let all = cx.cluster.nodes.complete(&Resource::Nodes, None);
    let Known::Got(all) = &all else {
        return Verdict::Undetermined(format!("nodes: {}", all.missing().unwrap_or_default()));
    };
    let nodes: BTreeSet<String> = endpoints.iter().filter(|b| b.ready).filter_map(|b| b.node.clone()).collect();
    let without: BTreeSet<String> = all.iter().map(|n| n.name.clone()).filter(|n| !nodes.contains(n)).collect();
    if nodes.is_empty() || without.is_empty() {
        return Verdict::Clear;
    }
    let sentence = format!(
        "{} is dropped on {} of {} nodes when it is used from outside through their node port: externalTrafficPolicy is Local, and its endpoints are on {} only.",
        service.object(),
        without.len(),
        all.len(),
        list(&nodes)
    );
    let finding = Finding::warning(ExternalLocal::META, service.object(), sentence).proven();
    Verdict::Found(vec![evidence(finding, service, &list(&without), &nodes)])
}

fn evidence(finding: Finding, service: &Service, asked: &str, nodes: &BTreeSet<String>) -> Finding {
    finding
        .expected(format!("{} spec.externalTrafficPolicy", service.object()), "Cluster, or an endpoint on every node", "Local")
        .expected("nodes of its ready endpoints", asked, list(nodes))
        .next(format!("kubectl -n {} edit service {}: externalTrafficPolicy: Cluster", service.namespace, service.name))
}

fn source_node(cx: &Context<'_>) -> Option<String> {
    let pod = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o));
    cx.question.from_node.clone().or_else(|| pod?.node.clone())
}

/// The first names, and how many more there are.
fn list(nodes: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = nodes.iter().take(SHOWN).map(String::as_str).collect();
    let more = nodes.len().saturating_sub(SHOWN);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::model::{Destination, PortRef, Request};
    use crate::plan::testing::{Case, faults, request, to_web};

    /// The endpoints of `service/shop/web` are on node2 and node3.
    fn local() -> World {
        let mut world = World::shop();
        let web = world.service("web");
        (web.kind, web.external_local) = (ServiceKind::NodePort, true);
        web.ports[0].node_port = Some(30_080);
        world
    }

    fn to_node(name: &str) -> Request {
        Request { port: Some(PortRef::Number(30_080)), ..request(Destination::Node(name.into())) }
    }

    #[test]
    fn the_node_port_of_a_node_without_endpoint_is_a_cause() {
        let mut world = local();
        world.pod("client").node = Some("node2".into());
        let case = Case::measured(&world, &to_node("node1"), &|_, spec| faults::time_out(spec, &["172.18.0.1"]));
        let found = only(check(&ExternalLocal, &case));
        assert_eq!(
            found.sentence,
            "node/node1 drops connections to node port 30080 of service/shop/web: externalTrafficPolicy is Local, and its endpoints are on node2, node3 only."
        );
        assert_eq!(causes(&judge(&case)), ["NC3019"]);
    }

    #[test]
    fn a_question_about_the_service_warns() {
        let case = Case::healthy(&local(), &to_web());
        let found = only(check(&ExternalLocal, &case));
        assert_eq!(found.weight, Weight::Warning);
        assert!(found.sentence.starts_with("service/shop/web is dropped on 1 of 3 nodes"), "{}", found.sentence);
        assert_eq!(judge(&case).exit_code, 0);
    }

    #[test]
    fn nodes_with_an_endpoint_and_the_sources_own_are_clear() {
        let clear = |world: &World, to: &Request| {
            let verdict = check(&ExternalLocal, &Case::unmeasured(world, to));
            assert!(matches!(verdict, Verdict::Clear | Verdict::NotApplicable), "{verdict:?}");
        };
        clear(&local(), &to_node("node2"));
        clear(&local(), &to_node("node1"));
        clear(&World::shop(), &to_web());
        let mut balanced = local();
        balanced.service("web").kind = ServiceKind::LoadBalancer;
        clear(&balanced, &to_web());
    }

    #[test]
    fn denied_slices_are_undetermined() {
        let mut world = local();
        world.denied.push(Resource::EndpointSlices);
        assert!(matches!(
            check(&ExternalLocal, &Case::unmeasured(&world, &to_node("node2"))),
            Verdict::NotApplicable | Verdict::Undetermined(_)
        ));
        assert!(matches!(check(&ExternalLocal, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
    }
}
