//! A name looked up as an application in the pod would: resolv.conf, search list and ndots included.

use serde::{Deserialize, Serialize};

use super::RecordType;

/// Resolves a name through the pod's own resolv.conf with both record types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveSpec {
    pub name: String,
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveOutcome {
    /// Addresses, sorted; empty when the name did not resolve.
    pub addresses: Vec<String>,
    /// The name that finally answered, with the search suffix that made it.
    pub answered_as: Option<String>,
    /// Every query sent, in order: name tried, record type, response code or `timeout`.
    pub queries: Vec<(String, RecordType, String)>,
    pub total_us: u64,
    /// Why there is no address.
    pub error: Option<String>,
}
