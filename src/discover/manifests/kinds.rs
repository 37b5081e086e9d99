//! Which kinds a manifest may hold, and what netcheck does with them.

use crate::model::Resource;

/// What an `apiVersion` and a `kind` stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A kind that netcheck reads, and whether its objects have a namespace.
    Read(Resource, bool),
    /// A policy in a version that netcheck does not read: the one it reads, and whether its objects have a namespace.
    OtherVersion(&'static str, bool),
    /// Anything else.
    Other,
}

/// Kinds of the built-in groups, in the version that is read.
const BUILT_IN: &[(&str, &str, Resource, bool)] = &[
    ("v1", "Namespace", Resource::Namespaces, false),
    ("v1", "Pod", Resource::Pods, true),
    ("v1", "Service", Resource::Services, true),
    ("v1", "Node", Resource::Nodes, false),
    ("apps/v1", "Deployment", Resource::Deployments, true),
    ("apps/v1", "StatefulSet", Resource::StatefulSets, true),
    ("apps/v1", "DaemonSet", Resource::DaemonSets, true),
    ("apps/v1", "ReplicaSet", Resource::ReplicaSets, true),
    ("batch/v1", "Job", Resource::Jobs, true),
    ("batch/v1", "CronJob", Resource::CronJobs, true),
    ("discovery.k8s.io/v1", "EndpointSlice", Resource::EndpointSlices, true),
    ("networking.k8s.io/v1", "Ingress", Resource::Ingresses, true),
    ("networking.k8s.io/v1", "IngressClass", Resource::IngressClasses, false),
    ("networking.k8s.io/v1", "NetworkPolicy", Resource::NetworkPolicies, true),
    ("networking.k8s.io/v1", "ServiceCIDR", Resource::ServiceCidrs, false),
];

/// A kind that a network project defines.
pub(super) struct Custom {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    is_namespaced: bool,
}

const fn custom(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    is_namespaced: bool,
) -> Custom {
    Custom { group, version, kind, plural, is_namespaced }
}

const ADMIN: &str = "policy.networking.k8s.io";
const CILIUM: &str = "cilium.io";
const CALICO: &str = "projectcalico.org";
const CALICO_CRD: &str = "crd.projectcalico.org";
const ANTREA: &str = "crd.antrea.io";

/// Policies of network projects, and what they refer to.
pub(super) const CUSTOM: &[Custom] = &[
    custom(ADMIN, "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies", false),
    custom(ADMIN, "v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", false),
    custom(ADMIN, "v1beta1", "ClusterNetworkPolicy", "clusternetworkpolicies", false),
    custom(ADMIN, "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies", false),
    custom(CILIUM, "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", true),
    custom(CILIUM, "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", false),
    custom(CILIUM, "v2", "CiliumCIDRGroup", "ciliumcidrgroups", false),
    custom(CILIUM, "v2alpha1", "CiliumCIDRGroup", "ciliumcidrgroups", false),
    custom(CALICO, "v3", "NetworkPolicy", "networkpolicies", true),
    custom(CALICO, "v3", "GlobalNetworkPolicy", "globalnetworkpolicies", false),
    custom(CALICO, "v3", "StagedNetworkPolicy", "stagednetworkpolicies", true),
    custom(CALICO, "v3", "StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", false),
    custom(CALICO, "v3", "StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", true),
    custom(CALICO, "v3", "NetworkSet", "networksets", true),
    custom(CALICO, "v3", "GlobalNetworkSet", "globalnetworksets", false),
    custom(CALICO, "v3", "Tier", "tiers", false),
    custom(CALICO_CRD, "v1", "NetworkPolicy", "networkpolicies", true),
    custom(CALICO_CRD, "v1", "GlobalNetworkPolicy", "globalnetworkpolicies", false),
    custom(CALICO_CRD, "v1", "NetworkSet", "networksets", true),
    custom(CALICO_CRD, "v1", "GlobalNetworkSet", "globalnetworksets", false),
    custom(CALICO_CRD, "v1", "Tier", "tiers", false),
    custom(ANTREA, "v1beta1", "ClusterNetworkPolicy", "clusternetworkpolicies", false),
    custom(ANTREA, "v1beta1", "NetworkPolicy", "networkpolicies", true),
    custom(ANTREA, "v1beta1", "Tier", "tiers", false),
    custom(ANTREA, "v1beta1", "Group", "groups", true),
    custom(ANTREA, "v1beta1", "ClusterGroup", "clustergroups", false),
];

impl Custom {
    /// As queries name it.
    pub(super) fn resource(&self) -> Resource {
        Resource::Custom(format!("{}.{}.{}", self.plural, self.version, self.group))
    }

    pub(super) fn group(&self) -> &'static str {
        self.group
    }
}

/// Every kind that is read.
pub(super) fn all() -> impl Iterator<Item = Resource> {
    BUILT_IN.iter().map(|(_, _, resource, _)| resource.clone()).chain(CUSTOM.iter().map(Custom::resource))
}

/// Whether its objects have a template of pods.
pub(super) fn makes_pods(resource: &Resource) -> bool {
    matches!(
        resource,
        Resource::Deployments
            | Resource::DaemonSets
            | Resource::StatefulSets
            | Resource::ReplicaSets
            | Resource::Jobs
            | Resource::CronJobs
    )
}

/// What an `apiVersion` and a `kind` stand for.
pub(super) fn of(api_version: &str, kind: &str) -> Kind {
    if let Some((_, _, resource, is_namespaced)) = BUILT_IN.iter().find(|(v, k, ..)| (*v, *k) == (api_version, kind)) {
        return Kind::Read(resource.clone(), *is_namespaced);
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut same = CUSTOM.iter().filter(|c| (c.group, c.kind) == (group, kind)).peekable();
    let first = same.peek().map(|c| (c.version, c.is_namespaced));
    match (same.find(|c| c.version == version), first) {
        (Some(found), _) => Kind::Read(found.resource(), found.is_namespaced),
        (None, Some((other, is_namespaced))) => Kind::OtherVersion(other, is_namespaced),
        // where NetworkPolicy was before v1.7, and versions that never were
        (None, None) if kind == "NetworkPolicy" && ["extensions", "networking.k8s.io", ""].contains(&group) => {
            Kind::OtherVersion("networking.k8s.io/v1", true)
        }
        (None, None) => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_group_and_version() {
        assert_eq!(of("networking.k8s.io/v1", "NetworkPolicy"), Kind::Read(Resource::NetworkPolicies, true));
        let antrea = Resource::Custom(String::from("networkpolicies.v1beta1.crd.antrea.io"));
        assert_eq!(of("crd.antrea.io/v1beta1", "NetworkPolicy"), Kind::Read(antrea, true));
        assert_eq!(of("extensions/v1beta1", "NetworkPolicy"), Kind::OtherVersion("networking.k8s.io/v1", true));
        assert_eq!(of("cilium.io/v1", "CiliumNetworkPolicy"), Kind::OtherVersion("v2", true));
        assert_eq!(of("v1", "Secret"), Kind::Other);
    }

    #[test]
    fn the_names_of_custom_kinds_are_those_of_queries() {
        for custom in CUSTOM {
            let Resource::Custom(name) = custom.resource() else { panic!("custom") };
            assert!(name.ends_with(custom.group) && name.matches('.').count() >= 2, "{name}");
        }
    }
}
