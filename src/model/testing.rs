//! A healthy cluster for tests, and an API server that answers reads from it.
//!
//! A test takes [`World::shop`], breaks one thing, and reads it the way a real cluster is read (`plan::testing`).

pub(crate) mod edge;
pub(crate) mod policies;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::{
    Cluster, Condition, ConfigMap, Container, ContainerPort, ContainerState, Endpoint, EndpointPort, EndpointSlice, Event,
    Ingress, IngressClass, Known, Labels, Namespace, NetworkPolicy, Node, ObjectRef, Pod, Protocol, Query, Resource, Selector,
    Service, ServicePort, Store, TargetPort, Workload,
};

/// Every object of a cluster, and what the reader may not see.
///
/// `pod/shop/client` on node1 asks `service/shop/web` (10.96.1.10:80 to 8080), behind which stand `web-1` on node2 and
/// `web-2` on node3. `kube-dns` is 10.96.0.10 with `coredns-1` on node1 and `coredns-2` on node2.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub pods: Vec<Pod>,
    pub services: Vec<Service>,
    pub slices: Vec<EndpointSlice>,
    pub nodes: Vec<Node>,
    pub namespaces: Vec<Namespace>,
    pub events: Vec<Event>,
    pub config_maps: Vec<ConfigMap>,
    pub workloads: Vec<Workload>,
    pub ingresses: Vec<Ingress>,
    pub ingress_classes: Vec<IngressClass>,
    pub network_policies: Vec<NetworkPolicy>,
    /// By pod, and whether it is the log of the run before.
    pub logs: BTreeMap<(ObjectRef, bool), String>,
    /// Custom objects by `plural.version.group`; a kind without an entry does not exist.
    pub custom: BTreeMap<String, Vec<Value>>,
    /// What pods answer through the API server; the rest is refused.
    pub answers: BTreeMap<Query, Known<String>>,
    /// Reads of these kinds are refused.
    pub denied: Vec<Resource>,
}

/// The Corefile that kubeadm writes.
pub(crate) const COREFILE: &str = "\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// `labels("app=web,tier=front")`.
pub(crate) fn labels(pairs: &str) -> Labels {
    pairs.split(',').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

pub(crate) fn node(name: &str, address: &str, pods: &str) -> Node {
    Node {
        name: name.into(),
        internal_ips: vec![ip(address)],
        pod_cidrs: vec![pods.parse().expect("a CIDR")],
        ready: Some(true),
        os: "linux".into(),
        architecture: "amd64".into(),
        ..Node::default()
    }
}

/// A running and ready pod with one container, named as the first label's value.
pub(crate) fn pod(namespace: &str, name: &str, of: &str, node: &str, address: &str, ports: &[ContainerPort]) -> Pod {
    let container = Container {
        name: of.split_once('=').expect("a label").1.to_owned(),
        ports: ports.to_vec(),
        ready: true,
        state: ContainerState::Running,
        ..Container::default()
    };
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        labels: labels(of),
        node: Some(node.into()),
        ips: vec![ip(address)],
        phase: "Running".into(),
        ready: true,
        dns_policy: Some("ClusterFirst".into()),
        conditions: vec![Condition { kind: "Ready".into(), status: "True".into(), ..Condition::default() }],
        containers: vec![container],
        ..Pod::default()
    }
}

/// A port as `named("http", 8080, Protocol::Tcp)`.
pub(crate) fn named(name: &str, port: u16, protocol: Protocol) -> ContainerPort {
    ContainerPort { name: Some(name.into()), port, protocol, host_port: None }
}

/// A Service port that sends to the same or another port of the pod.
pub(crate) fn service_port(name: &str, port: u16, target: u16, protocol: Protocol) -> ServicePort {
    ServicePort {
        name: Some(name.into()),
        port,
        protocol,
        target: TargetPort::Number(target),
        node_port: None,
        app_protocol: None,
    }
}

pub(crate) fn service(namespace: &str, name: &str, of: &str, address: &str, ports: Vec<ServicePort>) -> Service {
    Service {
        namespace: namespace.into(),
        name: name.into(),
        selector: labels(of),
        cluster_ips: vec![ip(address)],
        ports,
        ip_families: vec!["IPv4".into()],
        ..Service::default()
    }
}

/// The slice that the EndpointSlice controller would write for a Service and its pods.
pub(crate) fn slice(service: &Service, pods: &[&Pod]) -> EndpointSlice {
    let target = |port: &ServicePort| match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            pods.iter().flat_map(|p| &p.containers).flat_map(|c| &c.ports).find(|p| p.name.as_ref() == Some(name)).map(|p| p.port)
        }
    };
    EndpointSlice {
        namespace: service.namespace.clone(),
        name: format!("{}-x7k2p", service.name),
        service: Some(service.name.clone()),
        managed_by: Some("endpointslice-controller.k8s.io".into()),
        address_type: "IPv4".into(),
        ports: service
            .ports
            .iter()
            .map(|p| EndpointPort { name: p.name.clone(), port: target(p), protocol: p.protocol })
            .collect(),
        endpoints: pods
            .iter()
            .map(|p| Endpoint {
                addresses: p.ips.iter().map(ToString::to_string).collect(),
                ready: p.ready,
                serving: p.ready,
                terminating: p.terminating,
                target: Some(p.object()),
                node: p.node.clone(),
                ..Endpoint::default()
            })
            .collect(),
    }
}

impl World {
    /// The healthy cluster.
    pub(crate) fn shop() -> Self {
        let http = [named("http", 8080, Protocol::Tcp)];
        let dns = [named("dns", 53, Protocol::Udp), named("dns-tcp", 53, Protocol::Tcp)];
        let mut kube_dns = service(
            "kube-system",
            "kube-dns",
            "k8s-app=kube-dns",
            "10.96.0.10",
            vec![service_port("dns", 53, 53, Protocol::Udp), service_port("dns-tcp", 53, 53, Protocol::Tcp)],
        );
        kube_dns.labels = labels("k8s-app=kube-dns,kubernetes.io/name=CoreDNS");
        let mut coredns = [
            pod("kube-system", "coredns-1", "k8s-app=kube-dns", "node1", "10.244.1.2", &dns),
            pod("kube-system", "coredns-2", "k8s-app=kube-dns", "node2", "10.244.2.2", &dns),
        ];
        for pod in &mut coredns {
            pod.dns_policy = Some("Default".into());
            pod.owner = Some(("replicaset".into(), "coredns-6f9".into()));
            pod.containers[0].name = "coredns".into();
        }
        let deployment = Workload {
            kind: "deployment".into(),
            namespace: "kube-system".into(),
            name: "coredns".into(),
            labels: labels("k8s-app=kube-dns"),
            selector: Selector::of(&labels("k8s-app=kube-dns")),
            pod_labels: labels("k8s-app=kube-dns"),
            desired: Some(2),
            ready: Some(2),
            ..Workload::default()
        };
        let config = |name: &str, file: &str, text: &str| ConfigMap {
            namespace: "kube-system".into(),
            name: name.into(),
            data: [(file.to_owned(), text.to_owned())].into(),
        };
        let mut world = Self {
            nodes: vec![
                node("node1", "172.18.0.1", "10.244.1.0/24"),
                node("node2", "172.18.0.2", "10.244.2.0/24"),
                node("node3", "172.18.0.3", "10.244.3.0/24"),
            ],
            namespaces: ["default", "kube-system", "shop"]
                .map(|name| Namespace { name: name.into(), ..Namespace::default() })
                .into(),
            pods: vec![
                pod("shop", "client", "app=client", "node1", "10.244.1.5", &[]),
                pod("shop", "web-1", "app=web", "node2", "10.244.2.10", &http),
                pod("shop", "web-2", "app=web", "node3", "10.244.3.10", &http),
            ],
            services: vec![
                service("default", "kubernetes", "", "10.96.0.1", vec![service_port("https", 443, 6443, Protocol::Tcp)]),
                kube_dns,
                service("shop", "web", "app=web", "10.96.1.10", vec![service_port("http", 80, 8080, Protocol::Tcp)]),
            ],
            config_maps: vec![
                config("coredns", "Corefile", COREFILE),
                config("kube-proxy", "config.conf", "kind: KubeProxyConfiguration\nmode: iptables\n"),
            ],
            workloads: vec![deployment],
            ..Self::default()
        };
        world.pods.extend(coredns);
        world.write_slices();
        world
    }

    /// Writes the slices of every Service with a selector anew, as the controller does after a change.
    pub(crate) fn write_slices(&mut self) {
        self.slices.clear();
        for service in self.services.iter().filter(|s| !s.selector.is_empty()) {
            let selector = Selector::of(&service.selector);
            let pods: Vec<&Pod> =
                self.pods.iter().filter(|p| p.namespace == service.namespace && selector.matches(&p.labels)).collect();
            self.slices.push(slice(service, &pods));
        }
    }

    pub(crate) fn pod(&mut self, name: &str) -> &mut Pod {
        self.pods.iter_mut().find(|p| p.name == name).expect("a pod of that name")
    }

    pub(crate) fn service(&mut self, name: &str) -> &mut Service {
        self.services.iter_mut().find(|s| s.name == name).expect("a Service of that name")
    }

    pub(crate) fn slice_of(&mut self, service: &str) -> &mut EndpointSlice {
        self.slices.iter_mut().find(|s| s.service.as_deref() == Some(service)).expect("a slice of that Service")
    }

    /// The pod is not ready, and no longer takes traffic: its container waits.
    pub(crate) fn crash(&mut self, name: &str, waits: &str, exit_code: i32, ended: &str) {
        let pod = self.pod(name);
        pod.ready = false;
        pod.conditions[0].status = "False".into();
        let container = &mut pod.containers[0];
        container.ready = false;
        container.restarts = 7;
        container.state = ContainerState::Waiting { reason: waits.into(), message: String::new() };
        container.last = ContainerState::Terminated { exit_code, reason: ended.into(), message: String::new() };
        self.write_slices();
    }

    /// Answers one read as the API server would, into the cluster.
    pub(crate) fn ask(&self, cluster: &mut Cluster, query: &Query) {
        let denied = self.denied.contains(&query.resource).then(|| format!("{query} is forbidden"));
        match &query.resource {
            Resource::Pods => push(&mut cluster.pods, query, denied, &self.pods),
            Resource::Services => push(&mut cluster.services, query, denied, &self.services),
            Resource::EndpointSlices => push(&mut cluster.endpoint_slices, query, denied, &self.slices),
            Resource::Nodes => push(&mut cluster.nodes, query, denied, &self.nodes),
            Resource::Namespaces => push(&mut cluster.namespaces, query, denied, &self.namespaces),
            Resource::Events => push(&mut cluster.events, query, denied, &self.events),
            Resource::ConfigMaps => push(&mut cluster.config_maps, query, denied, &self.config_maps),
            Resource::Deployments
            | Resource::DaemonSets
            | Resource::StatefulSets
            | Resource::ReplicaSets
            | Resource::Jobs
            | Resource::CronJobs => push(&mut cluster.workloads, query, denied, &self.workloads),
            Resource::NetworkPolicies => push(&mut cluster.network_policies, query, denied, &self.network_policies),
            Resource::Ingresses => push(&mut cluster.ingresses, query, denied, &self.ingresses),
            Resource::IngressClasses => push(&mut cluster.ingress_classes, query, denied, &self.ingress_classes),
            Resource::ServiceCidrs => {
                let known = denied.map_or(Known::Got(vec!["10.96.0.0/16".into()]), Known::Denied);
                cluster.service_cidrs.push(query.clone(), known);
            }
            Resource::ApiGroups => {
                let groups = self.custom.keys().filter_map(|kind| kind.splitn(3, '.').nth(2));
                cluster.api_groups = Known::Got(groups.map(str::to_owned).collect());
            }
            Resource::Version => cluster.version = Known::Got("v1.36.3".into()),
            Resource::PodProxy => {
                let text = self.answers.get(query).cloned().unwrap_or_else(|| Known::Denied(query.to_string()));
                cluster.texts.insert(query.clone(), text);
            }
            Resource::Log => {
                let pod = ObjectRef::pod(query.namespace.as_deref().unwrap_or(""), query.name.as_deref().unwrap_or(""));
                let text = self.logs.get(&(pod, query.labels.is_some())).cloned().unwrap_or_default();
                cluster.texts.insert(query.clone(), denied.map_or(Known::Got(text), Known::Denied));
            }
            Resource::Custom(kind) => cluster.push_custom(query.clone(), self.custom(kind, query, denied)),
        }
    }
}

impl World {
    fn custom(&self, kind: &str, query: &Query, denied: Option<String>) -> Known<Vec<Value>> {
        let Some(all) = self.custom.get(kind) else {
            return Known::Absent(format!("{query}: this cluster has no such kind"));
        };
        if let Some(why) = denied {
            return Known::Denied(why);
        }
        let found: Vec<Value> = all.iter().filter(|o| o.is_asked(query)).cloned().collect();
        let absent = query.name.is_some() && found.is_empty();
        if absent { Known::Absent(format!("{query}: not found")) } else { Known::Got(found) }
    }
}

fn push<T: Object>(store: &mut Store<T>, query: &Query, denied: Option<String>, all: &[T]) {
    if let Some(why) = denied {
        store.push(query.clone(), Known::Denied(why));
        return;
    }
    let found: Vec<T> = all.iter().filter(|o| o.is_asked(query)).cloned().collect();
    let absent = query.name.is_some() && found.is_empty();
    store.push(query.clone(), if absent { Known::Absent(format!("{query}: not found")) } else { Known::Got(found) });
}

/// What a query can select an object by.
trait Object: Clone {
    /// Namespace and name.
    fn id(&self) -> (String, String);
    fn labels(&self) -> Labels {
        Labels::new()
    }
    fn field(&self, field: &str) -> Option<String> {
        (field == "metadata.name").then(|| self.id().1)
    }
    fn is_of(&self, _resource: &Resource) -> bool {
        true
    }

    fn is_asked(&self, query: &Query) -> bool {
        let (namespace, name) = self.id();
        let mut fields = query.fields.as_deref().unwrap_or("").split(',').filter_map(|f| f.split_once('='));
        self.is_of(&query.resource)
            && query.namespace.as_ref().is_none_or(|n| *n == namespace)
            && query.name.as_ref().is_none_or(|n| *n == name)
            && query.labels.as_ref().is_none_or(|l| Selector::of(&labels(l)).matches(&self.labels()))
            && fields.all(|(field, value)| self.field(field).as_deref() == Some(value))
    }
}

impl Object for Pod {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
    fn labels(&self) -> Labels {
        self.labels.clone()
    }
    fn field(&self, field: &str) -> Option<String> {
        match field {
            "metadata.name" => Some(self.name.clone()),
            "spec.nodeName" => self.node.clone(),
            "status.podIP" => self.ips.first().map(ToString::to_string),
            _ => panic!("the API server knows no field {field} of pods"),
        }
    }
}

impl Object for Service {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
    fn labels(&self) -> Labels {
        self.labels.clone()
    }
    fn field(&self, field: &str) -> Option<String> {
        match field {
            "metadata.name" => Some(self.name.clone()),
            "spec.clusterIP" => self.cluster_ips.first().map(ToString::to_string),
            _ => panic!("the API server knows no field {field} of Services"),
        }
    }
}

impl Object for EndpointSlice {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
    fn labels(&self) -> Labels {
        self.service.iter().map(|s| ("kubernetes.io/service-name".to_owned(), s.clone())).collect()
    }
}

impl Object for Node {
    fn id(&self) -> (String, String) {
        (String::new(), self.name.clone())
    }
    fn labels(&self) -> Labels {
        self.labels.clone()
    }
}

impl Object for Namespace {
    fn id(&self) -> (String, String) {
        (String::new(), self.name.clone())
    }
}

impl Object for Event {
    fn id(&self) -> (String, String) {
        (self.about.namespace.clone(), String::new())
    }
    fn field(&self, field: &str) -> Option<String> {
        match field {
            "involvedObject.kind" => Some(match self.about.kind.as_str() {
                "pod" => "Pod".into(),
                "ingress" => "Ingress".into(),
                "replicaset" => "ReplicaSet".into(),
                other => other.to_owned(),
            }),
            "involvedObject.name" => Some(self.about.name.clone()),
            "type" => Some(self.kind.clone()),
            "reason" => Some(self.reason.clone()),
            _ => panic!("the API server knows no field {field} of events"),
        }
    }
}

impl Object for ConfigMap {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}

impl Object for Workload {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
    fn labels(&self) -> Labels {
        self.labels.clone()
    }
    fn is_of(&self, resource: &Resource) -> bool {
        resource.plural().split('.').next() == Some(&format!("{}s", self.kind))
    }
}

impl Object for NetworkPolicy {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}

impl Object for Ingress {
    fn id(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}

impl Object for Value {
    fn id(&self) -> (String, String) {
        let text = |pointer: &str| self.pointer(pointer).and_then(Self::as_str).unwrap_or_default().to_owned();
        (text("/metadata/namespace"), text("/metadata/name"))
    }

    fn labels(&self) -> Labels {
        let pairs = self.pointer("/metadata/labels").and_then(Self::as_object);
        pairs.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
    }
}

impl Object for IngressClass {
    fn id(&self) -> (String, String) {
        (String::new(), self.name.clone())
    }
}
