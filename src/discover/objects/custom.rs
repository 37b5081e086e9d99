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

/// Name, labels and, for network projects, spec and status.
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
    let group = kind.splitn(3, '.').nth(2).unwrap_or_default();
    if GROUPS.contains(&group) {
        for key in ["spec", "status"] {
            if let Some(value) = object.get(key) {
                kept.insert(key.to_owned(), value.clone());
            }
        }
    }
    Value::Object(kept)
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
    fn only_network_projects_keep_their_spec() {
        let object = json!({"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "a", "annotations": {"k": "secret"}}, "spec": {"cidr": "10.0.0.0/8"}});
        assert_eq!(keep("ippools.v1.crd.projectcalico.org", &object).pointer("/spec/cidr"), Some(&json!("10.0.0.0/8")));
        assert_eq!(
            keep("databases.v1.example.org", &object),
            json!({"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "a"}})
        );
    }
}
