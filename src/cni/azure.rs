//! Azure CNI on AKS (Azure/azure-container-networking v1.6): overlay, pod subnet or node subnet.

use super::Plugin;
use super::found::{Certainty, Encryption, Identified, Policy, Seen, State, Told};
use super::trace::{Agent, Marks, daemon_sets, image_is, labelled};
use crate::model::Cluster;

pub(super) struct Azure;

pub(super) const MARKS: Marks = Marks {
    name: "Azure CNI",
    images: &["containernetworking/azure-cns", "containernetworking/azure-cni", "oss/azure/azure-cni"],
    agents: &["azure-cns", "azure-cni"],
    groups: &["acn.azure.com"],
    config_maps: &[],
    annotations: &[],
};

const KUBENET: Marks = Marks { name: "kubenet", images: &[], agents: &[], groups: &[], config_maps: &[], annotations: &[] };

const HINTS: &[&str] = &[
    "with node subnet each node holds addresses of its subnet for every possible pod: a full subnet stops new nodes and pods",
    "network security groups between nodes also see pod traffic: they must allow the pod range",
    "overlay pods leave the virtual network under their node's address",
];

impl Plugin for Azure {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let looked = MARKS.look(cluster);
        let agent = looked.as_ref().and_then(|(_, agent)| *agent);
        let labels = pod_network_labels(cluster);
        if agent.is_none() && labels.is_empty() && on_aks(cluster) {
            return without_signs(cluster);
        }
        let mut found = match looked {
            Some((found, _)) => found,
            // node subnet keeps all of it on the node: only the labels of AKS tell
            None if on_aks(cluster) && !labels.is_empty() => MARKS.identified(State::BuiltIn, Certainty::Likely, labels),
            None => return None,
        };
        if agent.is_none() && on_aks(cluster) {
            (found.state, found.certainty) = (State::BuiltIn, Certainty::Likely);
        }
        found.mode = mode(cluster, agent);
        found.policy = policy(cluster);
        found.encryption = Some(Told::likely(Encryption::None, "Azure CNI", "it has no encryption of its own"));
        found.logs = agent.map(|a| a.logs(&["cns-container", "azure-cns"]));
        found.hints = HINTS;
        Some(found)
    }
}

/// AKS whose plugin is only on the nodes: kubenet needs a range for each node, node subnet has none.
fn without_signs(cluster: &Cluster) -> Option<Identified> {
    const LABEL: &str = "kubernetes.azure.com/cluster";
    let (node, _) = labelled(cluster, LABEL).into_iter().next()?;
    let (marks, mode) = if node.pod_cidrs.is_empty() {
        (&MARKS, "node subnet: pods have addresses of the nodes' subnet")
    } else {
        (&KUBENET, "a bridge on each node, routes of the virtual network between nodes")
    };
    let ranges = if node.pod_cidrs.is_empty() { "no pod range" } else { "a pod range of its own" };
    let evidence = vec![Seen::new(format!("{} label {LABEL}", node.object()), format!("AKS, and the node has {ranges}"))];
    let mut found = marks.identified(State::BuiltIn, Certainty::Possible, evidence);
    found.mode =
        Some(Told { certainty: Certainty::Possible, ..Told::likely(mode.to_owned(), node.object().to_string(), ranges) });
    found.policy = policy(cluster);
    found.hints = HINTS;
    Some(found)
}

fn on_aks(cluster: &Cluster) -> bool {
    !labelled(cluster, "kubernetes.azure.com/cluster").is_empty()
}

fn pod_network_labels(cluster: &Cluster) -> Vec<Seen> {
    let keys = [
        "kubernetes.azure.com/azure-cni-overlay",
        "kubernetes.azure.com/podnetwork-type",
        "kubernetes.azure.com/podnetwork-subnet",
    ];
    let seen = |key: &&str| {
        let (node, value) = labelled(cluster, key).into_iter().next()?;
        Some(Seen::new(format!("{} label {key}", node.object()), value))
    };
    keys.iter().filter_map(seen).collect()
}

fn mode(cluster: &Cluster, agent: Option<Agent<'_>>) -> Option<Told<String>> {
    let label =
        |key: &str| labelled(cluster, key).into_iter().next().map(|(n, v)| (format!("{} label {key}", n.object()), v.to_owned()));
    let overlay = label("kubernetes.azure.com/azure-cni-overlay").filter(|(_, v)| v == "true");
    let overlay = overlay.or_else(|| label("kubernetes.azure.com/podnetwork-type").filter(|(_, v)| v == "overlay"));
    if let Some((source, seen)) = overlay {
        return Some(Told::certain(
            String::from("overlay: pod addresses outside the virtual network, routed by Azure without encapsulation in the node"),
            source,
            seen,
        ));
    }
    if let Some((source, seen)) =
        label("kubernetes.azure.com/podnetwork-type").or_else(|| label("kubernetes.azure.com/podnetwork-subnet"))
    {
        return Some(Told::likely(String::from("pod subnet: pods have addresses of a subnet of their own"), source, seen));
    }
    let source = agent.map(Agent::source)?;
    Some(Told::likely(
        String::from("node subnet: pods have addresses of the nodes' subnet"),
        source,
        "no label of overlay or pod subnet on any node",
    ))
}

fn policy(cluster: &Cluster) -> Policy {
    let npm = |w: &&crate::model::Workload| {
        w.name == "azure-npm" || w.images.iter().any(|i| image_is(i, "containernetworking/azure-npm"))
    };
    if daemon_sets(cluster).iter().any(npm) {
        return Policy::Enforced(String::from("Azure Network Policy Manager (azure-npm) enforces policies"));
    }
    Policy::Ignored(String::from(
        "no azure-npm was seen; another engine on top of it (Cilium, Calico) would be listed here as well",
    ))
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};
    use crate::cni::{Role, networks};
    use crate::model::Node;

    fn overlay() -> Made {
        let image = [("cns-container", "mcr.microsoft.com/containernetworking/azure-cns:v1.6.21")];
        Made::new()
            .daemon_set("kube-system", "azure-cns", &image, &[])
            .labelled("n1", "kubernetes.azure.com/podnetwork-type", "overlay")
            .labelled("n1", "kubernetes.azure.com/cluster", "MC_a")
    }

    #[test]
    fn overlay_with_and_without_its_policy_manager() {
        let mode = "overlay: pod addresses outside the virtual network, routed by Azure without encapsulation in the node";
        assert_eq!(summary(&one(&overlay())), format!("Azure CNI certain: {mode}; policy no; encryption none"));
        let npm = overlay().daemon_set(
            "kube-system",
            "azure-npm",
            &[("azure-npm", "mcr.microsoft.com/containernetworking/azure-npm:v1.5.45")],
            &[],
        );
        assert_eq!(summary(&one(&npm)), format!("Azure CNI certain: {mode}; policy yes; encryption none"));
    }

    #[test]
    fn without_agent_and_labels_it_is_possible_only() {
        let aks = || Made::new().labelled("n1", "kubernetes.azure.com/cluster", "MC_a");
        assert!(summary(&one(&aks())).starts_with("Azure CNI possible: node subnet"));
        let own = aks().daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[]);
        assert_eq!(networks(&own.cluster()).primary().unwrap().name, "Cilium");
        let node = Node { name: "n1".into(), pod_cidrs: vec!["10.244.0.0/24".parse().unwrap()], ..Node::default() };
        let kubenet = Made::new().with_node(node).labelled("n1", "kubernetes.azure.com/cluster", "MC_a");
        assert_eq!(one(&kubenet).name, "kubenet");
    }

    #[test]
    fn powered_by_cilium() {
        let made = overlay()
            .daemon_set(
                "kube-system",
                "cilium",
                &[("cilium-agent", "mcr.microsoft.com/containernetworking/cilium/cilium:v1.17.4")],
                &[],
            )
            .config_map(
                "kube-system",
                "cilium-config",
                &[("ipam", "delegated-plugin"), ("routing-mode", "native"), ("kube-proxy-replacement", "true")],
            );
        let networks = networks(&made.cluster());
        let names: Vec<_> = networks.found.iter().map(|f| (f.name, f.role)).collect();
        assert_eq!(names, [("Cilium", Role::On("Azure CNI")), ("Azure CNI", Role::Primary)]);
        assert!(networks.warnings.is_empty(), "{:?}", networks.warnings);
    }
}
