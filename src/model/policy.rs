//! NetworkPolicies as the API defines them, before anything is decided. Source: `networking.k8s.io/v1`.

use super::{Labels, ObjectRef, Protocol, Selector};

/// One NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    /// The pods it applies to; empty means all of its namespace.
    pub pod_selector: Selector,
    /// `policyTypes` as written; empty when the field is absent, and then its default applies.
    pub policy_types: Vec<String>,
    pub ingress: Vec<NetworkPolicyRule>,
    pub egress: Vec<NetworkPolicyRule>,
}

/// One entry of `spec.ingress` or `spec.egress`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicyRule {
    /// `from` or `to`; empty or absent means everybody.
    pub peers: Vec<NetworkPolicyPeer>,
    /// Empty or absent means every port of every protocol.
    pub ports: Vec<NetworkPolicyPort>,
}

/// One peer. The API server allows an `ipBlock` alone, or the selectors without one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicyPeer {
    pub pod_selector: Option<Selector>,
    pub namespace_selector: Option<Selector>,
    pub ip_block: Option<IpBlock>,
}

/// An address range as written: manifests may hold what the API server would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpBlock {
    pub cidr: String,
    pub except: Vec<String>,
}

/// One port entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicyPort {
    pub protocol: Protocol,
    /// Number or name; absent means every port of the protocol.
    pub port: Option<PolicyPort>,
    /// The last port of a range that starts at a numeric `port`.
    pub end_port: Option<i32>,
}

/// `intstr.IntOrString`, with the number as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyPort {
    Number(i32),
    Name(String),
}

impl NetworkPolicy {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new("networkpolicy", &self.namespace, &self.name)
    }
}
