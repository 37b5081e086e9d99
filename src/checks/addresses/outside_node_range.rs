use ipnet::IpNet;

use crate::checks::{Check, Context};
use crate::cni::networks;
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Known, Node, Pod, Query, Resource, Subject};

use super::pods;

declare_finding! {
    /// ## What it finds
    ///
    /// A pod has an address that is not in its node's range: other nodes send packets for it elsewhere or nowhere. It was started while another
    /// network plugin, an old configuration or another range was in force.
    ///
    /// ## How it is proven
    ///
    /// The pod's address is compared with `spec.podCIDRs` of its node. That is told only for plugins that take their addresses from there
    /// (Flannel, Canal, kindnet, kube-router); others hand out addresses of their own.
    ///
    /// ## What to do
    ///
    /// Delete the pod, so that it gets a new address. When new pods have such addresses as well, look for a second configuration in
    /// `/etc/cni/net.d` of the node: the first by name is used.
    OutsideNodeRange, "NC4006", "outside-node-range", "The pod's address is not in its node's range"
}

/// Plugins that give pods addresses of `spec.podCIDRs`.
const BY_NODE: &[&str] = &["Flannel", "Canal", "kindnet", "kube-router"];

/// What must be read to know whether an address outside matters: nothing, while all are inside.
pub fn wanted(pods: &[&Pod], cluster: &Cluster) -> Option<Query> {
    let odd = pods.iter().any(|p| node_of(p, cluster).is_some_and(|n| outside(p, n).is_some() && !is_flannels(n)));
    odd.then(|| Query::all(Resource::DaemonSets))
}

impl Check for OutsideNodeRange {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let all = pods(cx);
        if all.is_empty() {
            return Verdict::NotApplicable;
        }
        let mut odd = Vec::new();
        for (pod, is_end) in &all {
            let Some(node) = node_of(pod, cx.cluster) else {
                // of a Service's endpoints those are judged whose node could be read
                if !matches!(cx.question.to, Subject::Pod(_)) {
                    continue;
                }
                let name = pod.node.clone().unwrap_or_default();
                return Verdict::Undetermined(format!("the range of node/{name}, where {} runs, is not known", pod.object()));
            };
            odd.extend(outside(pod, node).map(|ip| (*pod, node, ip, *is_end)));
        }
        let Some((_, first, ..)) = odd.first() else { return Verdict::Clear };
        let sets = cx.cluster.workloads.complete(&Resource::DaemonSets, None);
        let by_node = is_flannels(first) || networks(cx.cluster).primary().is_some_and(|p| BY_NODE.contains(&p.name));
        if !by_node && !matches!(sets, Known::Got(_)) {
            return Verdict::Undetermined(format!(
                "the network plugin, by its DaemonSet: {}",
                sets.missing().unwrap_or_default()
            ));
        }
        if !by_node {
            return Verdict::NotApplicable;
        }
        // endpoints that are left serve a Service
        let all_odd = odd.len() == all.len();
        Verdict::of(odd.iter().map(|(pod, node, ip, is_end)| finding(pod, node, *ip, *is_end || all_odd)).collect())
    }
}

fn node_of<'a>(pod: &Pod, cluster: &'a Cluster) -> Option<&'a Node> {
    cluster.node(pod.node.as_deref()?)
}

/// Flannel's annotation on its node: also that of Canal and k3s.
fn is_flannels(node: &Node) -> bool {
    node.annotations.keys().any(|key| key.starts_with("flannel.alpha.coreos.com/backend"))
}

/// The pod's address for which its node has a range of the same family, and none that holds it.
fn outside(pod: &Pod, node: &Node) -> Option<std::net::IpAddr> {
    let of_family = |ip: &std::net::IpAddr| -> Vec<&IpNet> {
        node.pod_cidrs.iter().filter(|net| net.addr().is_ipv4() == ip.is_ipv4()).collect()
    };
    let is_out = |ip: &&std::net::IpAddr| {
        let nets = of_family(ip);
        !nets.is_empty() && !nets.iter().any(|net| net.contains(*ip))
    };
    if pod.host_network { None } else { pod.ips.iter().find(is_out).copied() }
}

fn finding(pod: &Pod, node: &Node, ip: std::net::IpAddr, vital: bool) -> Finding {
    let shares: Vec<String> = node.pod_cidrs.iter().map(ToString::to_string).collect();
    let shares = shares.join(", ");
    let sentence = format!(
        "{} has {ip}, which is not in {shares} of its {}: other nodes do not send it there.",
        pod.object(),
        node.object()
    );
    let make = if vital { Finding::cause } else { Finding::warning };
    make(OutsideNodeRange::META, pod.object(), sentence)
        .expected(format!("{} status.podIPs", pod.object()), format!("an address of {shares}"), ip.to_string())
        .seen(format!("{} spec.podCIDRs", node.object()), shares)
        .next(format!("kubectl -n {} delete pod {}: its successor gets an address of the node", pod.namespace, pod.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::{World, ip};
    use crate::model::{Destination, ObjectRef, Request};
    use crate::plan::testing::{Case, faults, request, to_web};

    fn to_pod() -> Request {
        request(Destination::Object(ObjectRef::pod("shop", "web-1")))
    }

    /// `web-1` on node2 has an address of another range; the nodes are Flannel's.
    fn world() -> World {
        let mut world = World::shop();
        for node in &mut world.nodes {
            node.annotations.insert("flannel.alpha.coreos.com/backend-type".into(), "vxlan".into());
        }
        world.pod("web-1").ips = vec![ip("10.88.0.7")];
        world.write_slices();
        world
    }

    #[test]
    fn the_destination_outside_is_a_cause_and_one_endpoint_of_two_a_warning() {
        let case = Case::measured(&world(), &to_pod(), &|_, spec| faults::time_out(spec, &["10.88.0.7"]));
        let found = only(check(&OutsideNodeRange, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/web-1 has 10.88.0.7, which is not in 10.244.2.0/24 of its node/node2: other nodes do not send it there."
        );
        assert_eq!(causes(&judge(&case)).first(), Some(&"NC4006"));
        let found = only(check(&OutsideNodeRange, &Case::unmeasured(&world(), &to_web())));
        assert_eq!(found.weight, Weight::Warning);
    }

    #[test]
    fn plugins_with_addresses_of_their_own_are_left_alone() {
        let mut world = world();
        for node in &mut world.nodes {
            node.annotations.clear();
        }
        assert_eq!(check(&OutsideNodeRange, &Case::unmeasured(&world, &to_pod())), Verdict::NotApplicable);
        world.workloads.push(crate::model::Workload {
            kind: "daemonset".into(),
            namespace: "kube-system".into(),
            name: "kindnet".into(),
            images: vec!["docker.io/kindest/kindnetd:v20250512-df8de77b".into()],
            container_names: vec!["kindnet-cni".into()],
            desired: Some(3),
            ready: Some(3),
            ..crate::model::Workload::default()
        });
        only(check(&OutsideNodeRange, &Case::unmeasured(&world, &to_pod())));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&OutsideNodeRange, &Case::unmeasured(&World::shop(), &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_nodes_and_an_unknown_plugin_are_undetermined() {
        let mut denied = world();
        denied.denied.push(Resource::Nodes);
        assert!(matches!(check(&OutsideNodeRange, &Case::unmeasured(&denied, &to_pod())), Verdict::Undetermined(_)));
        let mut unknown = world();
        unknown.denied.push(Resource::DaemonSets);
        for node in &mut unknown.nodes {
            node.annotations.clear();
        }
        assert!(matches!(check(&OutsideNodeRange, &Case::unmeasured(&unknown, &to_pod())), Verdict::Undetermined(_)));
    }
}
