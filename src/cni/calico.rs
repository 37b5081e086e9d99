//! Calico (projectcalico/calico v3.30), from its manifests or its operator.

use serde_json::Value;

use super::found::{Certainty, Encryption, Identified, Policy, Role, Told};
use super::trace::{Agent, Marks, annotated, config_map, custom, source_of, text, why_no_custom};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::Cluster;

pub(super) struct Calico;

pub(super) const GROUP: &str = "crd.projectcalico.org";

pub(super) const MARKS: Marks = Marks {
    name: "Calico",
    images: &[
        "calico/node",
        "calico/node-windows",
        "tigera/cnx-node",
        "tigera/calico",
        "rancher/mirrored-calico-node",
        "rancher/hardened-calico",
        "calico-node",
    ],
    agents: &["calico-node"],
    groups: &[GROUP, "operator.tigera.io"],
    config_maps: &["calico-config"],
    annotations: &["projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address"],
};

const HINTS: &[&str] = &[
    "IPIP needs IP protocol 4 and VXLAN UDP 4789 between nodes; cloud firewalls that know only TCP and UDP drop IPIP",
    "BGP needs TCP 179 between nodes: `calicoctl node status` shows peers that are not Established",
    "a node's address is found from its first interface: set IP_AUTODETECTION_METHOD on nodes with several",
    "Typha (TCP 5473) that cannot be reached leaves new policies and routes unapplied",
    "host rules of other firewalls stand after Calico's: chainInsertMode Insert keeps it first",
];

impl Plugin for Calico {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        pools(&mut found, cluster);
        dataplane(&mut found, cluster);
        installation(&mut found, cluster);
        legacy(&mut found, cluster, agent);
        if found.mode.is_none() {
            tunnel_annotations(&mut found, cluster);
        }
        felix(&mut found, cluster);
        found.policy = Policy::Enforced(String::from("Felix enforces NetworkPolicy and Calico's own policies on every node"));
        found.logs = agent.map(|a| a.logs(&["calico-node"]));
        found.hints = HINTS;
        if found.mode.is_none() {
            let kinds = [("ippools", GROUP), ("installations", "operator.tigera.io")];
            let why = why_no_custom(cluster, &kinds)
                .unwrap_or_else(|| String::from("no IPPool, Installation or calico-config was found"));
            found.unknown.push((String::from("Calico's mode"), why));
        }
        Some(found)
    }
}

fn field<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    text(object, &format!("/spec/{name}"))
}

fn source(kind: &str, object: &Value) -> String {
    format!("{kind}/{}", text(object, "/metadata/name").unwrap_or_default())
}

/// The encapsulation of one IPPool, in words, and its tunnel.
fn encapsulation(pool: &Value) -> (&'static str, Option<TunnelKind>) {
    match (field(pool, "ipipMode").unwrap_or("Never"), field(pool, "vxlanMode").unwrap_or("Never")) {
        ("Always", _) => ("IPIP", Some(TunnelKind::IpIp)),
        ("CrossSubnet", _) => ("IPIP between subnets, direct routes within one", Some(TunnelKind::IpIp)),
        (_, "Always") => ("VXLAN", Some(TunnelKind::Vxlan)),
        (_, "CrossSubnet") => ("VXLAN between subnets, direct routes within one", Some(TunnelKind::Vxlan)),
        _ => ("BGP, no overlay", None),
    }
}

fn pools(found: &mut Identified, cluster: &Cluster) {
    let mut modes: Vec<&str> = Vec::new();
    for pool in custom(cluster, "ippools", GROUP) {
        if pool.pointer("/spec/disabled").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let (mode, tunnel) = encapsulation(pool);
        let source = source("ippool", pool);
        let seen = format!(
            "ipipMode {}, vxlanMode {}",
            field(pool, "ipipMode").unwrap_or("Never"),
            field(pool, "vxlanMode").unwrap_or("Never")
        );
        if let Some(cidr) = field(pool, "cidr") {
            found.pod_cidrs.push(Told::certain(cidr.to_owned(), source.clone(), format!("cidr {cidr}")));
        }
        if !modes.contains(&mode) {
            modes.push(mode);
        }
        let port = (tunnel == Some(TunnelKind::Vxlan)).then(|| vxlan_port(cluster));
        if let (None, Some(kind)) = (&found.tunnel, tunnel) {
            found.tunnel = Some(Told::certain(Tunnel::new(kind, port), source.clone(), seen.clone()));
        }
        found.mode = Some(Told::certain(modes.join("; "), source, seen));
    }
}

fn felix_configurations(cluster: &Cluster) -> Vec<&Value> {
    // the one named default holds for every node
    custom(cluster, "felixconfigurations", GROUP).into_iter().filter(|c| text(c, "/metadata/name") == Some("default")).collect()
}

fn vxlan_port(cluster: &Cluster) -> u16 {
    let port = felix_configurations(cluster).into_iter().find_map(|c| c.pointer("/spec/vxlanPort")?.as_u64());
    port.and_then(|p| u16::try_from(p).ok()).unwrap_or(4789)
}

/// eBPF in place of iptables: from `FelixConfiguration` or the operator's Installation.
fn dataplane(found: &mut Identified, cluster: &Cluster) {
    let by_felix = felix_configurations(cluster)
        .into_iter()
        .find(|c| c.pointer("/spec/bpfEnabled").and_then(Value::as_bool) == Some(true))
        .map(|_| (String::from("felixconfiguration/default spec.bpfEnabled"), String::from("true")));
    let by_operator = custom(cluster, "installations", "operator.tigera.io")
        .into_iter()
        .find_map(|i| Some((source("installation", i), text(i, "/spec/calicoNetwork/linuxDataplane")?.to_owned())));
    if let Some((from, value)) = &by_operator {
        found.feature("data plane", Told::certain(value.clone(), from.clone(), format!("linuxDataplane {value}")));
    }
    let by_operator = by_operator.filter(|(_, value)| value == "BPF").map(|(s, v)| (format!("{s} linuxDataplane"), v));
    if let Some((source, seen)) = by_felix.or(by_operator) {
        if !found.features.iter().any(|(name, _)| *name == "data plane") {
            found.feature("data plane", Told::certain(String::from("eBPF"), source.clone(), seen.clone()));
        }
        found.service_proxy = Some(Told::certain(String::from("eBPF data plane"), source, seen));
    }
}

fn installation(found: &mut Identified, cluster: &Cluster) {
    for object in custom(cluster, "installations", "operator.tigera.io") {
        let source = source("installation", object);
        if let Some(plugin) = text(object, "/spec/cni/type") {
            found.feature("CNI type", Told::certain(plugin.to_owned(), source.clone(), format!("spec.cni.type {plugin}")));
            found.role = match plugin {
                "AmazonVPC" => Role::On("Amazon VPC CNI"),
                "AzureVNET" => Role::On("Azure CNI"),
                "GKE" => Role::On("GKE"),
                _ => Role::Primary,
            };
        }
        let mtu = object.pointer("/spec/calicoNetwork/mtu").and_then(Value::as_u64).and_then(|m| u32::try_from(m).ok());
        if let Some(mtu) = mtu.filter(|m| *m > 0) {
            found.mtu = Some(Told::certain(mtu, source.clone(), format!("spec.calicoNetwork.mtu {mtu}")));
        }
        if let Some(bgp) = text(object, "/spec/calicoNetwork/bgp") {
            found.feature("BGP", Told::certain(bgp.to_lowercase(), source, format!("spec.calicoNetwork.bgp {bgp}")));
        }
    }
}

/// The ConfigMap of installations without operator.
fn legacy(found: &mut Identified, cluster: &Cluster, agent: Option<Agent<'_>>) {
    let Some(map) = config_map(cluster, agent.map(Agent::namespace), &["calico-config"]) else { return };
    let mtu = map.data.get("veth_mtu").and_then(|m| m.trim().parse::<u32>().ok()).filter(|m| *m > 0);
    if let (Some(mtu), None) = (mtu, &found.mtu) {
        found.mtu = Some(Told::certain(mtu, source_of(map, "veth_mtu"), mtu.to_string()));
    }
    let Some(backend) = map.data.get("calico_backend") else { return };
    found.feature("backend", Told::certain(backend.clone(), source_of(map, "calico_backend"), backend.clone()));
    if found.mode.is_none() && backend == "vxlan" {
        let source = source_of(map, "calico_backend");
        found.mode = Some(Told::likely(String::from("VXLAN"), source.clone(), "vxlan"));
        found.tunnel = Some(Told::likely(Tunnel::new(TunnelKind::Vxlan, Some(4789)), source, "vxlan"));
    }
    if backend == "none" {
        found.role = Role::On("another plugin");
    }
}

/// What the agents write on their nodes, for users who may not read custom objects.
fn tunnel_annotations(found: &mut Identified, cluster: &Cluster) {
    let kinds = [
        ("projectcalico.org/IPv4IPIPTunnelAddr", "IPIP", TunnelKind::IpIp, None),
        ("projectcalico.org/IPv4VXLANTunnelAddr", "VXLAN", TunnelKind::Vxlan, Some(4789)),
        ("projectcalico.org/IPv6VXLANTunnelAddr", "VXLAN", TunnelKind::Vxlan, Some(4789)),
    ];
    for (key, mode, kind, port) in kinds {
        if let Some((node, value)) = annotated(cluster, key).first() {
            let source = format!("{} annotation {key}", node.object());
            found.mode = Some(Told::likely(mode.to_owned(), source.clone(), *value));
            found.tunnel = Some(Told::likely(Tunnel::new(kind, port), source, *value));
            return;
        }
    }
}

fn felix(found: &mut Identified, cluster: &Cluster) {
    let configurations = felix_configurations(cluster);
    let on = |c: &&Value, key: &str| c.pointer(key).and_then(Value::as_bool) == Some(true);
    let wireguard = configurations.iter().find(|c| on(c, "/spec/wireguardEnabled") || on(c, "/spec/wireguardEnabledV6"));
    let source = "felixconfiguration/default spec.wireguardEnabled";
    found.encryption = match (wireguard, annotated(cluster, "projectcalico.org/WireguardPublicKey").first()) {
        (Some(_), _) => Some(Told::certain(Encryption::By(String::from("WireGuard")), source, "true")),
        (None, Some((node, _))) => {
            let source = format!("{} annotation projectcalico.org/WireguardPublicKey", node.object());
            Some(Told::likely(Encryption::By(String::from("WireGuard")), source, "set"))
        }
        (None, None) if !configurations.is_empty() => Some(Told::certain(Encryption::None, source, "not true")),
        (None, None) => None,
    };
    let mode = configurations.iter().find_map(|c| text(c, "/spec/nftablesMode"));
    if let Some(mode) = mode {
        let told = Told::certain(mode.to_owned(), "felixconfiguration/default spec.nftablesMode", mode);
        found.feature("nftables", told);
    }
    if found.certainty == Certainty::Possible && !configurations.is_empty() {
        found.certainty = Certainty::Likely;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cni::Role;
    use crate::cni::testing::{Made, one, summary};

    fn calico() -> Made {
        Made::new()
            .daemon_set("kube-system", "calico-node", &[("calico-node", "quay.io/calico/node:v3.30.2")], &[])
            .groups(&["crd.projectcalico.org"])
    }

    fn pool(name: &str, ipip: &str, vxlan: &str) -> serde_json::Value {
        json!({"metadata": {"name": name}, "spec": {"cidr": "192.168.0.0/16", "ipipMode": ipip, "vxlanMode": vxlan}})
    }

    fn check(pools: &[serde_json::Value], expected: &str) {
        let found = one(&calico().custom("ippools.v1.crd.projectcalico.org", pools));
        assert_eq!(summary(&found), format!("Calico certain: {expected}"));
    }

    #[test]
    fn the_pools_say_the_mode() {
        check(&[pool("p", "Always", "Never")], "IPIP; IP protocol 4; policy yes");
        check(&[pool("p", "Never", "CrossSubnet")], "VXLAN between subnets, direct routes within one; UDP 4789; policy yes");
        check(&[pool("p", "Never", "Never")], "BGP, no overlay; policy yes");
        check(&[pool("a", "Never", "Never"), pool("b", "Never", "Always")], "BGP, no overlay; VXLAN; UDP 4789; policy yes");
        let mut disabled = pool("old", "Always", "Never");
        disabled["spec"]["disabled"] = json!(true);
        check(&[disabled, pool("p", "Never", "Always")], "VXLAN; UDP 4789; policy yes");
    }

    #[test]
    fn ebpf_replaces_kube_proxy() {
        let felix =
            json!({"metadata": {"name": "default"}, "spec": {"bpfEnabled": true, "wireguardEnabled": true, "vxlanPort": 4790}});
        let found = one(&calico()
            .custom("felixconfigurations.v1.crd.projectcalico.org", &[felix])
            .custom("ippools.v1.crd.projectcalico.org", &[pool("p", "Never", "Always")]));
        assert_eq!(summary(&found), "Calico certain: VXLAN; UDP 4790; policy yes; encryption WireGuard; proxy eBPF data plane");
    }

    #[test]
    fn the_operator_says_whose_network_it_is() {
        let installation = json!({"metadata": {"name": "default"}, "spec": {"cni": {"type": "AmazonVPC"}, "calicoNetwork": {"linuxDataplane": "BPF", "mtu": 1440}}});
        let made = Made::new()
            .daemon_set("calico-system", "calico-node", &[("calico-node", "docker.io/calico/node:v3.30.2")], &[])
            .custom("installations.v1.operator.tigera.io", &[installation]);
        let found = one(&made);
        assert_eq!(found.role, Role::On("Amazon VPC CNI"));
        assert_eq!(found.mtu.as_ref().unwrap().value, 1440);
        assert!(found.service_proxy.is_some());
    }

    #[test]
    fn without_custom_objects_the_nodes_tell_the_tunnel() {
        let found = one(&calico().annotated("n1", "projectcalico.org/IPv4VXLANTunnelAddr", "192.168.1.0"));
        assert_eq!(summary(&found), "Calico certain: VXLAN; UDP 4789; policy yes");
    }
}
