use std::net::IpAddr;

use crate::checks::{Check, Context};
use crate::cni::uses_node_ranges;
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Destination, Known, ObjectRef, Request, Subject};

use super::{Range, destination, ranges, service_ranges};

declare_finding! {
    /// ## What it finds
    ///
    /// Two of the cluster's ranges share addresses, and an end of this question has one of them: a pod or a node with an address of the Service
    /// range, a node with an address of the pod range, a Service with one of the pods. Routes or the rules of Services take packets that are
    /// meant for something else.
    ///
    /// ## How it is proven
    ///
    /// The addresses of source and destination are looked for in the ranges of the ServiceCIDR objects, those of nodes also in `spec.podCIDRs`
    /// where the network plugin uses it. `kubectl netcheck info` compares the ranges themselves.
    ///
    /// ## What to do
    ///
    /// Ranges cannot be changed in place: add a second ServiceCIDR and retire the first, give the plugin another pool, or number the nodes anew.
    RangeOverlap, "NC4008", "range-overlap", "Ranges of pods, Services and nodes overlap"
}

/// A node's own address lies in a range of pods: that matters where the plugin uses it.
pub(super) fn is_doubtful(request: &Request, cluster: &Cluster) -> bool {
    let Destination::Node(name) = &request.destination else { return false };
    let ips = cluster.node(name).map(|n| n.internal_ips.as_slice()).unwrap_or_default();
    ips.iter().any(|ip| ranges(cluster).iter().any(|r| is_of_nodes_pods(r) && r.net.contains(ip)))
}

fn is_of_nodes_pods(range: &Range) -> bool {
    range.what.starts_with("pods of")
}

impl Check for RangeOverlap {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        // an address that belongs to nobody is another finding's (NC3044)
        let is_own = matches!(cx.question.to, Subject::Pod(_) | Subject::Node(_));
        if !is_own {
            return Verdict::NotApplicable;
        }
        let used = uses_node_ranges(cx.cluster);
        let mut all = ranges(cx.cluster);
        all.retain(|r| !is_of_nodes_pods(r) || used == Ok(true));
        let found: Vec<Finding> = ends(cx).iter().filter_map(|(object, ip, vital)| clash(object, *ip, *vital, &all)).collect();
        if !found.is_empty() {
            return Verdict::Found(found);
        }
        let known = service_ranges(cx.cluster);
        match (&known, used) {
            (Known::Denied(_) | Known::Failed(_), _) => {
                Verdict::Undetermined(format!("the range of Services: {}", known.missing().unwrap_or_default()))
            }
            (_, Err(why)) if is_doubtful(&cx.question.request, cx.cluster) => Verdict::Undetermined(why),
            (Known::Got(()) | Known::Absent(_) | Known::Unasked, _) => Verdict::Clear,
        }
    }

    fn is_moot_when_reached(&self) -> bool {
        true
    }
}

/// The addresses of both ends, and whether it is the destination's.
fn ends(cx: &Context<'_>) -> Vec<(ObjectRef, IpAddr, bool)> {
    let source = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o)).filter(|p| !p.host_network);
    let source = source.into_iter().flat_map(|p| p.ips.iter().map(|ip| (p.object(), *ip, false)));
    destination(cx).into_iter().map(|(object, ip)| (object, ip, true)).chain(source).collect()
}

fn clash(object: &ObjectRef, ip: IpAddr, vital: bool, all: &[Range]) -> Option<Finding> {
    // in flat networks nodes and pods share one range, and rightly: only what the API gave to one node's pods is theirs alone
    let wrong = |r: &&Range| r.what == "Services" || (object.kind == "node" && is_of_nodes_pods(r));
    let range = all.iter().filter(wrong).find(|r| r.net.contains(&ip))?;
    let effect = if range.what == "Services" {
        "the rules of Services take its packets"
    } else {
        "routes of the pod network take its packets"
    };
    let sentence = format!("{object} has {ip}, which is in {} of the cluster's {}: {effect}.", range.net, range.what);
    let make = if vital { Finding::cause } else { Finding::warning };
    let finding = make(RangeOverlap::META, object.clone(), sentence)
        .expected(format!("{object} address"), format!("outside {}", range.net), ip.to_string())
        .seen(range.source.clone(), range.net.to_string());
    Some(finding.next("kubectl netcheck info shows every range of the cluster, and where they overlap"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::{World, ip};
    use crate::model::{Resource, Workload};
    use crate::plan::testing::{Case, faults, request, to_web};

    fn to_pod() -> Request {
        request(Destination::Object(ObjectRef::pod("shop", "web-1")))
    }

    fn to_node() -> Request {
        request(Destination::Node("node2".into()))
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

    #[test]
    fn a_pod_in_the_service_range_and_a_node_in_the_pod_range() {
        let mut world = World::shop();
        world.pod("web-1").ips = vec![ip("10.96.44.4")];
        let case = Case::measured(&world, &to_pod(), &|_, spec| faults::time_out(spec, &["10.96.44.4"]));
        let found = only(check(&RangeOverlap, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/web-1 has 10.96.44.4, which is in 10.96.0.0/16 of the cluster's Services: the rules of Services take its packets."
        );
        assert!(causes(&judge(&case)).contains(&"NC4008"));
        let mut world = World::shop();
        world.nodes[1].internal_ips = vec![ip("10.244.2.77")];
        let says = |world: &World| check(&RangeOverlap, &Case::unmeasured(world, &to_node()));
        assert!(matches!(says(&world), Verdict::Undetermined(_)), "no plugin is known");
        world.workloads.push(agent("calico-node", "docker.io/calico/node:v3.30.0"));
        assert_eq!(says(&world), Verdict::Clear);
        world.workloads.clear();
        world.workloads.push(agent("kube-flannel-ds", "flannel/flannel:v0.27.0"));
        let found = only(check(&RangeOverlap, &Case::unmeasured(&world, &to_node())));
        assert!(
            found.sentence.contains("10.244.2.0/24 of the cluster's pods of node2: routes of the pod network"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&RangeOverlap, &Case::unmeasured(&World::shop(), &to_pod())), Verdict::Clear);
        assert_eq!(check(&RangeOverlap, &Case::unmeasured(&World::shop(), &to_node())), Verdict::Clear);
        assert_eq!(check(&RangeOverlap, &Case::unmeasured(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn denied_ranges_are_undetermined() {
        let mut world = World::shop();
        world.denied.push(Resource::ServiceCidrs);
        assert!(matches!(check(&RangeOverlap, &Case::unmeasured(&world, &to_pod())), Verdict::Undetermined(_)));
    }
}
