use std::net::IpAddr;

use ipnet::IpNet;

use crate::checks::{Check, Context};
use crate::cni::uses_node_ranges;
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Node, Pod};

use super::pods;

declare_finding! {
    /// ## What it finds
    ///
    /// A pod has an address that is not in its node's range: other nodes send packets for it elsewhere or nowhere. It was started while another
    /// network plugin, an old configuration or another range was in force.
    ///
    /// ## How it is proven
    ///
    /// The pod's address is compared with `spec.podCIDRs` of its node. Many plugins leave those ranges unused and hand out addresses of their
    /// own. So it is told only where another pod of the question has an address of its node's range, and only for plugins that take their
    /// addresses from there: Flannel, Canal, kindnet, kube-router, and Cilium with `ipam: kubernetes`.
    ///
    /// ## What to do
    ///
    /// Delete the pod, so that it gets a new address. When new pods have such addresses as well, look for a second configuration in
    /// `/etc/cni/net.d` of the node: the first by name is used.
    OutsideNodeRange, "NC4006", "outside-node-range", "The pod's address is not in its node's range"
}

/// Whether the network plugin has to be known: some of these pods have an address of their node's range, and others do not. Where none
/// has, the ranges are not used.
pub(super) fn is_doubtful(pods: &[&Pod], cluster: &Cluster) -> bool {
    let placed = || pods.iter().filter_map(|p| Some((p, node_of(p, cluster)?)));
    placed().any(|(p, n)| outside(p, n).is_some()) && placed().any(|(p, n)| is_inside(p, n))
}

impl Check for OutsideNodeRange {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let all = pods(cx);
        let just_pods: Vec<&Pod> = all.iter().map(|(pod, _)| *pod).collect();
        if all.len() < 2 {
            return Verdict::NotApplicable;
        }
        if !is_doubtful(&just_pods, cx.cluster) {
            return match all.iter().find(|(pod, is_end)| *is_end && node_of(pod, cx.cluster).is_none()) {
                Some((pod, _)) => {
                    let name = pod.node.as_deref().unwrap_or_default();
                    Verdict::Undetermined(format!("the range of node/{name}, where {} runs, is not known", pod.object()))
                }
                None => Verdict::Clear,
            };
        }
        let odd = all.iter().filter_map(|(pod, is_end)| {
            let node = node_of(pod, cx.cluster)?;
            Some(finding(pod, node, outside(pod, node)?, *is_end))
        });
        match uses_node_ranges(cx.cluster) {
            Ok(true) => Verdict::of(odd.collect()),
            Ok(false) => Verdict::NotApplicable,
            Err(why) => Verdict::Undetermined(why),
        }
    }

    fn is_moot_when_reached(&self) -> bool {
        true
    }
}

fn node_of<'a>(pod: &Pod, cluster: &'a Cluster) -> Option<&'a Node> {
    cluster.node(pod.node.as_deref()?)
}

/// The node's ranges of the family of an address.
fn ranges<'a>(node: &'a Node, ip: &IpAddr) -> Vec<&'a IpNet> {
    node.pod_cidrs.iter().filter(|net| net.addr().is_ipv4() == ip.is_ipv4()).collect()
}

/// The pod's address for which its node has a range of the same family, and none that holds it.
fn outside(pod: &Pod, node: &Node) -> Option<IpAddr> {
    let is_out = |ip: &&IpAddr| {
        let nets = ranges(node, ip);
        !nets.is_empty() && !nets.iter().any(|net| net.contains(*ip))
    };
    if pod.host_network { None } else { pod.ips.iter().find(is_out).copied() }
}

fn is_inside(pod: &Pod, node: &Node) -> bool {
    !pod.host_network && pod.ips.iter().any(|ip| ranges(node, ip).iter().any(|net| net.contains(ip)))
}

fn finding(pod: &Pod, node: &Node, ip: IpAddr, vital: bool) -> Finding {
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
    use crate::model::{ConfigMap, Destination, ObjectRef, Request, Resource, Workload};
    use crate::plan::testing::{Case, faults, request, to_web};

    fn to_pod() -> Request {
        request(Destination::Object(ObjectRef::pod("shop", "web-1")))
    }

    fn agent(name: &str, image: &str) -> Workload {
        Workload {
            kind: "daemonset".into(),
            namespace: "kube-system".into(),
            name: name.into(),
            images: vec![image.into()],
            desired: Some(3),
            ready: Some(3),
            ..Workload::default()
        }
    }

    /// `web-1` on node2 has an address of another range, and a plugin runs.
    fn world(name: &str, image: &str) -> World {
        let mut world = World::shop();
        world.workloads.push(agent(name, image));
        world.pod("web-1").ips = vec![ip("10.88.0.7")];
        world.write_slices();
        world
    }

    fn flannel() -> World {
        world("kube-flannel-ds", "flannel/flannel:v0.27.0")
    }

    fn cilium(ipam: &str) -> World {
        let mut world = world("cilium", "quay.io/cilium/cilium:v1.18.2");
        world.config_maps.push(ConfigMap {
            namespace: "kube-system".into(),
            name: "cilium-config".into(),
            data: [("ipam".to_owned(), ipam.to_owned())].into(),
        });
        world
    }

    fn says(world: &World) -> Verdict {
        check(&OutsideNodeRange, &Case::unmeasured(world, &to_pod()))
    }

    #[test]
    fn the_destination_outside_is_a_cause_and_one_endpoint_of_two_a_warning() {
        let case = Case::measured(&flannel(), &to_pod(), &|_, spec| faults::time_out(spec, &["10.88.0.7"]));
        let found = only(check(&OutsideNodeRange, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/web-1 has 10.88.0.7, which is not in 10.244.2.0/24 of its node/node2: other nodes do not send it there."
        );
        assert_eq!(causes(&judge(&case)).first(), Some(&"NC4006"));
        let found = only(check(&OutsideNodeRange, &Case::unmeasured(&flannel(), &to_web())));
        assert_eq!(found.weight, Weight::Warning);
        only(says(&cilium("kubernetes")));
    }

    #[test]
    fn plugins_with_addresses_of_their_own_are_left_alone() {
        assert_eq!(says(&cilium("cluster-pool")), Verdict::NotApplicable);
        assert_eq!(says(&world("calico-node", "docker.io/calico/node:v3.30.0")), Verdict::NotApplicable);
        // a node keeps Flannel's annotation when another plugin takes its place
        let mut migrated = cilium("cluster-pool");
        for node in &mut migrated.nodes {
            node.annotations.insert("flannel.alpha.coreos.com/backend-type".into(), "vxlan".into());
        }
        assert_eq!(says(&migrated), Verdict::NotApplicable);
    }

    #[test]
    fn ranges_that_no_pod_uses_are_no_reason_to_read_more() {
        let mut pool = cilium("cluster-pool");
        for (i, pod) in pool.pods.iter_mut().filter(|p| !p.host_network).enumerate() {
            pod.ips = vec![ip(&format!("10.0.1.{}", 10 + i))];
        }
        pool.write_slices();
        for request in [to_pod(), to_web()] {
            let case = Case::unmeasured(&pool, &request);
            assert_eq!(check(&OutsideNodeRange, &case), Verdict::Clear);
            let asked = |query: &crate::model::Query| query.resource == Resource::DaemonSets;
            assert!(!case.cluster.workloads.listings.iter().any(|l| asked(&l.query)));
        }
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&OutsideNodeRange, &Case::unmeasured(&World::shop(), &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_nodes_and_an_unknown_plugin_are_undetermined_until_the_pod_answers() {
        let mut denied = flannel();
        denied.denied.push(Resource::Nodes);
        assert!(matches!(says(&denied), Verdict::Undetermined(_)));
        let mut unlisted = flannel();
        unlisted.denied.push(Resource::DaemonSets);
        assert!(matches!(says(&unlisted), Verdict::Undetermined(_)));
        let unknown = world("homemade-net", "example.com/net:1");
        assert!(matches!(says(&unknown), Verdict::Undetermined(_)));
        let is_gap = |case: &Case| judge(case).gaps.iter().any(|g| g.what.contains("NC4006"));
        assert!(is_gap(&Case::measured(&unknown, &to_pod(), &|_, spec| faults::time_out(spec, &["10.88.0.7"]))));
        assert!(!is_gap(&Case::healthy(&unknown, &to_pod())));
    }
}
