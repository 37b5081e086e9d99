//! Namespaces.

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};

use super::{Object, keep};
use crate::model;

impl Object for Namespace {
    type Model = model::Namespace;

    fn keep(self) -> Self {
        let status = |s: NamespaceStatus| NamespaceStatus { phase: s.phase, conditions: None };
        Self { metadata: keep::metadata(self.metadata), spec: None, status: self.status.map(status) }
    }

    fn model(self) -> Result<model::Namespace, String> {
        let (_, name) = keep::names(&self.metadata);
        let phase = self.status.and_then(|s| s.phase);
        Ok(model::Namespace {
            labels: keep::labels(&self.metadata),
            terminating: self.metadata.deletion_timestamp.is_some() || phase.as_deref() == Some("Terminating"),
            name,
        })
    }
}
