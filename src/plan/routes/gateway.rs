//! Gateways and the routes that attach to them.

use crate::model::gateway::{
    GATEWAYS, GRPC_ROUTES, Gateway, HTTP_ROUTES, Listener, Match, Reference, Route, Rule, common_host, view,
};
use crate::model::{Cluster, Known, ObjectRef, PortRef, Query, Resource};

use super::{Address, Door, Entry};

/// The label of the Services that a controller makes for a Gateway (GEP-1762).
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What comes of one parent reference of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachment {
    /// These listeners take the route, each with the hosts it serves for it. `None` is every host.
    On(Vec<(Listener, Vec<Option<String>>)>),
    /// No listener has that name or port.
    NoListener,
    /// The listeners that are meant are not for this kind of route.
    NotItsKind,
    /// They take no routes of this namespace.
    NotAllowed(String),
    /// None of its hosts falls under theirs.
    NoHost,
    /// What decides it was not read.
    Unknown(String),
}

pub fn gateway(object: &ObjectRef, cluster: &Cluster) -> Option<Gateway> {
    let all = cluster.customs(GATEWAYS).into_iter().filter_map(view::<Gateway>);
    all.into_iter().find(|g| g.object() == *object)
}

pub fn route(object: &ObjectRef, cluster: &Cluster) -> Option<Route> {
    routes(cluster).into_iter().find(|r| r.object() == *object)
}

/// Every HTTPRoute and GRPCRoute that was read.
pub fn routes(cluster: &Cluster) -> Vec<Route> {
    let of = |kind: &str, name: &str| {
        let routes = cluster.customs(kind).into_iter().filter_map(view::<Route>);
        // items of a list do not always say their kind
        routes.map(|r| Route { kind: name.to_owned(), ..r }).collect::<Vec<_>>()
    };
    [of(HTTP_ROUTES, "HTTPRoute"), of(GRPC_ROUTES, "GRPCRoute")].concat()
}

/// Whether a Gateway was read.
pub fn answer(gateway: &ObjectRef, cluster: &Cluster) -> Known<()> {
    let own = Query::named(Resource::Custom(GATEWAYS.to_owned()), &gateway.namespace, &gateway.name);
    cluster.custom_answer(&own).map(|_| ())
}

/// The Gateways a route names, each with the reference that names it.
pub fn parents(route: &Route) -> Vec<(&Reference, ObjectRef)> {
    let own = &route.metadata.namespace;
    route.spec.parent_refs.iter().filter_map(|p| Some((p, p.gateway(own)?))).collect()
}

/// Whether a route attaches to a Gateway it names (`parentRefs`, `listeners[].allowedRoutes` and `hostnames`, Gateway API v1).
pub fn attach(route: &Route, parent: &Reference, gateway: &Gateway, cluster: &Cluster) -> Attachment {
    let meant = |l: &&Listener| {
        parent.section_name.as_ref().is_none_or(|name| l.name == *name) && parent.port.is_none_or(|port| l.port == port)
    };
    let meant: Vec<&Listener> = gateway.spec.listeners.iter().filter(meant).collect();
    if meant.is_empty() {
        return Attachment::NoListener;
    }
    let of_kind: Vec<&Listener> = meant.into_iter().filter(|l| takes_kind(l, &route.kind)).collect();
    if of_kind.is_empty() {
        return Attachment::NotItsKind;
    }
    let mut allowed = Vec::new();
    let mut refused = String::new();
    for listener in of_kind {
        match takes_namespace(listener, route, gateway, cluster) {
            Known::Got(Ok(())) => allowed.push(listener),
            Known::Got(Err(why)) => refused = why,
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                return Attachment::Unknown(format!("namespaces: {}", other.missing().unwrap_or_default()));
            }
        }
    }
    if allowed.is_empty() {
        return Attachment::NotAllowed(refused);
    }
    let hosted: Vec<(Listener, Vec<Option<String>>)> =
        allowed.into_iter().map(|l| (l.clone(), hosts(route, l))).filter(|(_, hosts)| !hosts.is_empty()).collect();
    if hosted.is_empty() { Attachment::NoHost } else { Attachment::On(hosted) }
}

fn takes_kind(listener: &Listener, kind: &str) -> bool {
    let kinds = &listener.allowed_routes.kinds;
    let fits = matches!(listener.protocol.as_str(), "HTTP" | "HTTPS");
    fits && (kinds.is_empty() || kinds.iter().any(|k| k.kind == kind))
}

/// `Ok` when the listener takes routes of the route's namespace, else what it takes.
fn takes_namespace(listener: &Listener, route: &Route, gateway: &Gateway, cluster: &Cluster) -> Known<Result<(), String>> {
    let (own, theirs) = (&route.metadata.namespace, &gateway.metadata.namespace);
    let namespaces = &listener.allowed_routes.namespaces;
    match namespaces.from.as_deref() {
        Some("All") => Known::Got(Ok(())),
        Some("Selector") => {
            let selector = namespaces.selector.clone().unwrap_or_default().selector();
            let all = cluster.namespaces.complete(&Resource::Namespaces, None);
            all.map(|all| {
                let labels = all.iter().find(|n| n.name == *own).map(|n| n.labels.clone()).unwrap_or_default();
                if selector.matches(&labels) { Ok(()) } else { Err(format!("namespaces with the labels {selector}")) }
            })
        }
        Some("Same") | None => {
            Known::Got(if own == theirs { Ok(()) } else { Err(format!("routes of its own namespace, {theirs}")) })
        }
        Some(other) => Known::Failed(format!("allowedRoutes.namespaces.from {other:?} is not known to this version")),
    }
}

fn hosts(route: &Route, listener: &Listener) -> Vec<Option<String>> {
    let owned = |host: Option<Option<&str>>| host.map(|h| h.map(str::to_owned));
    if route.spec.hostnames.is_empty() {
        return vec![listener.host().map(str::to_owned)];
    }
    route.spec.hostnames.iter().filter_map(|h| owned(common_host(Some(h), listener.host()))).collect()
}

/// The entries of a route at the Gateways it attaches to, or only at one of them.
pub(super) fn entries(route: &Route, only: Option<&ObjectRef>, cluster: &Cluster) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (parent, object) in parents(route).into_iter().filter(|(_, g)| only.is_none_or(|o| o == g)) {
        let Some(gateway) = gateway(&object, cluster) else { continue };
        let Attachment::On(listeners) = attach(route, parent, &gateway, cluster) else { continue };
        for (listener, hosts) in &listeners {
            for host in hosts {
                for (i, rule) in route.spec.rules.iter().enumerate() {
                    entries.extend(of_rule(route, (i, rule), &object, listener, host.as_deref()));
                }
            }
        }
    }
    entries
}

fn of_rule(route: &Route, (i, rule): (usize, &Rule), on: &ObjectRef, listener: &Listener, host: Option<&str>) -> Vec<Entry> {
    let path = rule.matches.iter().find_map(plain);
    // no match at all matches every path; matches without a usable path are not tried
    let path = if rule.matches.is_empty() { Some("/".to_owned()) } else { path };
    let entry = |(k, backend): (usize, &Reference)| {
        let service = backend.service(&route.metadata.namespace).filter(|_| backend.weight != Some(0))?;
        Some(Entry {
            on: on.clone(),
            field: format!("{} spec.rules[{i}].backendRefs[{k}]", route.object()),
            host: host.map(str::to_owned),
            path: path.clone()?,
            tls: listener.is_https(),
            is_http: route.kind == "HTTPRoute",
            service,
            port: PortRef::Number(backend.port?),
            listener: listener.port,
        })
    };
    rule.backend_refs.iter().enumerate().filter_map(entry).collect()
}

fn plain(matched: &Match) -> Option<String> {
    let Some(path) = &matched.path else { return Some("/".to_owned()) };
    let is_plain = matches!(path.kind.as_deref(), None | Some("PathPrefix" | "Exact"));
    is_plain.then(|| path.value.clone().unwrap_or_else(|| "/".to_owned()))
}

/// The Services a route sends to, with the ports.
pub fn backends(route: &Route) -> Vec<(ObjectRef, Option<PortRef>)> {
    let refs = route.spec.rules.iter().flat_map(|r| &r.backend_refs);
    refs.filter_map(|b| Some((b.service(&route.metadata.namespace)?, b.port.map(PortRef::Number)))).collect()
}

/// The addresses of a Gateway: those of its status, then of the Services that its controller made for it.
pub(super) fn doors(object: &ObjectRef, cluster: &Cluster) -> Vec<Door> {
    let Some(gateway) = gateway(object, cluster) else { return Vec::new() };
    let published = gateway.status.addresses.iter().map(|a| Door {
        of: object.clone(),
        address: a.value.parse().map_or_else(|_| Address::Name(a.value.clone()), Address::Ip),
        source: format!("{object} status.addresses"),
        published: true,
    });
    let services = cluster
        .services
        .seen()
        .filter(|s| s.namespace == object.namespace && s.labels.get(GATEWAY_NAME).is_some_and(|name| *name == object.name));
    let own = services.filter_map(|s| Some((s.cluster_ips.first()?, s.object()))).map(|(ip, service)| Door {
        of: object.clone(),
        address: Address::Ip(*ip),
        source: service.to_string(),
        published: false,
    });
    let mut doors: Vec<Door> = published.chain(own).collect();
    doors.dedup();
    doors
}

/// The list of Services that a controller made for a Gateway.
pub(super) fn services_of(gateway: &ObjectRef) -> Query {
    Query::within(Resource::Services, &gateway.namespace).labelled(&format!("{GATEWAY_NAME}={}", gateway.name))
}

/// The routes that name a Gateway as their parent.
pub fn routes_of(gateway: &ObjectRef, cluster: &Cluster) -> Vec<Route> {
    routes(cluster).into_iter().filter(|r| parents(r).iter().any(|(_, g)| g == gateway)).collect()
}
