//! A node and a port of it: the Service behind a node port.

use std::ops::RangeInclusive;

use crate::model::{Cluster, Destination, PortRef, Protocol, Question, Request, Service, ServicePort, Subject};

/// The API server's default for `--service-node-port-range`. Ports outside it are taken for the node's own.
pub const NODE_PORTS: RangeInclusive<u16> = 30_000..=32_767;

/// The node port that was typed behind a node.
pub fn typed(request: &Request) -> Option<u16> {
    match (&request.destination, &request.port) {
        (Destination::Node(_), Some(PortRef::Number(port))) if NODE_PORTS.contains(port) => Some(*port),
        _ => None,
    }
}

/// The Service that a question about a node's port goes to, and its port. `None` for other questions, and where no Service that was
/// read has this node port.
pub fn service_of<'a>(question: &Question, cluster: &'a Cluster) -> Option<(&'a Service, &'a ServicePort)> {
    match question.to {
        Subject::Node(_) => find(typed(&question.request)?, question.protocol, cluster),
        Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Ip(_) | Subject::Name(_) => None,
    }
}

/// The Service that has a node port, among those that were read.
pub fn find(node_port: u16, protocol: Protocol, cluster: &Cluster) -> Option<(&Service, &ServicePort)> {
    let port = |s: &'_ Service| s.ports.iter().position(|p| p.node_port == Some(node_port) && p.protocol == protocol);
    cluster.services.seen().find_map(|s| Some((s, s.ports.get(port(s)?)?)))
}
