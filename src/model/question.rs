//! What the user asked, as typed and as resolved.

use std::fmt;
use std::net::IpAddr;

use super::{ObjectRef, Protocol};

/// A pair question as typed, before anything was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub source: Source,
    pub destination: Destination,
    /// The namespace of names without one: `-n`, else the context's.
    pub namespace: String,
    /// `--port` or the port written behind the destination.
    pub port: Option<PortRef>,
    pub protocol: Option<Protocol>,
    /// How many times each connection is tried.
    pub attempts: u32,
    /// `--deep`: node access is allowed.
    pub deep: bool,
    /// Only read, start no container.
    pub no_probes: bool,
}

/// Where traffic starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `pod`, or a workload whose pods are candidates: kind, namespace, name.
    Object(ObjectRef),
    Node(String),
    /// Outside the cluster, at this address or at any public one: policies can be asked about it, probes cannot start there.
    Outside(Option<IpAddr>),
}

/// Where traffic goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A pod, a Service, a workload, or an Ingress.
    Object(ObjectRef),
    Node(String),
    Ip(IpAddr),
    /// A DNS name, looked up as the source pod would.
    Name(String),
    /// `http://…` or `https://…`.
    Url(String),
    /// The API server, as pods see it: Service `default/kubernetes`.
    ApiServer,
    /// The world outside.
    Internet,
    /// The cluster's DNS.
    Dns,
}

/// A port as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRef {
    Number(u16),
    Name(String),
}

/// The question after names were found in the cluster: what the checks and the plan work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub request: Request,
    /// The pod the traffic starts in. For a node: a host-network pod on it.
    pub from: Option<ObjectRef>,
    /// The node, when the source is a node.
    pub from_node: Option<String>,
    pub to: Subject,
    /// The DNS name a client would use for the destination, when it has one.
    pub name: Option<String>,
    /// The destination's port, when it is known to exist or was typed as a number.
    pub port: Option<u16>,
    pub protocol: Protocol,
    /// How workloads were narrowed to one pod, and the like: printed as notes.
    pub notes: Vec<String>,
}

/// The destination after resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Service {
        namespace: String,
        name: String,
    },
    Pod(ObjectRef),
    /// An Ingress, a Gateway or a route of one: what stands between users and Services.
    Route(ObjectRef),
    Node(String),
    /// An address that is nothing the cluster knows.
    Ip(IpAddr),
    /// A name outside the cluster, or one that does not parse as a Service's.
    Name(String),
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(port) => write!(f, "{port}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { namespace, name } => write!(f, "service/{namespace}/{name}"),
            Self::Pod(object) | Self::Route(object) => write!(f, "{object}"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
