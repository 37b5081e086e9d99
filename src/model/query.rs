//! What one read asks the API server for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One list (or one named object) of one kind. The same type asks a live cluster and finds the answer in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Query {
    pub resource: Resource,
    /// `None`: all namespaces, or a cluster-wide kind.
    pub namespace: Option<String>,
    /// One object by name, read with `get`: a Role may be limited to that name.
    pub name: Option<String>,
    /// A label selector as `kubectl get -l` takes it.
    pub labels: Option<String>,
    /// A field selector as `kubectl get --field-selector` takes it.
    pub fields: Option<String>,
}

/// The kinds netcheck reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    Pods,
    Services,
    EndpointSlices,
    Nodes,
    Namespaces,
    Events,
    ConfigMaps,
    Deployments,
    DaemonSets,
    StatefulSets,
    ReplicaSets,
    Jobs,
    CronJobs,
    Ingresses,
    IngressClasses,
    NetworkPolicies,
    /// `ServiceCIDR` of networking.k8s.io/v1.
    ServiceCidrs,
    /// The API groups the server knows (`/apis`), one answer instead of a list of CRDs.
    ApiGroups,
    /// `/version`.
    Version,
    /// The last lines of a container's log; `name` is the pod, `fields` the container, `labels` is `previous` for the run before.
    Log,
    /// What a pod answers to a GET through the API server; `name` is the pod, `fields` port and path, as `10249/proxyMode`.
    PodProxy,
    /// Objects of a custom kind, as `plural.version.group`.
    Custom(String),
}

impl Query {
    fn new(resource: Resource) -> Self {
        Self { resource, namespace: None, name: None, labels: None, fields: None }
    }

    /// Every object of a kind.
    pub fn all(resource: Resource) -> Self {
        Self::new(resource)
    }

    /// Every object of a kind in one namespace.
    pub fn within(resource: Resource, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..Self::new(resource) }
    }

    /// One named object.
    pub fn named(resource: Resource, namespace: &str, name: &str) -> Self {
        let namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
        Self { namespace, name: Some(name.to_owned()), ..Self::new(resource) }
    }

    /// The last lines of a container's log, or of its previous run.
    pub fn log(namespace: &str, pod: &str, container: &str, previous: bool) -> Self {
        let labels = previous.then(|| String::from("previous"));
        Self { labels, fields: Some(container.to_owned()), ..Self::named(Resource::Log, namespace, pod) }
    }

    /// What a pod answers at a port to the GET of a path without its first slash.
    pub fn pod_proxy(namespace: &str, pod: &str, port: u16, path: &str) -> Self {
        Self { fields: Some(format!("{port}/{path}")), ..Self::named(Resource::PodProxy, namespace, pod) }
    }

    #[must_use]
    pub fn labelled(mut self, selector: &str) -> Self {
        self.labels = Some(selector.to_owned());
        self
    }

    #[must_use]
    pub fn fields(mut self, selector: &str) -> Self {
        self.fields = Some(selector.to_owned());
        self
    }

    /// It lists everything in its scope: what is not in the answer does not exist there.
    pub fn is_complete(&self) -> bool {
        self.name.is_none() && self.labels.is_none() && self.fields.is_none()
    }

    /// Everything that `other` asks for is in the answer to this one: it lists the same kind, and as much or more of it.
    pub fn covers(&self, other: &Self) -> bool {
        let is_list = !self.resource.is_text() && !matches!(self.resource, Resource::Version | Resource::ApiGroups);
        let as_wide = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        let terms =
            |fields: &Option<String>| -> Vec<String> { fields.iter().flat_map(|f| f.split(',')).map(str::to_owned).collect() };
        let narrower = terms(&other.fields);
        self == other
            || is_list
                && self.resource == other.resource
                && as_wide(&self.namespace, &other.namespace)
                && self.name.is_none()
                && as_wide(&self.labels, &other.labels)
                && terms(&self.fields).iter().all(|term| narrower.contains(term))
    }
}

impl Resource {
    /// Its answer is plain text.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Log | Self::PodProxy)
    }

    /// The plural that RBAC and URLs use.
    pub fn plural(&self) -> &str {
        match self {
            Self::Pods => "pods",
            Self::Services => "services",
            Self::EndpointSlices => "endpointslices.discovery.k8s.io",
            Self::Nodes => "nodes",
            Self::Namespaces => "namespaces",
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::Deployments => "deployments.apps",
            Self::DaemonSets => "daemonsets.apps",
            Self::StatefulSets => "statefulsets.apps",
            Self::ReplicaSets => "replicasets.apps",
            Self::Jobs => "jobs.batch",
            Self::CronJobs => "cronjobs.batch",
            Self::Ingresses => "ingresses.networking.k8s.io",
            Self::IngressClasses => "ingressclasses.networking.k8s.io",
            Self::NetworkPolicies => "networkpolicies.networking.k8s.io",
            Self::ServiceCidrs => "servicecidrs.networking.k8s.io",
            Self::ApiGroups => "API groups",
            Self::Version => "the server's version",
            Self::Log => "pods/log",
            Self::PodProxy => "pods/proxy",
            Self::Custom(plural) => plural,
        }
    }
}

impl fmt::Display for Query {
    /// As in `list pods in namespace shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "get {} {name}", self.resource.plural())?,
            None => write!(f, "list {}", self.resource.plural())?,
        }
        if let Some(namespace) = &self.namespace {
            write!(f, " in namespace {namespace}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_lists_cover_narrow_ones_and_never_the_other_way() {
        let all = Query::all(Resource::Pods);
        let shop = Query::within(Resource::Pods, "shop");
        let web = shop.clone().labelled("app=web");
        let named = Query::named(Resource::Pods, "shop", "web-1");
        for (wide, narrow) in [(&all, &shop), (&all, &web), (&all, &named), (&shop, &web), (&shop, &named)] {
            assert!(wide.covers(narrow) && !narrow.covers(wide), "{wide:?} {narrow:?}");
        }
        assert!(!web.covers(&named) && !named.covers(&web), "a list by label says nothing of an object with other labels");
        assert!(!Query::within(Resource::Pods, "bank").covers(&shop) && !all.covers(&Query::within(Resource::Services, "shop")));
        let warnings = |query: Query| query.fields("involvedObject.kind=Pod,type=Warning");
        assert!(warnings(Query::all(Resource::Events)).covers(&warnings(Query::within(Resource::Events, "shop"))));
        assert!(!warnings(Query::all(Resource::Events)).covers(&Query::within(Resource::Events, "shop")));
        let of_any_kind = Query::all(Resource::Events).fields("type=Warning");
        assert!(
            of_any_kind.covers(&warnings(Query::all(Resource::Events)))
                && !warnings(Query::all(Resource::Events)).covers(&of_any_kind)
        );
        let log = |previous| Query::log("shop", "web-1", "web", previous);
        assert!(log(true).covers(&log(true)) && !log(false).covers(&log(true)));
    }
}
