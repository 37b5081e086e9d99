//! What cilium-config and the agent's version change in the meaning of policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::cni;
use crate::model::{Cluster, ConfigMap, Known, Protocol, Resource};

use super::filter::Filter;

/// The options that matter (cilium/cilium `pkg/option/config.go`, v1.20). `None`: not known, because the configuration could
/// not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Major and minor number of the agent's image.
    pub version: Option<(u32, u32)>,
    /// `enable-policy: always`: pods that no policy selects are isolated as well.
    pub always: Option<bool>,
    pub cluster_name: Option<String>,
    /// `allow-localhost`: the node reaches its own pods.
    pub allow_localhost: Option<bool>,
    /// `policy-cidr-match-mode`: ranges find nodes, or pods, by their addresses.
    pub cidr_finds_nodes: Option<bool>,
    pub cidr_finds_pods: Option<bool>,
    /// Which kinds count. Without configuration the default is assumed.
    pub network_policies: bool,
    pub cilium_policies: bool,
    pub clusterwide_policies: bool,
    /// ClusterNetworkPolicy: since v1.20, and off by default.
    pub cluster_network_policies: Option<bool>,
    /// `enableDefaultDeny` counts.
    pub optional_default_deny: bool,
    pub host_firewall: Option<bool>,
    pub(super) filter: Filter,
    /// Ports by name and protocol over all pods; `None`: not all pods were listed.
    pub(super) port_names: Option<BTreeMap<(String, Protocol), BTreeSet<u16>>>,
    /// Why there is no configuration.
    pub(super) unread: Option<String>,
}

impl Settings {
    pub fn of(cluster: &Cluster) -> Self {
        let map = cluster.config_maps.seen().find(|m| m.name == "cilium-config" && !m.data.is_empty());
        let unread = map.is_none().then(|| unread(cluster));
        Self::new(map, unread, cni::agent_version(cluster, &["cilium/cilium"]), port_names(cluster))
    }

    fn new(
        map: Option<&ConfigMap>,
        unread: Option<String>,
        version: Option<(u32, u32)>,
        port_names: Option<BTreeMap<(String, Protocol), BTreeSet<u16>>>,
    ) -> Self {
        let get = |key: &str| map.and_then(|m| m.data.get(key)).map_or("", |v| v.trim());
        let known = |value: bool| map.map(|_| value);
        let on = |key: &str, default: bool| match get(key) {
            "true" => true,
            "false" => false,
            _ => default,
        };
        let modes: Vec<&str> = get("policy-cidr-match-mode").split([',', ' ']).collect();
        let old = version.is_some_and(|v| v < CLUSTER_POLICIES);
        Self {
            version,
            always: known(get("enable-policy") == "always"),
            cluster_name: map.map(|_| Some(get("cluster-name")).filter(|n| !n.is_empty()).unwrap_or("default").to_owned()),
            allow_localhost: known(get("allow-localhost") != "policy"),
            cidr_finds_nodes: known(modes.contains(&"nodes")),
            cidr_finds_pods: known(modes.contains(&"pods")),
            network_policies: on("enable-k8s-networkpolicy", true),
            cilium_policies: on("enable-cilium-network-policy", true),
            clusterwide_policies: on("enable-cilium-clusterwide-network-policy", true),
            cluster_network_policies: if old { Some(false) } else { known(on("enable-k8s-cluster-network-policy", false)) },
            optional_default_deny: on("enable-non-default-deny-policies", true),
            host_firewall: known(on("enable-host-firewall", false)),
            filter: Filter::new(get("labels"), version.map(|v| v >= (1, 20)).filter(|new| *new || version <= Some((1, 15)))),
            port_names,
            unread,
        }
    }

    /// The agent is at least of this version; `None` where the version is not known.
    pub(super) fn since(&self, version: (u32, u32)) -> Option<bool> {
        self.version.map(|v| v >= version)
    }
}

/// The first version that knows ClusterNetworkPolicy.
const CLUSTER_POLICIES: (u32, u32) = (1, 20);

fn unread(cluster: &Cluster) -> String {
    let mut asked = cluster.config_maps.listings.iter().filter(|l| l.query.name.as_deref() == Some("cilium-config"));
    let why = asked.find_map(|l| l.items.missing());
    why.unwrap_or_else(|| String::from("was not read"))
}

/// Before v1.20 a name in an egress rule stands for the port that all pods of the cluster agree on.
fn port_names(cluster: &Cluster) -> Option<BTreeMap<(String, Protocol), BTreeSet<u16>>> {
    let Known::Got(pods) = cluster.pods.complete(&Resource::Pods, None) else { return None };
    let mut names: BTreeMap<(String, Protocol), BTreeSet<u16>> = BTreeMap::new();
    for port in pods.iter().filter(|p| !p.host_network && !p.is_finished()).flat_map(|p| &p.containers).flat_map(|c| &c.ports) {
        if let Some(name) = &port.name {
            names.entry((name.to_lowercase(), port.protocol)).or_default().insert(port.port);
        }
    }
    Some(names)
}
