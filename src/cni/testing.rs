//! The one helper that builds clusters for the tests of plugins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Identified, Role, networks};
use crate::model::{Cluster, ConfigMap, Known, Node, Query, Resource, Selector, Workload};

/// A cluster in the making. Lists that nobody filled are read and empty.
#[derive(Default)]
pub(crate) struct Made {
    daemon_sets: Vec<Workload>,
    deployments: Vec<Workload>,
    config_maps: Vec<ConfigMap>,
    nodes: BTreeMap<String, Node>,
    groups: Vec<String>,
    custom: BTreeMap<String, Vec<Value>>,
    denied: bool,
}

impl Made {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn workload(kind: &str, namespace: &str, name: &str, containers: &[(&str, &str)], arguments: &[&str]) -> Workload {
        let labels = BTreeMap::from([(String::from("k8s-app"), name.to_owned())]);
        Workload {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            selector: Selector::of(&labels),
            pod_labels: labels,
            images: containers.iter().map(|(_, image)| (*image).to_owned()).collect(),
            container_names: containers.iter().map(|(name, _)| (*name).to_owned()).collect(),
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            desired: Some(2),
            ready: Some(2),
            ..Workload::default()
        }
    }

    pub(crate) fn daemon_set(mut self, namespace: &str, name: &str, containers: &[(&str, &str)], arguments: &[&str]) -> Self {
        self.daemon_sets.push(Self::workload("daemonset", namespace, name, containers, arguments));
        self
    }

    /// How many nodes the last DaemonSet is meant for, and how many of its pods are ready.
    pub(crate) fn meant_for(mut self, desired: u32, ready: u32) -> Self {
        let last = self.daemon_sets.last_mut().unwrap();
        (last.desired, last.ready) = (Some(desired), Some(ready));
        self
    }

    pub(crate) fn deployment(mut self, namespace: &str, name: &str, image: &str, arguments: &[&str]) -> Self {
        self.deployments.push(Self::workload("deployment", namespace, name, &[(name, image)], arguments));
        self
    }

    pub(crate) fn config_map(mut self, namespace: &str, name: &str, data: &[(&str, &str)]) -> Self {
        let data = data.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.config_maps.push(ConfigMap { namespace: namespace.to_owned(), name: name.to_owned(), data });
        self
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.entry(name.to_owned()).or_insert_with(|| Node { name: name.to_owned(), ..Node::default() })
    }

    pub(crate) fn annotated(mut self, node: &str, key: &str, value: &str) -> Self {
        self.node(node).annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn labelled(mut self, node: &str, key: &str, value: &str) -> Self {
        self.node(node).labels.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn kubelet(mut self, node: &str, version: &str) -> Self {
        version.clone_into(&mut self.node(node).kubelet);
        self
    }

    pub(crate) fn with_node(mut self, node: Node) -> Self {
        self.nodes.insert(node.name.clone(), node);
        self
    }

    pub(crate) fn groups(mut self, groups: &[&str]) -> Self {
        self.groups.extend(groups.iter().map(|g| (*g).to_owned()));
        self
    }

    pub(crate) fn custom(mut self, kind: &str, objects: &[Value]) -> Self {
        self.custom.insert(kind.to_owned(), objects.to_vec());
        self
    }

    /// The user may not list DaemonSets, Deployments and nodes.
    pub(crate) fn denied(mut self) -> Self {
        self.denied = true;
        self
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let mut cluster = Cluster { api_groups: Known::Got(self.groups.clone()), ..Cluster::default() };
        let list = |resource: Resource, items: &[Workload]| {
            let query = Query::all(resource);
            let known = if self.denied { Known::Denied(query.to_string()) } else { Known::Got(items.to_vec()) };
            (query, known)
        };
        for (query, known) in [list(Resource::DaemonSets, &self.daemon_sets), list(Resource::Deployments, &self.deployments)] {
            cluster.workloads.push(query, known);
        }
        let nodes = Query::all(Resource::Nodes);
        let known =
            if self.denied { Known::Denied(nodes.to_string()) } else { Known::Got(self.nodes.values().cloned().collect()) };
        cluster.nodes.push(nodes, known);
        for map in &self.config_maps {
            let query = Query::named(Resource::ConfigMaps, &map.namespace, &map.name);
            cluster.config_maps.push(query, Known::Got(vec![map.clone()]));
        }
        for (kind, objects) in &self.custom {
            cluster.push_custom(Query::all(Resource::Custom(kind.clone())), Known::Got(objects.clone()));
        }
        cluster
    }
}

/// The only plugin that is found, with nothing left over.
pub(crate) fn one(made: &Made) -> Identified {
    let mut networks = networks(&made.cluster());
    let names: Vec<_> = networks.found.iter().chain(&networks.leftovers).map(|f| f.name).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    networks.found.remove(0)
}

/// The facts of a find in one line.
pub(crate) fn summary(found: &Identified) -> String {
    let mut parts = vec![found.mode.as_ref().map_or("no mode", |m| m.value.as_str()).to_owned()];
    parts.extend(found.mtu.as_ref().map(|m| format!("mtu {}", m.value)));
    parts.extend(found.tunnel.as_ref().map(|t| t.value.passes()));
    parts.push(format!("policy {}", found.policy.word()));
    parts.extend(found.encryption.as_ref().map(|e| format!("encryption {}", e.value)));
    parts.extend(found.service_proxy.as_ref().map(|p| format!("proxy {}", p.value)));
    if let Role::On(other) = found.role {
        parts.push(format!("on {other}"));
    }
    format!("{} {}: {}", found.name, found.certainty.word(), parts.join("; "))
}
