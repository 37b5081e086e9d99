//! OpenShift SDN (OpenShift up to 4.16).

use super::found::{Encryption, Identified, Policy, Told};
use super::trace::{Agent, Marks};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::Cluster;

pub(super) struct OpenShiftSdn;

const MARKS: Marks = Marks {
    name: "OpenShift SDN",
    images: &["openshift/origin-sdn", "openshift/sdn"],
    agents: &["sdn"],
    groups: &["network.openshift.io"],
    config_maps: &[],
    annotations: &[],
};

impl Plugin for OpenShiftSdn {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        // the group stays after the migration to OVN-Kubernetes, and `sdn` may be anybody's name
        let agent = agent.filter(|a| a.namespace() == "openshift-sdn")?;
        let source = Agent::source(agent);
        found.mode = Some(Told::likely(String::from("VXLAN between all nodes"), source.clone(), "OpenShift SDN"));
        found.tunnel = Some(Told::likely(Tunnel::new(TunnelKind::Vxlan, Some(4789)), source.clone(), "default"));
        found.encryption = Some(Told::certain(Encryption::None, source.clone(), "OpenShift SDN has no encryption"));
        found.service_proxy =
            Some(Told::certain(String::from("kube-proxy's code inside its own agent"), source, "OpenShift SDN"));
        found.policy = Policy::Enforced(String::from("in its mode NetworkPolicy, the default"));
        found.logs = Some(agent.logs(&["sdn"]));
        found.hints = &["VXLAN needs UDP 4789 between nodes", "OpenShift 4.17 no longer has it: migrate to OVN-Kubernetes"];
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn only_in_its_own_namespace() {
        let image = [("sdn", "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:ab")];
        let made = Made::new().daemon_set("openshift-sdn", "sdn", &image, &[]).groups(&["network.openshift.io"]);
        assert!(summary(&one(&made)).starts_with("OpenShift SDN likely: VXLAN between all nodes; UDP 4789; policy yes"));
        let other = Made::new().daemon_set("shop", "sdn", &image, &[]);
        assert!(crate::cni::networks(&other.cluster()).found.is_empty());
    }
}
