//! Flannel (flannel-io/flannel v0.27), also inside k3s.

use serde_json::Value;

use super::found::{Encryption, Identified, Policy, State, Told};
use super::trace::{Agent, Marks, annotated, config_map, source_of, why_unread};
use super::{Certainty, Plugin, Seen, Tunnel, TunnelKind};
use crate::model::{Cluster, ConfigMap};

pub(super) struct Flannel;

const BACKEND: &str = "flannel.alpha.coreos.com/backend-type";

pub(super) const MARKS: Marks = Marks {
    name: "Flannel",
    images: &[
        "flannel-io/flannel",
        "flannel/flannel",
        "coreos/flannel",
        "flannelcni/flannel",
        "rancher/mirrored-flannelcni-flannel",
        "rancher/mirrored-flannel-flannel",
        "rancher/hardened-flannel",
        "rancher/mirrored-flannel",
    ],
    agents: &["kube-flannel-ds", "kube-flannel"],
    groups: &[],
    config_maps: &["kube-flannel-cfg"],
    annotations: &[BACKEND],
};

const HINTS: &[&str] = &[
    "a firewall between nodes that drops UDP 8472 breaks pods of other nodes only",
    "the VXLAN checksum offload of some network cards and kernels loses packets: `ethtool -K flannel.1 tx-checksum-ip-generic off`",
    "/run/flannel/subnet.env is missing until flanneld has run: pods stay in ContainerCreating",
    "on nodes with several networks it takes the default route's interface unless --iface says otherwise",
];

impl Plugin for Flannel {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        let embedded = agent.is_none() && in_k3s(cluster);
        if embedded {
            found.state = State::BuiltIn;
            found.certainty = Certainty::Likely;
            found.evidence.extend(k3s_nodes(cluster));
        }
        let map = config_map(cluster, agent.map(Agent::namespace), &["kube-flannel-cfg"]);
        backend(&mut found, cluster, map);
        found.policy = policy(agent, embedded);
        found.logs = agent.map(|a| a.logs(&["kube-flannel"]));
        found.hints = HINTS;
        Some(found)
    }
}

/// k3s runs Flannel inside its own process: no DaemonSet, and the annotations of Flannel on the nodes.
fn in_k3s(cluster: &Cluster) -> bool {
    !annotated(cluster, BACKEND).is_empty() && cluster.nodes.seen().any(|n| n.kubelet.contains("+k3s"))
}

fn k3s_nodes(cluster: &Cluster) -> Option<Seen> {
    let node = cluster.nodes.seen().find(|n| n.kubelet.contains("+k3s"))?;
    Some(Seen::new(
        format!("{} kubelet version", node.object()),
        format!("{}: k3s runs Flannel in its own process", node.kubelet),
    ))
}

fn policy(agent: Option<Agent<'_>>, embedded: bool) -> Policy {
    // the chart's `netpol.enabled` adds this container
    if agent.is_some_and(|a| a.has_container("kube-network-policies") || a.has_container("network-policies")) {
        return Policy::Enforced(String::from("kube-network-policies runs beside Flannel"));
    }
    if embedded {
        return Policy::Depends(String::from("k3s enforces policies itself unless it was started with --disable-network-policy"));
    }
    Policy::Ignored(String::from("Flannel has no policy engine"))
}

/// Backend, addresses, MTU and tunnel out of `net-conf.json`, checked against the nodes' annotations.
pub(super) fn backend(found: &mut Identified, cluster: &Cluster, map: Option<&ConfigMap>) {
    let told = map.and_then(|m| m.data.get("net-conf.json").map(|text| (m, text)));
    let config = told.and_then(|(m, text)| Some((m, serde_json::from_str::<Value>(text).ok()?)));
    if let (Some((map, _)), None) = (told, &config) {
        found.warnings.push(format!("{} is not valid JSON", source_of(map, "net-conf.json")));
    }
    let nodes = annotated(cluster, BACKEND);
    let live = nodes.first().map(|(node, kind)| (node.object().to_string(), (*kind).to_owned()));
    let configured = config.as_ref().map(|(map, json)| {
        let kind = json.pointer("/Backend/Type").and_then(Value::as_str).unwrap_or("udp").to_lowercase();
        (source_of(map, "net-conf.json"), kind)
    });
    if let Some((node, other)) = nodes.iter().find(|(_, kind)| live.as_ref().is_some_and(|(_, first)| first != kind)) {
        found.warnings.push(format!("nodes use different backends: {other} on {}", node.name));
    }
    if let (Some((_, live)), Some((_, configured))) = (&live, &configured)
        && live != configured
    {
        found.warnings.push(format!("the configuration says backend {configured} and the nodes use {live}: restart Flannel"));
    }
    let json = config.as_ref().map(|(_, json)| json);
    // what the nodes use counts; the configuration is read at start
    if let Some((source, kind)) = live.map(|(node, kind)| (format!("{node} annotation {BACKEND}"), kind)).or(configured) {
        describe(found, &source, &kind, json);
    } else {
        let why = why_unread(cluster, &["kube-flannel-cfg", "canal-config", "rke2-canal-config"]);
        found.unknown.push((String::from("Flannel's backend"), format!("{why}, and no node's annotation says it")));
    }
    let Some((map, json)) = &config else { return };
    let source = source_of(map, "net-conf.json");
    for key in ["Network", "IPv6Network"] {
        let wanted = key == "Network" || json.get("EnableIPv6").and_then(Value::as_bool) == Some(true);
        if let Some(cidr) = json.get(key).and_then(Value::as_str).filter(|c| wanted && !c.is_empty()) {
            found.pod_cidrs.push(Told::certain(cidr.to_owned(), source.clone(), format!("{key} {cidr}")));
        }
    }
    if let Some(mtu) = json.pointer("/Backend/MTU").and_then(Value::as_u64).and_then(|m| u32::try_from(m).ok()).filter(|m| *m > 0)
    {
        found.mtu = Some(Told::certain(mtu, source, format!("Backend.MTU {mtu}")));
    } else {
        // flannel takes the interface's MTU less the tunnel's header, and writes it to a file of the node (pkg/subnet/subnet.go)
        let why =
            String::from("Flannel takes it from the node's interface, and the API does not have it: a pair diagnosis shows it");
        found.unknown.push((String::from("the MTU of pod interfaces"), why));
    }
}

fn describe(found: &mut Identified, source: &str, kind: &str, json: Option<&Value>) {
    let port = json.and_then(|j| j.pointer("/Backend/Port")).and_then(Value::as_u64).and_then(|p| u16::try_from(p).ok());
    let direct = json.and_then(|j| j.pointer("/Backend/DirectRouting")).and_then(Value::as_bool) == Some(true);
    let (mode, tunnel, encryption) = match kind {
        "vxlan" if direct => (
            "VXLAN, and direct routes between nodes of one subnet",
            Some(Tunnel::new(TunnelKind::Vxlan, port.or(Some(8472)))),
            Encryption::None,
        ),
        "vxlan" => ("VXLAN", Some(Tunnel::new(TunnelKind::Vxlan, port.or(Some(8472)))), Encryption::None),
        "host-gw" => ("host-gw: routes over the nodes' own subnet, no overlay", None, Encryption::None),
        "wireguard" => (
            "WireGuard",
            Some(Tunnel::new(TunnelKind::WireGuard, port.or(Some(51820)))),
            Encryption::By(String::from("WireGuard")),
        ),
        "udp" => ("UDP through user space", Some(Tunnel::new(TunnelKind::Udp, port.or(Some(8285)))), Encryption::None),
        "ipip" if direct => {
            ("IPIP, and direct routes between nodes of one subnet", Some(Tunnel::new(TunnelKind::IpIp, None)), Encryption::None)
        }
        "ipip" => ("IPIP", Some(Tunnel::new(TunnelKind::IpIp, None)), Encryption::None),
        "ipsec" => ("IPsec", Some(Tunnel::new(TunnelKind::IpSec, None)), Encryption::By(String::from("IPsec"))),
        "alloc" => ("alloc: it only assigns subnets, something else makes the routes", None, Encryption::None),
        other => {
            found.mode = Some(Told::certain(format!("backend {other}"), source, other));
            return;
        }
    };
    found.mode = Some(Told::certain(mode.to_owned(), source, kind));
    found.tunnel = tunnel.map(|t| Told::certain(t, source, kind));
    found.encryption = Some(Told::certain(encryption, source, kind));
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};
    use crate::cni::{Policy, State};

    const CONFIG: (&str, &str) =
        ("net-conf.json", r#"{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan", "MTU": 1400}}"#);

    fn vxlan() -> Made {
        Made::new()
            .daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "ghcr.io/flannel-io/flannel:v0.27.0")], &[])
            .config_map("kube-flannel", "kube-flannel-cfg", &[CONFIG])
    }

    #[test]
    fn vxlan_of_the_projects_manifest() {
        let found = one(&vxlan().annotated("n1", super::BACKEND, "vxlan"));
        assert_eq!(summary(&found), "Flannel certain: VXLAN; mtu 1400; UDP 8472; policy no; encryption none");
        assert_eq!(found.pod_cidrs[0].value, "10.244.0.0/16");
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    }

    #[test]
    fn a_backend_that_was_changed_without_restart_is_told() {
        let found = one(&vxlan().annotated("n1", super::BACKEND, "host-gw"));
        assert_eq!(
            summary(&found),
            "Flannel certain: host-gw: routes over the nodes' own subnet, no overlay; mtu 1400; policy no; encryption none"
        );
        assert!(found.warnings[0].contains("says backend vxlan and the nodes use host-gw"));
    }

    #[test]
    fn inside_k3s_it_has_no_daemon_set() {
        let made = Made::new().annotated("n1", super::BACKEND, "vxlan").kubelet("n1", "v1.36.3+k3s1");
        let found = one(&made);
        assert_eq!(found.state, State::BuiltIn);
        assert!(matches!(found.policy, Policy::Depends(_)));
        let left = crate::cni::networks(&Made::new().annotated("n1", super::BACKEND, "vxlan").cluster());
        assert_eq!(left.found.len(), 0);
        assert_eq!(left.leftovers[0].name, "Flannel");
    }
}
