//! The Gateway API as far as routes need it. Source: `gateway.networking.k8s.io/v1`, channel standard.
//!
//! These kinds are custom: the model keeps them as JSON, and these are views of it. What a view does not name was never kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{ObjectRef, Operator, Requirement, Selector};

/// Kinds as `plural.version.group`.
pub const GATEWAYS: &str = "gateways.v1.gateway.networking.k8s.io";
pub const GATEWAY_CLASSES: &str = "gatewayclasses.v1.gateway.networking.k8s.io";
pub const HTTP_ROUTES: &str = "httproutes.v1.gateway.networking.k8s.io";
pub const GRPC_ROUTES: &str = "grpcroutes.v1.gateway.networking.k8s.io";
pub const REFERENCE_GRANTS: &str = "referencegrants.v1beta1.gateway.networking.k8s.io";

/// The group that a reference means when it names none.
pub const GROUP: &str = "gateway.networking.k8s.io";

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub name: String,
    pub namespace: String,
}

/// A Gateway: listeners, and the addresses its controller gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Gateway {
    pub metadata: Metadata,
    pub spec: GatewaySpec,
    pub status: GatewayStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewaySpec {
    pub gateway_class_name: String,
    pub listeners: Vec<Listener>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Listener {
    pub name: String,
    /// `None` or empty takes every host.
    pub hostname: Option<String>,
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP` or `UDP`.
    pub protocol: String,
    pub tls: Option<ListenerTls>,
    pub allowed_routes: AllowedRoutes,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListenerTls {
    pub certificate_refs: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    pub namespaces: AllowedNamespaces,
    /// Empty: the kinds that fit the protocol.
    pub kinds: Vec<RouteKind>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AllowedNamespaces {
    /// `Same` when unset, `All` or `Selector`.
    pub from: Option<String>,
    pub selector: Option<LabelSelector>,
}

/// `metav1.LabelSelector` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<Expression>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Expression {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RouteKind {
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GatewayStatus {
    pub addresses: Vec<Address>,
    pub conditions: Vec<StatusCondition>,
    pub listeners: Vec<ListenerStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Address {
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ListenerStatus {
    pub name: String,
    pub conditions: Vec<StatusCondition>,
}

/// `metav1.Condition`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StatusCondition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub message: String,
}

/// An HTTPRoute or a GRPCRoute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Route {
    pub metadata: Metadata,
    pub spec: RouteSpec,
    pub status: RouteStatus,
    /// `HTTPRoute` or `GRPCRoute`.
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouteSpec {
    pub parent_refs: Vec<Reference>,
    pub hostnames: Vec<String>,
    pub rules: Vec<Rule>,
}

/// A reference to another object. What it does not say has a default that depends on the field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reference {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    /// Of a parent: one listener by name.
    pub section_name: Option<String>,
    /// Of a parent: its listeners on this port. Of a backend: the Service's port.
    pub port: Option<u16>,
    pub weight: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    pub matches: Vec<Match>,
    pub backend_refs: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Match {
    pub path: Option<PathMatch>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PathMatch {
    /// `Exact`, `PathPrefix` or `RegularExpression`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    pub parents: Vec<ParentStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ParentStatus {
    pub parent_ref: Reference,
    pub controller_name: String,
    pub conditions: Vec<StatusCondition>,
}

/// Who may refer into a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ReferenceGrant {
    pub metadata: Metadata,
    pub spec: GrantSpec,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GrantSpec {
    pub from: Vec<GrantFrom>,
    pub to: Vec<GrantTo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GrantFrom {
    pub group: String,
    pub kind: String,
    pub namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GrantTo {
    pub group: String,
    pub kind: String,
    /// `None`: every object of the kind.
    pub name: Option<String>,
}

/// A view of an object; `None` for one whose fields are of other types than the API has.
pub fn view<T: serde::de::DeserializeOwned>(object: &Value) -> Option<T> {
    T::deserialize(object).ok()
}

impl Gateway {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new("gateway", &self.metadata.namespace, &self.metadata.name)
    }
}

impl Listener {
    /// It speaks HTTP inside TLS, which it ends itself.
    pub fn is_https(&self) -> bool {
        self.protocol == "HTTPS"
    }

    /// Its host, where it takes not every one.
    pub fn host(&self) -> Option<&str> {
        self.hostname.as_deref().filter(|h| !h.is_empty())
    }
}

impl Route {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(&self.kind, &self.metadata.namespace, &self.metadata.name)
    }
}

impl Reference {
    /// The Gateway a parent reference of a route in `namespace` means; `None` for a parent of another kind, such as a Service of a mesh.
    pub fn gateway(&self, namespace: &str) -> Option<ObjectRef> {
        let is_gateway =
            self.group.as_deref().is_none_or(|g| g == GROUP) && self.kind.as_deref().is_none_or(|kind| kind == "Gateway");
        is_gateway.then(|| ObjectRef::new("gateway", self.namespace.as_deref().unwrap_or(namespace), &self.name))
    }

    /// The Service a backend reference of a route in `namespace` means; `None` for a backend of another kind.
    pub fn service(&self, namespace: &str) -> Option<ObjectRef> {
        let is_service =
            self.group.as_deref().is_none_or(str::is_empty) && self.kind.as_deref().is_none_or(|kind| kind == "Service");
        is_service.then(|| ObjectRef::service(self.namespace.as_deref().unwrap_or(namespace), &self.name))
    }
}

impl LabelSelector {
    pub fn selector(&self) -> Selector {
        let requirement = |e: &Expression| Requirement {
            key: e.key.clone(),
            operator: match e.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => Operator::Other(other.to_owned()),
            },
            values: e.values.clone(),
        };
        Selector { labels: self.match_labels.clone(), expressions: self.match_expressions.iter().map(requirement).collect() }
    }
}

/// The hosts that fall under both, as the more special of the two; `None` when none does. `None` as input takes every host.
///
/// Here a star stands for one or more labels (`Hostname`, Gateway API v1), unlike in an Ingress.
pub fn common_host<'a>(a: Option<&'a str>, b: Option<&'a str>) -> Option<Option<&'a str>> {
    let (a, b) = match (a, b) {
        (None, other) | (other, None) => return Some(other),
        (Some(a), Some(b)) => (a, b),
    };
    if under(a, b) {
        Some(Some(a))
    } else if under(b, a) {
        Some(Some(b))
    } else {
        None
    }
}

/// Every host of `special` falls under `general`.
fn under(special: &str, general: &str) -> bool {
    let (special, general) = (special.to_ascii_lowercase(), general.to_ascii_lowercase());
    special == general || general.strip_prefix('*').is_some_and(|suffix| suffix.starts_with('.') && special.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_any_number_of_labels() {
        assert_eq!(common_host(Some("a.b.example.com"), Some("*.example.com")), Some(Some("a.b.example.com")));
        assert_eq!(common_host(Some("*.example.com"), Some("*.b.example.com")), Some(Some("*.b.example.com")));
        assert_eq!(common_host(Some("example.com"), Some("*.example.com")), None);
        assert_eq!(common_host(Some("a.example.com"), Some("b.example.com")), None);
        assert_eq!(common_host(None, Some("a.example.com")), Some(Some("a.example.com")));
        assert_eq!(common_host(None, None), Some(None));
    }

    #[test]
    fn references_have_defaults() {
        let parent = |value: Value| view::<Reference>(&value).expect("valid").gateway("shop").map(|g| g.to_string());
        assert_eq!(parent(json!({"name": "edge"})).as_deref(), Some("gateway/shop/edge"));
        assert_eq!(parent(json!({"name": "edge", "namespace": "infra"})).as_deref(), Some("gateway/infra/edge"));
        assert_eq!(parent(json!({"name": "web", "kind": "Service", "group": ""})), None);
        let backend = |value: Value| view::<Reference>(&value).expect("valid").service("shop").map(|s| s.to_string());
        assert_eq!(backend(json!({"name": "web", "port": 80})).as_deref(), Some("service/shop/web"));
        assert_eq!(backend(json!({"name": "web", "kind": "Bucket", "group": "example.com"})), None);
    }
}
