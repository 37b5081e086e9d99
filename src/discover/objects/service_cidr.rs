//! ServiceCIDRs.

use k8s_openapi::api::networking::v1::ServiceCIDR;

use super::{Object, keep};

impl Object for ServiceCIDR {
    type Model = Vec<String>;

    fn keep(self) -> Self {
        Self { metadata: keep::metadata(self.metadata), spec: self.spec, status: None }
    }

    fn model(self) -> Result<Vec<String>, String> {
        self.spec.and_then(|s| s.cidrs).unwrap_or_default().iter().map(|c| Ok(keep::cidr("cidrs", c)?.to_string())).collect()
    }
}
