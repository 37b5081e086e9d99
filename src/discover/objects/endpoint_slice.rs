//! EndpointSlices.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::{Object, keep};
use crate::discover::wire::{Message, bool_pointer, int_pointer, many, one, text, text_pointer, texts};
use crate::model::{self, ObjectRef};

impl Object for EndpointSlice {
    type Model = model::EndpointSlice;
    const WIRE: Option<&'static Message> = Some(&SLICE);

    fn keep(self) -> Self {
        let target = |t: ObjectReference| ObjectReference {
            kind: t.kind,
            name: t.name,
            namespace: t.namespace,
            ..ObjectReference::default()
        };
        let endpoint = |e: Endpoint| Endpoint {
            addresses: e.addresses,
            conditions: e.conditions,
            deprecated_topology: None,
            hints: e.hints,
            hostname: e.hostname,
            node_name: e.node_name,
            target_ref: e.target_ref.map(target),
            zone: e.zone,
        };
        Self {
            metadata: keep::metadata(self.metadata),
            address_type: self.address_type,
            endpoints: self.endpoints.map(|all| all.into_iter().map(endpoint).collect()),
            ports: self.ports,
        }
    }

    fn model(self) -> Result<model::EndpointSlice, String> {
        let (namespace, name) = keep::names(&self.metadata);
        let labels = keep::labels(&self.metadata);
        let port = |p: k8s_openapi::api::discovery::v1::EndpointPort| {
            Ok::<_, String>(model::EndpointPort {
                port: p.port.map(|port| keep::port("port", port)).transpose()?,
                protocol: keep::protocol("protocol of a port", p.protocol.as_deref())?,
                name: p.name.filter(|n| !n.is_empty()),
            })
        };
        Ok(model::EndpointSlice {
            service: labels.get("kubernetes.io/service-name").cloned(),
            managed_by: labels.get("endpointslice.kubernetes.io/managed-by").cloned(),
            endpoints: self.endpoints.unwrap_or_default().into_iter().map(|e| endpoint(e, &namespace)).collect(),
            ports: self.ports.unwrap_or_default().into_iter().map(port).collect::<Result<_, _>>()?,
            address_type: self.address_type,
            namespace,
            name,
        })
    }
}

fn endpoint(e: Endpoint, namespace: &str) -> model::Endpoint {
    let conditions = e.conditions.unwrap_or_default();
    let ready = conditions.ready.unwrap_or(true);
    let hints = e.hints.unwrap_or_default();
    model::Endpoint {
        ready,
        // an unset `serving` means the value of `ready` (EndpointConditions, discovery/v1)
        serving: conditions.serving.unwrap_or(ready),
        terminating: conditions.terminating.unwrap_or(false),
        target: e.target_ref.and_then(|t| {
            let namespace = t.namespace.unwrap_or_else(|| namespace.to_owned());
            Some(ObjectRef::new(&t.kind?, &namespace, &t.name?))
        }),
        addresses: e.addresses,
        node: e.node_name,
        zone: e.zone,
        hints: hints.for_zones.unwrap_or_default().into_iter().map(|z| z.name).collect(),
        node_hints: hints.for_nodes.unwrap_or_default().into_iter().map(|n| n.name).collect(),
        hostname: e.hostname,
    }
}

/// `discovery/v1.EndpointSlice`.
const SLICE: Message = Message(&[
    one(1, "metadata", &keep::META),
    many(2, "endpoints", &ENDPOINT),
    many(
        3,
        "ports",
        &Message(&[text_pointer(1, "name"), text_pointer(2, "protocol"), int_pointer(3, "port"), text_pointer(4, "appProtocol")]),
    ),
    text(4, "addressType"),
]);

const ENDPOINT: Message = Message(&[
    texts(1, "addresses"),
    one(2, "conditions", &Message(&[bool_pointer(1, "ready"), bool_pointer(2, "serving"), bool_pointer(3, "terminating")])),
    text_pointer(3, "hostname"),
    one(4, "targetRef", &Message(&[text(1, "kind"), text(2, "namespace"), text(3, "name")])),
    text_pointer(6, "nodeName"),
    text_pointer(7, "zone"),
    one(
        8,
        "hints",
        &Message(&[many(1, "forZones", &Message(&[text(1, "name")])), many(2, "forNodes", &Message(&[text(1, "name")]))]),
    ),
]);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unset_conditions_count_as_ready() {
        let object = json!({"addressType": "IPv4", "metadata": {"name": "web-x", "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "web"}}, "ports": [{"port": 8080}],
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {}, "targetRef": {"kind": "Pod", "name": "web-1", "uid": "x"}},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}}]});
        let kept = crate::discover::objects::keep_as::<EndpointSlice>(object).expect("valid");
        let slice = crate::discover::objects::model_all::<EndpointSlice>(&[kept]).expect("valid").remove(0);
        let [first, second] = slice.endpoints.as_slice() else { panic!("two endpoints") };
        assert!(first.ready && first.serving && !first.terminating);
        assert_eq!(first.target, Some(ObjectRef::pod("shop", "web-1")));
        assert!(!second.ready && !second.serving);
        assert_eq!(slice.service.as_deref(), Some("web"));
    }
}
