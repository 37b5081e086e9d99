//! One file a kind of policy: from the object as the API holds it to [`Policy`](super::Policy).

mod admin;
pub mod admin_network_policy;
pub mod cilium;
pub mod cluster_network_policy;
pub mod network_policy;
mod source;

pub(super) use source::object_of;
#[cfg(test)]
pub(crate) use source::protocol;
