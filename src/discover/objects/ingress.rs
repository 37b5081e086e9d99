//! Ingresses and their classes.

use k8s_openapi::api::networking::v1::{
    Ingress, IngressBackend, IngressClass, IngressClassSpec, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressStatus,
};

use super::{Object, keep};
use crate::model;

impl Object for Ingress {
    type Model = model::Ingress;

    fn keep(self) -> Self {
        let address = |i: IngressLoadBalancerIngress| IngressLoadBalancerIngress { hostname: i.hostname, ip: i.ip, ports: None };
        let balancer = |lb: IngressLoadBalancerStatus| IngressLoadBalancerStatus {
            ingress: lb.ingress.map(|all| all.into_iter().map(address).collect()),
        };
        let status = |s: IngressStatus| IngressStatus { load_balancer: s.load_balancer.map(balancer) };
        // every field of the spec is about the route
        Self { metadata: keep::metadata(self.metadata), spec: self.spec, status: self.status.map(status) }
    }

    fn model(self) -> Result<model::Ingress, String> {
        let (namespace, name) = keep::names(&self.metadata);
        let spec = self.spec.unwrap_or_default();
        let legacy = self.metadata.annotations.and_then(|mut a| a.remove("kubernetes.io/ingress.class"));
        let mut backends: Vec<_> = spec.default_backend.and_then(|b| backend(b, None, None)).into_iter().collect();
        for rule in spec.rules.unwrap_or_default() {
            for path in rule.http.map(|h| h.paths).unwrap_or_default() {
                backends.extend(backend(path.backend, rule.host.clone(), path.path));
            }
        }
        let entry_points = self.status.and_then(|s| s.load_balancer).and_then(|lb| lb.ingress).unwrap_or_default();
        Ok(model::Ingress {
            namespace,
            name,
            class: spec.ingress_class_name.or(legacy),
            backends,
            tls_hosts: spec.tls.unwrap_or_default().into_iter().flat_map(|t| t.hosts.unwrap_or_default()).collect(),
            load_balancer: entry_points.into_iter().filter_map(|i| i.ip.or(i.hostname)).collect(),
        })
    }
}

fn backend(b: IngressBackend, host: Option<String>, path: Option<String>) -> Option<model::IngressBackend> {
    let service = b.service?;
    let port = service.port.and_then(|p| p.name.or(p.number.map(|n| n.to_string())));
    Some(model::IngressBackend { host, path, service: service.name, port: port.unwrap_or_default() })
}

impl Object for IngressClass {
    type Model = model::IngressClass;

    fn keep(self) -> Self {
        let spec = |s: IngressClassSpec| IngressClassSpec { controller: s.controller, parameters: None };
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(spec) }
    }

    fn model(self) -> Result<model::IngressClass, String> {
        let (_, name) = keep::names(&self.metadata);
        Ok(model::IngressClass { name, controller: self.spec.and_then(|s| s.controller).unwrap_or_default() })
    }
}
