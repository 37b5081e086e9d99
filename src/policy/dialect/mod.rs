//! One file a kind of policy: from the object as the API holds it to [`Policy`](super::Policy).

pub mod network_policy;
