//! Who has an address of the cluster, and whether that is known.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{Cluster, Known, Query, Resource};

/// Where in the cluster an address lies that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// In the range of the pods of this node.
    Pods(String),
    /// In the range of the addresses of Services.
    Services(String),
}

/// The pods that have this address as their first.
pub fn pods(ip: IpAddr) -> Query {
    Query::all(Resource::Pods).fields(&format!("status.podIP={ip}"))
}

/// The Services that have this address as their first.
pub fn services(ip: IpAddr) -> Query {
    Query::all(Resource::Services).fields(&format!("spec.clusterIP={ip}"))
}

/// Somebody may have the address as a second one, of the other family.
pub fn needs_all(ip: IpAddr, cluster: &Cluster) -> bool {
    let asked = cluster.has(&Query::all(Resource::Nodes)) && cluster.has(&pods(ip)) && cluster.has(&services(ip));
    let dual = cluster.nodes.seen().any(|n| n.internal_ips.len() > 1 || n.pod_cidrs.len() > 1);
    asked && dual && !is_known(ip, cluster)
}

fn is_known(ip: IpAddr, cluster: &Cluster) -> bool {
    cluster.pods.seen().any(|p| !p.is_finished() && p.ips.contains(&ip))
        || cluster.services.seen().any(|s| s.cluster_ips.contains(&ip))
        || cluster.nodes.seen().any(|n| n.internal_ips.contains(&ip))
}

/// The cluster's range that the address lies in while nobody has it. `Got(None)`: somebody has it, or it is none of the cluster's.
pub fn nobody(ip: IpAddr, cluster: &Cluster) -> Known<Option<Range>> {
    if is_known(ip, cluster) {
        return Known::Got(None);
    }
    let pods_range = cluster.nodes.seen().find_map(|n| {
        let cidr = n.pod_cidrs.iter().find(|c| c.contains(&ip))?;
        // the first two addresses are the bridge's and the tunnel's of most plugins, not a pod's
        let ours = ip != cidr.network() && cidr.hosts().next() != Some(ip);
        ours.then(|| Range::Pods(n.name.clone()))
    });
    if let Some(range) = pods_range {
        return read(ip, cluster, &Query::all(Resource::Pods), &pods(ip)).map(|()| Some(range));
    }
    let cidrs = cluster.service_cidrs.answer(&Query::all(Resource::ServiceCidrs));
    let within = |c: &&String| c.parse::<IpNet>().is_ok_and(|c| c.contains(&ip));
    let range = cidrs.map(|all| all.iter().find(within).cloned());
    match range {
        Known::Got(Some(range)) => {
            read(ip, cluster, &Query::all(Resource::Services), &services(ip)).map(|()| Some(Range::Services(range)))
        }
        other @ (Known::Got(None) | Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            other.map(|_| None)
        }
    }
}

/// How the read went that would have named the owner.
fn read(ip: IpAddr, cluster: &Cluster, all: &Query, by_field: &Query) -> Known<()> {
    let decisive = if needs_all(ip, cluster) { all } else { by_field };
    cluster.state(decisive)
}
