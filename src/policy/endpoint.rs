//! The two ends of a connection, as policies see them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Cluster, Container, Known, Labels, Node, ObjectRef, Pod, Protocol, Resource};

use super::LabelView;

/// The label that the API server gives every namespace since v1.22 (KEP-2161).
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

const NAMESPACE_UNREAD: &str = "the labels of its namespace were not read";
const NODE_UNREAD: &str = "the labels of its node were not read";

/// What an end of a connection is to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// A pod with a network of its own.
    Pod,
    /// A node, or a pod that uses its node's network: no policy for pods selects it, and no pod selector finds it.
    Node,
    /// An address outside the cluster.
    External,
}

/// One end of a connection. Borrowed from what was read of the cluster.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    pub kind: EndpointKind,
    /// Empty for nodes and addresses.
    pub namespace: &'a str,
    /// The pod's or node's name; empty for an address.
    pub name: &'a str,
    /// The pod's labels, or the node's for a node.
    pub labels: LabelView<'a>,
    pub namespace_labels: LabelView<'a>,
    pub ips: &'a [IpAddr],
    /// The node it runs on, or is.
    pub node: Option<&'a str>,
    pub service_account: Option<&'a str>,
    /// Where named ports are declared.
    pub containers: &'a [Container],
}

/// Makes endpoints out of what was read: looks up the labels of namespaces and nodes.
#[derive(Debug)]
pub struct Directory<'a> {
    namespaces: BTreeMap<&'a str, &'a Labels>,
    nodes: BTreeMap<&'a str, &'a Node>,
    /// For namespaces that were not read: the one label whose value is always known.
    names: BTreeMap<&'a str, Labels>,
    nothing: Labels,
}

impl<'a> Directory<'a> {
    pub fn new(cluster: &'a Cluster) -> Self {
        let namespaces: BTreeMap<_, _> = cluster.namespaces.seen().map(|n| (n.name.as_str(), &n.labels)).collect();
        let mut names = BTreeMap::new();
        let pods = cluster.pods.seen().map(|p| p.namespace.as_str());
        let policies = cluster.network_policies.seen().map(|p| p.namespace.as_str());
        for name in pods.chain(policies) {
            if !namespaces.contains_key(name) && !names.contains_key(name) {
                names.insert(name, Labels::from([(NAME_LABEL.to_owned(), name.to_owned())]));
            }
        }
        let nodes = cluster.nodes.seen().map(|n| (n.name.as_str(), n)).collect();
        Self { namespaces, nodes, names, nothing: Labels::new() }
    }

    /// The labels of a namespace, as far as they are known.
    pub fn namespace(&self, name: &str) -> LabelView<'_> {
        match (self.namespaces.get(name), self.names.get(name)) {
            (Some(labels), _) => LabelView { labels, missing: None },
            (None, Some(labels)) => LabelView { labels, missing: Some(NAMESPACE_UNREAD) },
            (None, None) => LabelView { labels: &self.nothing, missing: Some(NAMESPACE_UNREAD) },
        }
    }

    /// A pod; one that uses its node's network counts as the node.
    pub fn pod<'s>(&'s self, pod: &'s Pod) -> Endpoint<'s> {
        let node = pod.node.as_deref();
        if pod.host_network {
            return Endpoint { name: &pod.name, namespace: &pod.namespace, ips: &pod.ips, ..self.node(node.unwrap_or_default()) };
        }
        Endpoint {
            kind: EndpointKind::Pod,
            namespace: &pod.namespace,
            name: &pod.name,
            labels: LabelView { labels: &pod.labels, missing: None },
            namespace_labels: self.namespace(&pod.namespace),
            ips: &pod.ips,
            node,
            service_account: pod.service_account.as_deref(),
            containers: &pod.containers,
        }
    }

    pub fn node<'s>(&'s self, name: &'s str) -> Endpoint<'s> {
        let node = self.nodes.get(name);
        let labels = match node {
            Some(node) => LabelView { labels: &node.labels, missing: None },
            None => LabelView { labels: &self.nothing, missing: Some(NODE_UNREAD) },
        };
        Endpoint {
            kind: EndpointKind::Node,
            name,
            labels,
            ips: node.map_or(&[], |n| &n.internal_ips),
            node: Some(name).filter(|n| !n.is_empty()),
            ..self.external(&[])
        }
    }

    /// An address that is neither a pod's nor a node's.
    pub fn external<'s>(&'s self, ips: &'s [IpAddr]) -> Endpoint<'s> {
        let none = LabelView { labels: &self.nothing, missing: None };
        Endpoint {
            kind: EndpointKind::External,
            namespace: "",
            name: "",
            labels: none,
            namespace_labels: none,
            ips,
            node: None,
            service_account: None,
            containers: &[],
        }
    }
}

impl Endpoint<'_> {
    /// The first address of a family.
    pub fn ip(&self, v6: bool) -> Option<IpAddr> {
        self.ips.iter().copied().find(|ip| ip.is_ipv6() == v6)
    }

    /// Whether a port of this name and number is declared; more than one container may declare the name.
    pub fn has_port(&self, name: &str, port: u16, protocol: Protocol) -> bool {
        self.kind == EndpointKind::Pod
            && self
                .containers
                .iter()
                .flat_map(|c| &c.ports)
                .any(|p| p.port == port && p.protocol == protocol && p.name.as_deref() == Some(name))
    }

    /// How reports name it: `pod/shop/web`, `node/node1` or the address.
    pub fn label(&self) -> String {
        match (self.kind, self.namespace) {
            (EndpointKind::External, _) => self.ips.first().map_or_else(|| "an address outside".to_owned(), ToString::to_string),
            (EndpointKind::Node, "") => ObjectRef::node(self.name).to_string(),
            (EndpointKind::Pod | EndpointKind::Node, namespace) => ObjectRef::pod(namespace, self.name).to_string(),
        }
    }

    /// The same pod, or the same node.
    pub fn is(&self, other: &Self) -> bool {
        self.kind != EndpointKind::External && (self.kind, self.namespace, self.name) == (other.kind, other.namespace, other.name)
    }
}

/// Whether every namespace's labels are at hand: `None` when they are, else why not.
pub fn namespaces_missing(cluster: &Cluster) -> Option<String> {
    match cluster.namespaces.complete(&Resource::Namespaces, None) {
        Known::Got(_) => None,
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => other.missing(),
    }
}
