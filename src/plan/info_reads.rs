//! What `info` reads: wide lists first, then what they point at, then a narrower try for what was refused.

use crate::checks::extensions;
use crate::dns_config;
use crate::model::{Cluster, Known, Query, Resource};

/// ConfigMaps of network components, by namespace and name. All are cheap, and most do not exist on a given cluster.
const CONFIG_MAPS: &[(&str, &str)] = &[
    ("kube-system", "kube-proxy"),
    ("kube-system", "kube-proxy-config"),
    ("kube-flannel", "kube-flannel-cfg"),
    ("kube-system", "kube-flannel-cfg"),
    ("kube-system", "calico-config"),
    ("kube-system", "canal-config"),
    ("kube-system", "rke2-canal-config"),
    ("kube-system", "cilium-config"),
    ("kube-system", "antrea-config"),
    ("kube-system", "amazon-vpc-cni"),
];

/// ConfigMaps that are worth asking for only where this DaemonSet runs, in its namespace.
const OF_AGENTS: &[(&str, &str)] = &[
    ("cilium", "cilium-config"),
    ("kube-flannel-ds", "kube-flannel-cfg"),
    ("canal", "canal-config"),
    ("calico-node", "calico-config"),
    ("ovnkube-node", "ovnkube-config"),
    ("ovnkube-node", "ovn-config"),
    ("antrea-agent", "antrea-config"),
    ("kube-proxy", "kube-proxy"),
];

/// Custom objects, by the group that must exist.
pub const CUSTOM: &[(&str, &str)] = &[
    ("crd.projectcalico.org", "ippools.v1.crd.projectcalico.org"),
    ("crd.projectcalico.org", "felixconfigurations.v1.crd.projectcalico.org"),
    ("operator.tigera.io", "installations.v1.operator.tigera.io"),
    ("k8s.cni.cncf.io", "network-attachment-definitions.v1.k8s.cni.cncf.io"),
    ("kubeovn.io", "subnets.v1.kubeovn.io"),
    ("crd.k8s.amazonaws.com", "eniconfigs.v1alpha1.crd.k8s.amazonaws.com"),
    ("operator.openshift.io", "networks.v1.operator.openshift.io"),
    ("gateway.networking.k8s.io", "gatewayclasses.v1.gateway.networking.k8s.io"),
    ("security.istio.io", "peerauthentications.v1.security.istio.io"),
];

/// Namespaces that are listed one by one when a list of all was refused.
const NAMESPACES: &[&str] = &["kube-system", "kube-flannel", "calico-system", "cilium"];

/// What to read next; empty when `info` has all it can get.
pub fn next(cluster: &Cluster) -> Vec<Query> {
    let mut wanted = Vec::new();
    let mut push = |query: Query| {
        if !cluster.has(&query) && !wanted.contains(&query) {
            wanted.push(query);
        }
    };
    first().into_iter().for_each(&mut push);
    let denied = |resource: &Resource| matches!(cluster.workloads.complete(resource, None), Known::Denied(_));
    for resource in [Resource::DaemonSets, Resource::Deployments] {
        if denied(&resource) {
            for namespace in NAMESPACES {
                push(Query::within(resource.clone(), namespace));
            }
        }
    }
    if denied(&Resource::DaemonSets) {
        push(Query::within(Resource::Pods, "kube-system"));
    }
    if matches!(cluster.services.complete(&Resource::Services, None), Known::Denied(_)) {
        push(Query::within(Resource::Services, "kube-system"));
    }
    if let Known::Got(groups) = &cluster.api_groups {
        for (group, kind) in CUSTOM {
            if groups.iter().any(|g| g == group) {
                push(Query::all(Resource::Custom((*kind).to_owned())));
            }
        }
        if groups.iter().any(|g| g == "config.openshift.io") {
            push(Query::within(Resource::Services, "openshift-dns"));
            push(Query::within(Resource::Pods, "openshift-dns"));
        }
    }
    of_agents(cluster).into_iter().for_each(&mut push);
    dns_pods(cluster, &mut push);
    called(cluster, &mut push);
    wanted
}

/// The configuration of network plugins whose DaemonSet was seen.
pub fn of_agents(cluster: &Cluster) -> Vec<Query> {
    let mut wanted = Vec::new();
    for workload in cluster.workloads.seen().filter(|w| w.kind == "daemonset") {
        // the short names are used by releases of charts as well: `kube-ovn-cilium` is not one of them
        let maps = OF_AGENTS.iter().filter(|(name, _)| workload.name == *name);
        wanted.extend(maps.map(|(_, map)| Query::named(Resource::ConfigMaps, &workload.namespace, map)));
    }
    wanted
}

fn first() -> Vec<Query> {
    let mut queries: Vec<Query> = [
        Resource::Version,
        Resource::ApiGroups,
        Resource::Nodes,
        Resource::Namespaces,
        Resource::DaemonSets,
        Resource::Deployments,
        Resource::Services,
        Resource::ServiceCidrs,
        Resource::IngressClasses,
    ]
    .into_iter()
    .map(Query::all)
    .collect();
    queries.extend(extensions::lists());
    queries.push(Query::within(Resource::Pods, "kube-system").labelled(dns_config::DNS_LABEL));
    queries.push(Query::within(Resource::Pods, "kube-system").labelled("component=kube-proxy"));
    let maps = CONFIG_MAPS.iter().chain(dns_config::COREFILE_MAPS).chain(dns_config::NODE_LOCAL_MAPS);
    queries.extend(maps.map(|(namespace, name)| Query::named(Resource::ConfigMaps, namespace, name)));
    queries
}

/// Most Services that the API server calls whose endpoints are looked at.
const MAX_CALLED: usize = 10;

/// Endpoints of the Services that the API server itself calls.
fn called(cluster: &Cluster, push: &mut impl FnMut(Query)) {
    let hooks = extensions::webhooks(cluster).into_iter();
    let services = hooks.chain(extensions::api_services(cluster).into_iter().map(|(callee, _)| callee)).map(|c| c.service);
    let services: std::collections::BTreeSet<_> = services.collect();
    for service in services.iter().take(MAX_CALLED) {
        if cluster.service(&service.namespace, &service.name).is_some() {
            let label = format!("kubernetes.io/service-name={}", service.name);
            push(Query::within(Resource::EndpointSlices, &service.namespace).labelled(&label));
        }
    }
}

/// The pods of a DNS Service whose label is not the usual one.
fn dns_pods(cluster: &Cluster, push: &mut impl FnMut(Query)) {
    let dns = dns_config::cluster_dns(cluster);
    let Some(service) = dns.service() else { return };
    let usual = service.selector.get("k8s-app").is_some_and(|v| v == "kube-dns") && service.namespace == "kube-system";
    if !usual && !service.selector.is_empty() {
        let selector = crate::model::Selector::of(&service.selector).to_string();
        push(Query::within(Resource::Pods, &service.namespace).labelled(&selector));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_all(cluster: &mut Cluster, queries: &[Query], denied: &[Resource]) {
        for query in queries {
            let why = query.to_string();
            let refuse = denied.contains(&query.resource) && query.namespace.is_none();
            match &query.resource {
                Resource::Version => cluster.version = Known::Got("v1.36.3".into()),
                Resource::ApiGroups => cluster.api_groups = Known::Got(vec!["crd.projectcalico.org".into()]),
                Resource::DaemonSets | Resource::Deployments => {
                    let known = if refuse { Known::Denied(why) } else { Known::Got(vec![]) };
                    cluster.workloads.push(query.clone(), known);
                }
                Resource::Custom(_) => cluster.push_custom(query.clone(), Known::Got(vec![])),
                Resource::Nodes => cluster.nodes.push(query.clone(), Known::Got(vec![])),
                Resource::Namespaces => cluster.namespaces.push(query.clone(), Known::Got(vec![])),
                Resource::Services => cluster.services.push(query.clone(), Known::Got(vec![])),
                Resource::ServiceCidrs => cluster.service_cidrs.push(query.clone(), Known::Got(vec![])),
                Resource::IngressClasses => cluster.ingress_classes.push(query.clone(), Known::Got(vec![])),
                Resource::Pods => cluster.pods.push(query.clone(), Known::Got(vec![])),
                Resource::ConfigMaps => cluster.config_maps.push(query.clone(), Known::Absent(why)),
                other @ (Resource::EndpointSlices
                | Resource::Events
                | Resource::StatefulSets
                | Resource::ReplicaSets
                | Resource::Jobs
                | Resource::CronJobs
                | Resource::Ingresses
                | Resource::NetworkPolicies
                | Resource::PodProxy
                | Resource::Log) => panic!("info reads no {other:?}"),
            }
        }
    }

    fn rounds(denied: &[Resource]) -> Vec<usize> {
        let mut cluster = Cluster::default();
        let mut counts = Vec::new();
        loop {
            let queries = next(&cluster);
            if queries.is_empty() {
                return counts;
            }
            counts.push(queries.len());
            answer_all(&mut cluster, &queries, denied);
        }
    }

    #[test]
    fn two_rounds_and_few_reads() {
        let counts = rounds(&[]);
        assert_eq!(counts.len(), 2, "{counts:?}");
        assert_eq!(counts[1], 2, "IPPools and FelixConfigurations: {counts:?}");
        assert!(counts.iter().sum::<usize>() <= 35, "{counts:?}");
    }

    #[test]
    fn what_was_refused_is_tried_more_narrowly() {
        let counts = rounds(&[Resource::DaemonSets]);
        assert_eq!(counts, [rounds(&[])[0], 2 + NAMESPACES.len() + 1]);
    }
}
