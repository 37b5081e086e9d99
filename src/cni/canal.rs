//! Canal: Flannel's network and Calico's policies, in one DaemonSet (projectcalico/calico v3.30, rke2-canal).

use super::Plugin;
use super::found::{Identified, Policy, State};
use super::trace::{Agent, Marks, config_map, source_of};
use super::{Told, flannel};
use crate::model::Cluster;

pub(super) struct Canal;

const MAPS: &[&str] = &["canal-config", "rke2-canal-config"];

const MARKS: Marks =
    Marks { name: "Canal", images: &[], agents: &["canal", "rke2-canal"], groups: &[], config_maps: MAPS, annotations: &[] };

const HINTS: &[&str] = &[
    "two agents share a pod: routes and overlay are Flannel's, policies are Calico's",
    "a firewall between nodes that drops UDP 8472 breaks pods of other nodes only",
    "Calico's IPPool of the same range exists for policy only: its encapsulation is not used",
];

impl Plugin for Canal {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        // a DaemonSet of that name without both agents is something else
        let is_canal = agent.is_some_and(|a| {
            a.image_of(super::calico::MARKS.images).is_some() && a.image_of(flannel::MARKS.images).is_some()
                || a.has_container("calico-node") && a.has_container("kube-flannel")
        });
        if agent.is_some() && !is_canal {
            return None;
        }
        if is_canal {
            found.certainty = super::Certainty::Certain;
        }
        describe(&mut found, cluster, agent);
        Some(found)
    }
}

/// Flannel's facts from Canal's ConfigMap, Calico's policies.
pub(super) fn describe(found: &mut Identified, cluster: &Cluster, agent: Option<Agent<'_>>) {
    let map = config_map(cluster, agent.map(Agent::namespace), MAPS);
    if found.state != State::Leftover {
        flannel::backend(found, cluster, map);
    }
    if let Some(map) = map
        && let Some(mtu) = map.data.get("veth_mtu").and_then(|m| m.trim().parse::<u32>().ok()).filter(|m| *m > 0)
    {
        found.mtu = Some(Told::certain(mtu, source_of(map, "veth_mtu"), mtu.to_string()));
    }
    found.policy = Policy::Enforced(String::from("Calico's Felix enforces policies on Flannel's network"));
    found.logs = agent.map(|a| a.logs(&["calico-node"]));
    found.hints = HINTS;
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    const NET: (&str, &str) = ("net-conf.json", r#"{"Network": "10.42.0.0/16", "Backend": {"Type": "vxlan"}}"#);

    #[test]
    fn one_daemon_set_with_both_agents_is_one_network() {
        let containers = [("calico-node", "quay.io/calico/node:v3.30.2"), ("kube-flannel", "docker.io/flannel/flannel:v0.24.4")];
        let made = Made::new()
            .daemon_set("kube-system", "canal", &containers, &[])
            .config_map("kube-system", "canal-config", &[NET, ("veth_mtu", "1450")])
            .groups(&["crd.projectcalico.org"])
            .annotated("n1", "flannel.alpha.coreos.com/backend-type", "vxlan");
        let found = one(&made);
        assert_eq!(summary(&found), "Canal certain: VXLAN; mtu 1450; UDP 8472; policy yes; encryption none");
    }

    #[test]
    fn rke2_mirrors_both_images() {
        let containers = [
            ("calico-node", "rancher/hardened-calico:v3.30.2-build1"),
            ("kube-flannel", "rancher/hardened-flannel:v0.27.1-build1"),
        ];
        let made = Made::new().daemon_set("kube-system", "rke2-canal", &containers, &[]).config_map(
            "kube-system",
            "rke2-canal-config",
            &[NET],
        );
        assert_eq!(one(&made).name, "Canal");
    }

    #[test]
    fn two_daemon_sets_are_canal_when_calico_leaves_the_network_to_flannel() {
        let made = Made::new()
            .daemon_set("kube-system", "calico-node", &[("calico-node", "calico/node:v3.30.2")], &[])
            .config_map("kube-system", "calico-config", &[("calico_backend", "none")])
            .daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "flannel/flannel:v0.27.0")], &[])
            .config_map("kube-flannel", "kube-flannel-cfg", &[NET]);
        let found = one(&made);
        assert_eq!(summary(&found), "Canal likely: VXLAN; UDP 8472; policy yes; encryption none");
    }
}
