//! OVN-Kubernetes (ovn-kubernetes v1.1) upstream and in OpenShift.

use super::found::{Encryption, Identified, Policy, Told};
use super::trace::{Agent, Marks, config_map, custom, source_of, text};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::{Cluster, ConfigMap};

pub(super) struct OvnKubernetes;

const MARKS: Marks = Marks {
    name: "OVN-Kubernetes",
    images: &[
        "ovn-kubernetes",
        "ovn-kube-ubuntu",
        "ovn-kube-fedora",
        "ovn-kubernetes/ovn-kube-ubuntu",
        "ovn-kubernetes/ovn-kube-fedora",
    ],
    agents: &["ovnkube-node", "ovnkube-controller"],
    groups: &["k8s.ovn.org"],
    config_maps: &["ovnkube-config"],
    annotations: &["k8s.ovn.org/node-subnets", "k8s.ovn.org/node-chassis-id"],
};

const HINTS: &[&str] = &[
    "Geneve needs UDP 6081 between nodes",
    "the MTU must leave 100 bytes for Geneve and its options (146 with IPsec)",
    "a stale southbound database after a node's rebuild leaves its pods unreachable: restart its ovnkube-node pod",
];

impl Plugin for OvnKubernetes {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        let source = agent.map_or_else(String::new, Agent::source);
        found.mode = Some(Told::likely(String::from("Geneve between all nodes"), source.clone(), "OVN-Kubernetes"));
        found.tunnel = Some(Told::likely(Tunnel::new(TunnelKind::Geneve, Some(6081)), source.clone(), "default"));
        found.policy = Policy::Enforced(String::from("OVN enforces NetworkPolicy and AdminNetworkPolicy as ACLs"));
        found.service_proxy =
            Some(Told::certain(String::from("OVN load balancers, all of kube-proxy's work"), source, "OVN-Kubernetes"));
        let namespace = agent.map(Agent::namespace);
        if let Some(map) = config_map(cluster, namespace, &["ovnkube-config"]) {
            openshift_file(&mut found, map);
        }
        if let Some(map) = config_map(cluster, namespace, &["ovn-config"]).filter(|m| m.data.contains_key("net_cidr")) {
            upstream(&mut found, map);
        }
        operator(&mut found, cluster);
        found.logs = agent.map(|a| a.logs(&["ovnkube-controller", "ovnkube-node"]));
        found.hints = HINTS;
        Some(found)
    }
}

/// One value of an INI file; the section does not matter as the names wanted here are unique.
fn ini<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim() == key).then_some(value)
    })?;
    Some(value.trim().trim_matches('"'))
}

/// `10.128.0.0/14/23`: the last part is the size of a node's share.
fn subnets(list: &str) -> impl Iterator<Item = String> {
    list.split(',').filter_map(|entry| {
        let mut parts = entry.trim().split('/');
        Some(format!("{}/{}", parts.next()?, parts.next()?))
    })
}

fn openshift_file(found: &mut Identified, map: &ConfigMap) {
    let Some(file) = map.data.get("ovnkube.conf") else { return };
    let source = source_of(map, "ovnkube.conf");
    if let Some(mtu) = ini(file, "mtu").and_then(|m| m.parse::<u32>().ok()) {
        found.mtu = Some(Told::certain(mtu, source.clone(), format!("mtu {mtu}")));
    }
    if let Some(list) = ini(file, "cluster-subnets") {
        found.pod_cidrs.extend(subnets(list).map(|cidr| Told::certain(cidr, source.clone(), format!("cluster-subnets {list}"))));
    }
    if let Some(port) = ini(file, "encap-port").and_then(|p| p.parse().ok()) {
        found.tunnel =
            Some(Told::certain(Tunnel::new(TunnelKind::Geneve, Some(port)), source.clone(), format!("encap-port {port}")));
    }
    if let Some(mode) = ini(file, "mode").filter(|m| matches!(*m, "shared" | "local")) {
        found.feature("gateway mode", Told::certain(mode.to_owned(), source, format!("mode {mode}")));
    }
}

fn upstream(found: &mut Identified, map: &ConfigMap) {
    if let Some(list) = map.data.get("net_cidr") {
        let source = source_of(map, "net_cidr");
        found.pod_cidrs.extend(subnets(list).map(|cidr| Told::certain(cidr, source.clone(), list.clone())));
    }
    if let Some(mtu) = map.data.get("mtu").and_then(|m| m.trim().parse::<u32>().ok()) {
        found.mtu = Some(Told::certain(mtu, source_of(map, "mtu"), mtu.to_string()));
    }
}

/// OpenShift's network operator.
fn operator(found: &mut Identified, cluster: &Cluster) {
    let Some(network) = custom(cluster, "networks", "operator.openshift.io").into_iter().next() else { return };
    let mode = text(network, "/spec/defaultNetwork/ovnKubernetesConfig/ipsecConfig/mode");
    let source = "network.operator.openshift.io/cluster spec.defaultNetwork.ovnKubernetesConfig.ipsecConfig.mode";
    found.encryption = Some(match mode {
        Some("Full") => Told::certain(Encryption::By(String::from("IPsec")), source, "Full"),
        other => Told::certain(Encryption::None, source, other.unwrap_or("not set")),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn openshift() {
        let file =
            "[default]\nmtu=\"1400\"\ncluster-subnets=\"10.128.0.0/14/23\"\nencap-port=\"6081\"\n\n[gateway]\nmode=shared\n";
        let operator = json!({"metadata": {"name": "cluster"}, "spec": {"defaultNetwork": {"ovnKubernetesConfig": {"ipsecConfig": {"mode": "Full"}}}}});
        let image = [("ovnkube-controller", "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:ab")];
        let made = Made::new()
            .daemon_set("openshift-ovn-kubernetes", "ovnkube-node", &image, &[])
            .groups(&["k8s.ovn.org"])
            .config_map("openshift-ovn-kubernetes", "ovnkube-config", &[("ovnkube.conf", file)])
            .custom("networks.v1.operator.openshift.io", &[operator]);
        let found = one(&made);
        let proxy = "proxy OVN load balancers, all of kube-proxy's work";
        assert_eq!(
            summary(&found),
            format!("OVN-Kubernetes likely: Geneve between all nodes; mtu 1400; UDP 6081; policy yes; encryption IPsec; {proxy}")
        );
        assert_eq!(found.pod_cidrs[0].value, "10.128.0.0/14");
    }

    #[test]
    fn upstream() {
        let made = Made::new()
            .daemon_set(
                "ovn-kubernetes",
                "ovnkube-node",
                &[("ovnkube-controller", "ghcr.io/ovn-kubernetes/ovn-kubernetes/ovn-kube-ubuntu:master")],
                &[],
            )
            .config_map(
                "ovn-kubernetes",
                "ovn-config",
                &[("net_cidr", "10.244.0.0/16/24"), ("svc_cidr", "10.96.0.0/16"), ("mtu", "1400")],
            );
        let found = one(&made);
        assert!(
            summary(&found).starts_with("OVN-Kubernetes certain: Geneve between all nodes; mtu 1400; UDP 6081"),
            "{}",
            summary(&found)
        );
        assert_eq!(found.pod_cidrs[0].value, "10.244.0.0/16");
    }
}
