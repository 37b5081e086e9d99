//! Faults of the cluster's DNS that its objects show.

mod coredns_down;
mod dns_forwarding_loop;
mod dns_service_without_endpoints;
mod name_in_wrong_namespace;
mod state;

pub use coredns_down::CorednsDown;
pub use dns_forwarding_loop::DnsForwardingLoop;
pub use dns_service_without_endpoints::DnsServiceWithoutEndpoints;
pub use name_in_wrong_namespace::{NameInWrongNamespace, finding_for, means_a_service};
