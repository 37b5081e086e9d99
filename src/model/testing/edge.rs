//! The healthy cluster with a way in from outside.

use crate::model::{Ingress, IngressBackend, IngressClass, Namespace, Protocol, Selector, Workload};

use super::{World, labels, named, pod, service, service_port};

impl World {
    /// [`World::shop`] with `ingress/shop/web` (web.example.com, class nginx, published at 192.0.2.34), which `ingress-nginx` serves: a pod
    /// on node3 behind Service `ingress-nginx/ingress-nginx-controller` (10.96.7.7).
    pub(crate) fn edge() -> Self {
        let mut world = Self::shop();
        let of = "app.kubernetes.io/name=ingress-nginx";
        let ports = [named("http", 80, Protocol::Tcp), named("https", 443, Protocol::Tcp)];
        world.namespaces.push(Namespace { name: "ingress-nginx".into(), ..Namespace::default() });
        world.pods.push(pod("ingress-nginx", "ingress-nginx-controller-1", of, "node3", "10.244.3.80", &ports));
        let open = vec![service_port("http", 80, 80, Protocol::Tcp), service_port("https", 443, 443, Protocol::Tcp)];
        world.services.push(service("ingress-nginx", "ingress-nginx-controller", of, "10.96.7.7", open));
        world.workloads.push(Workload {
            kind: "deployment".into(),
            namespace: "ingress-nginx".into(),
            name: "ingress-nginx-controller".into(),
            selector: Selector::of(&labels(of)),
            pod_labels: labels(of),
            images: vec!["registry.k8s.io/ingress-nginx/controller:v1.14.0".into()],
            desired: Some(1),
            ready: Some(1),
            ..Workload::default()
        });
        world.ingress_classes.push(IngressClass {
            name: "nginx".into(),
            controller: "k8s.io/ingress-nginx".into(),
            is_default: false,
        });
        world.ingresses.push(ingress("web", "web.example.com", "/", "web", "http"));
        world.write_slices();
        world
    }
}

/// An Ingress in `shop` with one rule.
pub(crate) fn ingress(name: &str, host: &str, path: &str, to: &str, port: &str) -> Ingress {
    Ingress {
        namespace: "shop".into(),
        name: name.into(),
        class: Some("nginx".into()),
        backends: vec![IngressBackend {
            field: "spec.rules[0].http.paths[0]".into(),
            host: Some(host.into()),
            path: Some(path.into()),
            path_type: "Prefix".into(),
            service: to.into(),
            port: port.into(),
        }],
        load_balancer: vec!["192.0.2.34".into()],
        ..Ingress::default()
    }
}
