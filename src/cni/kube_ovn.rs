//! Kube-OVN (kubeovn/kube-ovn v1.14).

use super::found::{Encryption, Identified, Policy, Told};
use super::trace::{Agent, Marks, custom, flag, image_is, text};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::{Cluster, Workload};

pub(super) struct KubeOvn;

const IMAGES: &[&str] = &["kubeovn/kube-ovn", "kubeovn/kube-ovn-dpdk"];

const MARKS: Marks = Marks {
    name: "Kube-OVN",
    images: IMAGES,
    agents: &["kube-ovn-cni", "kube-ovn-pinger"],
    groups: &["kubeovn.io"],
    config_maps: &[],
    annotations: &["ovn.kubernetes.io/allocated"],
};

const HINTS: &[&str] = &[
    "Geneve needs UDP 6081 between nodes, the databases TCP 6641 and 6642",
    "ovn-central without quorum stops new pods and policy changes",
    "some hardware drops Geneve with checksum offload: set --encap-checksum=false",
];

impl Plugin for KubeOvn {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        let is_controller =
            |w: &&Workload| w.name == "kube-ovn-controller" && w.images.iter().any(|i| IMAGES.iter().any(|end| image_is(i, end)));
        let controller = cluster.workloads.seen().filter(|w| w.kind == "deployment").find(is_controller);
        match controller {
            Some(controller) => configured(&mut found, controller),
            None => found
                .unknown
                .push((String::from("Kube-OVN's mode"), String::from("its Deployment kube-ovn-controller was not seen"))),
        }
        for subnet in custom(cluster, "subnets", "kubeovn.io") {
            let name = text(subnet, "/metadata/name").unwrap_or_default();
            // the join subnet connects nodes, not pods
            if let Some(cidr) = text(subnet, "/spec/cidrBlock").filter(|_| name != "join") {
                let told =
                    cidr.split(',').map(|c| Told::certain(c.to_owned(), format!("subnet/{name}"), format!("cidrBlock {cidr}")));
                found.pod_cidrs.extend(told);
            }
        }
        let mtu = agent.and_then(|a| flag(a.arguments(), "mtu")).and_then(|m| m.parse::<u32>().ok()).filter(|m| *m > 0);
        if let (Some(mtu), Some(agent)) = (mtu, agent) {
            found.mtu = Some(Told::certain(mtu, format!("{} --mtu", Agent::source(agent)), mtu.to_string()));
        }
        found.logs = agent.map(|a| a.logs(&["cni-server"]));
        found.hints = HINTS;
        Some(found)
    }
}

fn configured(found: &mut Identified, controller: &Workload) {
    let told = |name: &str| (format!("{} --{name}", controller.object()), flag(&controller.arguments, name));
    let (source, network) = told("network-type");
    let network = network.unwrap_or("geneve");
    let tunnel = match network {
        "geneve" => Some(Tunnel::new(TunnelKind::Geneve, Some(6081))),
        "vxlan" => Some(Tunnel::new(TunnelKind::Vxlan, Some(4789))),
        "stt" => Some(Tunnel::new(TunnelKind::Stt, Some(7471))),
        _ => None,
    };
    let mode = match (&tunnel, network) {
        (Some(tunnel), _) => format!("{} between all nodes", tunnel.kind),
        (None, "vlan") => String::from("VLAN of the nodes' network, no overlay"),
        (None, other) => other.to_owned(),
    };
    found.mode = Some(Told::certain(mode, source.clone(), network));
    found.tunnel = tunnel.map(|t| Told::certain(t, source.clone(), network));
    found.encryption = Some(Told::likely(Encryption::None, source, "IPsec needs --enable-ovn-ipsec"));
    found.policy = match told("enable-np") {
        (source, Some("false")) => Policy::Ignored(format!("{source} is false")),
        (_, Some(_) | None) => Policy::Enforced(String::from("OVN enforces policies as ACLs")),
    };
    if let (source, Some("false")) = told("enable-lb") {
        found.feature("load balancer for Services", Told::certain(String::from("off"), source, "false"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn the_controller_says_the_mode() {
        let made = Made::new()
            .daemon_set("kube-system", "kube-ovn-cni", &[("cni-server", "docker.io/kubeovn/kube-ovn:v1.14.5")], &["--mtu=1400"])
            .deployment(
                "kube-system",
                "kube-ovn-controller",
                "docker.io/kubeovn/kube-ovn:v1.14.5",
                &["--network-type=geneve", "--enable-np=false"],
            )
            .groups(&["kubeovn.io"])
            .custom(
                "subnets.v1.kubeovn.io",
                &[
                    json!({"metadata": {"name": "ovn-default"}, "spec": {"cidrBlock": "10.16.0.0/16"}}),
                    json!({"metadata": {"name": "join"}, "spec": {"cidrBlock": "100.64.0.0/16"}}),
                ],
            );
        let found = one(&made);
        assert_eq!(summary(&found), "Kube-OVN certain: Geneve between all nodes; mtu 1400; UDP 6081; policy no; encryption none");
        assert_eq!(found.pod_cidrs.len(), 1);
    }
}
