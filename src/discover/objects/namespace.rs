//! Namespaces.

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};

use super::{Object, keep};
use crate::discover::wire::{Message, one, text};
use crate::model;

impl Object for Namespace {
    type Model = model::Namespace;
    const WIRE: Option<&'static Message> = Some(&NAMESPACE);

    /// The label `kubernetes.io/metadata.name` (KEP-2161).
    fn admit(&mut self) {
        if let Some(name) = &self.metadata.name {
            let label = (String::from("kubernetes.io/metadata.name"), name.clone());
            self.metadata.labels.get_or_insert_default().extend([label]);
        }
    }

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

/// `core/v1.Namespace`.
const NAMESPACE: Message = Message(&[one(1, "metadata", &keep::META), one(3, "status", &Message(&[text(1, "phase")]))]);
