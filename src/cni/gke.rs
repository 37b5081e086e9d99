//! Google Kubernetes Engine: Dataplane V2 (a build of Cilium named anetd), and the older routes of the VPC.

use super::found::{Certainty, Encryption, Identified, Policy, Seen, State, Told};
use super::trace::{Agent, Marks, config_map, labelled};
use super::{Plugin, cilium};
use crate::model::Cluster;

pub(super) struct Gke;

const POOL: &str = "cloud.google.com/gke-nodepool";

const V2: Marks = Marks {
    name: "GKE Dataplane V2",
    images: &[],
    agents: &[cilium::GKE_AGENT],
    groups: &[],
    config_maps: &[],
    annotations: &[],
};

const V1: Marks = Marks { name: "GKE", images: &[], agents: &[], groups: &[], config_maps: &[], annotations: &[] };

const HINTS: &[&str] = &[
    "pod addresses are alias ranges of the VPC: a full range stops new nodes",
    "firewall rules of the VPC also see pod traffic",
    "without an entry in ip-masq-agent's list, pods leave to RFC 1918 addresses under their own address",
];

impl Plugin for Gke {
    fn name(&self) -> &'static str {
        "GKE"
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        if let Some((found, Some(agent))) = V2.look(cluster) {
            return dataplane_v2(found, cluster, agent);
        }
        let (node, pool) = labelled(cluster, POOL).into_iter().next()?;
        let evidence = vec![Seen::new(format!("{} label {POOL}", node.object()), pool)];
        let mut found = V1.identified(State::BuiltIn, Certainty::Likely, evidence);
        let source = format!("{} label {POOL}", node.object());
        found.mode = Some(Told::likely(String::from("routes of the VPC, no overlay"), source.clone(), pool));
        found.encryption = Some(Told::likely(Encryption::None, source, "Google's network below it encrypts by itself"));
        found.policy =
            Policy::Ignored(String::from("no policy engine was turned on; Calico on top of it would be listed here as well"));
        found.hints = HINTS;
        Some(found)
    }
}

fn dataplane_v2(mut found: Identified, cluster: &Cluster, agent: Agent<'_>) -> Option<Identified> {
    if !agent.has_container("cilium-agent") && agent.image_of(cilium::MARKS.images).is_none() {
        return None;
    }
    found.certainty = Certainty::Certain;
    if let Some(map) = config_map(cluster, Some(agent.namespace()), &["cilium-config"]) {
        cilium::configured(&mut found, &cilium::Config { map });
        found.role = super::Role::Primary;
    }
    let source = agent.source();
    found.mode = Some(Told::likely(String::from("eBPF on routes of the VPC, no overlay"), source.clone(), "anetd"));
    found.tunnel = None;
    found.policy = Policy::Enforced(String::from("anetd enforces policies"));
    found.service_proxy = Some(Told::certain(String::from("eBPF, all of kube-proxy's work"), source, "anetd"));
    found.logs = Some(agent.logs(&["cilium-agent"]));
    found.hints = HINTS;
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::cni::networks;
    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn dataplane_v2_is_not_told_as_cilium() {
        let made = Made::new()
            .daemon_set("kube-system", "anetd", &[("cilium-agent", "gke.gcr.io/cilium/cilium:v1.15.6-gke.30")], &[])
            .groups(&["cilium.io"])
            .config_map("kube-system", "cilium-config", &[("routing-mode", "native"), ("ipam", "kubernetes")])
            .labelled("n1", super::POOL, "default-pool");
        let found = one(&made);
        assert_eq!(
            summary(&found),
            "GKE Dataplane V2 certain: eBPF on routes of the VPC, no overlay; policy yes; encryption none; proxy eBPF, all of kube-proxy's work"
        );
    }

    #[test]
    fn dataplane_v1_alone_and_with_calico() {
        let v1 = || Made::new().labelled("n1", super::POOL, "default-pool");
        assert_eq!(summary(&one(&v1())), "GKE likely: routes of the VPC, no overlay; policy no; encryption none");
        let calico =
            v1().daemon_set("kube-system", "calico-node", &[("calico-node", "gke.gcr.io/calico/node:v3.26.3-gke.9")], &[]);
        let networks = networks(&calico.cluster());
        assert_eq!(networks.primary().unwrap().name, "GKE");
        assert_eq!(networks.policy_engine().unwrap().name, "Calico");
        assert!(networks.warnings.is_empty(), "{:?}", networks.warnings);
    }
}
