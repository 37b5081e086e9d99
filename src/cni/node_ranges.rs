//! Whether pods get their addresses from `spec.podCIDRs` of their nodes.

use super::found::{Identified, Role};
use super::{Plugin as _, cilium};
use super::{canal, flannel, kindnet, kube_router, networks};
use crate::model::{Cluster, Resource};

/// Plugins that never take addresses from elsewhere.
fn by_node(name: &str) -> bool {
    [flannel::Flannel.name(), canal::Canal.name(), kindnet::Kindnet.name(), kube_router::KubeRouter.name()].contains(&name)
}

/// Whether the network plugin takes the addresses of pods from `spec.podCIDRs` of their nodes. A cluster has these ranges also when its
/// plugin keeps its own, as Cilium's cluster pool, Calico, OVN and the clouds do.
///
/// # Errors
/// What is missing to know it: the list of DaemonSets, Cilium's configuration, or a plugin that is known.
pub fn uses_node_ranges(cluster: &Cluster) -> Result<bool, String> {
    if let Some(why) = cluster.workloads.complete(&Resource::DaemonSets, None).missing() {
        return Err(format!("the network plugin, by its DaemonSet: {why}"));
    }
    let networks = networks(cluster);
    let mut primaries = networks.found.iter().filter(|f| f.role == Role::Primary);
    match (primaries.next(), primaries.next()) {
        (Some(one), None) => of_plugin(one),
        (Some(one), Some(other)) => Err(format!("which plugin gives pods their addresses: {} or {}", one.name, other.name)),
        (None, _) => Err("the network plugin is none that is known by name".to_owned()),
    }
}

fn of_plugin(plugin: &Identified) -> Result<bool, String> {
    if plugin.name != cilium::MARKS.name {
        return Ok(by_node(plugin.name));
    }
    if let Some((what, why)) = plugin.unknown.first() {
        return Err(format!("{what}: {why}"));
    }
    // the operator's default is a pool of its own
    Ok(plugin.features.iter().any(|(name, told)| *name == "IPAM" && told.value == "kubernetes"))
}

/// The configuration that says it, of a plugin whose name does not.
pub fn says_node_ranges(config_map: &str) -> bool {
    cilium::MARKS.config_maps.contains(&config_map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cni::testing::Made;

    fn of(name: &str, image: &str) -> Made {
        Made::new().daemon_set("kube-system", name, &[(name, image)], &[])
    }

    fn cilium(config: &[(&str, &str)]) -> Cluster {
        of("cilium", "quay.io/cilium/cilium:v1.18.2").config_map("kube-system", "cilium-config", config).cluster()
    }

    #[test]
    fn plugins_that_take_the_nodes_range() {
        for (name, image) in [
            ("kube-flannel-ds", "flannel/flannel:v0.27.0"),
            ("kindnet", "docker.io/kindest/kindnetd:v20250512-df8de77b"),
            ("kube-router", "cloudnativelabs/kube-router:v2.6.0"),
        ] {
            assert_eq!(uses_node_ranges(&of(name, image).cluster()), Ok(true), "{name}");
        }
        assert_eq!(uses_node_ranges(&cilium(&[("ipam", "kubernetes")])), Ok(true));
    }

    #[test]
    fn plugins_with_addresses_of_their_own() {
        for ipam in ["cluster-pool", "multi-pool", "eni", "azure", "crd"] {
            assert_eq!(uses_node_ranges(&cilium(&[("ipam", ipam)])), Ok(false), "{ipam}");
        }
        assert_eq!(uses_node_ranges(&cilium(&[("enable-hubble", "true")])), Ok(false));
        for (name, image) in [
            ("calico-node", "docker.io/calico/node:v3.30.0"),
            ("aws-node", "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20.0"),
            ("kube-ovn-cni", "docker.io/kubeovn/kube-ovn:v1.14.0"),
            ("weave-net", "weaveworks/weave-kube:2.8.1"),
        ] {
            assert_eq!(uses_node_ranges(&of(name, image).cluster()), Ok(false), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let why = |cluster: &Cluster| uses_node_ranges(cluster).unwrap_err();
        assert!(why(&Made::new().denied().cluster()).contains("not permitted"));
        assert!(why(&of("homemade-net", "example.com/net:1").cluster()).contains("none that is known"));
        let unread = of("cilium", "quay.io/cilium/cilium:v1.18.2").cluster();
        assert!(why(&unread).starts_with("Cilium's mode"), "{}", why(&unread));
        let two = of("kube-flannel-ds", "flannel/flannel:v0.27.0").daemon_set(
            "kube-system",
            "kube-router",
            &[("kube-router", "cloudnativelabs/kube-router:v2.6.0")],
            &[],
        );
        assert!(why(&two.cluster()).contains("Flannel or kube-router"));
    }
}
