//! Multus (k8snetworkplumbingwg/multus-cni v4.2): it calls other plugins and gives pods further interfaces.

use super::Plugin;
use super::found::{Identified, Policy, Role, Told};
use super::trace::{Marks, custom};
use crate::model::Cluster;

pub(super) struct Multus;

const GROUP: &str = "k8s.cni.cncf.io";

const MARKS: Marks = Marks {
    name: "Multus",
    images: &[
        "k8snetworkplumbingwg/multus-cni",
        "nfvpe/multus",
        "rancher/hardened-multus-cni",
        "rancher/mirrored-k8snetworkplumbingwg-multus-cni",
        "multus-cni",
    ],
    agents: &["kube-multus-ds", "multus", "kube-multus"],
    groups: &[GROUP],
    config_maps: &["multus-cni-config", "multus-daemon-config"],
    annotations: &[],
};

const HINTS: &[&str] = &[
    "the primary plugin still carries the pod network; Services and policies work on that interface only",
    "it copies the primary plugin's configuration at start: restart it after the primary was changed",
    "a NetworkAttachmentDefinition that a pod names must exist in the pod's namespace, else the pod stays in ContainerCreating",
];

impl Plugin for Multus {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        found.role = Role::Meta;
        found.policy = Policy::Ignored(String::from("the primary plugin decides; further interfaces have no NetworkPolicy"));
        let networks = custom(cluster, "network-attachment-definitions", GROUP);
        if !networks.is_empty() {
            let names: Vec<String> = networks
                .iter()
                .filter_map(|n| {
                    let name = n.pointer("/metadata/name")?.as_str()?;
                    let namespace = n.pointer("/metadata/namespace").and_then(|v| v.as_str()).unwrap_or_default();
                    Some(format!("{namespace}/{name}"))
                })
                .collect();
            let told =
                Told::certain(networks.len().to_string(), format!("network-attachment-definitions.{GROUP}"), names.join(", "));
            found.feature("further networks", told);
        }
        found.logs = agent.map(|a| a.logs(&["kube-multus"]));
        found.hints = HINTS;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cni::testing::Made;
    use crate::cni::{Role, networks};

    #[test]
    fn it_stands_over_the_primary() {
        let made = Made::new()
            .daemon_set(
                "kube-system",
                "kube-multus-ds",
                &[("kube-multus", "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.2")],
                &[],
            )
            .daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "flannel/flannel:v0.27.0")], &[])
            .groups(&["k8s.cni.cncf.io"])
            .custom(
                "network-attachment-definitions.v1.k8s.cni.cncf.io",
                &[json!({"metadata": {"name": "vlan7", "namespace": "shop"}})],
            );
        let networks = networks(&made.cluster());
        let names: Vec<_> = networks.found.iter().map(|f| (f.name, f.role)).collect();
        assert_eq!(names, [("Flannel", Role::Primary), ("Multus", Role::Meta)]);
        assert_eq!(networks.primary().unwrap().name, "Flannel");
        assert_eq!(networks.found[1].features[0].1.evidence[0].seen, "shop/vlan7");
        assert!(networks.warnings.is_empty(), "{:?}", networks.warnings);
    }
}
