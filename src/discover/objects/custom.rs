//! Objects without a Rust type: custom kinds, API groups, the server's version.

use serde_json::{Map, Value, json};

/// Groups of network projects. Of objects of any other group only the name is kept.
const GROUPS: &[&str] = &[
    "cilium.io",
    "crd.antrea.io",
    "crd.projectcalico.org",
    "gateway.networking.k8s.io",
    "k8s.cni.cncf.io",
    "k8s.ovn.org",
    "kubeovn.io",
    "metallb.io",
    "operator.openshift.io",
    "operator.tigera.io",
    "policy.networking.k8s.io",
    "projectcalico.org",
    "security.istio.io",
];

/// Kinds of which only these fields are kept, by `plural.group`. An array is walked through.
///
/// A route may carry credentials in the headers it sets, a webhook a certificate, a mesh's policy the names of people.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "gateways.gateway.networking.k8s.io",
        &[
            "spec.gatewayClassName",
            "spec.listeners.name",
            "spec.listeners.hostname",
            "spec.listeners.port",
            "spec.listeners.protocol",
            "spec.listeners.allowedRoutes",
            "spec.listeners.tls.mode",
            "spec.listeners.tls.certificateRefs",
            "status.addresses",
            "status.conditions",
            "status.listeners.name",
            "status.listeners.conditions",
        ],
    ),
    ("httproutes.gateway.networking.k8s.io", ROUTE),
    ("grpcroutes.gateway.networking.k8s.io", ROUTE),
    ("referencegrants.gateway.networking.k8s.io", &["spec"]),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", WEBHOOKS),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", WEBHOOKS),
    ("apiservices.apiregistration.k8s.io", &["spec.service", "status.conditions"]),
];

const WEBHOOKS: &[&str] = &[
    "webhooks.name",
    "webhooks.failurePolicy",
    "webhooks.clientConfig.service",
    "webhooks.rules.operations",
    "webhooks.rules.resources",
];

const ROUTE: &[&str] = &[
    "spec.parentRefs",
    "spec.hostnames",
    "spec.rules.matches.path",
    "spec.rules.backendRefs.group",
    "spec.rules.backendRefs.kind",
    "spec.rules.backendRefs.name",
    "spec.rules.backendRefs.namespace",
    "spec.rules.backendRefs.port",
    "spec.rules.backendRefs.weight",
    "status.parents",
];

/// Name, labels and, for network projects, spec and status, or the fields of them that are needed.
pub(in crate::discover) fn keep(kind: &str, object: &Value) -> Value {
    let mut kept = Map::new();
    for key in ["apiVersion", "kind"] {
        if let Some(text) = object.get(key).and_then(Value::as_str) {
            kept.insert(key.to_owned(), Value::from(text));
        }
    }
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels"] {
        if let Some(value) = object.pointer(&format!("/metadata/{key}")) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    kept.insert(String::from("metadata"), Value::Object(metadata));
    // the group follows plural and version
    let mut parts = kind.splitn(3, '.');
    let (plural, group) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let fields = FIELDS.iter().find(|(of, _)| of.split_once('.') == Some((plural, group))).map(|(_, fields)| *fields);
    match fields {
        Some(fields) => {
            let paths: Vec<Vec<&str>> = fields.iter().map(|f| f.split('.').collect()).collect();
            if let Some(Value::Object(found)) = prune(object, &paths) {
                kept.extend(found);
            }
        }
        None if GROUPS.contains(&group) => {
            for key in ["spec", "status"] {
                if let Some(value) = object.get(key) {
                    kept.insert(key.to_owned(), value.clone());
                }
            }
        }
        None => {}
    }
    Value::Object(kept)
}

/// The parts of a value that lie on one of these paths.
fn prune(value: &Value, paths: &[Vec<&str>]) -> Option<Value> {
    if paths.iter().any(Vec::is_empty) {
        return Some(value.clone());
    }
    match value {
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(|item| prune(item, paths)).collect())),
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, field) in fields {
                let rest: Vec<Vec<&str>> = paths
                    .iter()
                    .filter_map(|path| path.split_first().filter(|(head, _)| *head == key).map(|(_, tail)| tail.to_vec()))
                    .collect();
                if !rest.is_empty() {
                    kept.extend(prune(field, &rest).map(|value| (key.clone(), value)));
                }
            }
            Some(Value::Object(kept))
        }
        // a path that goes on below a plain value leads nowhere
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An `APIGroup`: its name and the version the server prefers.
pub(in crate::discover) fn keep_group(object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    json!({"name": text("/name"), "preferredVersion": {"version": text("/preferredVersion/version")}})
}

/// `version.Info`: only the version and the platform.
pub(in crate::discover) fn keep_version(object: &Value) -> Value {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    json!({"gitVersion": text("gitVersion"), "platform": text("platform")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_keeps_where_it_leads_and_nothing_it_says() {
        let route = json!({"kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"hostnames": ["a.example.com"],
            "rules": [{"matches": [{"path": {"value": "/a"}, "headers": [{"name": "x", "value": "secret"}]}],
                "filters": [{"requestHeaderModifier": {"set": [{"name": "Authorization", "value": "secret"}]}}],
                "backendRefs": [{"name": "web", "port": 80, "filters": [{"x": "secret"}]}]}]}});
        let kept = keep("httproutes.v1.gateway.networking.k8s.io", &route);
        assert!(!kept.to_string().contains("secret"), "{kept}");
        assert_eq!(kept.pointer("/spec/rules/0/backendRefs/0"), Some(&json!({"name": "web", "port": 80})));
        assert_eq!(kept.pointer("/spec/rules/0/matches/0/path/value"), Some(&json!("/a")));
        assert_eq!(kept.pointer("/spec/hostnames/0"), Some(&json!("a.example.com")));
    }

    #[test]
    fn only_network_projects_keep_their_spec() {
        let object = json!({"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "a", "annotations": {"k": "secret"}}, "spec": {"cidr": "10.0.0.0/8"}});
        assert_eq!(keep("ippools.v1.crd.projectcalico.org", &object).pointer("/spec/cidr"), Some(&json!("10.0.0.0/8")));
        assert_eq!(
            keep("databases.v1.example.org", &object),
            json!({"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "a"}})
        );
    }
}
