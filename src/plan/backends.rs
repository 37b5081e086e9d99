//! The endpoints behind a Service's port, as EndpointSlices list them.

use std::net::IpAddr;

use crate::model::{Cluster, EndpointSlice, Known, ObjectRef, Protocol, Service, ServicePort};

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
    cluster.slices_of(&service.namespace, &service.name).map(|slices| {
        let mut all: Vec<Backend> = slices.iter().flat_map(|slice| of_slice(slice, port)).collect();
        all.sort();
        all.dedup_by(|a, b| a.ip == b.ip && a.port == b.port);
        all
    })
}

fn of_slice(slice: &EndpointSlice, port: &ServicePort) -> Vec<Backend> {
    // an unnamed Service port has an empty name in the slice
    let same_name = |name: &Option<String>| name.as_deref().unwrap_or("") == port.name.as_deref().unwrap_or("");
    let Some(number) = slice.ports.iter().find(|p| same_name(&p.name) && p.protocol == port.protocol).and_then(|p| p.port) else {
        return Vec::new();
    };
    let backend = |address: &String, e: &crate::model::Endpoint| {
        Some(Backend {
            ip: address.parse().ok()?,
            port: number,
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
