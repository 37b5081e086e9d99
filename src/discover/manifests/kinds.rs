//! Which kinds a manifest may hold, and what netcheck does with them.

use crate::model::Resource;

/// What an `apiVersion` and a `kind` stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A kind that netcheck reads.
    Read(Resource),
    /// A policy in a version that no API server has, or not any more: the text names those that are read.
    UnknownVersion(&'static str),
    /// Anything else.
    Other,
}

/// Kinds of the built-in groups, with the version that is read.
const BUILT_IN: &[(&str, &str, Resource)] = &[
    ("v1", "Namespace", Resource::Namespaces),
    ("v1", "Pod", Resource::Pods),
    ("v1", "Service", Resource::Services),
    ("v1", "Node", Resource::Nodes),
    ("apps/v1", "Deployment", Resource::Deployments),
    ("apps/v1", "StatefulSet", Resource::StatefulSets),
    ("apps/v1", "DaemonSet", Resource::DaemonSets),
    ("apps/v1", "ReplicaSet", Resource::ReplicaSets),
    ("batch/v1", "Job", Resource::Jobs),
    ("batch/v1", "CronJob", Resource::CronJobs),
    ("discovery.k8s.io/v1", "EndpointSlice", Resource::EndpointSlices),
    ("networking.k8s.io/v1", "Ingress", Resource::Ingresses),
    ("networking.k8s.io/v1", "IngressClass", Resource::IngressClasses),
    ("networking.k8s.io/v1", "NetworkPolicy", Resource::NetworkPolicies),
    ("networking.k8s.io/v1", "ServiceCIDR", Resource::ServiceCidrs),
];
