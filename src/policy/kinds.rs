//! The kinds of policy objects beside NetworkPolicy: which there are, what to read of them, what was read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Cluster, Known, Query, Resource, Store};

/// A custom kind that takes part in decisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// As in URLs.
    pub(super) plural: &'static str,
    pub(super) group: &'static str,
    /// The newest first. One that is served returns the objects of all.
    pub(super) versions: &'static [&'static str],
    pub(super) namespaced: bool,
}

const POLICY_GROUP: &str = "policy.networking.k8s.io";

pub(super) const ADMIN: Kind = Kind::of_cluster("adminnetworkpolicies", POLICY_GROUP, &["v1alpha1"]);
pub(super) const BASELINE: Kind = Kind::of_cluster("baselineadminnetworkpolicies", POLICY_GROUP, &["v1alpha1"]);
pub(super) const CLUSTER: Kind = Kind::of_cluster("clusternetworkpolicies", POLICY_GROUP, &["v1beta1", "v1alpha2"]);

pub(super) const CILIUM: Kind = Kind::of_namespaces("ciliumnetworkpolicies", "cilium.io", &["v2"]);
pub(super) const CILIUM_CLUSTERWIDE: Kind = Kind::of_cluster("ciliumclusterwidenetworkpolicies", "cilium.io", &["v2"]);
/// Read only where a policy refers to one.
pub(super) const CIDR_GROUPS: Kind = Kind::of_cluster("ciliumcidrgroups", "cilium.io", &["v2", "v2alpha1"]);

pub(super) const ALL: &[Kind] = &[ADMIN, BASELINE, CLUSTER, CILIUM, CILIUM_CLUSTERWIDE];

impl Kind {
    const fn of_cluster(plural: &'static str, group: &'static str, versions: &'static [&'static str]) -> Self {
        Self { plural, group, versions, namespaced: false }
    }

    const fn of_namespaces(plural: &'static str, group: &'static str, versions: &'static [&'static str]) -> Self {
        Self { namespaced: true, ..Self::of_cluster(plural, group, versions) }
    }

    /// `plural.version.group`, as a query names it, the newest version first.
    fn names(&self) -> impl Iterator<Item = String> {
        self.versions.iter().map(|version| format!("{}.{version}.{}", self.plural, self.group))
    }

    fn stores<'c>(&self, cluster: &'c Cluster) -> impl Iterator<Item = (Resource, Option<&'c Store<Value>>)> {
        self.names().map(|name| {
            let store = cluster.custom.get(&name);
            (Resource::Custom(name), store)
        })
    }

    /// Every object that was read, each once, by namespace and name.
    pub(super) fn objects<'c>(&self, cluster: &'c Cluster) -> Vec<&'c Value> {
        let mut objects = BTreeMap::new();
        let stores = self.stores(cluster).filter_map(|(_, store)| store);
        for object in stores.flat_map(Store::seen) {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            objects.entry((text("/metadata/namespace"), text("/metadata/name"))).or_insert(object);
        }
        objects.into_values().collect()
    }

    /// Why not all objects of a namespace (of the cluster, for a kind without) are at hand. `None`: they are, or the server
    /// does not know the kind.
    pub(super) fn missing(&self, cluster: &Cluster, namespace: Option<&str>) -> Option<String> {
        let mut reason = None;
        for (resource, store) in self.stores(cluster) {
            match store.map_or(Known::Unasked, |s| s.complete(&resource, namespace)) {
                Known::Got(_) => return None,
                Known::Absent(_) => {}
                other @ (Known::Denied(_) | Known::Failed(_) | Known::Unasked) => reason = reason.or(other.missing()),
            }
        }
        let reason = reason?;
        let groups = match &cluster.api_groups {
            Known::Got(groups) if !groups.iter().any(|g| g == self.group) => return None,
            Known::Got(_) => None,
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => other.missing(),
        };
        let place = namespace.map(|ns| format!(" of namespace {ns}")).unwrap_or_default();
        Some(match groups {
            // without the groups nobody knows whether there is such a kind
            Some(why) => format!("whether there are {}.{}{place}: the API groups: {why}", self.plural, self.group),
            None => format!("the {}.{}{place}: {reason}", self.plural, self.group),
        })
    }

    fn reads(&self, cluster: &Cluster, namespace: Option<&str>, wanted: &mut Vec<Query>) {
        for (resource, store) in self.stores(cluster) {
            let query = match namespace {
                Some(namespace) => Query::within(resource.clone(), namespace),
                None => Query::all(resource.clone()),
            };
            match store.map_or(Known::Unasked, |s| s.complete(&resource, namespace)) {
                Known::Unasked => {
                    wanted.push(query);
                    return;
                }
                // this version is not served: an older one may be
                Known::Absent(_) => {}
                Known::Got(_) | Known::Denied(_) | Known::Failed(_) => return,
            }
        }
    }
}

/// Whether a policy of any kind was seen, or a network that may deny without one.
pub fn any(cluster: &Cluster) -> bool {
    let cilium = cluster.api_groups.got().is_some_and(|groups| groups.iter().any(|g| g == CILIUM.group));
    cilium || cluster.network_policies.seen().next().is_some() || ALL.iter().any(|kind| !kind.objects(cluster).is_empty())
}

/// What decisions need beside pods, namespaces and NetworkPolicies, in rounds; empty when there is nothing left to ask.
///
/// `namespaces`: of both ends; empty means all, in one list a kind. Only kinds whose API group the server has are asked for.
pub fn reads(cluster: &Cluster, namespaces: &[&str]) -> Vec<Query> {
    let mut wanted = vec![Query::all(Resource::ApiGroups)];
    wanted.retain(|query| !cluster.has(query));
    let Known::Got(groups) = &cluster.api_groups else { return wanted };
    for kind in ALL.iter().filter(|k| groups.iter().any(|g| g == k.group)) {
        if kind.namespaced && !namespaces.is_empty() {
            for namespace in namespaces {
                kind.reads(cluster, Some(namespace), &mut wanted);
            }
        } else {
            kind.reads(cluster, None, &mut wanted);
        }
    }
    if groups.iter().any(|g| g == CILIUM.group) {
        cilium(cluster, &mut wanted);
    }
    wanted.dedup();
    wanted
}

/// What Cilium's policies refer to, and its configuration.
fn cilium(cluster: &Cluster, wanted: &mut Vec<Query>) {
    let agents = cluster.workloads.seen().filter(|w| w.kind == "daemonset" && w.name == "cilium").map(|w| w.namespace.as_str());
    let mut namespaces: Vec<&str> = agents.chain(["kube-system"]).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let configs = namespaces.into_iter().map(|ns| Query::named(Resource::ConfigMaps, ns, "cilium-config"));
    wanted.extend(configs.filter(|query| !cluster.has(query)));
    let policies = CILIUM.objects(cluster).into_iter().chain(CILIUM_CLUSTERWIDE.objects(cluster));
    let texts: Vec<String> =
        policies.map(|object| object.get("spec").or(object.get("specs")).map(Value::to_string).unwrap_or_default()).collect();
    let mention = |word: &str| texts.iter().any(|text| text.contains(word));
    if mention("cidrGroup") {
        CIDR_GROUPS.reads(cluster, None, wanted);
    }
    if mention("kube-apiserver") || mention("\"cluster") {
        let slices = Query::within(Resource::EndpointSlices, "default").labelled("kubernetes.io/service-name=kubernetes");
        wanted.extend(Some(slices).filter(|query| !cluster.has(query)));
    }
}
