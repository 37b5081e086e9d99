//! Services and EndpointSlices.

use std::fmt;
use std::net::IpAddr;

use super::{Labels, ObjectRef, Protocol};

/// A Service. Source: `core/v1.Service`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    pub kind: ServiceKind,
    /// Empty: a Service without selector, whose EndpointSlices somebody else writes.
    pub selector: Labels,
    /// Empty for headless and ExternalName Services.
    pub cluster_ips: Vec<IpAddr>,
    /// `clusterIP: None`.
    pub headless: bool,
    pub ports: Vec<ServicePort>,
    pub external_name: Option<String>,
    pub external_ips: Vec<String>,
    /// Addresses or host names in `status.loadBalancer.ingress`.
    pub load_balancer: Vec<String>,
    pub load_balancer_class: Option<String>,
    /// Timeout in seconds when `sessionAffinity: ClientIP`.
    pub client_ip_affinity: Option<u32>,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    pub publish_not_ready: bool,
    /// `PreferSameZone` and its older name `PreferClose`, or `PreferSameNode`.
    pub traffic_distribution: Option<String>,
    /// The annotation `service.kubernetes.io/topology-mode: Auto`, or its older name: the controller shares endpoints out among zones.
    pub topology_auto: bool,
    pub ip_families: Vec<String>,
    pub health_check_node_port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceKind {
    #[default]
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    pub name: Option<String>,
    /// The port clients use.
    pub port: u16,
    pub protocol: Protocol,
    /// The port of the pod behind it. Often equal to `port`, and not the same.
    pub target: TargetPort,
    pub node_port: Option<u16>,
    pub app_protocol: Option<String>,
}

/// `targetPort`: a number, or the name of a container port that each pod resolves for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    Number(u16),
    Name(String),
}

impl fmt::Display for TargetPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(port) => write!(f, "{port}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        })
    }
}

impl Service {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::service(&self.namespace, &self.name)
    }
}

/// An EndpointSlice. Source: `discovery.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointSlice {
    pub namespace: String,
    pub name: String,
    /// The label `kubernetes.io/service-name`.
    pub service: Option<String>,
    /// The label `endpointslice.kubernetes.io/managed-by`.
    pub managed_by: Option<String>,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    pub ports: Vec<EndpointPort>,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointPort {
    pub name: Option<String>,
    pub port: Option<u16>,
    pub protocol: Protocol,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    pub addresses: Vec<String>,
    /// An unset condition counts as ready and serving, and as not terminating (`EndpointConditions`, discovery/v1).
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    /// The pod behind it, when the slice names one.
    pub target: Option<ObjectRef>,
    pub node: Option<String>,
    pub zone: Option<String>,
    /// Zones this endpoint is meant for.
    pub hints: Vec<String>,
    /// Nodes this endpoint is meant for.
    pub node_hints: Vec<String>,
    pub hostname: Option<String>,
}

impl EndpointSlice {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new("endpointslice", &self.namespace, &self.name)
    }
}
