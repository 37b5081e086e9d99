//! The healthy cluster with a way in from outside.

use serde_json::{Value, json};

use crate::model::gateway::{GATEWAY_CLASSES, GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, REFERENCE_GRANTS};
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

    /// [`World::shop`] with `httproute/shop/web` (web.example.com) at `gateway/infra/edge`, whose listener `http` takes hosts below
    /// example.com from every namespace, and whose address is 192.0.2.34.
    pub(crate) fn gateway() -> Self {
        let mut world = Self::shop();
        world.namespaces.push(Namespace { name: "infra".into(), ..Namespace::default() });
        let yes = |kind: &str| json!({"type": kind, "status": "True", "reason": kind, "message": ""});
        let class = json!({"metadata": {"name": "example"}, "spec": {"controllerName": "example.com/gateway"},
            "status": {"conditions": [yes("Accepted")]}});
        let gateway = json!({"metadata": {"name": "edge", "namespace": "infra"},
            "spec": {"gatewayClassName": "example", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP",
                "hostname": "*.example.com", "allowedRoutes": {"namespaces": {"from": "All"}}}]},
            "status": {"addresses": [{"type": "IPAddress", "value": "192.0.2.34"}], "conditions": [yes("Accepted"), yes("Programmed")],
                "listeners": [{"name": "http", "conditions": [yes("Accepted"), yes("ResolvedRefs"), yes("Programmed")]}]}});
        let parent = json!({"name": "edge", "namespace": "infra"});
        let route = json!({"metadata": {"name": "web", "namespace": "shop"},
            "spec": {"parentRefs": [parent], "hostnames": ["web.example.com"], "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "web", "port": 80}]}]},
            "status": {"parents": [{"parentRef": parent, "controllerName": "example.com/gateway",
                "conditions": [yes("Accepted"), yes("ResolvedRefs")]}]}});
        for (kind, objects) in [
            (GATEWAY_CLASSES, vec![class]),
            (GATEWAYS, vec![gateway]),
            (HTTP_ROUTES, vec![route]),
            (GRPC_ROUTES, vec![]),
            (REFERENCE_GRANTS, vec![]),
        ] {
            world.custom.insert(kind.into(), objects);
        }
        world
    }
}

/// Sets a field of the first object of a custom kind, making it where it is missing.
pub(crate) fn change(world: &mut World, plural: &str, pointer: &str, to: Value) {
    let (_, objects) =
        world.custom.iter_mut().find(|(kind, _)| kind.split('.').next() == Some(plural)).expect("the kind is there");
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = objects[0].pointer_mut(parent).expect("its parent is there");
    if let Value::Array(items) = parent {
        items[field.parse::<usize>().expect("an index")] = to;
    } else {
        parent[field] = to;
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
