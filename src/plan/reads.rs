//! Which lists a pair question needs, asked for in rounds: each round sees what the one before brought.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{
    Cluster, Container, ContainerState, Destination, Known, ObjectRef, Pod, Query, Request, Resource, Service, ServiceKind,
    Source,
};

use crate::checks;
use crate::model::extension::API_SERVICES;

use super::names::{self, DNS_LABEL, DNS_NAMESPACE};
use super::{alias, node_ports, owner, policy_reads, resolve, routes};

/// More nodes than this are listed in one request rather than read one by one.
const NODES_BY_NAME: usize = 4;

/// The DNS Service of `OpenShift` (openshift/cluster-dns-operator).
const OPENSHIFT_DNS: (&str, &str) = ("openshift-dns", "dns-default");

/// What to read next; empty when the question has all it needs.
pub fn next(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let mut wanted = Wanted { cluster, queries: Vec::new() };
    wanted.push(Query::all(Resource::Version));
    source(request, &mut wanted);
    destination(request, &mut wanted);
    // a controller goes to the endpoints it reads from the API: the cluster's DNS plays no part
    if routes::asked(request).is_none() {
        dns(&mut wanted);
    }
    backends(request, &mut wanted);
    for query in checks::addresses::reads(request, cluster) {
        wanted.push(query);
    }
    troubled(request, &mut wanted);
    for query in policy_reads::of_pair(request, cluster) {
        wanted.push(query);
    }
    wanted.queries
}

/// What every question reads of the cluster's DNS.
pub fn of_dns(cluster: &Cluster) -> Vec<Query> {
    let mut wanted = Wanted { cluster, queries: Vec::new() };
    dns(&mut wanted);
    troubled_dns(&mut wanted);
    wanted.queries
}

/// The endpoints of a Service, their pods, and the policies of its namespace.
pub fn of_service(service: &Service, cluster: &Cluster) -> Vec<Query> {
    let mut wanted = Wanted { cluster, queries: Vec::new() };
    self::service(&service.namespace, &service.name, &mut wanted);
    pods_behind(service, &mut wanted);
    wanted.queries
}

/// Collects what nobody has asked yet.
pub(super) struct Wanted<'a> {
    pub cluster: &'a Cluster,
    queries: Vec<Query>,
}

impl Wanted<'_> {
    pub(super) fn push(&mut self, query: Query) {
        if !self.cluster.has(&query) && !self.queries.contains(&query) {
            self.queries.push(query);
        }
    }
}

fn source(request: &Request, wanted: &mut Wanted<'_>) {
    match &request.source {
        Source::Object(object) => object_and_pods(object, wanted),
        Source::Node(name) => {
            let own = Query::named(Resource::Nodes, "", name);
            wanted.push(own.clone());
            if matches!(wanted.cluster.nodes.answer(&own), Known::Absent(_)) {
                wanted.push(Query::all(Resource::Nodes));
            }
            wanted.push(Query::all(Resource::Pods).fields(&format!("spec.nodeName={name}")));
        }
        Source::Outside(_) => {}
    }
    if let Source::Object(object) = &request.source {
        wanted.push(Query::within(Resource::NetworkPolicies, &object.namespace));
    }
    wanted.push(Query::named(Resource::ConfigMaps, DNS_NAMESPACE, "kube-proxy"));
}

/// A pod by name, or a workload with the pods it selects; when it is not there, what its name might have been.
fn object_and_pods(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    let Some(resource) = resolve::resource_of(&object.kind) else { return };
    let own = Query::named(resource.clone(), &object.namespace, &object.name);
    wanted.push(own.clone());
    if resource == Resource::Pods {
        let missing = matches!(wanted.cluster.pods.answer(&own), Known::Absent(_));
        if missing {
            suggestions(&resource, object, wanted);
            // a name without a kind is taken for a pod's, and is more often a Service's
            wanted.push(Query::named(Resource::Services, &object.namespace, &object.name));
            wanted.push(Query::named(Resource::Deployments, &object.namespace, &object.name));
        }
        return;
    }
    match wanted.cluster.workloads.answer(&own) {
        Known::Got(found) => {
            for workload in found.iter().filter(|w| !w.selector.is_empty()) {
                wanted.push(Query::within(Resource::Pods, &object.namespace).labelled(&workload.selector.to_string()));
            }
        }
        Known::Absent(_) => suggestions(&resource, object, wanted),
        Known::Denied(_) | Known::Failed(_) | Known::Unasked => {}
    }
}

/// Lists that turn "not found" into "did you mean".
pub(super) fn suggestions(resource: &Resource, object: &ObjectRef, wanted: &mut Wanted<'_>) {
    wanted.push(Query::within(resource.clone(), &object.namespace));
    wanted.push(Query::all(resource.clone()).fields(&format!("metadata.name={}", object.name)));
    wanted.push(Query::all(Resource::Namespaces));
}

fn destination(request: &Request, wanted: &mut Wanted<'_>) {
    match &request.destination {
        Destination::Object(object) if object.kind == "service" => service(&object.namespace, &object.name, wanted),
        Destination::Object(object) if routes::resource_of(&object.kind).is_some() => routes::reads::route(object, wanted),
        Destination::Object(object) => {
            object_and_pods(object, wanted);
            wanted.push(Query::within(Resource::NetworkPolicies, &object.namespace));
        }
        Destination::Node(name) => {
            let own = Query::named(Resource::Nodes, "", name);
            wanted.push(own.clone());
            if matches!(wanted.cluster.nodes.answer(&own), Known::Absent(_)) {
                wanted.push(Query::all(Resource::Nodes));
            }
            // a node port is found by no selector
            if node_ports::typed(request).is_some() {
                wanted.push(Query::all(Resource::Services));
            }
        }
        Destination::Ip(ip) => address(*ip, wanted),
        Destination::Name(host) => host_name(host, request, wanted),
        Destination::Url(url) => {
            if let Some(host) = resolve::host_of_url(url) {
                match host.parse() {
                    Ok(ip) => address(ip, wanted),
                    Err(_) => host_name(&host, request, wanted),
                }
            }
        }
        Destination::ApiServer => {
            service("default", "kubernetes", wanted);
            wanted.push(Query::all(Resource::Custom(API_SERVICES.to_owned())));
        }
        Destination::Internet | Destination::Dns => {}
    }
    // the Service that an address turned out to be
    if let Some((namespace, name)) = resolve::service_by_ip(request, wanted.cluster) {
        service(&namespace, &name, wanted);
    }
}

/// Who has an address. A selector by field knows only the first address of a pod or Service, so where both families are in use and
/// nobody was found, everything is listed.
fn address(ip: IpAddr, wanted: &mut Wanted<'_>) {
    wanted.push(owner::pods(ip));
    wanted.push(owner::services(ip));
    wanted.push(Query::all(Resource::Nodes));
    wanted.push(Query::all(Resource::ServiceCidrs));
    if owner::needs_all(ip, wanted.cluster) {
        wanted.push(Query::all(Resource::Pods));
        wanted.push(Query::all(Resource::Services));
    }
}

/// A Service by name, with its endpoints, and the one it is an alias for.
pub(super) fn service(namespace: &str, name: &str, wanted: &mut Wanted<'_>) {
    let own = Query::named(Resource::Services, namespace, name);
    wanted.push(own.clone());
    if matches!(wanted.cluster.services.answer(&own), Known::Absent(_)) {
        suggestions(&Resource::Services, &ObjectRef::service(namespace, name), wanted);
        return;
    }
    let (namespace, name) = alias::followed((namespace.to_owned(), name.to_owned()), wanted.cluster);
    let target = wanted.cluster.service(&namespace, &name).and_then(|s| alias::target(s, wanted.cluster));
    if let Some((to, other)) = target.filter(|t| *t != (namespace.clone(), name.clone())) {
        let own = Query::named(Resource::Services, &to, &other);
        wanted.push(own.clone());
        if matches!(wanted.cluster.services.answer(&own), Known::Absent(_)) {
            suggestions(&Resource::Services, &ObjectRef::service(&to, &other), wanted);
        }
    }
    let (namespace, name) = (namespace.as_str(), name.as_str());
    wanted.push(Query::within(Resource::EndpointSlices, namespace).labelled(&format!("kubernetes.io/service-name={name}")));
    wanted.push(Query::within(Resource::NetworkPolicies, namespace));
}

/// A DNS name: the Service it may stand for, and what else it may have meant.
fn host_name(host: &str, request: &Request, wanted: &mut Wanted<'_>) {
    let domain = names::domain(wanted.cluster);
    let Some((namespace, name)) = names::service_of(host, &resolve::source_namespace(request), &domain) else { return };
    let own = Query::named(Resource::Services, &namespace, &name);
    wanted.push(own.clone());
    match wanted.cluster.services.answer(&own) {
        Known::Got(_) => service(&namespace, &name, wanted),
        Known::Absent(_) => {
            wanted.push(Query::all(Resource::Services).fields(&format!("metadata.name={name}")));
            wanted.push(Query::all(Resource::Namespaces));
            // a public name has no namespace of the cluster in it: nothing of that namespace is listed then
            let known = wanted.cluster.namespaces.complete(&Resource::Namespaces, None);
            if known.got().is_some_and(|all| all.iter().any(|n| n.name == namespace)) {
                wanted.push(Query::within(Resource::Services, &namespace));
            }
        }
        Known::Denied(_) | Known::Failed(_) | Known::Unasked => {}
    }
}

/// The cluster's DNS: every question with a name depends on it.
fn dns(wanted: &mut Wanted<'_>) {
    let own = Query::within(Resource::Services, DNS_NAMESPACE).labelled(DNS_LABEL);
    wanted.push(own.clone());
    let pods = Query::within(Resource::Pods, DNS_NAMESPACE).labelled(DNS_LABEL);
    wanted.push(pods);
    let corefile = Query::named(Resource::ConfigMaps, DNS_NAMESPACE, "coredns");
    wanted.push(corefile.clone());
    if wanted.cluster.services.answer(&own).got().is_some_and(|found| found.is_empty()) {
        let everywhere = Query::all(Resource::Services).labelled(DNS_LABEL);
        wanted.push(everywhere.clone());
        if wanted.cluster.services.answer(&everywhere).got().is_some_and(|found| found.is_empty()) {
            wanted.push(Query::named(Resource::Services, OPENSHIFT_DNS.0, OPENSHIFT_DNS.1));
        }
    }
    let services: Vec<Service> = dns_services(wanted.cluster).into_iter().cloned().collect();
    for service in services {
        let label = format!("kubernetes.io/service-name={}", service.name);
        wanted.push(Query::within(Resource::EndpointSlices, &service.namespace).labelled(&label));
        // they may keep the source's queries out
        wanted.push(Query::within(Resource::NetworkPolicies, &service.namespace));
        if service.namespace != DNS_NAMESPACE && !service.selector.is_empty() {
            let selector = crate::model::Selector::of(&service.selector).to_string();
            wanted.push(Query::within(Resource::Pods, &service.namespace).labelled(&selector));
        }
        // RKE2 and OpenShift name the ConfigMap as the Service
        if service.namespace != DNS_NAMESPACE || matches!(wanted.cluster.config_maps.answer(&corefile), Known::Absent(_)) {
            wanted.push(Query::named(Resource::ConfigMaps, &service.namespace, &service.name));
        }
        dns_without_pods(&service, wanted);
    }
}

/// No pod is behind the DNS Service: was its Deployment scaled to zero?
fn dns_without_pods(service: &Service, wanted: &mut Wanted<'_>) {
    let pods = wanted.cluster.pods.answer(&Query::within(Resource::Pods, &service.namespace).labelled(DNS_LABEL));
    let gone = |pods: &&Vec<Pod>| pods.iter().all(|p| p.is_finished() || p.terminating);
    if !service.selector.is_empty() && pods.got().is_some_and(gone) {
        wanted.push(Query::within(Resource::Deployments, &service.namespace).labelled(DNS_LABEL));
    }
}

/// The DNS Services that were seen, each once: those with the DNS label, and `OpenShift`'s, which has another.
///
/// The first is the one whose endpoints are looked at: it has port 53 and, where there are several, the usual name.
pub fn dns_services(cluster: &Cluster) -> Vec<&Service> {
    let mut seen = BTreeSet::new();
    let is_dns = |s: &&Service| {
        s.labels.get("k8s-app").is_some_and(|v| v == "kube-dns") || (s.namespace.as_str(), s.name.as_str()) == OPENSHIFT_DNS
    };
    let each_once = |s: &&Service| seen.insert((s.namespace.clone(), s.name.clone()));
    let mut found: Vec<&Service> = cluster.services.seen().filter(is_dns).filter(each_once).collect();
    found.sort_by_key(|s| (!s.ports.iter().any(|p| p.port == 53), s.name != "kube-dns"));
    found
}

/// The pods behind the destination Service, and the nodes that the traffic touches.
fn backends(request: &Request, wanted: &mut Wanted<'_>) {
    for (namespace, name) in resolve::services_asked(request, wanted.cluster) {
        let Some(service) = wanted.cluster.service(&namespace, &name).cloned() else { continue };
        // the node port of a node is known only now
        if matches!(request.destination, Destination::Node(_)) {
            self::service(&namespace, &name, wanted);
        }
        if service.external_local && service.kind == ServiceKind::NodePort {
            wanted.push(Query::all(Resource::Nodes));
        }
        // what the API server itself calls there matters only when nobody answers
        if checks::extensions::may_be_called(&service) && checks::extensions::is_dead(&service, wanted.cluster) {
            for query in checks::extensions::lists() {
                wanted.push(query);
            }
        }
        pods_behind(&service, wanted);
    }
    nodes(request, wanted);
}

/// Most addresses of a Service without a selector whose pods are looked for one by one.
const BY_HAND: usize = 4;

/// Who has the addresses that somebody wrote into a slice.
fn written_by_hand(service: &Service, wanted: &mut Wanted<'_>) {
    let is_api_server = (service.namespace.as_str(), service.name.as_str()) == ("default", "kubernetes");
    if !service.selector.is_empty() || is_api_server {
        return;
    }
    let slices = wanted.cluster.slices_of(&service.namespace, &service.name);
    let endpoints = slices.got().into_iter().flatten().flat_map(|s| &s.endpoints).filter(|e| e.target.is_none());
    let ips: Vec<IpAddr> = endpoints.flat_map(|e| &e.addresses).filter_map(|a| a.parse().ok()).take(BY_HAND).collect();
    for ip in ips {
        wanted.push(owner::pods(ip));
        wanted.push(Query::all(Resource::Nodes));
    }
}

fn pods_behind(service: &Service, wanted: &mut Wanted<'_>) {
    written_by_hand(service, wanted);
    let (namespace, name) = (&service.namespace, &service.name);
    if !service.selector.is_empty() {
        let selector = crate::model::Selector::of(&service.selector).to_string();
        let selected = Query::within(Resource::Pods, namespace).labelled(&selector);
        wanted.push(selected.clone());
        // nobody is selected, or a slice names a pod that is not selected: look at the whole namespace for the reason
        if let Known::Got(pods) = wanted.cluster.pods.answer(&selected) {
            let known: BTreeSet<String> = pods.iter().flat_map(|p| &p.ips).map(ToString::to_string).collect();
            let slices = wanted.cluster.slices_of(namespace, name);
            let mut addresses = slices.got().into_iter().flatten().flat_map(|s| &s.endpoints).flat_map(|e| &e.addresses);
            let stranger = addresses.any(|a| !known.contains(a));
            if pods.is_empty() || stranger {
                wanted.push(Query::within(Resource::Pods, namespace));
            }
            if pods.is_empty() {
                wanted.push(Query::within(Resource::Deployments, namespace));
                wanted.push(Query::within(Resource::StatefulSets, namespace));
                if wants_pods(service, wanted.cluster) {
                    wanted.push(creation_warnings(Query::within(Resource::Events, namespace)));
                }
            }
        }
    }
}

/// A workload is meant to make the Service's pods.
fn wants_pods(service: &Service, cluster: &Cluster) -> bool {
    let selector = crate::model::Selector::of(&service.selector);
    let mut all = cluster.workloads.seen().filter(|w| w.namespace == service.namespace && selector.matches(&w.pod_labels));
    all.any(|w| w.desired != Some(0))
}

fn nodes(request: &Request, wanted: &mut Wanted<'_>) {
    let mut names: BTreeSet<String> =
        resolve::pods_involved(request, wanted.cluster).iter().filter_map(|p| p.node.clone()).collect();
    if let Source::Node(name) = &request.source {
        names.insert(name.clone());
    }
    if names.len() > NODES_BY_NAME {
        wanted.push(Query::all(Resource::Nodes));
        return;
    }
    for name in names {
        wanted.push(Query::named(Resource::Nodes, "", &name));
    }
}

/// Events and logs of pods that are not well.
fn troubled(request: &Request, wanted: &mut Wanted<'_>) {
    let unwell = |p: &&&Pod| !p.ready && !p.is_finished();
    let namespaces: BTreeSet<String> =
        resolve::pods_involved(request, wanted.cluster).iter().filter(unwell).map(|p| p.namespace.clone()).collect();
    for namespace in namespaces {
        wanted.push(pod_warnings(Query::within(Resource::Events, &namespace)));
    }
    troubled_dns(wanted);
}

/// Warnings about pods.
fn pod_warnings(events: Query) -> Query {
    events.fields("involvedObject.kind=Pod,type=Warning")
}

/// Warnings about Ingresses: their controllers write them.
pub(crate) fn ingress_warnings(events: Query) -> Query {
    events.fields("involvedObject.kind=Ingress,type=Warning")
}

/// Why controllers cannot create pods (`FailedCreatePodReason`, pkg/controller, Kubernetes 1.36).
pub(crate) fn creation_warnings(events: Query) -> Query {
    events.fields("reason=FailedCreate,type=Warning")
}

/// Events and logs of the cluster's DNS, where it is not well.
fn troubled_dns(wanted: &mut Wanted<'_>) {
    let is_dns = |p: &&Pod| p.labels.get("k8s-app").is_some_and(|v| v == "kube-dns");
    let dns_pods: Vec<Pod> =
        wanted.cluster.pods.seen().filter(is_dns).filter(|p| !p.ready && !p.is_finished()).cloned().collect();
    for pod in dns_pods {
        wanted.push(pod_warnings(Query::within(Resource::Events, &pod.namespace)));
        // a container that never started has no log
        let started =
            |c: &&Container| c.restarts > 0 || matches!(c.state, ContainerState::Running | ContainerState::Terminated { .. });
        if let Some(container) = pod.containers.iter().filter(started).find(|c| !c.ready) {
            wanted.push(Query::log(&pod.namespace, &pod.name, &container.name, container.restarts > 0));
        }
    }
}
