use std::net::IpAddr;

use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Known, Pod, Query, Resource};

use super::pods;

declare_finding! {
    /// ## What it finds
    ///
    /// Two pods have the same address. Packets for it go to one of them, often not to the one that is meant, and connections break when the
    /// neighbour caches change. The plugin's address management has lost its state, or two of them hand out the same range.
    ///
    /// ## How it is proven
    ///
    /// In a question between two pods, every pod of the cluster with one of their addresses is looked for; behind a Service, the pods that were
    /// read are compared. Pods that have finished or share their node's network do not count. Plugins that keep networks apart, such as
    /// Kube-OVN with several VPCs, may rightly give one address twice.
    ///
    /// ## What to do
    ///
    /// Delete both pods, so that each gets a new address. Look at the plugin's store of addresses on the node (`/var/lib/cni/networks` for
    /// host-local), and for a second configuration in `/etc/cni/net.d`.
    AddressTwice, "NC4007", "address-twice", "Two pods have the same address"
}

/// The lists that show who else has the addresses of these pods. The pods behind a Service are compared with what is read anyway.
pub(super) fn reads(pods: &[&Pod]) -> Vec<Query> {
    pods.iter().filter(|p| !p.host_network && !p.is_finished()).filter_map(|p| p.ips.first()).map(by_address).collect()
}

fn by_address(ip: &IpAddr) -> Query {
    Query::all(Resource::Pods).fields(&format!("status.podIP={ip}"))
}

impl Check for AddressTwice {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let involved = pods(cx);
        let mut found = Vec::new();
        let mut open = None;
        for (pod, is_end) in &involved {
            match (twin(pod, cx.cluster), pod.ips.first()) {
                (Some((other, ip)), _) => found.push(finding(pod, other, ip, *is_end)),
                (None, Some(ip)) => {
                    let known = cx.cluster.pods.answer(&by_address(ip));
                    let is_asked = !matches!(known, Known::Unasked);
                    open = open.or(known.missing().filter(|_| is_asked));
                }
                (None, None) => {}
            }
        }
        match open {
            Some(why) if found.is_empty() => Verdict::Undetermined(format!("whether another pod has the same address: {why}")),
            Some(_) | None if involved.is_empty() => Verdict::NotApplicable,
            Some(_) | None => Verdict::of(found),
        }
    }

    fn is_moot_when_reached(&self) -> bool {
        true
    }
}

/// Another pod with an address of this one.
fn twin<'a>(pod: &Pod, cluster: &'a Cluster) -> Option<(&'a Pod, IpAddr)> {
    let others =
        cluster.pods.seen().filter(|o| o.object() != pod.object() && !o.host_network && !o.is_finished() && !o.terminating);
    others.filter_map(|o| Some((o, *o.ips.iter().find(|ip| pod.ips.contains(ip))?))).min_by_key(|(o, _)| o.object())
}

fn finding(pod: &Pod, other: &Pod, ip: IpAddr, vital: bool) -> Finding {
    let (object, twin) = (pod.object(), other.object());
    let place = |p: &Pod| p.node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    let sentence = format!(
        "{object}{} and {twin}{} have the same address, {ip}: packets for it reach one of them.",
        place(pod),
        place(other)
    );
    let make = if vital { Finding::cause } else { Finding::warning };
    make(AddressTwice::META, object.clone(), sentence)
        .seen(format!("{object} status.podIPs"), ip.to_string())
        .expected(format!("{twin} status.podIPs"), "another address", ip.to_string())
        .next(format!(
            "kubectl -n {} delete pod {}; kubectl -n {} delete pod {}",
            pod.namespace, pod.name, other.namespace, other.name
        ))
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

    /// A pod of another namespace has the address of `web-1`.
    fn world() -> World {
        let mut world = World::shop();
        let other = crate::model::testing::pod("bank", "teller", "app=teller", "node2", "10.244.2.10", &[]);
        world.pods.push(other);
        world
    }

    #[test]
    fn another_pod_with_the_destinations_address_is_a_cause() {
        let case = Case::measured(&world(), &to_pod(), &|_, spec| faults::refuse(spec, &["10.244.2.10"]));
        let found = only(check(&AddressTwice, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/web-1 on node/node2 and pod/bank/teller on node/node2 have the same address, 10.244.2.10: packets for it reach one of them."
        );
        assert!(causes(&judge(&case)).contains(&"NC4007"));
        let mut near = world();
        near.pod("teller").namespace = "shop".into();
        near.pod("teller").labels = crate::model::testing::labels("app=web");
        near.pod("web-2").ips = vec![ip("10.244.2.10")];
        let Verdict::Found(found) = check(&AddressTwice, &Case::unmeasured(&near, &to_web())) else { panic!("nothing found") };
        assert!(found.iter().all(|f| f.weight == Weight::Warning), "{found:#?}");
    }

    #[test]
    fn finished_and_host_network_pods_do_not_count() {
        let mut finished = world();
        finished.pods.last_mut().unwrap().phase = "Succeeded".into();
        assert_eq!(check(&AddressTwice, &Case::unmeasured(&finished, &to_pod())), Verdict::Clear);
        let mut shared = world();
        shared.pods.last_mut().unwrap().host_network = true;
        assert_eq!(check(&AddressTwice, &Case::unmeasured(&shared, &to_pod())), Verdict::Clear);
        assert_eq!(ip("10.244.2.10"), shared.pod("web-1").ips[0]);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&AddressTwice, &Case::unmeasured(&World::shop(), &to_web())), Verdict::Clear);
    }

    #[test]
    fn a_refused_look_is_undetermined() {
        let mut case = Case::unmeasured(&World::shop(), &to_pod());
        for listing in case.cluster.pods.listings.iter_mut().filter(|l| l.query.namespace.is_none() && l.query.fields.is_some()) {
            listing.items = Known::Denied("list pods".into());
        }
        assert!(matches!(check(&AddressTwice, &case), Verdict::Undetermined(_)));
    }
}
