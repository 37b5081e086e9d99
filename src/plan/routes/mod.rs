//! What stands between users and Services: an Ingress, a Gateway or a route of one, taken apart into hosts and paths.
//!
//! Each host and path is an [`Entry`]: it is tried at a [`Door`], where its controller listens, and past it at the Service itself.
//! What is behind is a question about that Service ([`parts`]), judged as any other. So is what is behind a node port.

pub mod gateway;
mod ingress;
pub mod reads;
pub mod steps;

use std::net::IpAddr;

use crate::model::gateway::{GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, Metadata, Reference, view};
use crate::model::{
    Cluster, Destination, Known, ObjectRef, PortRef, Protocol, Query, Question, Request, Resource, Subject, Workload,
};
use crate::probe::HttpSpec;

use super::node_ports;

/// A host and path that is sent to a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The Ingress or the Gateway whose address takes the request.
    pub on: ObjectRef,
    /// Where it is written: `ingress/shop/web spec.rules[0].http.paths[0]`.
    pub field: String,
    /// As written, also `*.example.com`. `None` takes every host.
    pub host: Option<String>,
    pub path: String,
    pub tls: bool,
    /// A plain request can be sent. gRPC is not spoken by netcheck.
    pub is_http: bool,
    pub service: ObjectRef,
    pub port: PortRef,
    /// The port that its controller listens on for it.
    pub listener: u16,
}

/// Where users connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Whose address it is.
    pub of: ObjectRef,
    pub address: Address,
    /// Where the address was read: `status.loadBalancer of ingress/shop/web`.
    pub source: String,
    /// Whether it was published in the object's own status, for everybody.
    pub published: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Ip(IpAddr),
    /// A load balancer that has only a name.
    Name(String),
}

/// Most entries of one route that are tried.
pub const MAX_ENTRIES: usize = 8;
/// Most Services behind one route that are judged.
pub const MAX_PARTS: usize = 4;
/// For one request, from the connection to the answer.
const HTTP_TIMEOUT_MS: u64 = 4_000;

/// The kind of list that holds a route; `None` for a kind that is none.
pub fn resource_of(kind: &str) -> Option<Resource> {
    match kind {
        "ingress" => Some(Resource::Ingresses),
        "gateway" => Some(Resource::Custom(GATEWAYS.to_owned())),
        "httproute" => Some(Resource::Custom(HTTP_ROUTES.to_owned())),
        "grpcroute" => Some(Resource::Custom(GRPC_ROUTES.to_owned())),
        _ => None,
    }
}

/// The route that was asked for.
pub fn asked(request: &Request) -> Option<&ObjectRef> {
    match &request.destination {
        Destination::Object(object) if resource_of(&object.kind).is_some() => Some(object),
        Destination::Object(_)
        | Destination::Node(_)
        | Destination::Ip(_)
        | Destination::Name(_)
        | Destination::Url(_)
        | Destination::ApiServer
        | Destination::Internet
        | Destination::Dns => None,
    }
}

/// Whether the named object was read.
pub fn answer(route: &ObjectRef, cluster: &Cluster) -> Known<()> {
    let Some(resource) = resource_of(&route.kind) else { return Known::Unasked };
    let own = Query::named(resource.clone(), &route.namespace, &route.name);
    if resource == Resource::Ingresses {
        cluster.ingresses.answer(&own).map(|_| ())
    } else {
        cluster.custom_answer(&own).map(|_| ())
    }
}

/// Namespaces and names of the objects of a kind that were seen.
pub fn names(kind: &str, cluster: &Cluster) -> Vec<(String, String)> {
    match resource_of(kind) {
        Some(Resource::Ingresses) => cluster.ingresses.seen().map(|i| (i.namespace.clone(), i.name.clone())).collect(),
        Some(Resource::Custom(kind)) => {
            let metas = cluster.customs(&kind).into_iter().filter_map(|o| view::<Metadata>(o.get("metadata")?));
            metas.map(|m| (m.namespace, m.name)).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// Every host and path of a route, in the order they are written.
pub fn entries(route: &ObjectRef, cluster: &Cluster) -> Vec<Entry> {
    match route.kind.as_str() {
        "ingress" => ingress::entries(route, cluster),
        "gateway" => gateway::routes_of(route, cluster).iter().flat_map(|r| gateway::entries(r, Some(route), cluster)).collect(),
        _ => gateway::route(route, cluster).map(|r| gateway::entries(&r, None, cluster)).unwrap_or_default(),
    }
}

/// The Services behind a route with the ports that are meant, whether or not anybody can get to them. `None` where no port is written.
pub fn backends(route: &ObjectRef, cluster: &Cluster) -> Vec<(ObjectRef, Option<PortRef>)> {
    match route.kind.as_str() {
        "ingress" => ingress::entries(route, cluster).into_iter().map(|e| (e.service, Some(e.port))).collect(),
        "gateway" => gateway::routes_of(route, cluster).iter().flat_map(gateway::backends).collect(),
        _ => gateway::route(route, cluster).map(|r| gateway::backends(&r)).unwrap_or_default(),
    }
}

/// Where users of a route connect to: what its status publishes, then its controller's own addresses inside the cluster.
pub fn doors(route: &ObjectRef, cluster: &Cluster) -> Vec<Door> {
    match route.kind.as_str() {
        "ingress" => ingress::doors(route, cluster),
        "gateway" => gateway::doors(route, cluster),
        _ => {
            let Some(found) = gateway::route(route, cluster) else { return Vec::new() };
            let mut parents: Vec<ObjectRef> = gateway::parents(&found).into_iter().map(|(_, g)| g).collect();
            parents.sort();
            parents.dedup();
            parents.iter().flat_map(|g| gateway::doors(g, cluster)).collect()
        }
    }
}

/// The workloads that do what a route says, as far as its class tells.
pub fn controllers<'a>(route: &ObjectRef, cluster: &'a Cluster) -> Vec<&'a Workload> {
    match route.kind.as_str() {
        "ingress" => cluster.ingress(route).map(|i| ingress::controllers(i, cluster)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The Secrets whose certificates a route is to use, by name: they are never read.
pub fn secrets(route: &ObjectRef, cluster: &Cluster) -> Vec<ObjectRef> {
    let secret = |name: &String| ObjectRef::new("secret", &route.namespace, name);
    match route.kind.as_str() {
        "ingress" => {
            cluster.ingress(route).into_iter().flat_map(|i| &i.tls).filter_map(|t| t.secret.as_ref()).map(secret).collect()
        }
        "gateway" => {
            let listeners = gateway::gateway(route, cluster).map(|g| g.spec.listeners).unwrap_or_default();
            let refs = listeners.into_iter().filter_map(|l| l.tls).flat_map(|t| t.certificate_refs);
            let secret = |r: Reference| ObjectRef::new("secret", r.namespace.as_deref().unwrap_or(&route.namespace), &r.name);
            refs.filter(|r| r.kind.as_deref().is_none_or(|k| k == "Secret")).map(secret).collect()
        }
        _ => Vec::new(),
    }
}

/// The route a question is about.
pub fn of(question: &Question) -> Option<&ObjectRef> {
    match &question.to {
        Subject::Route(route) => Some(route),
        Subject::Service { .. } | Subject::Pod(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => None,
    }
}

/// The questions about Services that a question about a route or a node port stands for, each Service and port once. Empty for others.
///
/// An entry whose Service or port does not exist has none: that is a finding about the route.
pub fn parts(question: &Question, cluster: &Cluster) -> Vec<Question> {
    if let Some((service, port)) = node_ports::service_of(question, cluster) {
        return vec![part(question, &service.object(), port.port)];
    }
    let Some(route) = of(question) else { return Vec::new() };
    let mut parts: Vec<Question> = Vec::new();
    for (service, port) in backends(route, cluster) {
        let Some(port) = port.and_then(|p| service_port(&service, &p, cluster)) else { continue };
        let part = part(question, &service, port);
        if parts.len() < MAX_PARTS && !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}

/// The same source asks for a Service. What is before it goes to its endpoints as the API lists them: names play no part.
fn part(question: &Question, service: &ObjectRef, port: u16) -> Question {
    let destination = Destination::Object(service.clone());
    Question {
        request: Request { destination, port: Some(PortRef::Number(port)), ..question.request.clone() },
        to: Subject::Service { namespace: service.namespace.clone(), name: service.name.clone() },
        name: None,
        port: Some(port),
        notes: Vec::new(),
        ..question.clone()
    }
}

/// The Service's port that is meant, when the Service exists and has it.
pub fn service_port(service: &ObjectRef, port: &PortRef, cluster: &Cluster) -> Option<u16> {
    let service = cluster.service(&service.namespace, &service.name)?;
    let is_meant = |p: &&crate::model::ServicePort| match port {
        PortRef::Number(number) => p.port == *number,
        PortRef::Name(name) => p.name.as_ref() == Some(name),
    };
    service.ports.iter().filter(|p| p.protocol == Protocol::Tcp).find(is_meant).map(|p| p.port)
}

impl Entry {
    /// Host and path as a person writes them: `web.example.com/cart`, `*/` for every host.
    pub fn words(&self) -> String {
        format!("{}{}", self.host.as_deref().unwrap_or("*"), self.path)
    }

    /// What a browser would ask for at this address.
    pub fn url(&self, ip: IpAddr, port: Option<u16>) -> String {
        self.url_at(self.tls, ip, port.unwrap_or(self.listener))
    }

    /// The request a user sends to the controller.
    pub fn via(&self, ip: IpAddr, port: Option<u16>) -> HttpSpec {
        HttpSpec { url: self.url(ip, port), ip: Some(ip), timeout_ms: HTTP_TIMEOUT_MS }
    }

    /// The same request to the Service itself. `None` when the Service has no such port, or no address of its own.
    pub fn direct(&self, cluster: &Cluster) -> Option<HttpSpec> {
        let port = service_port(&self.service, &self.port, cluster).filter(|_| self.is_http)?;
        let service = cluster.service(&self.service.namespace, &self.service.name)?;
        let ip = *service.cluster_ips.first()?;
        let own = service.ports.iter().find(|p| p.port == port && p.protocol == Protocol::Tcp)?;
        let tls = port == 443 || own.app_protocol.as_deref() == Some("https") || own.name.as_deref() == Some("https");
        Some(HttpSpec { url: self.url_at(tls, ip, port), ip: Some(ip), timeout_ms: HTTP_TIMEOUT_MS })
    }

    fn url_at(&self, tls: bool, ip: IpAddr, port: u16) -> String {
        let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
        let host = match &self.host {
            Some(host) => host.strip_prefix("*.").map_or_else(|| host.clone(), |rest| format!("netcheck.{rest}")),
            None if ip.is_ipv6() => format!("[{ip}]"),
            None => ip.to_string(),
        };
        let port = if port == usual { String::new() } else { format!(":{port}") };
        format!("{scheme}://{host}{port}{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::ip;

    fn entry(host: Option<&str>, tls: bool) -> Entry {
        Entry {
            on: ObjectRef::new("ingress", "shop", "web"),
            is_http: true,
            field: String::new(),
            host: host.map(str::to_owned),
            path: "/cart".into(),
            tls,
            service: ObjectRef::service("shop", "web"),
            port: PortRef::Number(80),
            listener: if tls { 443 } else { 80 },
        }
    }

    #[test]
    fn requests_carry_the_host_and_go_to_the_door() {
        let at = ip("10.0.0.9");
        assert_eq!(entry(Some("web.example.com"), false).via(at, None).url, "http://web.example.com/cart");
        assert_eq!(entry(Some("*.example.com"), true).via(at, None).url, "https://netcheck.example.com/cart");
        assert_eq!(entry(None, false).via(at, Some(8080)).url, "http://10.0.0.9:8080/cart");
        assert_eq!(entry(None, false).url(ip("fd00::9"), None), "http://[fd00::9]/cart");
        assert_eq!(entry(None, false).via(at, None).ip, Some(at));
    }
}
