//! Objects that explain the others: workloads, configuration, events.

use std::collections::BTreeMap;

use super::{Labels, ObjectRef, Selector};

/// Something that owns pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, `CronJob`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    /// Lower case: `deployment`.
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    pub selector: Selector,
    /// Labels of the pods it makes.
    pub pod_labels: Labels,
    pub images: Vec<String>,
    pub container_names: Vec<String>,
    /// Only arguments whose flag is on the list of network flags; no other argument is kept.
    pub arguments: Vec<String>,
    pub host_network: bool,
    pub desired: Option<u32>,
    pub ready: Option<u32>,
}

impl Workload {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(&self.kind, &self.namespace, &self.name)
    }
}

/// One of the few ConfigMaps that describe the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigMap {
    pub namespace: String,
    pub name: String,
    pub data: BTreeMap<String, String>,
}

/// An Event about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub about: ObjectRef,
    /// `Warning` or `Normal`.
    pub kind: String,
    pub reason: String,
    pub message: String,
    pub count: u32,
    /// RFC 3339, when the event says when it was last seen.
    pub last_seen: Option<String>,
}
