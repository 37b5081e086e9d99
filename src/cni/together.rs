//! What the finds of several plugins mean together.

use super::canal;
use super::found::{Certainty, Identified, Role, State};
use super::trace::{all_listed, daemon_sets};
use super::{ALL, Plugin as _};
use crate::model::{Cluster, Known, Resource};

/// The network of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// At work, as far as could be seen.
    pub found: Vec<Identified>,
    /// What earlier installations left: not this cluster's network.
    pub leftovers: Vec<Identified>,
    pub warnings: Vec<String>,
    /// What was looked at, in words.
    pub looked: Vec<String>,
    /// What could not be looked at, and why.
    pub gaps: Vec<(String, String)>,
}

impl Networks {
    /// The plugin that gives pods their addresses, when there is one.
    pub fn primary(&self) -> Option<&Identified> {
        self.found.iter().find(|f| f.role == Role::Primary)
    }

    /// The plugin that NetworkPolicies depend on: one on top of another comes first.
    pub fn policy_engine(&self) -> Option<&Identified> {
        self.found.iter().find(|f| matches!(f.role, Role::On(_))).or_else(|| self.primary())
    }

    /// The plugin that does kube-proxy's work, when one does.
    pub fn service_proxy(&self) -> Option<&Identified> {
        self.found.iter().find(|f| f.service_proxy.is_some())
    }

    /// Nothing was found, and some of what should have been looked at could not be: absence is not known.
    pub fn is_undetermined(&self) -> bool {
        self.primary().is_none() && !self.gaps.is_empty()
    }
}

/// Every plugin of the cluster with its evidence.
pub fn networks(cluster: &Cluster) -> Networks {
    let mut all: Vec<Identified> = ALL.iter().filter_map(|plugin| plugin.look(cluster)).collect();
    canal_of(&mut all);
    retire(&mut all);
    stack(&mut all);
    let (found, leftovers): (Vec<_>, Vec<_>) = all.into_iter().partition(Identified::is_present);
    let mut networks = Networks { looked: looked(cluster), gaps: gaps(cluster), found, leftovers, warnings: Vec::new() };
    let primaries: Vec<&str> = networks.found.iter().filter(|f| f.role == Role::Primary).map(|f| f.name).collect();
    if primaries.len() > 1 {
        networks.warnings.push(format!("several plugins give pods their network: {}", primaries.join(", ")));
    }
    networks
}

/// Canal shows the marks of Calico and Flannel, and is one network.
fn canal_of(all: &mut Vec<Identified>) {
    let is_part = |f: &Identified| matches!(f.name, "Calico" | "Flannel");
    if all.iter().any(|f| f.name == "Canal" && f.is_present()) {
        all.retain(|f| !is_part(f));
        return;
    }
    // separate DaemonSets: Calico says that it leaves the network to another plugin, and that is Flannel
    let calico = all.iter().find(|f| f.name == "Calico" && f.is_present() && f.role == Role::On("another plugin"));
    let flannel = all.iter().find(|f| f.name == "Flannel" && f.is_present());
    let (Some(calico), Some(flannel)) = (calico, flannel) else { return };
    let mut both = Identified { name: canal::Canal.name(), certainty: Certainty::Likely, ..flannel.clone() };
    both.evidence.extend(calico.evidence.clone());
    both.warnings.extend(calico.warnings.clone());
    both.policy = calico.policy.clone();
    both.hints = calico.hints;
    all.retain(|f| !is_part(f) && f.name != both.name);
    all.push(both);
}

/// An agent that is meant for no node is a leftover while another plugin works.
fn retire(all: &mut [Identified]) {
    if !all.iter().any(|f| f.role == Role::Primary && f.is_active() && f.certainty > Certainty::Possible) {
        return;
    }
    for found in all {
        let idle = match found.state {
            State::Agent { desired, .. } => desired == Some(0),
            // weak signs beside a plugin that is at work, such as those of the cloud it was installed on
            State::Unseen | State::BuiltIn => found.certainty == Certainty::Possible,
            State::Leftover => false,
        };
        if idle {
            found.state = State::Leftover;
        }
    }
}

/// Names the plugin below where the one on top does not know it, and says when it is not there.
fn stack(all: &mut [Identified]) {
    let below: Vec<&'static str> = all.iter().filter(|f| f.role == Role::Primary && f.is_present()).map(|f| f.name).collect();
    // Calico without operator on a cloud's own network says nothing of it
    let cloud = below.iter().copied().find(|name| ["Amazon VPC CNI", "Azure CNI", "GKE"].contains(name));
    for found in all.iter_mut().filter(|f| f.is_present()) {
        match (found.role, cloud) {
            (Role::On("another plugin"), _) => {
                if let Some(name) = below.iter().copied().find(|name| *name != found.name) {
                    found.role = Role::On(name);
                }
            }
            (Role::On(wanted), _) if !below.contains(&wanted) => {
                found.warnings.push(format!("{} is set up on top of {wanted}, of which nothing was seen", found.name));
            }
            (Role::Primary, Some(cloud)) if found.name == "Calico" => {
                found.role = Role::On(cloud);
                found.mode = None;
                found.unknown.clear();
            }
            (Role::On(_) | Role::Primary | Role::Meta, _) => {}
        }
    }
}

fn looked(cluster: &Cluster) -> Vec<String> {
    let mut words = Vec::new();
    if all_listed(cluster) {
        words.push(format!("{} DaemonSets of all namespaces", daemon_sets(cluster).len()));
    }
    if let Known::Got(groups) = &cluster.api_groups {
        words.push(format!("{} API groups", groups.len()));
    }
    if let Known::Got(nodes) = cluster.nodes.complete(&Resource::Nodes, None) {
        words.push(format!("labels and annotations of {} nodes", nodes.len()));
    }
    let maps = cluster.config_maps.seen().count();
    if maps > 0 {
        words.push(format!("{maps} ConfigMaps of network components"));
    }
    words
}

fn gaps(cluster: &Cluster) -> Vec<(String, String)> {
    let lists = [
        ("DaemonSets, which run the CNI's agents", cluster.workloads.complete(&Resource::DaemonSets, None).missing()),
        ("API groups, which show its CRDs", cluster.api_groups.missing()),
        ("nodes, whose annotations name it", cluster.nodes.complete(&Resource::Nodes, None).missing()),
    ];
    lists.into_iter().filter_map(|(what, why)| Some((what.to_owned(), why?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cni::testing::Made;

    #[test]
    fn an_unrelated_cluster_is_unknown_and_says_what_was_looked_at() {
        let made = Made::new()
            .daemon_set("kube-system", "fluent-bit", &[("fluent-bit", "fluent/fluent-bit:4")], &[])
            .labelled("n1", "a", "b");
        let networks = networks(&made.groups(&["apps"]).cluster());
        assert!(networks.found.is_empty() && networks.leftovers.is_empty() && networks.gaps.is_empty());
        assert_eq!(networks.looked, ["1 DaemonSets of all namespaces", "1 API groups", "labels and annotations of 1 nodes"]);
        assert!(!networks.is_undetermined());
    }

    #[test]
    fn denied_lists_are_not_absence() {
        let networks = networks(&Made::new().denied().cluster());
        assert!(networks.is_undetermined());
        assert_eq!(networks.gaps[0].1, "not permitted: list daemonsets.apps");
        let group = super::networks(&Made::new().groups(&["cilium.io"]).denied().cluster());
        assert_eq!((group.found[0].name, group.found[0].certainty), ("Cilium", Certainty::Possible));
        assert!(group.leftovers.is_empty());
    }

    #[test]
    fn crds_without_an_agent_are_leftovers() {
        let made = Made::new()
            .daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[])
            .groups(&["cilium.io", "crd.projectcalico.org"])
            .annotated("n1", "projectcalico.org/IPv4Address", "10.0.0.1/24");
        let networks = networks(&made.cluster());
        assert_eq!(networks.found.iter().map(|f| f.name).collect::<Vec<_>>(), ["Cilium"]);
        assert_eq!(networks.leftovers[0].name, "Calico");
        assert_eq!(networks.leftovers[0].evidence.len(), 2);
    }

    #[test]
    fn an_agent_for_no_node_is_a_leftover_beside_one_at_work() {
        let flannel = [("kube-flannel", "flannel/flannel:v0.27.0")];
        let made = Made::new()
            .daemon_set("kube-flannel", "kube-flannel-ds", &flannel, &[])
            .meant_for(0, 0)
            .daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[])
            .meant_for(3, 2);
        let networks = networks(&made.cluster());
        assert_eq!(networks.leftovers[0].name, "Flannel");
        assert_eq!(networks.found[0].warnings, ["2 of 3 agents of Cilium are ready"]);
        let alone =
            super::networks(&Made::new().daemon_set("kube-flannel", "kube-flannel-ds", &flannel, &[]).meant_for(0, 0).cluster());
        assert_eq!(alone.found[0].warnings, ["the agent of Flannel is meant for no node"]);
    }

    #[test]
    fn two_primaries_are_a_warning() {
        let made = Made::new()
            .daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "flannel/flannel:v0.27.0")], &[])
            .daemon_set("kube-system", "kube-router", &[("kube-router", "cloudnativelabs/kube-router:v2.6.0")], &[]);
        assert_eq!(networks(&made.cluster()).warnings, ["several plugins give pods their network: Flannel, kube-router"]);
    }
}
