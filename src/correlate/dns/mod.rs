//! Causes in name resolution that a measurement shows (`NC1xxx`).

mod dns_endpoint_failing;
mod dns_service_address_fails;
mod dns_tcp_blocked;
mod dns_unreachable;
mod name_does_not_exist;

mod nameserver_is_no_dns_service;
mod ndots_cost;
mod public_looking_names;
mod upstream_resolver_dead;
pub(super) mod view;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod whole;

pub use dns_endpoint_failing::DnsEndpointFailing;
pub use dns_service_address_fails::DnsServiceAddressFails;
pub use dns_tcp_blocked::DnsTcpBlocked;
pub use dns_unreachable::DnsUnreachable;
pub use name_does_not_exist::NameDoesNotExist;
pub use nameserver_is_no_dns_service::NameserverIsNoDnsService;
pub use ndots_cost::NdotsCost;
pub use upstream_resolver_dead::UpstreamResolverDead;
