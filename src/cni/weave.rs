//! Weave Net (weaveworks/weave v2.8; archived in June 2024).

use super::Plugin;
use super::found::{Identified, Policy, Told};
use super::trace::{Agent, Marks};
use super::{Tunnel, TunnelKind};
use crate::model::Cluster;

pub(super) struct Weave;

const MARKS: Marks = Marks {
    name: "Weave Net",
    images: &["weaveworks/weave-kube", "weaveworks/weave-npc", "rajchaudhuri/weave-kube", "rancher/mirrored-weave-kube"],
    agents: &["weave-net"],
    groups: &[],
    config_maps: &["weave-net"],
    annotations: &[],
};

const HINTS: &[&str] = &[
    "nodes need TCP 6783 and UDP 6783 and 6784 between them",
    "a removed node keeps its share of addresses until `weave rmpeer`: new pods find no address",
    "with encryption, or without the fast datapath, packets go through user space and are slow",
    "the project is archived: kernels and runtimes newer than 2024 are not tested with it",
];

impl Plugin for Weave {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        let source = agent.map_or_else(String::new, Agent::source);
        found.mode =
            Some(Told::likely(String::from("mesh of all nodes, VXLAN in the kernel where it can"), source.clone(), "Weave Net"));
        found.tunnel = Some(Told::likely(Tunnel::new(TunnelKind::WeaveFastpath, None), source.clone(), "Weave Net"));
        found.policy = match agent {
            Some(a) if a.has_container("weave-npc") => {
                Policy::Enforced(String::from("its container weave-npc enforces policies"))
            }
            Some(_) => Policy::Ignored(String::from("its container weave-npc is missing")),
            None => Policy::Depends(String::from("yes when its container weave-npc runs")),
        };
        let why = "a password in the agent's environment turns it on, and environments are not read";
        found.unknown.push((String::from("Weave Net's encryption and MTU"), String::from(why)));
        found.feature(
            "default MTU",
            Told::likely(String::from("1376 unless WEAVE_MTU says otherwise"), source, "default of v2.8"),
        );
        found.logs = agent.map(|a| a.logs(&["weave"]));
        found.hints = HINTS;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn policies_need_the_second_container() {
        let weave = ("weave", "docker.io/weaveworks/weave-kube:2.8.1");
        let both = Made::new().daemon_set("kube-system", "weave-net", &[weave, ("weave-npc", "weaveworks/weave-npc:2.8.1")], &[]);
        let mode = "mesh of all nodes, VXLAN in the kernel where it can; UDP 6783 and 6784, TCP 6783";
        assert_eq!(summary(&one(&both)), format!("Weave Net certain: {mode}; policy yes"));
        let single = Made::new().daemon_set("kube-system", "weave-net", &[weave], &[]);
        assert_eq!(summary(&one(&single)), format!("Weave Net certain: {mode}; policy no"));
    }
}
