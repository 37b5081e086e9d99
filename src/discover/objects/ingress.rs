//! Ingresses and their classes.

use k8s_openapi::api::networking::v1::{
    Ingress, IngressBackend, IngressClass, IngressClassSpec, IngressLoadBalancerIngress, IngressLoadBalancerStatus,
    IngressStatus, IngressTLS,
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
        let mut backends: Vec<_> =
            spec.default_backend.and_then(|b| backend(b, "spec.defaultBackend".to_owned())).into_iter().collect();
        for (i, rule) in spec.rules.unwrap_or_default().into_iter().enumerate() {
            for (k, path) in rule.http.map(|h| h.paths).unwrap_or_default().into_iter().enumerate() {
                let found = backend(path.backend, format!("spec.rules[{i}].http.paths[{k}]"));
                let host = rule.host.clone().filter(|h| !h.is_empty());
                backends.extend(found.map(|b| model::IngressBackend { host, path: path.path, path_type: path.path_type, ..b }));
            }
        }
        let tls = |t: IngressTLS| model::IngressTls {
            hosts: t.hosts.unwrap_or_default(),
            secret: t.secret_name.filter(|name| !name.is_empty()),
        };
        let entry_points = self.status.and_then(|s| s.load_balancer).and_then(|lb| lb.ingress).unwrap_or_default();
        Ok(model::Ingress {
            namespace,
            name,
            class_by_annotation: spec.ingress_class_name.is_none() && legacy.is_some(),
            class: spec.ingress_class_name.or(legacy),
            backends,
            tls: spec.tls.unwrap_or_default().into_iter().map(tls).collect(),
            load_balancer: entry_points.into_iter().filter_map(|i| i.ip.or(i.hostname)).collect(),
        })
    }
}

/// `None` for a backend that is no Service.
fn backend(b: IngressBackend, field: String) -> Option<model::IngressBackend> {
    let service = b.service?;
    let port = service.port.and_then(|p| p.name.or(p.number.map(|n| n.to_string())));
    let port = port.unwrap_or_default();
    Some(model::IngressBackend { field, service: service.name, port, ..model::IngressBackend::default() })
}

impl Object for IngressClass {
    type Model = model::IngressClass;

    fn keep(self) -> Self {
        let spec = |s: IngressClassSpec| IngressClassSpec { controller: s.controller, parameters: None };
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(spec) }
    }

    fn model(self) -> Result<model::IngressClass, String> {
        let (_, name) = keep::names(&self.metadata);
        let default = self.metadata.annotations.and_then(|mut a| a.remove("ingressclass.kubernetes.io/is-default-class"));
        let controller = self.spec.and_then(|s| s.controller).unwrap_or_default();
        Ok(model::IngressClass { name, controller, is_default: default.as_deref() == Some("true") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_backend_says_where_it_is_written() {
        let backend = |port: serde_json::Value| json!({"service": {"name": "web", "port": port}});
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "annotations": {"kubernetes.io/ingress.class": "nginx"}},
            "spec": {"defaultBackend": backend(json!({"name": "http"})),
                "rules": [{"host": "", "http": {"paths": [
                    {"path": "/a", "pathType": "Prefix", "backend": backend(json!({"number": 80}))},
                    {"path": "/b", "pathType": "Exact", "backend": {"resource": {"kind": "Bucket", "name": "b"}}}]}}],
                "tls": [{"hosts": ["a.example.com"], "secretName": "cert"}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}});
        let kept = crate::discover::objects::keep_as::<Ingress>(object).expect("valid");
        let ingress = crate::discover::objects::model_all::<Ingress>(&[kept]).expect("valid").remove(0);
        let told: Vec<_> = ingress.backends.iter().map(|b| (b.field.as_str(), b.host.as_deref(), b.port.as_str())).collect();
        assert_eq!(told, [("spec.defaultBackend", None, "http"), ("spec.rules[0].http.paths[0]", None, "80")]);
        assert!(ingress.class_by_annotation && ingress.class.as_deref() == Some("nginx"));
        assert_eq!(ingress.tls[0].secret.as_deref(), Some("cert"));
        assert_eq!(ingress.load_balancer, ["lb.example.com"]);
    }

    #[test]
    fn the_default_class_is_told_by_its_annotation() {
        let object = json!({"metadata": {"name": "nginx", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
            "spec": {"controller": "k8s.io/ingress-nginx"}});
        let kept = crate::discover::objects::keep_as::<IngressClass>(object).expect("valid");
        let class = crate::discover::objects::model_all::<IngressClass>(&[kept]).expect("valid").remove(0);
        assert!(class.is_default && class.controller == "k8s.io/ingress-nginx");
    }
}
