//! Antrea (antrea-io/antrea v2.4).

use serde_json::Value;

use super::found::{Encryption, Identified, Policy, Role, Told};
use super::trace::{Agent, Marks, source_of, why_unread};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::{Cluster, ConfigMap};

pub(super) struct Antrea;

const MARKS: Marks = Marks {
    name: "Antrea",
    images: &[
        "antrea/antrea-agent-ubuntu",
        "antrea/antrea-agent-ubi",
        "antrea/antrea-agent-debian",
        "antrea/antrea-ubuntu",
        "antrea/antrea-agent",
        "antrea-advanced-debian",
    ],
    agents: &["antrea-agent"],
    groups: &["crd.antrea.io"],
    config_maps: &["antrea-config"],
    annotations: &["node.antrea.io/mac-address"],
};

const HINTS: &[&str] = &[
    "the tunnel needs UDP 6081 (Geneve) or UDP 4789 (VXLAN) between nodes",
    "the agent needs Open vSwitch in its pod: a container antrea-ovs that restarts stops new pods",
    "with proxyAll and kube-proxy at once, kube-proxy answers first for traffic of the node itself",
];

impl Plugin for Antrea {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        found.policy = Policy::Enforced(String::from("Antrea enforces NetworkPolicy and its own policies in Open vSwitch"));
        found.logs = agent.map(|a| a.logs(&["antrea-agent"]));
        found.hints = HINTS;
        // older releases end the name in a hash
        let fits = |c: &&ConfigMap| c.name.starts_with("antrea-config") && agent.is_none_or(|a| a.namespace() == c.namespace);
        let map = cluster.config_maps.seen().filter(fits).min_by(|a, b| a.name.cmp(&b.name));
        let config = map.and_then(|m| Some((m, serde_saphyr::from_str::<Value>(m.data.get("antrea-agent.conf")?).ok()?)));
        match config {
            Some((map, config)) => configured(&mut found, &source_of(map, "antrea-agent.conf"), &config),
            None => found.unknown.push((String::from("Antrea's mode"), why_unread(cluster, &["antrea-config"]))),
        }
        if let (None, Some(agent)) = (&found.mode, agent) {
            let source = Agent::source(agent);
            found.mode = Some(Told::likely(
                String::from("Geneve between all nodes, unless its configuration says otherwise"),
                source,
                "default",
            ));
        }
        Some(found)
    }
}

/// Options that are commented out keep their defaults (build/charts/antrea/conf/antrea-agent.conf).
fn configured(found: &mut Identified, source: &str, config: &Value) {
    let text = |pointer: &str, default: &'static str| {
        let value = config.pointer(pointer).and_then(Value::as_str).filter(|v| !v.is_empty()).unwrap_or(default);
        (value.to_owned(), format!("{source} {}", pointer.trim_start_matches('/').replace('/', ".")))
    };
    let (mode, from) = text("/trafficEncapMode", "encap");
    let (tunnel, tunnel_from) = text("/tunnelType", "geneve");
    let port = config.get("tunnelPort").and_then(Value::as_u64).and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0);
    let (kind, default) = match tunnel.as_str() {
        "vxlan" => (TunnelKind::Vxlan, Some(4789)),
        "gre" => (TunnelKind::Gre, None),
        "stt" => (TunnelKind::Stt, Some(7471)),
        _ => (TunnelKind::Geneve, Some(6081)),
    };
    let has_tunnel = matches!(mode.to_lowercase().as_str(), "encap" | "hybrid");
    let words = match mode.to_lowercase().as_str() {
        "encap" => format!("{kind} between all nodes"),
        "hybrid" => format!("{kind} between subnets, direct routes within one"),
        "noencap" => String::from("no overlay: routes between nodes"),
        "networkpolicyonly" => String::from("policies only"),
        other => other.to_owned(),
    };
    if mode.eq_ignore_ascii_case("networkPolicyOnly") {
        found.role = Role::On("another plugin");
    }
    found.mode = Some(Told::certain(words, from, mode));
    if has_tunnel {
        found.tunnel = Some(Told::certain(Tunnel::new(kind, port.or(default)), tunnel_from, tunnel));
    }
    let (encryption, from) = text("/trafficEncryptionMode", "none");
    let value = match encryption.to_lowercase().as_str() {
        "none" => Encryption::None,
        "wireguard" => Encryption::By(String::from("WireGuard, UDP 51820 between nodes")),
        "ipsec" => Encryption::By(String::from("IPsec")),
        other => Encryption::By(other.to_owned()),
    };
    found.encryption = Some(Told::certain(value, from, encryption));
    if config.pointer("/antreaProxy/proxyAll").and_then(Value::as_bool) == Some(true) {
        let from = format!("{source} antreaProxy.proxyAll");
        found.service_proxy = Some(Told::certain(String::from("Open vSwitch, all of kube-proxy's work"), from, "true"));
    }
    let mtu = config.get("defaultMTU").and_then(Value::as_u64).and_then(|m| u32::try_from(m).ok());
    if let Some(mtu) = mtu.filter(|m| *m > 0) {
        found.mtu = Some(Told::certain(mtu, format!("{source} defaultMTU"), mtu.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    fn check(config: &str, expected: &str) {
        let made = Made::new()
            .daemon_set("kube-system", "antrea-agent", &[("antrea-agent", "antrea/antrea-agent-ubuntu:v2.4.1")], &[])
            .groups(&["crd.antrea.io"])
            .config_map("kube-system", "antrea-config", &[("antrea-agent.conf", config)]);
        assert_eq!(summary(&one(&made)), format!("Antrea certain: {expected}"), "{config}");
    }

    #[test]
    fn its_configuration_says_mode_and_tunnel() {
        let defaults = "featureGates:\n# AntreaProxy: true\n#trafficEncapMode: encap\n#tunnelType: geneve\nantreaProxy:\n  proxyAll: false\n";
        check(defaults, "Geneve between all nodes; UDP 6081; policy yes; encryption none");
        check(
            "trafficEncapMode: hybrid\ntunnelType: vxlan\ndefaultMTU: 1450\ntrafficEncryptionMode: wireguard\nantreaProxy: {proxyAll: true}\n",
            "VXLAN between subnets, direct routes within one; mtu 1450; UDP 4789; policy yes; encryption WireGuard, UDP 51820 between nodes; proxy Open vSwitch, all of kube-proxy's work",
        );
        check("trafficEncapMode: networkPolicyOnly\n", "policies only; policy yes; encryption none; on another plugin");
    }
}
