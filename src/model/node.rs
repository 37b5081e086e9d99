//! Nodes and namespaces.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Condition, Labels, ObjectRef};

/// A Node. Source: `core/v1.Node`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    pub name: String,
    pub labels: Labels,
    /// Only network annotations of known projects.
    pub annotations: Labels,
    pub internal_ips: Vec<IpAddr>,
    pub external_ips: Vec<IpAddr>,
    pub pod_cidrs: Vec<IpNet>,
    /// The `Ready` condition: `None` when the node never reported one.
    pub ready: Option<bool>,
    pub conditions: Vec<Condition>,
    pub taints: Vec<String>,
    pub unschedulable: bool,
    pub os: String,
    pub os_image: String,
    pub kernel: String,
    pub runtime: String,
    pub kubelet: String,
    pub architecture: String,
    pub provider_id: Option<String>,
}

impl Node {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::node(&self.name)
    }

    /// A node that no kubelet stands behind, or one whose containers share no Linux kernel: no agent runs there.
    pub fn cannot_run_agent(&self) -> Option<String> {
        if self.os == "windows" {
            return Some(format!("{} runs Windows", self.name));
        }
        let is_virtual = self.labels.get("type").is_some_and(|t| t == "virtual-kubelet")
            || self.labels.get("kubernetes.io/role").is_some_and(|r| r == "agent" && self.kubelet.contains("vk-"))
            || self.labels.get("eks.amazonaws.com/compute-type").is_some_and(|t| t == "fargate");
        is_virtual.then(|| format!("{} is a virtual node", self.name))
    }
}

/// A Namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace {
    pub name: String,
    pub labels: Labels,
    pub terminating: bool,
}
