//! Cilium (cilium/cilium v1.18), also as Azure CNI powered by Cilium. GKE's build of it is in `gke`.

use super::found::{Encryption, Identified, Policy, Role, State, Told};
use super::trace::{Agent, Marks, config_map, source_of, why_unread};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::{Cluster, ConfigMap};

pub(super) struct Cilium;

pub(super) const MARKS: Marks = Marks {
    name: "Cilium",
    images: &["cilium/cilium", "cilium/cilium-ci", "cilium/cilium-dev", "rancher/mirrored-cilium-cilium", "isovalent/cilium"],
    agents: &["cilium", "cilium-agent"],
    groups: &["cilium.io"],
    config_maps: &["cilium-config"],
    annotations: &["network.cilium.io/ipv4-pod-cidr", "network.cilium.io/ipv4-cilium-host"],
};

/// The names of GKE's build.
pub(super) const GKE_AGENT: &str = "anetd";

const HINTS: &[&str] = &[
    "VXLAN needs UDP 8472 between nodes (Geneve UDP 6081, WireGuard UDP 51871), health checks TCP 4240",
    "native routing without auto-direct-node-routes needs routes to the pod ranges in the network between nodes",
    "rules of an earlier kube-proxy stay on the nodes until they restart: flush them after a migration",
    "toFQDNs needs the DNS proxy: pods must ask the cluster's DNS over a policy with a dns rule",
    "on iptables-only hosts with a strict rp_filter, traffic from the tunnel is dropped: set it to 0 for cilium_* and lxc*",
];

impl Plugin for Cilium {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        if agent.is_some_and(|a| a.name() == GKE_AGENT) {
            return None;
        }
        found.logs = agent.map(|a| a.logs(&["cilium-agent"]));
        found.hints = HINTS;
        let Some(map) = config_map(cluster, agent.map(Agent::namespace), &["cilium-config"]) else {
            if found.state != State::Leftover {
                found.unknown.push((String::from("Cilium's mode"), why_unread(cluster, &["cilium-config"])));
                found.policy =
                    Policy::Depends(String::from("yes unless enable-policy is never; its configuration could not be read"));
            }
            return Some(found);
        };
        configured(&mut found, &Config { map });
        Some(found)
    }
}

/// `cilium-config`: one key an option of the agent.
pub(super) struct Config<'a> {
    pub(super) map: &'a ConfigMap,
}

impl<'a> Config<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.map.data.get(key).map(|v| v.trim())
    }

    fn on(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    /// The value with the key as its evidence.
    fn told<T>(&self, value: T, key: &str) -> Told<T> {
        Told::certain(value, source_of(self.map, key), self.get(key).unwrap_or("not set"))
    }
}

pub(super) fn configured(found: &mut Identified, config: &Config<'_>) {
    mode(found, config);
    encryption(found, config);
    policy(found, config);
    proxy(found, config);
    chaining(found, config);
    if let Some(mtu) = config.get("mtu").and_then(|m| m.parse::<u32>().ok()).filter(|m| *m > 0) {
        found.mtu = Some(config.told(mtu, "mtu"));
    }
    for key in ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"] {
        let used = matches!(config.get("ipam"), None | Some("cluster-pool"));
        for cidr in config.get(key).unwrap_or_default().split([',', ' ']).filter(|c| used && !c.is_empty()) {
            found.pod_cidrs.push(config.told(cidr.to_owned(), key));
        }
    }
    if let Some(ipam) = config.get("ipam") {
        found.feature("IPAM", config.told(ipam.to_owned(), "ipam"));
    }
    for (name, key) in [("Hubble", "enable-hubble"), ("L7 proxy", "enable-l7-proxy"), ("host firewall", "enable-host-firewall")] {
        if let Some(value) = config.get(key) {
            let word = if value == "true" { "on" } else { "off" };
            found.feature(name, config.told(String::from(word), key));
        }
    }
    for (name, key) in [("BGP control plane", "enable-bgp-control-plane"), ("Gateway API", "enable-gateway-api")] {
        if config.on(key) {
            found.feature(name, config.told(String::from("on"), key));
        }
    }
}

fn mode(found: &mut Identified, config: &Config<'_>) {
    // before v1.14 one key `tunnel` held vxlan, geneve or disabled
    let old = config.get("tunnel");
    let native = config.get("routing-mode") == Some("native") || old == Some("disabled");
    let mode_key = if old.is_some() && config.get("routing-mode").is_none() { "tunnel" } else { "routing-mode" };
    if native {
        let direct = if config.on("auto-direct-node-routes") { ", routes between nodes of one subnet by Cilium" } else { "" };
        found.mode = Some(config.told(format!("native routing, no overlay{direct}"), mode_key));
        return;
    }
    let (key, protocol) = match (config.get("tunnel-protocol"), old) {
        (Some(protocol), _) => ("tunnel-protocol", protocol),
        (None, Some(protocol)) => ("tunnel", protocol),
        (None, None) => ("tunnel-protocol", "vxlan"),
    };
    let port = config.get("tunnel-port").and_then(|p| p.parse().ok()).filter(|p: &u16| *p > 0);
    let (kind, default) = if protocol == "geneve" { (TunnelKind::Geneve, 6081) } else { (TunnelKind::Vxlan, 8472) };
    found.mode = Some(config.told(format!("tunnel, {kind}"), key));
    found.tunnel = Some(config.told(Tunnel::new(kind, port.or(Some(default))), key));
}

fn encryption(found: &mut Identified, config: &Config<'_>) {
    let (key, value) = if config.on("enable-wireguard") {
        ("enable-wireguard", Encryption::By(String::from("WireGuard, UDP 51871 between nodes")))
    } else if config.on("enable-ipsec") {
        ("enable-ipsec", Encryption::By(String::from("IPsec")))
    } else if config.on("enable-encryption-strict-mode") || config.on("enable-ztunnel") {
        ("enable-ztunnel", Encryption::By(String::from("ztunnel")))
    } else {
        ("enable-wireguard", Encryption::None)
    };
    found.encryption = Some(config.told(value, key));
}

fn policy(found: &mut Identified, config: &Config<'_>) {
    found.policy = match config.get("enable-policy") {
        Some("never") => Policy::Ignored(String::from("cilium-config sets enable-policy: never")),
        Some("always") => Policy::Enforced(String::from("enable-policy: always denies pods that no policy selects as well")),
        Some(_) | None => Policy::Enforced(String::from("Cilium enforces NetworkPolicy and its own policies")),
    };
    if config.on("policy-audit-mode") {
        found.policy = Policy::Ignored(String::from("policy-audit-mode only records what policies would deny"));
    }
    if config.get("enable-k8s-networkpolicy") == Some("false") {
        found.policy = Policy::Ignored(String::from("enable-k8s-networkpolicy is false: only Cilium's own policies count"));
    }
}

fn proxy(found: &mut Identified, config: &Config<'_>) {
    const KEY: &str = "kube-proxy-replacement";
    match config.get(KEY) {
        Some("true" | "strict") => found.service_proxy = Some(config.told(String::from("eBPF, all of kube-proxy's work"), KEY)),
        Some("partial" | "probe") => {
            found.service_proxy = Some(config.told(String::from("eBPF, part of kube-proxy's work"), KEY));
        }
        Some(_) | None => {}
    }
}

fn chaining(found: &mut Identified, config: &Config<'_>) {
    const KEY: &str = "cni-chaining-mode";
    let chained = config.get(KEY).filter(|mode| !matches!(*mode, "none" | ""));
    let target = match chained {
        Some("aws-cni") => "Amazon VPC CNI",
        Some("flannel") => "Flannel",
        Some(_) => "another plugin",
        // Azure gives the addresses
        None if config.get("ipam") == Some("delegated-plugin") => "Azure CNI",
        None => return,
    };
    if let Some(mode) = chained {
        found.feature("chaining", config.told(mode.to_owned(), KEY));
    }
    found.role = Role::On(target);
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    fn check(config: &[(&str, &str)], expected: &str) {
        let made = Made::new()
            .daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1@sha256:ab")], &[])
            .groups(&["cilium.io"])
            .config_map("kube-system", "cilium-config", config);
        assert_eq!(summary(&one(&made)), format!("Cilium certain: {expected}"), "{config:?}");
    }

    #[test]
    fn its_configuration_says_all() {
        check(&[], "tunnel, VXLAN; UDP 8472; policy yes; encryption none");
        check(
            &[("routing-mode", "tunnel"), ("tunnel-protocol", "geneve"), ("kube-proxy-replacement", "true"), ("mtu", "1450")],
            "tunnel, Geneve; mtu 1450; UDP 6081; policy yes; encryption none; proxy eBPF, all of kube-proxy's work",
        );
        check(
            &[("routing-mode", "native"), ("auto-direct-node-routes", "true"), ("enable-wireguard", "true")],
            "native routing, no overlay, routes between nodes of one subnet by Cilium; policy yes; encryption WireGuard, UDP 51871 between nodes",
        );
        check(&[("tunnel", "disabled"), ("enable-policy", "never")], "native routing, no overlay; policy no; encryption none");
        check(&[("policy-audit-mode", "true")], "tunnel, VXLAN; UDP 8472; policy no; encryption none");
        check(
            &[("kube-proxy-replacement", "partial"), ("tunnel-port", "8473")],
            "tunnel, VXLAN; UDP 8473; policy yes; encryption none; proxy eBPF, part of kube-proxy's work",
        );
    }

    #[test]
    fn a_denied_configuration_leaves_the_mode_open() {
        let made = Made::new().daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[]);
        let found = one(&made);
        assert_eq!(summary(&found), "Cilium certain: no mode; policy depends");
        assert_eq!(found.unknown.len(), 1);
    }
}
