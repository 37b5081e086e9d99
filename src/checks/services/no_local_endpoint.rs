use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::Known;
use crate::plan::backends::{asked_port, backends};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service with `internalTrafficPolicy: Local` has no ready endpoint on the source's node: packets to its address are dropped
    /// there, in silence, while clients on other nodes are served.
    ///
    /// ## How it is proven
    ///
    /// From the Service, and from the nodes of its ready endpoints in the EndpointSlices.
    ///
    /// ## What to do
    ///
    /// Run an endpoint on every node that has clients (a DaemonSet does), or set the policy back to `Cluster`.
    NoLocalEndpoint, "NC3018", "no-local-endpoint", "Service serves only nodes that have an endpoint"
}

impl Check for NoLocalEndpoint {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| s.internal_local && !s.headless) else { return Verdict::NotApplicable };
        let Some(port) = asked_port(service, cx.question.port, cx.question.protocol) else { return Verdict::NotApplicable };
        let object = service.object();
        let endpoints = backends(cx.cluster, service, port);
        let Known::Got(endpoints) = &endpoints else {
            return Verdict::Undetermined(format!("EndpointSlices of {object}: {}", endpoints.missing().unwrap_or_default()));
        };
        let pod = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o));
        let Some(node) = cx.question.from_node.clone().or_else(|| pod?.node.clone()) else {
            return Verdict::Undetermined(format!("the source's node, which decides for {object}, is not known"));
        };
        let mut nodes: Vec<String> = endpoints.iter().filter(|b| b.ready).filter_map(|b| b.node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        // without any ready endpoint the fault is another one
        if nodes.is_empty() || nodes.contains(&node) {
            return Verdict::Clear;
        }
        let sentence = format!(
            "{object} drops connections from node/{node}: internalTrafficPolicy is Local, and its endpoints are on {} only.",
            nodes.join(", ")
        );
        let finding = Finding::cause(Self::META, object.clone(), sentence)
            .expected(
                format!("{object} spec.internalTrafficPolicy"),
                "Cluster, or an endpoint on every node with clients",
                "Local",
            )
            .expected("nodes of its ready endpoints", node, nodes.join(", "))
            .next(format!("kubectl -n {} edit service {}: internalTrafficPolicy: Cluster", service.namespace, service.name));
        Verdict::Found(vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    fn local() -> World {
        let mut world = World::shop();
        world.service("web").internal_local = true;
        world
    }

    #[test]
    fn endpoints_on_other_nodes_only_are_a_cause() {
        let case = Case::measured(&local(), &to_web(), &|_, spec| faults::time_out(spec, &["10.96.1.10"]));
        assert!(only(check(&NoLocalEndpoint, &case)).sentence.contains("drops connections from node/node1"));
        assert_eq!(causes(&judge(&case)), ["NC3018"]);
    }

    #[test]
    fn an_endpoint_on_the_node_is_clear() {
        let mut world = local();
        world.pod("web-1").node = Some("node1".into());
        world.write_slices();
        assert_eq!(check(&NoLocalEndpoint, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
        assert_eq!(check(&NoLocalEndpoint, &Case::unmeasured(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn denied_slices_are_undetermined() {
        let mut world = local();
        world.denied.push(Resource::EndpointSlices);
        assert!(matches!(check(&NoLocalEndpoint, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
    }
}
