//! A cluster as it would be after `kubectl apply -f`: objects are added and replaced, and none is deleted.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Cluster, Known, Labels, Namespace, NetworkPolicy, Pod, Query, Resource, Store};

use super::workloads::{Key, Workload};

/// Labels that controllers add to the pods they make (kubernetes pkg/apis/apps and pkg/apis/batch, well-known labels).
const BY_CONTROLLERS: &[&str] = &[
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
];

/// The cluster with manifests applied: policies, namespaces, and the pods that workloads make of their new templates.
pub fn applied(cluster: &Cluster, manifests: &Cluster) -> Cluster {
    let mut result = cluster.clone();
    put(&mut result.network_policies, &manifests.network_policies, &Resource::NetworkPolicies, |p: &NetworkPolicy| {
        (p.namespace.clone(), p.name.clone())
    });
    custom(&mut result, manifests);
    namespaces(&mut result, manifests);
    pods(&mut result, manifests);
    result
}

/// Policies of manifests in the place of all others; pods and namespaces stay.
pub fn with_policies_of(cluster: &Cluster, manifests: &Cluster) -> Cluster {
    let mut result = Cluster {
        network_policies: manifests.network_policies.clone(),
        custom: manifests.custom.clone(),
        api_groups: manifests.api_groups.clone(),
        ..cluster.clone()
    };
    namespaces(&mut result, manifests);
    result
}

/// Replaces objects in every list, and adds the new ones beside: a list that was complete stays so.
fn put<T: Clone>(store: &mut Store<T>, new: &Store<T>, resource: &Resource, key: impl Fn(&T) -> (String, String)) {
    let by_key: BTreeMap<(String, String), &T> = new.seen().map(|object| (key(object), object)).collect();
    for listing in &mut store.listings {
        if let Known::Got(items) = &mut listing.items {
            items.retain(|item| !by_key.contains_key(&key(item)));
        }
    }
    let objects = by_key.into_values().cloned().collect();
    store.push(Query::all(resource.clone()).labelled("applied"), Known::Got(objects));
}

fn custom(cluster: &mut Cluster, manifests: &Cluster) {
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (kind, store) in &manifests.custom {
        if store.seen().next().is_none() {
            continue;
        }
        let resource = Resource::Custom(kind.clone());
        let own = cluster.custom.entry(kind.clone()).or_default();
        put(own, store, &resource, |object| (text(object, "/metadata/namespace"), text(object, "/metadata/name")));
        let group = kind.split_once('.').and_then(|(_, rest)| rest.split_once('.')).map(|(_, group)| group.to_owned());
        if let (Known::Got(groups), Some(group)) = (&mut cluster.api_groups, group)
            && !groups.contains(&group)
        {
            groups.push(group);
        }
    }
}

/// Labels of the manifests, beside those that others set: what an earlier `apply` had set and this one removes is not known.
fn namespaces(cluster: &mut Cluster, manifests: &Cluster) {
    let known: BTreeMap<String, Labels> = cluster.namespaces.seen().map(|n| (n.name.clone(), n.labels.clone())).collect();
    let merged = |namespace: &Namespace| {
        let mut labels = known.get(&namespace.name).cloned().unwrap_or_default();
        labels.extend(namespace.labels.clone());
        Namespace { labels, ..namespace.clone() }
    };
    let mut new = Store::default();
    new.push(Query::all(Resource::Namespaces), Known::Got(manifests.namespaces.seen().map(merged).collect()));
    put(&mut cluster.namespaces, &new, &Resource::Namespaces, |n: &Namespace| (String::new(), n.name.clone()));
}

/// Pods of a workload get what its new template says. A workload that is new has the one pod that stands for it.
fn pods(cluster: &mut Cluster, manifests: &Cluster) {
    let mut templates: BTreeMap<Key, (&Pod, bool)> =
        manifests.pods.seen().map(|pod| (Workload::of(pod).key(), (pod, false))).collect();
    for listing in &mut cluster.pods.listings {
        let Known::Got(items) = &mut listing.items else { continue };
        for pod in items {
            if let Some((template, is_met)) = templates.get_mut(&Workload::of(pod).key()) {
                *is_met = true;
                *pod = renewed(pod, template);
            }
        }
    }
    let new = templates.into_values().filter(|(_, is_met)| !is_met).map(|(pod, _)| pod.clone()).collect();
    cluster.pods.push(Query::all(Resource::Pods).labelled("applied"), Known::Got(new));
}

fn renewed(pod: &Pod, template: &Pod) -> Pod {
    let by_controllers = pod.labels.iter().filter(|(key, _)| BY_CONTROLLERS.contains(&key.as_str()));
    let mut labels: Labels = by_controllers.map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.extend(template.labels.clone());
    Pod {
        labels,
        containers: template.containers.clone(),
        service_account: template.service_account.clone(),
        host_network: template.host_network,
        ..pod.clone()
    }
}
