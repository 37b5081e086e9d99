//! NetworkPolicies.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::{Object, keep};
use crate::model::{ObjectRef, Selector};

impl Object for NetworkPolicy {
    type Model = (ObjectRef, Selector);

    fn keep(self) -> Self {
        // every field of the spec decides who may talk to whom
        Self { metadata: keep::metadata(self.metadata), spec: self.spec }
    }

    fn model(self) -> Result<(ObjectRef, Selector), String> {
        let (namespace, name) = keep::names(&self.metadata);
        let selector = self.spec.and_then(|s| s.pod_selector).map(keep::selector).unwrap_or_default();
        Ok((ObjectRef::new("networkpolicy", &namespace, &name), selector))
    }
}
