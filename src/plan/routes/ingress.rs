//! Entries and doors of an Ingress.

use crate::info::controllers::{Class, class_of, workloads_of};
use crate::model::{Cluster, Ingress, Known, ObjectRef, Pod, PortRef, Service, Workload};

use super::{Address, Door, Entry};

pub(super) fn entries(route: &ObjectRef, cluster: &Cluster) -> Vec<Entry> {
    let Some(ingress) = cluster.ingress(route) else { return Vec::new() };
    let entry = |b: &crate::model::IngressBackend| {
        let tls = ingress.tls_of(b.host.as_deref()).is_some();
        Entry {
            on: ingress.object(),
            is_http: true,
            field: format!("{} {}", ingress.object(), b.field),
            host: b.host.clone(),
            path: plain(b.path.as_deref(), &b.path_type),
            tls,
            service: ObjectRef::service(&ingress.namespace, &b.service),
            port: b.port.parse().map_or_else(|_| PortRef::Name(b.port.clone()), PortRef::Number),
            listener: if tls { 443 } else { 80 },
        }
    };
    ingress.backends.iter().map(entry).collect()
}

/// A path that can be asked for. An `ImplementationSpecific` one may be a regular expression: then the part before its first sign.
fn plain(path: Option<&str>, path_type: &str) -> String {
    let path = path.filter(|p| p.starts_with('/')).unwrap_or("/");
    if matches!(path_type, "Exact" | "Prefix") {
        return path.to_owned();
    }
    let end = path.find(|c: char| "([{\\^$.|?*+".contains(c)).unwrap_or(path.len());
    path.get(..end).filter(|p| !p.is_empty()).unwrap_or("/").to_owned()
}

pub(super) fn doors(route: &ObjectRef, cluster: &Cluster) -> Vec<Door> {
    let Some(ingress) = cluster.ingress(route) else { return Vec::new() };
    let published = ingress.load_balancer.iter().map(|text| Door {
        of: route.clone(),
        address: text.parse().map_or_else(|_| Address::Name(text.clone()), Address::Ip),
        source: format!("{route} status.loadBalancer"),
        published: true,
    });
    published.chain(own_doors(ingress, cluster)).collect()
}

/// The controller's Services inside the cluster; without one, its pods that share their node's network or have a port of it.
fn own_doors(ingress: &Ingress, cluster: &Cluster) -> Vec<Door> {
    let workloads = controllers(ingress, cluster);
    let door = |ip: std::net::IpAddr, source: String| {
        let of = ingress.object();
        Door { of, address: Address::Ip(ip), source, published: false }
    };
    let mut doors: Vec<Door> = Vec::new();
    for service in workloads.iter().flat_map(|w| services_of(w, cluster)) {
        doors.extend(service.cluster_ips.iter().take(1).map(|ip| door(*ip, service.object().to_string())));
    }
    if doors.is_empty() {
        let pods = workloads.iter().flat_map(|w| pods_of(w, cluster)).filter(|p| p.ready);
        let open = |p: &&Pod| p.host_network || p.containers.iter().flat_map(|c| &c.ports).any(|c| c.host_port == Some(80));
        doors.extend(pods.filter(open).filter_map(|p| Some(door(*p.ips.first()?, p.object().to_string()))).take(2));
    }
    doors.dedup();
    doors
}

/// The workloads that serve an Ingress, as far as its class tells.
pub(super) fn controllers<'a>(ingress: &Ingress, cluster: &'a Cluster) -> Vec<&'a Workload> {
    match class_of(ingress, cluster) {
        Known::Got(Class::Of(class)) => workloads_of(&class.controller, cluster),
        Known::Got(Class::Missing(_) | Class::None) | Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
            Vec::new()
        }
    }
}

/// Services that send to a workload's pods and take users' traffic, by port 80 or 443.
fn services_of<'a>(workload: &Workload, cluster: &'a Cluster) -> Vec<&'a Service> {
    let selects = |s: &&Service| {
        s.namespace == workload.namespace
            && !s.selector.is_empty()
            && s.selector.iter().all(|(k, v)| workload.pod_labels.get(k) == Some(v))
            && s.ports.iter().any(|p| p.port == 80 || p.port == 443)
            // the admission webhook of a controller listens on 443 as well
            && !s.ports.iter().all(|p| p.name.as_deref() == Some("https-webhook"))
    };
    let mut all: Vec<&Service> = cluster.services.seen().filter(selects).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}

/// The pods a workload selects that have not finished.
fn pods_of<'a>(workload: &Workload, cluster: &'a Cluster) -> Vec<&'a Pod> {
    let is_own = |p: &&Pod| {
        p.namespace == workload.namespace
            && !p.is_finished()
            && !workload.selector.is_empty()
            && workload.selector.matches(&p.labels)
    };
    let mut all: Vec<&Pod> = cluster.pods.seen().filter(is_own).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_expression_is_asked_for_up_to_its_first_sign() {
        assert_eq!(plain(Some("/api(/|$)(.*)"), "ImplementationSpecific"), "/api");
        assert_eq!(plain(Some("/a.b"), "Prefix"), "/a.b");
        assert_eq!(plain(None, ""), "/");
        assert_eq!(plain(Some("/*"), "ImplementationSpecific"), "/");
    }
}
