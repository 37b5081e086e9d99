use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::steps::node_port_targets;

declare_finding! {
    /// ## What it finds
    ///
    /// How a NodePort or LoadBalancer Service is reached from outside: on which port of the nodes, and on which nodes when
    /// `externalTrafficPolicy: Local` leaves out those without an endpoint. A node port that does not answer is a warning.
    ///
    /// ## How it is proven
    ///
    /// From the Service, and by connecting to the node port of nodes that should answer.
    ///
    /// ## What to do
    ///
    /// When a node that should answer does not, look at kube-proxy on that node and at host firewalls.
    NodePort, "NC3014", "node-port", "How the Service is reached through node ports"
}

impl Cause for NodePort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let (Some(service), Some(port)) = (cx.service(), cx.service_port()) else { return Verdict::NotApplicable };
        let Some(node_port) = port.node_port else { return Verdict::NotApplicable };
        let object = service.object();
        let targets = node_port_targets(cx.question, cx.cluster);
        let silent: Vec<String> = targets
            .iter()
            .filter(|(_, ip, p)| cx.reach(*ip, *p).measured() && !cx.reach(*ip, *p).ok())
            .map(|(node, ip, _)| format!("{node} ({ip})"))
            .collect();
        // a Service that fails inside the cluster has a better finding than its node port
        let inside_works = service.cluster_ips.iter().any(|ip| cx.reach(*ip, port.port).ok());
        if !silent.is_empty() && inside_works {
            let sentence =
                format!("{object} does not answer on node port {node_port} of {}, where it should.", silent.join(", "));
            let finding = Finding::warning(Self::META, object, sentence)
                .expected(format!("connections to node port {node_port}"), "accepted", format!("failed on {}", silent.join(", ")))
                .next("look at kube-proxy on that node, and at the host's own firewall");
            return Verdict::Found(vec![finding]);
        }
        let nodes = if service.external_local {
            "only on nodes that have a ready endpoint (externalTrafficPolicy Local)"
        } else {
            "on every node"
        };
        let sentence = format!("{object} is open to the outside on node port {node_port}, {nodes}.");
        Verdict::Found(vec![
            Finding::note(Self::META, object.clone(), sentence)
                .proven()
                .seen(format!("{object} spec.ports[{}].nodePort", port.port), node_port.to_string()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    fn world() -> World {
        let mut world = World::shop();
        world.service("web").kind = crate::model::ServiceKind::NodePort;
        world.service("web").ports[0].node_port = Some(30_080);
        world
    }

    #[test]
    fn an_open_node_port_is_a_note_and_a_silent_one_a_warning() {
        let open = only(explain(&NodePort, &Case::healthy(&world(), &to_web())));
        assert_eq!(open.weight, crate::finding::Weight::Note);
        let silent = Case::measured(&world(), &to_web(), &|_, spec| faults::time_out(spec, &["172.18.0.3"]));
        let found = only(explain(&NodePort, &silent));
        assert_eq!(found.sentence, "service/shop/web does not answer on node port 30080 of node3 (172.18.0.3), where it should.");
        assert!(causes(&judge(&silent)).is_empty());
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&NodePort, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
