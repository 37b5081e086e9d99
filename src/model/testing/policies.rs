//! NetworkPolicies for tests, in few words.

use super::labels;
use crate::model::{
    IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PolicyPort, Protocol, Selector,
};

/// A policy for the pods with these labels (`app=web`, or empty for all) that isolates them both ways until its types are set.
pub(crate) fn policy(namespace: &str, name: &str, pods: &str) -> NetworkPolicy {
    NetworkPolicy {
        namespace: namespace.into(),
        name: name.into(),
        pod_selector: Selector::of(&labels(pods)),
        policy_types: vec!["Ingress".into(), "Egress".into()],
        ..NetworkPolicy::default()
    }
}

impl NetworkPolicy {
    /// Ingress alone, with these rules.
    pub(crate) fn ingress(mut self, rules: impl IntoIterator<Item = NetworkPolicyRule>) -> Self {
        self.policy_types = vec!["Ingress".into()];
        self.ingress = rules.into_iter().collect();
        self
    }

    /// Egress alone, with these rules.
    pub(crate) fn egress(mut self, rules: impl IntoIterator<Item = NetworkPolicyRule>) -> Self {
        self.policy_types = vec!["Egress".into()];
        self.egress = rules.into_iter().collect();
        self
    }
}

/// A rule for these peers and ports; none means all.
pub(crate) fn rule(
    peers: impl IntoIterator<Item = NetworkPolicyPeer>,
    ports: impl IntoIterator<Item = NetworkPolicyPort>,
) -> NetworkPolicyRule {
    NetworkPolicyRule { peers: peers.into_iter().collect(), ports: ports.into_iter().collect() }
}

/// Pods of the policy's own namespace.
pub(crate) fn pods(of: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(Selector::of(&labels(of))), ..NetworkPolicyPeer::default() }
}

/// Pods of other namespaces.
pub(crate) fn pods_in(namespaces: &str, of: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(Selector::of(&labels(namespaces))), ..pods(of) }
}

pub(crate) fn block(cidr: &str, except: &[&str]) -> NetworkPolicyPeer {
    let except = except.iter().map(|e| (*e).to_owned()).collect();
    NetworkPolicyPeer { ip_block: Some(IpBlock { cidr: cidr.into(), except }), ..NetworkPolicyPeer::default() }
}

pub(crate) fn tcp(port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Protocol::Tcp, port: Some(PolicyPort::Number(port)), end_port: None }
}

pub(crate) fn udp(port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Protocol::Udp, ..tcp(port) }
}

pub(crate) fn by_name(name: &str) -> NetworkPolicyPort {
    NetworkPolicyPort { port: Some(PolicyPort::Name(name.into())), ..tcp(0) }
}
