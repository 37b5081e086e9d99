//! Plugins of which only the name, the mode in one line and the policy engine are known here.

use super::Plugin;
use super::found::{Identified, Policy, Told};
use super::trace::{Agent, Marks};
use crate::model::Cluster;

/// A plugin in one row.
pub(super) struct Other {
    marks: Marks,
    mode: &'static str,
    /// Whether it enforces policies, and why.
    policy: (Option<bool>, &'static str),
}

const fn marks(
    name: &'static str,
    images: &'static [&'static str],
    agents: &'static [&'static str],
    groups: &'static [&'static str],
) -> Marks {
    Marks { name, images, agents, groups, config_maps: &[], annotations: &[] }
}

pub(super) const TERWAY: Other = Other {
    marks: marks(
        "Terway",
        &["acs/terway", "acs/terway-controlplane"],
        &["terway", "terway-eni", "terway-eniip"],
        &["network.alibabacloud.com"],
    ),
    mode: "native: pods have addresses of the Alibaba Cloud VPC",
    policy: (None, "yes when its policy container is turned on"),
};

pub(super) const OCI_VCN: Other = Other {
    marks: marks(
        "OCI VCN-native",
        &["oke-public-cloud-provider-oci", "oke-public/cloud-provider-oci"],
        &["vcn-native-ip-cni"],
        &["oci.oraclecloud.com"],
    ),
    mode: "native: pods have addresses of the Oracle Cloud VCN",
    policy: (Some(false), "it has no policy engine"),
};

pub(super) const SPIDERPOOL: Other = Other {
    marks: marks(
        "Spiderpool",
        &["spidernet-io/spiderpool/spiderpool-agent", "spidernet-io/spiderpool-agent"],
        &["spiderpool-agent"],
        &["spiderpool.spidernet.io"],
    ),
    mode: "addresses of the nodes' own network, over macvlan, ipvlan or SR-IOV",
    policy: (Some(false), "it has no policy engine"),
};

pub(super) const KILO: Other = Other {
    marks: marks("Kilo", &["squat/kilo"], &["kilo"], &["kilo.squat.ai"]),
    mode: "WireGuard between locations, UDP 51820",
    policy: (Some(false), "it has no policy engine"),
};

pub(super) const NSX: Other = Other {
    marks: marks("NSX (NCP)", &["nsx-ncp", "nsx-ncp-ubuntu", "nsx-ncp-photon"], &["nsx-node-agent"], &["nsx.vmware.com"]),
    mode: "logical switches of NSX",
    policy: (Some(true), "the NSX distributed firewall enforces policies"),
};

pub(super) const CONTRAIL: Other = Other {
    marks: marks(
        "Contrail",
        &["contrail-vrouter-agent", "tungstenfabric/contrail-vrouter-agent"],
        &["contrail-agent", "contrail-vrouter-nodes"],
        &["core.contrail.juniper.net"],
    ),
    mode: "vRouter, MPLS over UDP 6635 or VXLAN",
    policy: (Some(true), "the vRouter enforces policies"),
};

pub(super) const ACI: Other = Other {
    marks: marks(
        "Cisco ACI",
        &["noiro/aci-containers-host", "noirolabs/aci-containers-host"],
        &["aci-containers-host"],
        &["aci.snat", "aci.aw"],
    ),
    mode: "the ACI fabric, VXLAN or VLAN",
    policy: (Some(true), "OpFlex and Open vSwitch enforce policies"),
};

pub(super) const ROMANA: Other = Other {
    marks: marks("Romana", &["romana/agent"], &["romana-agent"], &[]),
    mode: "routes between nodes, no overlay",
    policy: (Some(true), "its agent enforces policies"),
};

pub(super) const TKE: Other = Other {
    marks: marks(
        "Tencent TKE",
        &["tkeimages/tke-bridge-agent", "tkeimages/tke-eni-agent"],
        &["tke-bridge-agent", "tke-eni-agent"],
        &["networking.tke.cloud.tencent.com"],
    ),
    mode: "routes of the VPC, or addresses of it",
    policy: (None, "yes when the NetworkPolicy add-on is installed"),
};

impl Plugin for Other {
    fn name(&self) -> &'static str {
        self.marks.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = self.marks.look(cluster)?;
        let source = agent.map_or_else(String::new, Agent::source);
        found.mode = Some(Told::likely(self.mode.to_owned(), source, self.marks.name));
        found.policy = match self.policy {
            (Some(true), why) => Policy::Enforced(why.to_owned()),
            (Some(false), why) => Policy::Ignored(why.to_owned()),
            (None, why) => Policy::Depends(why.to_owned()),
        };
        found.logs = agent.map(|a| a.logs(&[]));
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    #[test]
    fn a_row_is_a_plugin() {
        let made = Made::new().daemon_set(
            "kube-system",
            "terway-eniip",
            &[("terway", "registry.cn-hangzhou.aliyuncs.com/acs/terway:v1.11.0")],
            &[],
        );
        assert_eq!(summary(&one(&made)), "Terway certain: native: pods have addresses of the Alibaba Cloud VPC; policy depends");
        let romana =
            Made::new().daemon_set("kube-system", "romana-agent", &[("romana-agent", "quay.io/romana/agent:v2.0.2")], &[]);
        assert_eq!(one(&romana).name, "Romana");
    }
}
