use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Node, ObjectRef, Subject};

use super::{ends, selected, unknown_pods};

declare_finding! {
    /// ## What it finds
    ///
    /// A node that the question depends on is not ready: its kubelet stopped reporting, or reports that its network is not ready.
    ///
    /// ## How it is proven
    ///
    /// From the node's `Ready` condition.
    ///
    /// ## What to do
    ///
    /// The condition's message says whether the kubelet is silent (node down, or cut off from the API server) or the CNI has not
    /// initialised. Pods on a silent node are taken out of Services after about 40 seconds.
    NodeNotReady, "NC4003", "node-not-ready", "Node is not ready"
}

impl Check for NodeNotReady {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let mut vital: Vec<String> = ends(cx).iter().filter_map(|o| node_of(o, cx)).collect();
        vital.extend(cx.question.from_node.clone());
        if let Subject::Node(name) = &cx.question.to {
            vital.push(name.clone());
        }
        let mut others = Vec::new();
        if let Subject::Service { namespace, name } = &cx.question.to {
            let pods = selected(cx, namespace, name);
            let Known::Got(pods) = &pods else { return unknown_pods(&ObjectRef::service(namespace, name), &pods) };
            others = pods.iter().filter_map(|p| p.node.clone()).collect();
            if !pods.iter().any(|p| p.ready) {
                vital.append(&mut others);
            }
        }
        for names in [&mut vital, &mut others] {
            names.sort();
            names.dedup();
        }
        let down = |name: &String| cx.cluster.node(name).filter(|n| n.ready != Some(true));
        let mut found: Vec<Finding> = vital.iter().filter_map(down).map(|n| finding(n, true)).collect();
        found.extend(others.iter().filter(|n| !vital.contains(n)).filter_map(down).map(|n| finding(n, false)));
        Verdict::of(found)
    }
}

fn node_of(object: &ObjectRef, cx: &Context<'_>) -> Option<String> {
    cx.cluster.pod(object)?.node.clone()
}

fn finding(node: &Node, vital: bool) -> Finding {
    let ready = node.conditions.iter().find(|c| c.kind == "Ready");
    let words = ready.map_or_else(|| "no Ready condition".to_owned(), |c| format!("{} {}: {}", c.status, c.reason, c.message));
    let sentence = format!("{} is not ready: {words}.", node.object());
    let make = if vital { Finding::cause } else { Finding::warning };
    make(NodeNotReady::META, node.object(), sentence)
        .expected(format!("{} status.conditions[Ready]", node.object()), "True", words)
        .next(format!("kubectl describe node {}", node.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn the_sources_node_is_vital_and_an_endpoints_is_not() {
        let mut world = World::shop();
        world.nodes[0].ready = Some(false);
        let found = only(check(&NodeNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!((found.weight, found.about.to_string().as_str()), (crate::finding::Weight::Cause, "node/node1"));
        world.nodes[0].ready = Some(true);
        world.nodes[2].ready = Some(false);
        let found = only(check(&NodeNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Warning);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&NodeNotReady, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn a_denied_list_is_undetermined() {
        let mut case = Case::unmeasured(&World::shop(), &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(check(&NodeNotReady, &case), Verdict::Undetermined(_)));
    }
}
