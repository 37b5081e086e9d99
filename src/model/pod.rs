//! Pods and what runs in them.

use std::net::IpAddr;

use super::{Labels, ObjectRef, Protocol, TargetPort};

/// A pod: the fields that decide whether traffic reaches it. Source: `core/v1.Pod`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub labels: Labels,
    /// Only network annotations of known projects; everything else is never read into memory for long nor recorded.
    pub annotations: Labels,
    /// The controller that owns it, as `replicaset/web-5d9`.
    pub owner: Option<(String, String)>,
    pub node: Option<String>,
    pub ips: Vec<IpAddr>,
    pub host_network: bool,
    /// `spec.serviceAccountName`: policies of some dialects select by it.
    pub service_account: Option<String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Reason and message of the pod's own status, such as `Evicted`.
    pub reason: Option<String>,
    pub message: Option<String>,
    /// The `Ready` condition. `false` when the condition is missing.
    pub ready: bool,
    /// It has a deletion timestamp.
    pub terminating: bool,
    pub dns_policy: Option<String>,
    pub host_aliases: bool,
    /// `linux` or `windows`, when the pod says so.
    pub os: Option<String>,
    pub runtime_class: Option<String>,
    /// A static pod: it mirrors a file on the node and takes no ephemeral container.
    pub mirror: bool,
    pub conditions: Vec<Condition>,
    pub containers: Vec<Container>,
    pub init_containers: Vec<Container>,
    pub ephemeral_containers: Vec<Container>,
}

/// One condition of a pod or node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: String,
    pub message: String,
}

/// A container of any sort with its latest status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub ports: Vec<ContainerPort>,
    /// The readiness probe in words, such as `GET :8080/ready`.
    pub readiness_probe: Option<String>,
    /// Probes that are connections from the kubelet.
    pub probes: Vec<NetworkProbe>,
    pub ready: bool,
    pub restarts: u32,
    /// `resources.limits.memory` as written, such as `170Mi`.
    pub memory_limit: Option<String>,
    pub state: ContainerState,
    /// How the previous run ended.
    pub last: ContainerState,
}

/// A probe by HTTP, TCP or gRPC of the pod's own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkProbe {
    pub kind: ProbeKind,
    /// By number, or by the name of one of the container's ports.
    pub port: TargetPort,
}

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    Readiness,
    Liveness,
    Startup,
}

impl ProbeKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
            Self::Startup => "startup",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerPort {
    pub name: Option<String>,
    pub port: u16,
    pub protocol: Protocol,
    pub host_port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ContainerState {
    /// No status was reported for it.
    #[default]
    None,
    Waiting {
        reason: String,
        message: String,
    },
    Running,
    Terminated {
        exit_code: i32,
        reason: String,
        message: String,
    },
}

impl Pod {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::pod(&self.namespace, &self.name)
    }

    /// The first address of the wanted family.
    pub fn ip(&self, v6: bool) -> Option<IpAddr> {
        self.ips.iter().copied().find(|ip| ip.is_ipv6() == v6)
    }

    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// It has an address and at least one running container: an agent in it can send packets.
    pub fn is_running(&self) -> bool {
        self.phase == "Running" && !self.ips.is_empty()
    }

    /// Finished pods keep their object, and take no traffic.
    pub fn is_finished(&self) -> bool {
        self.phase == "Succeeded" || self.phase == "Failed"
    }
}
