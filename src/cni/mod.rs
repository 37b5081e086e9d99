//! Which CNI plugins a cluster runs, by evidence: one file a CNI.
//!
//! [`networks`] is the entry. A plugin only says what it found of itself; what several finds mean together (Canal, Multus,
//! chained plugins, leftovers of an earlier plugin) is decided in `together`.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod antrea;
mod aws_vpc;
mod azure;
mod calico;
mod canal;
mod cilium;
mod flannel;
mod found;
mod gke;
mod kindnet;
mod kube_ovn;
mod kube_router;
mod multus;
mod node_ranges;
mod openshift_sdn;
mod others;
mod ovn_kubernetes;
mod together;
mod trace;
mod tunnel;
mod weave;

#[cfg(test)]
pub(crate) mod testing;

pub use found::{Certainty, Encryption, Identified, Logs, Policy, Role, Seen, State, Told};
pub use node_ranges::{says_node_ranges, uses_node_ranges};
pub use together::{Networks, networks};
pub use tunnel::{Tunnel, TunnelKind};

use crate::model::Cluster;

/// Major and minor number in the tag of the first DaemonSet's image with one of these names, such as `cilium/cilium`.
pub fn agent_version(cluster: &Cluster, images: &[&str]) -> Option<(u32, u32)> {
    let sets = trace::daemon_sets(cluster);
    let image = sets.iter().flat_map(|set| &set.images).find(|image| images.iter().any(|end| trace::image_is(image, end)))?;
    let mut numbers = trace::tag(image)?.trim_start_matches('v').split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// One CNI plugin.
pub trait Plugin: Sync {
    fn name(&self) -> &'static str;
    /// What there is of it in this cluster; `None` without any trace.
    fn look(&self, cluster: &Cluster) -> Option<Identified>;
}

/// Every plugin that is known by name, in the order in which reports list them.
pub const ALL: &[&dyn Plugin] = &[
    &flannel::Flannel,
    &calico::Calico,
    &canal::Canal,
    &cilium::Cilium,
    &weave::Weave,
    &kube_router::KubeRouter,
    &antrea::Antrea,
    &ovn_kubernetes::OvnKubernetes,
    &openshift_sdn::OpenShiftSdn,
    &kube_ovn::KubeOvn,
    &kindnet::Kindnet,
    &gke::Gke,
    &aws_vpc::AwsVpc,
    &azure::Azure,
    &multus::Multus,
    &others::TERWAY,
    &others::OCI_VCN,
    &others::SPIDERPOOL,
    &others::KILO,
    &others::NSX,
    &others::CONTRAIL,
    &others::ACI,
    &others::ROMANA,
    &others::TKE,
];
