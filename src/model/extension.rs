//! What the API server calls while it answers: admission webhooks and aggregated APIs.
//!
//! Views of JSON, as those of `gateway`.

use serde::Deserialize;

use super::gateway::{Metadata, StatusCondition};

/// Kinds as `plural.version.group`.
pub const VALIDATING: &str = "validatingwebhookconfigurations.v1.admissionregistration.k8s.io";
pub const MUTATING: &str = "mutatingwebhookconfigurations.v1.admissionregistration.k8s.io";
pub const API_SERVICES: &str = "apiservices.v1.apiregistration.k8s.io";

/// A `ValidatingWebhookConfiguration` or `MutatingWebhookConfiguration`. Source: `admissionregistration.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct WebhookConfiguration {
    pub metadata: Metadata,
    pub webhooks: Vec<Webhook>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Webhook {
    pub name: String,
    /// `Fail` when unset, or `Ignore`.
    pub failure_policy: Option<String>,
    pub client_config: ClientConfig,
    pub rules: Vec<WebhookRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ClientConfig {
    /// `None` for a webhook outside the cluster, by URL.
    pub service: Option<ServiceReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServiceReference {
    pub namespace: String,
    pub name: String,
    /// 443 when unset.
    pub port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct WebhookRule {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`.
    pub operations: Vec<String>,
    pub resources: Vec<String>,
}

/// An APIService. Source: `apiregistration.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiService {
    pub metadata: Metadata,
    pub spec: ApiServiceSpec,
    pub status: ApiServiceStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiServiceSpec {
    /// `None` for the API server's own groups.
    pub service: Option<ServiceReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ApiServiceStatus {
    pub conditions: Vec<StatusCondition>,
}

impl Webhook {
    /// What the webhook is asked about is refused while it does not answer.
    pub fn is_strict(&self) -> bool {
        self.failure_policy.as_deref() != Some("Ignore")
    }
}
