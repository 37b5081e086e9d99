//! Names of things in a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A Kubernetes object by kind, namespace and name. Prints as `service/shop/web`, or `node/node1` for cluster objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Lower-case singular kind: `pod`, `service`, `node`, `endpointslice`.
    pub kind: String,
    /// Empty for cluster objects.
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_lowercase(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn pod(namespace: &str, name: &str) -> Self {
        Self::new("pod", namespace, name)
    }

    pub fn service(namespace: &str, name: &str) -> Self {
        Self::new("service", namespace, name)
    }

    pub fn node(name: &str) -> Self {
        Self::new("node", "", name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// A transport protocol as Kubernetes writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}
