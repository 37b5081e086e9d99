//! Findings about addresses that do not fit each other (`NC4xxx`).

mod address_twice;
mod hidden_network;
mod outside_node_range;
mod range_overlap;

pub use address_twice::AddressTwice;
pub use hidden_network::HiddenNetwork;
pub use outside_node_range::OutsideNodeRange;
pub use range_overlap::RangeOverlap;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cni::{Certainty, networks, says_node_ranges};
use crate::info;
use crate::model::{Cluster, Destination, Known, ObjectRef, Pod, Query, Request, Resource, Subject};
use crate::plan::{info_reads, resolve, routes};

use super::Context;

/// Who else has the addresses of this question, in which ranges they lie, and, where that is in doubt, whose ranges count.
pub fn reads(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let to_pod =
        matches!(&request.destination, Destination::Object(o) if o.kind != "service" && routes::resource_of(&o.kind).is_none());
    let to_node = matches!(request.destination, Destination::Node(_));
    let mut wanted = Vec::new();
    if to_pod || to_node {
        wanted.push(Query::all(Resource::ServiceCidrs));
    }
    let pods = resolve::pods_involved(request, cluster);
    if to_pod {
        wanted.extend(address_twice::reads(&pods));
    }
    if outside_node_range::is_doubtful(&pods, cluster) || (to_node && range_overlap::is_doubtful(request, cluster)) {
        wanted.push(Query::all(Resource::DaemonSets));
        wanted.extend(info_reads::of_agents(cluster).into_iter().filter(|q| q.name.as_deref().is_some_and(says_node_ranges)));
    }
    wanted
}

/// A range of the cluster with what it is for and where it was read.
struct Range {
    net: IpNet,
    /// `Services`, `pods` or `pods of node2`.
    what: String,
    source: String,
}

/// The ranges that are known for certain, of Services and of pods. An estimate is no range.
fn ranges(cluster: &Cluster) -> Vec<Range> {
    let known = info::ranges(cluster, &networks(cluster));
    let sure = |t: &&crate::cni::Told<IpNet>| t.certainty != Certainty::Possible;
    let source = |t: &crate::cni::Told<IpNet>| t.evidence.first().map(|e| e.source.clone()).unwrap_or_default();
    let services =
        known.services.iter().filter(sure).map(|t| Range { net: t.value, what: "Services".to_owned(), source: source(t) });
    let pods = known.pods.iter().filter(sure).map(|t| Range { net: t.value, what: "pods".to_owned(), source: source(t) });
    let shares = known.node_shares.iter().map(|(node, net)| Range {
        net: *net,
        what: format!("pods of {node}"),
        source: format!("node/{node} spec.podCIDRs"),
    });
    // the narrowest first: it says most
    let mut all: Vec<Range> = services.chain(shares).chain(pods).collect();
    all.sort_by_key(|r| std::cmp::Reverse(r.net.prefix_len()));
    all
}

/// Whether the range of Services was read: `Absent` before Kubernetes 1.33, which has no object for it.
fn service_ranges(cluster: &Cluster) -> Known<()> {
    cluster.service_cidrs.complete(&Resource::ServiceCidrs, None).map(|_| ())
}

/// Source, destination and endpoints with pods, each with whether the question cannot do without it.
fn pods<'a>(cx: &Context<'a>) -> Vec<(&'a Pod, bool)> {
    let all = resolve::pods_involved(&cx.question.request, cx.cluster);
    let is_end = |pod: &Pod| {
        Some(&pod.object()) == cx.question.from.as_ref() || matches!(&cx.question.to, Subject::Pod(to) if *to == pod.object())
    };
    let usable = all.into_iter().filter(|p| !p.host_network && !p.is_finished() && !p.ips.is_empty());
    usable.map(|p| (p, is_end(p))).collect()
}

/// The addresses of the destination itself: a pod's, a node's, a Service's, or the one that was typed.
fn destination(cx: &Context<'_>) -> Vec<(ObjectRef, IpAddr)> {
    let each = |object: ObjectRef, ips: &[IpAddr]| ips.iter().map(|ip| (object.clone(), *ip)).collect::<Vec<_>>();
    match &cx.question.to {
        Subject::Pod(object) => {
            cx.cluster.pod(object).filter(|p| !p.host_network).map(|p| each(object.clone(), &p.ips)).unwrap_or_default()
        }
        Subject::Node(name) => cx.cluster.node(name).map(|n| each(n.object(), &n.internal_ips)).unwrap_or_default(),
        Subject::Service { namespace, name } => {
            cx.cluster.service(namespace, name).map(|s| each(s.object(), &s.cluster_ips)).unwrap_or_default()
        }
        Subject::Ip(ip) => vec![(ObjectRef::new("address", "", &ip.to_string()), *ip)],
        Subject::Route(_) | Subject::Name(_) => Vec::new(),
    }
}
