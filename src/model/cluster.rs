//! Everything that was read of one cluster.

use std::collections::BTreeMap;

use super::{
    ConfigMap, EndpointSlice, Event, Ingress, IngressClass, Known, Namespace, NetworkPolicy, Node, ObjectRef, Pod, Query,
    Resource, Service, Workload,
};

/// What was read, kind by kind. Decisions take this and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// `v1.36.3`.
    pub version: Known<String>,
    pub api_groups: Known<Vec<String>>,
    pub nodes: Store<Node>,
    pub namespaces: Store<Namespace>,
    pub pods: Store<Pod>,
    pub services: Store<Service>,
    pub endpoint_slices: Store<EndpointSlice>,
    pub events: Store<Event>,
    pub config_maps: Store<ConfigMap>,
    /// Deployments, `StatefulSets`, DaemonSets, `ReplicaSets`, Jobs and `CronJobs`.
    pub workloads: Store<Workload>,
    pub ingresses: Store<Ingress>,
    pub ingress_classes: Store<IngressClass>,
    pub network_policies: Store<NetworkPolicy>,
    /// CIDRs of the ServiceCIDR objects.
    pub service_cidrs: Store<String>,
    /// Custom objects as JSON, by `plural.version.group`.
    pub custom: BTreeMap<String, Store<serde_json::Value>>,
    /// Last lines of logs and answers of pods, by the query that asked for them.
    pub texts: BTreeMap<Query, Known<String>>,
}

/// One read and its answer.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    pub query: Query,
    pub items: Known<Vec<T>>,
}

/// All reads of one kind.
#[derive(Debug, Clone)]
pub struct Store<T> {
    pub listings: Vec<Listing<T>>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { listings: Vec::new() }
    }
}

impl<T> Store<T> {
    pub fn push(&mut self, query: Query, items: Known<Vec<T>>) {
        self.listings.push(Listing { query, items });
    }

    /// Every object that any read returned. An object may occur twice when two reads overlap.
    pub fn seen(&self) -> impl Iterator<Item = &T> {
        self.listings.iter().filter_map(|l| l.items.got()).flatten()
    }

    /// The answer of the read that lists everything in a namespace (or in all of them).
    ///
    /// `Got` is a complete list: absence from it is evidence. The caller filters by namespace, as the list may be wider.
    pub fn complete(&self, resource: &Resource, namespace: Option<&str>) -> Known<&Vec<T>> {
        let mut answer = Known::Unasked;
        for listing in &self.listings {
            let q = &listing.query;
            let covers =
                q.resource == *resource && q.is_complete() && (q.namespace.is_none() || q.namespace.as_deref() == namespace);
            if covers {
                match listing.items.as_ref() {
                    Known::Got(items) => return Known::Got(items),
                    other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => answer = other,
                }
            }
        }
        answer
    }

    /// The answer to exactly this read.
    pub fn answer(&self, query: &Query) -> Known<&Vec<T>> {
        self.listings.iter().find(|l| l.query == *query).map_or(Known::Unasked, |l| l.items.as_ref())
    }
}

impl Cluster {
    /// Whether this very read was answered, well or badly. One that a wider list covers is asked all the same: it costs no request.
    pub fn has(&self, query: &Query) -> bool {
        self.state(query) != Known::Unasked
    }

    /// How this very read went.
    pub fn state(&self, query: &Query) -> Known<()> {
        fn of<T>(known: Known<T>) -> Known<()> {
            known.map(|_| ())
        }
        match &query.resource {
            Resource::Pods => of(self.pods.answer(query)),
            Resource::Services => of(self.services.answer(query)),
            Resource::EndpointSlices => of(self.endpoint_slices.answer(query)),
            Resource::Nodes => of(self.nodes.answer(query)),
            Resource::Namespaces => of(self.namespaces.answer(query)),
            Resource::Events => of(self.events.answer(query)),
            Resource::ConfigMaps => of(self.config_maps.answer(query)),
            Resource::Deployments
            | Resource::DaemonSets
            | Resource::StatefulSets
            | Resource::ReplicaSets
            | Resource::Jobs
            | Resource::CronJobs => of(self.workloads.answer(query)),
            Resource::Ingresses => of(self.ingresses.answer(query)),
            Resource::IngressClasses => of(self.ingress_classes.answer(query)),
            Resource::NetworkPolicies => of(self.network_policies.answer(query)),
            Resource::ServiceCidrs => of(self.service_cidrs.answer(query)),
            Resource::ApiGroups => of(self.api_groups.as_ref()),
            Resource::Version => of(self.version.as_ref()),
            Resource::Log | Resource::PodProxy => self.texts.get(query).map_or(Known::Unasked, |log| of(log.as_ref())),
            Resource::Custom(kind) => self.custom.get(kind).map_or(Known::Unasked, |store| of(store.answer(query))),
        }
    }

    pub fn pod(&self, object: &ObjectRef) -> Option<&Pod> {
        self.pods.seen().find(|p| p.namespace == object.namespace && p.name == object.name)
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        self.services.seen().find(|s| s.namespace == namespace && s.name == name)
    }

    pub fn ingress(&self, object: &ObjectRef) -> Option<&Ingress> {
        self.ingresses.seen().find(|i| i.namespace == object.namespace && i.name == object.name)
    }

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.seen().find(|n| n.name == name)
    }

    pub fn config_map(&self, namespace: &str, name: &str) -> Option<&ConfigMap> {
        self.config_maps.seen().find(|c| c.namespace == namespace && c.name == name)
    }

    /// All pods of a namespace, when the list is complete.
    pub fn pods_in(&self, namespace: &str) -> Known<Vec<&Pod>> {
        self.pods.complete(&Resource::Pods, Some(namespace)).map(|all| all.iter().filter(|p| p.namespace == namespace).collect())
    }

    /// All Services of a namespace, when the list is complete.
    pub fn services_in(&self, namespace: &str) -> Known<Vec<&Service>> {
        self.services
            .complete(&Resource::Services, Some(namespace))
            .map(|all| all.iter().filter(|s| s.namespace == namespace).collect())
    }

    /// The EndpointSlices of a Service, when the namespace's list or the Service's own list was read.
    pub fn slices_of(&self, namespace: &str, service: &str) -> Known<Vec<&EndpointSlice>> {
        let own = Query::within(Resource::EndpointSlices, namespace).labelled(&format!("kubernetes.io/service-name={service}"));
        let known = match self.endpoint_slices.complete(&Resource::EndpointSlices, Some(namespace)) {
            Known::Unasked => self.endpoint_slices.answer(&own),
            answer @ (Known::Got(_) | Known::Denied(_) | Known::Absent(_) | Known::Failed(_)) => answer,
        };
        known.map(|all| all.iter().filter(|s| s.namespace == namespace && s.service.as_deref() == Some(service)).collect())
    }

    /// Adds the answer to one read of a custom kind.
    pub fn push_custom(&mut self, query: Query, items: Known<Vec<serde_json::Value>>) {
        if let Resource::Custom(kind) = &query.resource {
            self.custom.entry(kind.clone()).or_default().push(query, items);
        }
    }

    /// Objects of a custom kind, written `plural.version.group`, that any read returned, each once.
    pub fn customs(&self, kind: &str) -> Vec<&serde_json::Value> {
        let mut all: Vec<&serde_json::Value> = Vec::new();
        for object in self.custom.get(kind).into_iter().flat_map(Store::seen) {
            if !all.contains(&object) {
                all.push(object);
            }
        }
        all
    }

    /// The answer to exactly this read of a custom kind, or to one that lists everything there.
    pub fn custom_answer(&self, query: &Query) -> Known<&Vec<serde_json::Value>> {
        let Resource::Custom(kind) = &query.resource else { return Known::Unasked };
        let Some(store) = self.custom.get(kind) else { return Known::Unasked };
        match store.answer(query) {
            Known::Unasked if query.name.is_none() => store.complete(&query.resource, query.namespace.as_deref()),
            answer @ (Known::Got(_) | Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => answer,
        }
    }

    /// Warning events about an object.
    pub fn warnings_about<'a>(&'a self, object: &'a ObjectRef) -> impl Iterator<Item = &'a Event> {
        self.events.seen().filter(move |e| e.about == *object && e.kind == "Warning")
    }
}
