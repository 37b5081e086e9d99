//! From what was typed to what is there: pods, Services and ports, or one line that says what is missing.

use std::net::IpAddr;

use crate::model::{
    Cluster, Destination, Known, ObjectRef, Pod, PortRef, Protocol, Query, Question, Request, Resource, Service, ServiceKind,
    Source, Subject,
};

use super::{alias, names, node_ports, reads, routes};

/// How a read ends when the API server does not know the kind at all.
pub const NO_SUCH_KIND: &str = "this cluster has no such kind";

/// Kinds as they are written before a slash.
const KINDS: [&str; 10] = ["node", "pod", "service", "svc", "deployment", "deploy", "statefulset", "daemonset", "job", "ingress"];

/// A question that cannot be asked: one line for the cause, one for what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub cause: String,
    pub next: String,
}

/// The address the `internet` destination stands for: reserved by RFC 2606, answered by every public resolver.
pub const INTERNET: &str = "www.example.com";

/// Names in the cluster for what was typed.
///
/// # Errors
/// A source or destination that does not exist, or that could not be read: then nothing can be said of it.
pub fn question(request: &Request, cluster: &Cluster) -> Result<Question, Unresolved> {
    let mut notes = Vec::new();
    let (from, from_node) = source(request, cluster, &mut notes)?;
    let to = subject(request, cluster, &mut notes)?;
    let protocol =
        request.protocol.unwrap_or(if request.destination == Destination::Dns { Protocol::Udp } else { Protocol::Tcp });
    let (port, protocol) = port(request, cluster, &to, protocol);
    let name = dns_name(request, cluster, &to);
    Ok(Question { request: request.clone(), from, from_node, to, name, port, protocol, notes })
}

/// The namespace in which short names are completed: the source pod's own.
pub fn source_namespace(request: &Request) -> String {
    match &request.source {
        Source::Object(object) => object.namespace.clone(),
        Source::Node(_) | Source::Outside(_) => request.namespace.clone(),
    }
}

/// The kind of list that holds objects of a kind that can be a source or destination.
pub fn resource_of(kind: &str) -> Option<Resource> {
    Some(match kind {
        "pod" => Resource::Pods,
        "service" => Resource::Services,
        "deployment" => Resource::Deployments,
        "daemonset" => Resource::DaemonSets,
        "statefulset" => Resource::StatefulSets,
        "replicaset" => Resource::ReplicaSets,
        "job" => Resource::Jobs,
        "cronjob" => Resource::CronJobs,
        _ => return None,
    })
}

type From = (Option<ObjectRef>, Option<String>);

fn source(request: &Request, cluster: &Cluster, notes: &mut Vec<String>) -> Result<From, Unresolved> {
    match &request.source {
        Source::Object(object) => Ok((Some(pod_of(object, cluster, notes)?.object()), None)),
        Source::Node(name) => {
            if let Known::Absent(_) = cluster.nodes.answer(&Query::named(Resource::Nodes, "", name)) {
                return Err(node_not_found(name, cluster));
            }
            let host_pod = cluster
                .pods
                .seen()
                .find(|p| p.node.as_ref() == Some(name) && p.host_network && p.phase == "Running" && !p.mirror && p.ready);
            match host_pod {
                Some(pod) if request.deep => {
                    notes.push(format!("probes from node {name} start in {}, which shares the node's network", pod.object()));
                    Ok((Some(pod.object()), Some(name.clone())))
                }
                Some(_) | None => Ok((None, Some(name.clone()))),
            }
        }
        Source::Outside(_) => Ok((None, None)),
    }
}

/// The pod itself, or the pod of a workload that is best able to answer.
fn pod_of<'a>(object: &ObjectRef, cluster: &'a Cluster, notes: &mut Vec<String>) -> Result<&'a Pod, Unresolved> {
    let Some(resource) = resource_of(&object.kind) else {
        return Err(Unresolved {
            cause: format!("a {} has no pods to start from", object.kind),
            next: "name a pod or a workload, as pod/NAME or deploy/NAME".to_owned(),
        });
    };
    if resource == Resource::Pods {
        return cluster.pod(object).ok_or_else(|| not_found(object, &resource, cluster));
    }
    let workload =
        cluster.workloads.seen().find(|w| w.object() == *object).ok_or_else(|| not_found(object, &resource, cluster))?;
    let mut pods: Vec<&Pod> = cluster
        .pods
        .seen()
        .filter(|p| p.namespace == object.namespace && !workload.selector.is_empty() && workload.selector.matches(&p.labels))
        .collect();
    pods.sort_by_key(|p| (!p.ready, !p.is_running(), p.terminating, p.name.clone()));
    pods.dedup_by_key(|p| p.name.clone());
    let Some(pick) = pods.first() else {
        if workload.desired == Some(0) {
            let (namespace, kind, name) = (&object.namespace, &object.kind, &object.name);
            return Err(Unresolved {
                cause: format!("{object} is scaled to zero: it has no pods"),
                next: format!("kubectl -n {namespace} scale {kind} {name} --replicas=1"),
            });
        }
        return Err(Unresolved {
            cause: format!("{object} has no pods"),
            next: format!("see why: kubectl -n {} describe {} {}", object.namespace, object.kind, object.name),
        });
    };
    let which = if pods.len() == 1 { "its only pod".to_owned() } else { format!("one of its {} pods", pods.len()) };
    let note = format!("{object} stands for {}, {which}", pick.object());
    if !notes.contains(&note) {
        notes.push(note);
    }
    Ok(pick)
}

/// Why an object is not there, with the nearest thing that is.
fn not_found(object: &ObjectRef, resource: &Resource, cluster: &Cluster) -> Unresolved {
    let own = Query::named(resource.clone(), &object.namespace, &object.name);
    let answer = match object.kind.as_str() {
        "pod" => cluster.pods.answer(&own).map(|_| ()),
        "service" => cluster.services.answer(&own).map(|_| ()),
        kind if routes::resource_of(kind).is_some() => routes::answer(object, cluster),
        _ => cluster.workloads.answer(&own).map(|_| ()),
    };
    let (kind, name, namespace) = (&object.kind, &object.name, &object.namespace);
    if let Known::Denied(why) | Known::Failed(why) = &answer {
        let next = if matches!(answer, Known::Denied(_)) {
            format!(
                "ask for the rights that `kubectl netcheck rbac` prints; kubectl auth can-i get {} -n {namespace} tests them",
                resource.plural()
            )
        } else {
            unread(why)
        };
        return Unresolved { cause: format!("cannot read {kind} {name:?} in namespace {namespace}: {why}"), next };
    }
    if let Known::Absent(why) = &answer
        && why.ends_with(NO_SUCH_KIND)
    {
        return Unresolved {
            cause: format!("this cluster has no {}", resource.plural()),
            next: "name the Service behind it, or install what defines that kind".to_owned(),
        };
    }
    let cause = format!("{kind} {name:?} not found in namespace {namespace}");
    let all: Vec<(String, String)> = match object.kind.as_str() {
        "pod" => cluster.pods.seen().map(|p| (p.namespace.clone(), p.name.clone())).collect(),
        "service" => cluster.services.seen().map(|s| (s.namespace.clone(), s.name.clone())).collect(),
        kind if routes::resource_of(kind).is_some() => routes::names(kind, cluster),
        _ => cluster.workloads.seen().filter(|w| w.kind == *kind).map(|w| (w.namespace.clone(), w.name.clone())).collect(),
    };
    if let Some(known) = cluster.namespaces.complete(&Resource::Namespaces, None).got()
        && !known.iter().any(|n| n.name == *namespace)
    {
        let near = names::nearest(namespace, known.iter().map(|n| n.name.as_str()));
        // what stands before a slash may as well be a kind
        let as_kind = || names::nearest(namespace, KINDS.into_iter()).filter(|_| *kind == "pod");
        let next = match (near, as_kind()) {
            (Some(n), _) => format!("did you mean namespace {n:?}?"),
            (None, Some(kind)) => format!("did you mean {kind}/{name}?"),
            (None, None) => "list them with: kubectl get namespaces".to_owned(),
        };
        return Unresolved { cause: format!("namespace {namespace:?} not found"), next };
    }
    if let Some((elsewhere, _)) = all.iter().find(|(ns, n)| n == name && ns != namespace) {
        return Unresolved {
            cause,
            next: format!("there is one in namespace {elsewhere:?}: write {kind}/{elsewhere}/{name}, or use -n {elsewhere}"),
        };
    }
    if let Some(other) = of_another_kind(object, cluster) {
        return Unresolved { cause, next: format!("there is a {other} of that name: write {other}/{namespace}/{name}") };
    }
    let near = names::nearest(name, all.iter().filter(|(ns, _)| ns == namespace).map(|(_, n)| n.as_str()));
    let next = near.map_or_else(
        || format!("list them with: kubectl -n {namespace} get {}", resource.plural()),
        |n| format!("did you mean {kind}/{n}?"),
    );
    Unresolved { cause, next }
}

/// What to do about a read that failed for another reason than rights.
fn unread(why: &str) -> String {
    if why.contains("bundle") {
        "record it again with what this question needs: kubectl netcheck collect".to_owned()
    } else {
        "the API server or something before it failed: try again, and see kubectl get --raw /readyz".to_owned()
    }
}

/// A Service or workload of the same name and namespace, where no kind was typed or the wrong one.
fn of_another_kind(object: &ObjectRef, cluster: &Cluster) -> Option<String> {
    let same = |namespace: &str, name: &str| namespace == object.namespace && name == object.name;
    let service = cluster.services.seen().any(|s| same(&s.namespace, &s.name)).then(|| "service".to_owned());
    let workload = || cluster.workloads.seen().find(|w| same(&w.namespace, &w.name)).map(|w| w.kind.clone());
    let pod = || cluster.pods.seen().any(|p| same(&p.namespace, &p.name)).then(|| "pod".to_owned());
    service.or_else(workload).or_else(pod).filter(|kind| *kind != object.kind)
}

fn subject(request: &Request, cluster: &Cluster, notes: &mut Vec<String>) -> Result<Subject, Unresolved> {
    if let Some((namespace, name)) = service_asked(request, cluster) {
        let service = ObjectRef::service(&namespace, &name);
        if cluster.service(&namespace, &name).is_none() {
            return Err(not_found(&service, &Resource::Services, cluster));
        }
        if let Some((of, alias)) = service_named(request, cluster).filter(|named| *named != (namespace.clone(), name.clone())) {
            notes.push(format!("{} is an alias (ExternalName) for {service}", ObjectRef::service(&of, &alias)));
        }
        return Ok(Subject::Service { namespace, name });
    }
    match &request.destination {
        Destination::Object(object) if routes::resource_of(&object.kind).is_some() => match routes::answer(object, cluster) {
            Known::Got(()) => Ok(Subject::Route(object.clone())),
            Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
                Err(not_found(object, &routes::resource_of(&object.kind).unwrap_or(Resource::Ingresses), cluster))
            }
        },
        Destination::Object(object) => Ok(Subject::Pod(pod_of(object, cluster, notes)?.object())),
        Destination::Node(name) => match cluster.node(name) {
            Some(_) => Ok(Subject::Node(name.clone())),
            None => Err(node_not_found(name, cluster)),
        },
        Destination::Ip(ip) => Ok(by_ip(*ip, cluster)),
        Destination::Name(host) => Ok(Subject::Name(host.clone())),
        Destination::Url(url) => {
            let host = host_of_url(url).ok_or_else(|| Unresolved {
                cause: format!("{url:?} is not a URL that netcheck can try"),
                next: "write http://HOST[:PORT]/PATH or https://…".to_owned(),
            })?;
            Ok(host.parse().map_or_else(|_| Subject::Name(host.clone()), |ip| by_ip(ip, cluster)))
        }
        Destination::Internet => Ok(Subject::Name(INTERNET.to_owned())),
        Destination::ApiServer => Err(not_found(&ObjectRef::service("default", "kubernetes"), &Resource::Services, cluster)),
        Destination::Dns => Err(Unresolved {
            cause: format!("no Service with the label {} was found", names::DNS_LABEL),
            next: "see what runs the cluster's DNS: kubectl get services -A | grep -i dns".to_owned(),
        }),
    }
}

fn node_not_found(name: &str, cluster: &Cluster) -> Unresolved {
    let own = Query::named(Resource::Nodes, "", name);
    if let Known::Denied(why) | Known::Failed(why) = cluster.nodes.answer(&own) {
        return Unresolved {
            cause: format!("cannot read node {name:?}: {why}"),
            next: "give the node's address instead of its name".to_owned(),
        };
    }
    let near = names::nearest(name, cluster.nodes.seen().map(|n| n.name.as_str()));
    let next = near.map_or_else(|| "list them with: kubectl get nodes".to_owned(), |n| format!("did you mean node/{n}?"));
    Unresolved { cause: format!("node {name:?} not found"), next }
}

fn by_ip(ip: IpAddr, cluster: &Cluster) -> Subject {
    let node = cluster.nodes.seen().find(|n| n.internal_ips.contains(&ip));
    // a host-network pod has its node's address: the node is the better answer
    let pod = cluster.pods.seen().find(|p| !p.host_network && !p.is_finished() && p.ips.contains(&ip));
    match (pod, node) {
        (Some(pod), _) => Subject::Pod(pod.object()),
        (None, Some(node)) => Subject::Node(node.name.clone()),
        (None, None) => Subject::Ip(ip),
    }
}

/// The Service an address belongs to, for an address or URL destination.
pub fn service_by_ip(request: &Request, cluster: &Cluster) -> Option<(String, String)> {
    let ip: IpAddr = match &request.destination {
        Destination::Ip(ip) => *ip,
        Destination::Url(url) => host_of_url(url)?.parse().ok()?,
        Destination::Object(_)
        | Destination::Node(_)
        | Destination::Name(_)
        | Destination::ApiServer
        | Destination::Internet
        | Destination::Dns => return None,
    };
    cluster.services.seen().find(|s| s.cluster_ips.contains(&ip)).map(|s| (s.namespace.clone(), s.name.clone()))
}

/// The Service the destination stands for, whether or not it exists when it was named as one; behind an alias the one it stands for.
pub fn service_asked(request: &Request, cluster: &Cluster) -> Option<(String, String)> {
    Some(alias::followed(service_named(request, cluster)?, cluster))
}

/// The same before an alias is followed.
fn service_named(request: &Request, cluster: &Cluster) -> Option<(String, String)> {
    let by_name = |host: &str| {
        let (namespace, name) = names::service_of(host, &source_namespace(request), &names::domain(cluster))?;
        cluster.service(&namespace, &name).map(|_| (namespace, name))
    };
    match &request.destination {
        Destination::Object(object) if object.kind == "service" => Some((object.namespace.clone(), object.name.clone())),
        Destination::Name(host) => by_name(host),
        Destination::Url(url) => service_by_ip(request, cluster).or_else(|| by_name(&host_of_url(url)?)),
        Destination::Ip(_) => service_by_ip(request, cluster),
        Destination::ApiServer => Some(("default".to_owned(), "kubernetes".to_owned())),
        Destination::Dns => reads::dns_services(cluster).first().map(|s| (s.namespace.clone(), s.name.clone())),
        Destination::Object(_) | Destination::Node(_) | Destination::Internet => None,
    }
}

/// The host of a URL, without brackets around an IPv6 address.
pub fn host_of_url(url: &str) -> Option<String> {
    let (host, _) = split_url(url)?;
    Some(host)
}

/// Host and port of an http or https URL.
pub fn split_url(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(v6) = authority.strip_prefix('[') {
        let (host, port) = v6.split_once(']')?;
        return Some((host.to_owned(), port.strip_prefix(':').map_or(Ok(default), str::parse).ok()?));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// The port to try and its protocol. `None` for a port the Service does not have: a check says so.
fn port(request: &Request, cluster: &Cluster, to: &Subject, protocol: Protocol) -> (Option<u16>, Protocol) {
    let typed = match &request.destination {
        Destination::Url(url) => split_url(url).map(|(_, port)| PortRef::Number(port)),
        Destination::Dns if request.port.is_none() => Some(PortRef::Number(53)),
        Destination::Internet if request.port.is_none() => Some(PortRef::Number(80)),
        Destination::Object(_)
        | Destination::Node(_)
        | Destination::Ip(_)
        | Destination::Name(_)
        | Destination::ApiServer
        | Destination::Internet
        | Destination::Dns => request.port.clone(),
    };
    match to {
        Subject::Service { namespace, name } => {
            let Some(service) = cluster.service(namespace, name) else { return (None, protocol) };
            service_port(service, typed.as_ref(), request.protocol.or((protocol == Protocol::Udp).then_some(protocol)))
        }
        Subject::Pod(object) => (pod_port(cluster.pod(object), typed.as_ref(), protocol), protocol),
        Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => match typed {
            Some(PortRef::Number(port)) => (Some(port), protocol),
            Some(PortRef::Name(_)) | None => (None, protocol),
        },
    }
}

/// A Service's port by number or name; without either the first TCP port, else the first.
fn service_port(service: &Service, typed: Option<&PortRef>, protocol: Option<Protocol>) -> (Option<u16>, Protocol) {
    let fits = |p: &&crate::model::ServicePort| protocol.is_none_or(|wanted| p.protocol == wanted);
    let found = match typed {
        Some(PortRef::Number(number)) => service.ports.iter().filter(fits).find(|p| p.port == *number),
        Some(PortRef::Name(name)) => service.ports.iter().filter(fits).find(|p| p.name.as_ref() == Some(name)),
        None => service.ports.iter().filter(fits).find(|p| p.protocol == Protocol::Tcp).or(service.ports.iter().find(fits)),
    };
    if let Some(port) = found {
        return (Some(port.port), port.protocol);
    }
    let number = match typed {
        // an ExternalName Service translates nothing: the port is the far end's own
        Some(PortRef::Number(number)) if service.kind == ServiceKind::ExternalName || service.headless => Some(*number),
        Some(PortRef::Number(_) | PortRef::Name(_)) | None => None,
    };
    (number, protocol.unwrap_or_default())
}

fn pod_port(pod: Option<&Pod>, typed: Option<&PortRef>, protocol: Protocol) -> Option<u16> {
    let mut ports = pod.into_iter().flat_map(|p| &p.containers).flat_map(|c| &c.ports).filter(|p| p.protocol == protocol);
    match typed {
        Some(PortRef::Number(number)) => Some(*number),
        Some(PortRef::Name(name)) => ports.find(|p| p.name.as_ref() == Some(name)).map(|p| p.port),
        None => ports.next().map(|p| p.port),
    }
}

/// The name a client would look up for the destination.
fn dns_name(request: &Request, cluster: &Cluster, to: &Subject) -> Option<String> {
    match (&request.destination, to) {
        (Destination::Name(host), _) => Some(host.clone()),
        (Destination::Url(url), _) => host_of_url(url).filter(|host| host.parse::<IpAddr>().is_err()),
        (Destination::Internet, _) => Some(INTERNET.to_owned()),
        // a node asks its own resolver, which does not know the cluster's names
        (_, Subject::Service { .. }) if matches!(request.source, Source::Node(_) | Source::Outside(_)) => None,
        (_, Subject::Service { .. }) if !matches!(request.destination, Destination::Ip(_)) => {
            let (namespace, name) = service_named(request, cluster)?;
            // where the domain is not known the pod's search list completes the name
            Some(
                names::known_domain(cluster)
                    .map_or_else(|| format!("{name}.{namespace}.svc"), |domain| names::full_name(&namespace, &name, &domain)),
            )
        }
        (
            _,
            Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_),
        ) => None,
    }
}

/// The Services whose endpoints decide this question: the one asked for, those behind a route, or that of a node port.
pub fn services_asked(request: &Request, cluster: &Cluster) -> Vec<(String, String)> {
    if let Some(port) = node_ports::typed(request) {
        let found = node_ports::find(port, request.protocol.unwrap_or_default(), cluster);
        return found.map(|(s, _)| (s.namespace.clone(), s.name.clone())).into_iter().collect();
    }
    let Some(route) = routes::asked(request) else { return service_asked(request, cluster).into_iter().collect() };
    let mut all: Vec<(String, String)> =
        routes::backends(route, cluster).into_iter().map(|(s, _)| (s.namespace, s.name)).collect();
    all.sort();
    all.dedup();
    all.truncate(routes::MAX_PARTS);
    all
}

/// The pods whose state decides this question: source, destination, and every endpoint.
pub fn pods_involved<'a>(request: &Request, cluster: &'a Cluster) -> Vec<&'a Pod> {
    let mut objects: Vec<ObjectRef> = Vec::new();
    let mut scratch = Vec::new();
    if let Ok((Some(from), _)) = source(request, cluster, &mut scratch) {
        objects.push(from);
    }
    let services = services_asked(request, cluster);
    for service in services.iter().filter_map(|(namespace, name)| cluster.service(namespace, name)) {
        if !service.selector.is_empty() {
            let selector = crate::model::Selector::of(&service.selector);
            let selected = cluster.pods.seen().filter(|p| p.namespace == service.namespace && selector.matches(&p.labels));
            objects.extend(selected.map(Pod::object));
        }
    }
    if services.is_empty()
        && let Ok(Subject::Pod(pod)) = subject(request, cluster, &mut scratch)
    {
        objects.push(pod);
    }
    objects.sort();
    objects.dedup();
    objects.iter().filter_map(|o| cluster.pod(o)).collect()
}
