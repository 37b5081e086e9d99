//! The endpoints behind a Service's port, as EndpointSlices list them.

use std::net::IpAddr;

use crate::model::{Cluster, Endpoint, EndpointSlice, Known, ObjectRef, Protocol, Service, ServicePort};

/// One address and port that traffic to a Service may be sent to after DNAT.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    pub ip: IpAddr,
    pub port: u16,
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    pub pod: Option<ObjectRef>,
    pub node: Option<String>,
    pub slice: ObjectRef,
}

/// The endpoints of one port of a Service, sorted, each address once.
pub fn backends(cluster: &Cluster, service: &Service, port: &ServicePort) -> Known<Vec<Backend>> {
    // an unnamed Service port has an empty name in the slice
    let same_name = |name: &Option<String>| name.as_deref().unwrap_or("") == port.name.as_deref().unwrap_or("");
    collect(cluster, service, |slice| {
        slice.ports.iter().find(|p| same_name(&p.name) && p.protocol == port.protocol).and_then(|p| p.port)
    })
}

/// The endpoints that a client meets at a port of the Service. A headless Service's name stands for its pods' addresses, where
/// any port can be asked, whether or not the Service lists it.
pub fn asked_backends(cluster: &Cluster, service: &Service, port: Option<u16>, protocol: Protocol) -> Known<Vec<Backend>> {
    match (asked_port(service, port, protocol), port) {
        (Some(own), _) => backends(cluster, service, own),
        (None, Some(port)) if service.headless => collect(cluster, service, |_| Some(port)),
        (None, _) => Known::Got(Vec::new()),
    }
}

/// The endpoints that connections are sent to: the ready ones, and while there are none those that are being deleted and still
/// serve (pkg/proxy/topology.go, `CategorizeEndpoints`, Kubernetes 1.36).
pub fn in_use(all: &[Backend]) -> Vec<Backend> {
    let ready: Vec<Backend> = all.iter().filter(|b| b.ready).cloned().collect();
    if ready.is_empty() { all.iter().filter(|b| b.serving && b.terminating).cloned().collect() } else { ready }
}

fn collect(cluster: &Cluster, service: &Service, port_in: impl Fn(&EndpointSlice) -> Option<u16>) -> Known<Vec<Backend>> {
    cluster.slices_of(&service.namespace, &service.name).map(|slices| {
        let with_port = slices.iter().filter_map(|slice| Some((slice, port_in(slice)?)));
        let mut all: Vec<Backend> = with_port.flat_map(|(slice, port)| of_slice(slice, port)).collect();
        all.sort();
        all.dedup_by(|a, b| a.ip == b.ip && a.port == b.port);
        all
    })
}

fn of_slice(slice: &EndpointSlice, port: u16) -> Vec<Backend> {
    let backend = |address: &String, e: &Endpoint| {
        Some(Backend {
            ip: address.parse().ok()?,
            port,
            ready: e.ready,
            serving: e.serving,
            terminating: e.terminating,
            pod: e.target.clone().filter(|t| t.kind == "pod"),
            node: e.node.clone(),
            slice: slice.object(),
        })
    };
    slice.endpoints.iter().flat_map(|e| e.addresses.iter().filter_map(move |a| backend(a, e))).collect()
}

/// The Service's port that a question is about.
pub fn asked_port(service: &Service, port: Option<u16>, protocol: Protocol) -> Option<&ServicePort> {
    let port = port?;
    service.ports.iter().find(|p| p.port == port && p.protocol == protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn a_headless_service_has_every_port() {
        let mut world = World::shop();
        world.service("web").headless = true;
        let case = Case::unmeasured(&world, &to_web());
        let service = case.cluster.service("shop", "web").expect("read");
        let at = |port| asked_backends(&case.cluster, service, Some(port), Protocol::Tcp).got().cloned().expect("read");
        assert_eq!((at(80).len(), at(80)[0].port), (2, 8080), "its own port by its targetPort");
        assert_eq!((at(9000).len(), at(9000)[0].port), (2, 9000), "any other as it is");
    }

    #[test]
    fn terminating_endpoints_serve_while_no_other_does() {
        let mut world = World::shop();
        let case = Case::unmeasured(&world, &to_web());
        let all = |case: &Case| {
            let service = case.cluster.service("shop", "web").expect("read");
            asked_backends(&case.cluster, service, Some(80), Protocol::Tcp).got().cloned().expect("read")
        };
        assert_eq!(in_use(&all(&case)).len(), 2);
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        for endpoint in &mut slice.endpoints {
            (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, true, true);
        }
        assert_eq!(in_use(&all(&Case::unmeasured(&world, &to_web()))).len(), 2);
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.endpoints[0].serving = false;
        assert_eq!(in_use(&all(&Case::unmeasured(&world, &to_web()))).len(), 1);
    }
}
