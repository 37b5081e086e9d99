//! Policies back in the form that the API takes: rules to quote, and what to apply.

use serde_json::{Map, Value, json};

use crate::model::{
    Cluster, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, ObjectRef, Operator, PolicyPort, Protocol,
    Requirement, Selector,
};

use super::Direction;

/// The part of a policy object at a place such as `spec.ingress[0]`.
pub(super) fn part(cluster: &Cluster, object: &ObjectRef, at: &str) -> Option<Value> {
    let policy = cluster.network_policies.seen().find(|p| object.kind == "networkpolicy" && p.object() == *object);
    let whole = match policy {
        Some(policy) => manifest(policy),
        None => custom(cluster, object)?.clone(),
    };
    whole.pointer(&pointer(at)?).cloned()
}

fn custom<'c>(cluster: &'c Cluster, object: &ObjectRef) -> Option<&'c Value> {
    let text = |value: &'c Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // `plural.version.group`: the plural of the kind begins with its name but for the last letter
    let stem: String = object.kind.chars().take(object.kind.chars().count().saturating_sub(1)).collect();
    let stores = cluster.custom.iter().filter(|(plural, _)| plural.starts_with(&stem));
    stores
        .flat_map(|(_, store)| store.seen())
        .find(|o| text(o, "/metadata/name") == object.name && text(o, "/metadata/namespace") == object.namespace)
}

/// RFC 6901, of a place such as `spec.ingress[0]`.
pub(super) fn pointer(at: &str) -> Option<String> {
    if at.is_empty() {
        return None;
    }
    let mut pointer = String::new();
    for step in at.split('.') {
        let mut parts = step.split('[');
        pointer.push('/');
        pointer.push_str(parts.next()?);
        for index in parts {
            pointer.push('/');
            pointer.push_str(index.strip_suffix(']').filter(|i| i.bytes().all(|b| b.is_ascii_digit()))?);
        }
    }
    Some(pointer)
}

/// A whole object, as `kubectl apply` takes it.
pub(super) fn manifest(policy: &NetworkPolicy) -> Value {
    let mut spec = Map::new();
    spec.insert("podSelector".to_owned(), selector(&policy.pod_selector));
    if !policy.policy_types.is_empty() {
        spec.insert("policyTypes".to_owned(), json!(policy.policy_types));
    }
    for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
        if !rules.is_empty() {
            spec.insert(direction.to_string(), rules.iter().map(|r| rule(r, direction)).collect());
        }
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": policy.name, "namespace": policy.namespace },
        "spec": spec,
    })
}

/// One entry of `spec.ingress` or `spec.egress`.
pub(super) fn rule(rule: &NetworkPolicyRule, direction: Direction) -> Value {
    let mut map = Map::new();
    if !rule.peers.is_empty() {
        let field = if direction == Direction::Ingress { "from" } else { "to" };
        map.insert(field.to_owned(), rule.peers.iter().map(peer).collect());
    }
    if !rule.ports.is_empty() {
        map.insert("ports".to_owned(), rule.ports.iter().map(port).collect());
    }
    Value::Object(map)
}

fn peer(peer: &NetworkPolicyPeer) -> Value {
    let mut map = Map::new();
    if let Some(namespaces) = &peer.namespace_selector {
        map.insert("namespaceSelector".to_owned(), selector(namespaces));
    }
    if let Some(pods) = &peer.pod_selector {
        map.insert("podSelector".to_owned(), selector(pods));
    }
    if let Some(block) = &peer.ip_block {
        let mut inner = Map::from_iter([("cidr".to_owned(), json!(block.cidr))]);
        if !block.except.is_empty() {
            inner.insert("except".to_owned(), json!(block.except));
        }
        map.insert("ipBlock".to_owned(), Value::Object(inner));
    }
    Value::Object(map)
}

fn port(port: &NetworkPolicyPort) -> Value {
    let mut map = Map::new();
    map.insert("protocol".to_owned(), json!(port.protocol.to_string()));
    match &port.port {
        Some(PolicyPort::Number(number)) => map.insert("port".to_owned(), json!(number)),
        Some(PolicyPort::Name(name)) => map.insert("port".to_owned(), json!(name)),
        None => None,
    };
    if let Some(end) = port.end_port {
        map.insert("endPort".to_owned(), json!(end));
    }
    Value::Object(map)
}

fn selector(selector: &Selector) -> Value {
    let mut map = Map::new();
    if !selector.labels.is_empty() {
        map.insert("matchLabels".to_owned(), json!(selector.labels));
    }
    if !selector.expressions.is_empty() {
        map.insert("matchExpressions".to_owned(), selector.expressions.iter().map(requirement).collect());
    }
    Value::Object(map)
}

fn requirement(requirement: &Requirement) -> Value {
    let operator = match &requirement.operator {
        Operator::In => "In",
        Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
        Operator::Other(other) => other,
    };
    let mut map = Map::from_iter([("key".to_owned(), json!(requirement.key)), ("operator".to_owned(), json!(operator))]);
    if !requirement.values.is_empty() {
        map.insert("values".to_owned(), json!(requirement.values));
    }
    Value::Object(map)
}

/// A port entry for one port.
pub(super) fn one_port(protocol: Protocol, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol, port: Some(PolicyPort::Number(i32::from(number))), end_port: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_becomes_a_pointer() {
        assert_eq!(pointer("spec.ingress[0]").as_deref(), Some("/spec/ingress/0"));
        assert_eq!(pointer("specs[1].egressDeny[2].toPorts[0]").as_deref(), Some("/specs/1/egressDeny/2/toPorts/0"));
        assert_eq!(pointer(""), None);
        assert_eq!(pointer("spec.ingress[x]"), None);
    }
}
