//! What `policy` reads for a question: the objects of the pair, and what peers are selected by.

use std::collections::BTreeSet;

use crate::dns_config;
use crate::model::{Cluster, Destination, PortRef, Query, Request, Resource, Source};
use crate::policy;

use super::{info_reads, reads, resolve};

/// The range that API servers give node ports from unless `--service-node-port-range` says otherwise.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// What to read next; empty when everything was asked.
pub fn next(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let mut wanted = reads::next(request, cluster);
    wanted.extend([Query::all(Resource::Namespaces), Query::all(Resource::Nodes), Query::all(Resource::DaemonSets)]);
    let services = resolve::services_asked(request, cluster);
    wanted.extend(services.iter().map(|(namespace, _)| Query::within(Resource::NetworkPolicies, namespace)));
    wanted.extend(enforcement(cluster));
    if asks_node_port(request) {
        wanted.push(Query::all(Resource::Services));
        wanted.extend(behind_node_port(request, cluster));
    }
    // nothing is tried, so nobody needs to know how kube-proxy and CoreDNS are set up
    let of_probes = |q: &Query| q.resource == Resource::ConfigMaps && matches!(q.name.as_deref(), Some("kube-proxy"));
    let mut seen = Vec::new();
    wanted.retain(|query| {
        let new = !of_probes(query) && !cluster.has(query) && !seen.contains(query);
        seen.push(query.clone());
        new
    });
    wanted
}

/// What a pair diagnosis reads of policies: little where there is none.
pub(super) fn of_pair(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let services = resolve::services_asked(request, cluster);
    let pods = resolve::pods_involved(request, cluster).into_iter().map(|p| p.namespace.as_str());
    let dns = reads::dns_services(cluster).into_iter().map(|s| s.namespace.as_str());
    let namespaces: BTreeSet<&str> = services.iter().map(|(namespace, _)| namespace.as_str()).chain(pods).chain(dns).collect();
    let mut wanted = policy::reads(cluster, &namespaces.into_iter().collect::<Vec<_>>());
    if policy::any(cluster) {
        // what peers are selected by, and whether anybody heeds them
        wanted.extend([Query::all(Resource::Namespaces), Query::all(Resource::DaemonSets)]);
        wanted.extend(enforcement(cluster));
        // an address may be a node's, and a node has several
        let between_pods = |d: &Destination| matches!(d, Destination::Object(_) | Destination::Dns);
        if !between_pods(&request.destination) || !matches!(request.source, Source::Object(_)) {
            wanted.push(Query::all(Resource::Nodes));
        }
    }
    wanted
}

/// The configuration of who enforces policies, and of the DNS cache on the nodes.
pub fn enforcement(cluster: &Cluster) -> Vec<Query> {
    let mut wanted = info_reads::of_agents(cluster);
    if let Some(cache) = dns_config::cluster_dns(cluster).node_local {
        let maps = dns_config::NODE_LOCAL_MAPS.iter().filter(|(_, name)| *name == cache.workload.name);
        wanted.extend(maps.map(|(namespace, name)| Query::named(Resource::ConfigMaps, namespace, name)));
    }
    wanted
}

fn asks_node_port(request: &Request) -> bool {
    let number = match &request.port {
        Some(PortRef::Number(number)) => *number,
        Some(PortRef::Name(_)) | None => return false,
    };
    matches!(request.destination, Destination::Node(_)) && NODE_PORTS.contains(&number)
}

/// The Service with the node port that was asked about, its endpoints and their pods.
fn behind_node_port(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let Some(PortRef::Number(number)) = &request.port else { return Vec::new() };
    let mut services = cluster.services.seen().filter(|s| s.ports.iter().any(|p| p.node_port == Some(*number)));
    services.next().map(|service| reads::of_service(service, cluster)).unwrap_or_default()
}
