//! The cluster's own DNS: its Service, its pods, its Corefile, and the cache on the nodes.

use super::{Corefile, CorefileError};
use crate::model::{Cluster, ConfigMap, Known, Pod, Protocol, Query, Resource, Selector, Service, Workload};

/// Namespaces in which distributions run DNS.
pub const DNS_NAMESPACES: &[&str] = &["kube-system", "openshift-dns"];

/// The label that distributions put on the DNS Service and its pods.
pub const DNS_LABEL: &str = "k8s-app=kube-dns";

/// Names of DNS Services that lack the label.
const SERVICE_NAMES: &[&str] = &["kube-dns", "coredns", "rke2-coredns-rke2-coredns", "dns-default"];

/// Names of the ConfigMaps that hold the Corefile.
pub const COREFILE_MAPS: &[(&str, &str)] =
    &[("kube-system", "coredns"), ("kube-system", "rke2-coredns-rke2-coredns"), ("openshift-dns", "dns-default")];

/// Names of the ConfigMap of NodeLocal DNS.
pub const NODE_LOCAL_MAPS: &[(&str, &str)] = &[("kube-system", "node-local-dns"), ("kube-system", "nodelocaldns")];

/// What was read of the cluster's DNS.
#[derive(Debug, Clone)]
pub struct ClusterDns<'a> {
    /// Services that answer DNS, the usual one first. An empty `Got` means that there is none.
    pub services: Known<Vec<&'a Service>>,
    pub pods: Known<Vec<&'a Pod>>,
    /// Where it was read, and what it says.
    pub corefile: Known<(String, Result<Corefile, CorefileError>)>,
    pub node_local: Option<NodeLocal<'a>>,
}

/// The DNS cache of each node.
#[derive(Debug, Clone)]
pub struct NodeLocal<'a> {
    pub workload: &'a Workload,
    /// Addresses it binds, such as `169.254.20.10`; it may also bind the DNS Service's own.
    pub addresses: Vec<String>,
    pub corefile: Option<Result<Corefile, CorefileError>>,
}

impl<'a> ClusterDns<'a> {
    /// The Service that pods are pointed at.
    pub fn service(&self) -> Option<&'a Service> {
        self.services.got()?.first().copied()
    }
}

/// Finds the cluster's DNS among what was read.
pub fn cluster_dns(cluster: &Cluster) -> ClusterDns<'_> {
    let services = services(cluster);
    let pods = pods(cluster, services.got().and_then(|s| s.first().copied()));
    ClusterDns { pods, corefile: corefile(cluster), node_local: node_local(cluster), services }
}

fn services(cluster: &Cluster) -> Known<Vec<&Service>> {
    let is_dns = |s: &&Service| {
        let labelled = s.labels.get("k8s-app").is_some_and(|v| v == "kube-dns");
        let named = DNS_NAMESPACES.contains(&s.namespace.as_str()) && SERVICE_NAMES.contains(&s.name.as_str());
        // NodeLocal DNS reaches CoreDNS through a second Service of the same label
        (labelled || named) && s.name != "kube-dns-upstream" && s.ports.iter().any(|p| p.port == 53)
    };
    let mut found: Vec<&Service> = cluster.services.seen().filter(is_dns).collect();
    found.sort_by_key(|s| (s.headless, s.namespace != "kube-system", s.name != "kube-dns", s.namespace.clone(), s.name.clone()));
    found.dedup_by(|a, b| a.namespace == b.namespace && a.name == b.name);
    if !found.is_empty() {
        return Known::Got(found);
    }
    best(cluster.services.listings.iter().filter(|l| concerns_dns(&l.query)).map(|l| l.items.as_ref())).map(|_| Vec::new())
}

fn concerns_dns(query: &Query) -> bool {
    let in_namespace = query.namespace.as_deref().is_none_or(|ns| DNS_NAMESPACES.contains(&ns));
    in_namespace && query.labels.as_deref().is_none_or(|l| l == DNS_LABEL || l.contains("dns"))
}

/// An answer when one was got, else the reason of the last.
fn best<T>(answers: impl Iterator<Item = Known<T>>) -> Known<T> {
    let mut kept = Known::Unasked;
    for answer in answers {
        if matches!(answer, Known::Got(_)) {
            return answer;
        }
        kept = answer;
    }
    kept
}

fn pods<'a>(cluster: &'a Cluster, service: Option<&Service>) -> Known<Vec<&'a Pod>> {
    let by_service = |p: &&Pod| {
        service
            .is_some_and(|s| !s.selector.is_empty() && s.namespace == p.namespace && Selector::of(&s.selector).matches(&p.labels))
    };
    let by_label = |p: &&Pod| {
        DNS_NAMESPACES.contains(&p.namespace.as_str())
            && (p.labels.get("k8s-app").is_some_and(|v| v == "kube-dns")
                || p.labels.get("dns.operator.openshift.io/daemonset-dns").is_some_and(|v| v == "default"))
    };
    let wanted = |p: &&Pod| if service.is_some_and(|s| !s.selector.is_empty()) { by_service(p) } else { by_label(p) };
    let mut found: Vec<&Pod> = cluster.pods.seen().filter(|p| wanted(p) && !p.is_finished()).collect();
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    found.dedup_by(|a, b| a.namespace == b.namespace && a.name == b.name);
    if !found.is_empty() {
        return Known::Got(found);
    }
    best(cluster.pods.listings.iter().filter(|l| concerns_dns(&l.query)).map(|l| l.items.as_ref())).map(|_| Vec::new())
}

fn corefile(cluster: &Cluster) -> Known<(String, Result<Corefile, CorefileError>)> {
    let found = COREFILE_MAPS.iter().find_map(|(namespace, name)| cluster.config_map(namespace, name));
    if let Some((map, text)) = found.and_then(|m| Some((m, m.data.get("Corefile")?))) {
        return Known::Got((source(map), Corefile::parse(text)));
    }
    let asked =
        |q: &Query| COREFILE_MAPS.iter().any(|(ns, name)| q.namespace.as_deref() == Some(ns) && q.name.as_deref() == Some(name));
    let answers = cluster.config_maps.listings.iter().filter(|l| asked(&l.query));
    // the first that was refused or failed; a name that does not exist says nothing while another may
    let mut why = Known::Unasked;
    for listing in answers {
        match listing.items.as_ref() {
            Known::Denied(text) => return Known::Denied(text),
            Known::Failed(text) => return Known::Failed(text),
            Known::Absent(text) => why = Known::Absent(text),
            Known::Got(_) | Known::Unasked => {}
        }
    }
    why
}

fn source(map: &ConfigMap) -> String {
    format!("configmap/{}/{} Corefile", map.namespace, map.name)
}

fn node_local(cluster: &Cluster) -> Option<NodeLocal<'_>> {
    let is_cache = |w: &&Workload| {
        w.kind == "daemonset"
            && (w.name == "node-local-dns"
                || w.name == "nodelocaldns"
                || w.images.iter().any(|i| i.contains("k8s-dns-node-cache")))
    };
    let workload = cluster.workloads.seen().find(is_cache)?;
    let map = NODE_LOCAL_MAPS.iter().find_map(|(namespace, name)| cluster.config_map(namespace, name));
    let corefile = map.and_then(|m| m.data.get("Corefile")).map(|text| Corefile::parse(text));
    let mut addresses: Vec<String> = Vec::new();
    if let Some(Ok(corefile)) = &corefile {
        for address in corefile.listening(53).flat_map(|b| b.bound_to()) {
            if !addresses.iter().any(|a| a == address) {
                addresses.push(address.to_owned());
            }
        }
    }
    // what a flag says holds over placeholders in the file
    if addresses.is_empty() || addresses.iter().any(|a| a.contains("PILLAR")) {
        let flag = workload.arguments.iter().find_map(|a| a.trim_start_matches('-').strip_prefix("localip=").map(str::to_owned));
        if let Some(list) = flag {
            addresses = list.split(',').map(str::to_owned).collect();
        }
    }
    Some(NodeLocal { workload, addresses, corefile })
}

/// Whether a Service answers DNS over this protocol.
pub fn answers_over(service: &Service, protocol: Protocol) -> bool {
    service.ports.iter().any(|p| p.port == 53 && p.protocol == protocol)
}

/// The reads that [`cluster_dns`] works on.
pub fn reads() -> Vec<Query> {
    let mut queries =
        vec![Query::within(Resource::Services, "kube-system"), Query::within(Resource::Pods, "kube-system").labelled(DNS_LABEL)];
    queries.extend(COREFILE_MAPS.iter().chain(NODE_LOCAL_MAPS).map(|(ns, name)| Query::named(Resource::ConfigMaps, ns, name)));
    queries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServicePort, TargetPort};

    fn service(namespace: &str, name: &str, label: Option<&str>) -> Service {
        let port = |protocol| ServicePort {
            name: None,
            port: 53,
            protocol,
            target: TargetPort::Number(53),
            node_port: None,
            app_protocol: None,
        };
        Service {
            namespace: namespace.into(),
            name: name.into(),
            labels: label.map(|l| (String::from("k8s-app"), l.to_owned())).into_iter().collect(),
            ports: vec![port(Protocol::Udp), port(Protocol::Tcp)],
            ..Service::default()
        }
    }

    fn found(services: Vec<Service>) -> Option<String> {
        let mut cluster = Cluster::default();
        cluster.services.push(Query::within(Resource::Services, "kube-system"), Known::Got(services));
        cluster_dns(&cluster).service().map(|s| s.object().to_string())
    }

    #[test]
    fn the_service_has_many_names() {
        assert_eq!(
            found(vec![service("kube-system", "kube-dns", Some("kube-dns"))]).as_deref(),
            Some("service/kube-system/kube-dns")
        );
        assert_eq!(
            found(vec![service("kube-system", "rke2-coredns-rke2-coredns", None)]).as_deref(),
            Some("service/kube-system/rke2-coredns-rke2-coredns")
        );
        assert_eq!(
            found(vec![service("openshift-dns", "dns-default", None)]).as_deref(),
            Some("service/openshift-dns/dns-default")
        );
        let both = vec![
            service("kube-system", "kube-dns-upstream", Some("kube-dns")),
            service("kube-system", "kube-dns", Some("kube-dns")),
        ];
        assert_eq!(found(both).as_deref(), Some("service/kube-system/kube-dns"));
        assert_eq!(found(vec![service("shop", "coredns", None)]), None);
    }

    #[test]
    fn a_refused_corefile_is_not_an_absent_one() {
        let mut cluster = Cluster::default();
        let query = Query::named(Resource::ConfigMaps, "kube-system", "coredns");
        cluster.config_maps.push(query.clone(), Known::Denied(query.to_string()));
        let other = Query::named(Resource::ConfigMaps, "openshift-dns", "dns-default");
        cluster.config_maps.push(other.clone(), Known::Absent(other.to_string()));
        assert!(matches!(cluster_dns(&cluster).corefile, Known::Denied(_)));
        assert!(matches!(cluster_dns(&Cluster::default()).services, Known::Unasked));
    }
}
