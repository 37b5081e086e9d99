//! Which pods make a workload.

use crate::model::{ObjectRef, Pod};

/// The label of a Deployment's ReplicaSet and its pods; the ReplicaSet's name ends with it (kubernetes
/// pkg/controller/deployment/sync.go, getNewReplicaSet).
const TEMPLATE_HASH: &str = "pod-template-hash";

/// Pods whose names are in the label of a part of a workload.
const MAX_NAMES: usize = 3;

/// Namespace, kind and name.
pub(super) type Key = (String, String, String);

/// By namespace, kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Workload<'a> {
    pub(super) namespace: &'a str,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Workload<'a> {
    /// The owner of a pod; a pod without one stands for itself.
    pub(super) fn of(pod: &'a Pod) -> Self {
        let (kind, name) = match &pod.owner {
            Some((kind, name)) if kind == "replicaset" => match deployment(pod, name) {
                Some(deployment) => ("deployment", deployment),
                None => ("replicaset", name.as_str()),
            },
            // a static pod belongs to its node, and is one
            Some((kind, name)) if kind != "node" => (kind.as_str(), name.as_str()),
            Some(_) | None => ("pod", pod.name.as_str()),
        };
        Self { namespace: &pod.namespace, kind, name }
    }

    pub(super) fn is_pod(&self) -> bool {
        self.kind == "pod"
    }

    /// By namespace, kind and name, for comparisons across clusters.
    pub(super) fn key(&self) -> Key {
        (self.namespace.to_owned(), self.kind.to_owned(), self.name.to_owned())
    }

    /// With pods in brackets, where it is not all of them.
    pub(super) fn label_of(&self, pods: Option<&[&str]>) -> String {
        let label = self.label();
        let Some(pods) = pods else { return label };
        let names: Vec<&str> = pods.iter().take(MAX_NAMES).copied().collect();
        let more = match pods.len().saturating_sub(MAX_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{label}[{}{more}]", names.join(","))
    }

    pub(super) fn label(&self) -> String {
        ObjectRef::new(self.kind, self.namespace, self.name).to_string()
    }
}

/// The Deployment that a ReplicaSet was made for.
fn deployment<'a>(pod: &'a Pod, replica_set: &'a str) -> Option<&'a str> {
    let hash = pod.labels.get(TEMPLATE_HASH)?;
    replica_set.strip_suffix(hash.as_str())?.strip_suffix('-').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::labels;

    fn owned(owner: Option<(&str, &str)>, of: &str) -> String {
        let owner = owner.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
        let pod = Pod { namespace: "shop".into(), name: "p".into(), owner, labels: labels(of), ..Pod::default() };
        Workload::of(&pod).label()
    }

    #[test]
    fn a_pod_belongs_to_its_owner() {
        assert_eq!(owned(Some(("replicaset", "web-5d9")), "pod-template-hash=5d9"), "deployment/shop/web");
        assert_eq!(owned(Some(("replicaset", "web-5d9")), "pod-template-hash=777"), "replicaset/shop/web-5d9");
        assert_eq!(owned(Some(("replicaset", "web")), "app=web"), "replicaset/shop/web");
        assert_eq!(owned(Some(("statefulset", "db")), ""), "statefulset/shop/db");
        assert_eq!(owned(Some(("node", "node1")), ""), "pod/shop/p");
        assert_eq!(owned(None, ""), "pod/shop/p");
    }
}
