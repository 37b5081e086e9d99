//! The cluster as plain data: what was read, and what could not be.

mod cluster;
pub mod extension;
pub mod gateway;
mod ingress;
mod known;
mod node;
mod object;
mod others;
mod pod;
mod policy;
mod query;
mod question;
mod selector;
mod service;
#[cfg(test)]
pub(crate) mod testing;

pub use cluster::{Cluster, Listing, Store};
pub use ingress::{Ingress, IngressBackend, IngressClass, IngressTls, host_matches};
pub use known::Known;
pub use node::{Namespace, Node};
pub use object::{ObjectRef, Protocol};
pub use others::{ConfigMap, Event, Workload};
pub use pod::{Condition, Container, ContainerPort, ContainerState, NetworkProbe, Pod, ProbeKind};
pub use policy::{IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PolicyPort};
pub use query::{Query, Resource};
pub use question::{Destination, PortRef, Question, Request, Source, Subject};
pub use selector::{Labels, Operator, Requirement, Selector};
pub use service::{Endpoint, EndpointPort, EndpointSlice, Service, ServiceKind, ServicePort, TargetPort};
