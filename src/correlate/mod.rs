//! From objects and measurements to causes: one file a cause.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Question};
use crate::protocol::Measurement;

pub mod certificate;
mod diagnose;
pub mod dns;
pub mod measurement;
pub mod path;
pub mod policies;
pub mod routes;
pub mod services;
mod summary;
#[cfg(test)]
pub(crate) mod testing;
pub mod unexplained;
pub mod view;

pub use diagnose::{Gap, Inputs, diagnose, findings};

/// What a cause may read.
#[derive(Debug, Clone, Copy)]
pub struct Correlation<'a> {
    pub cluster: &'a Cluster,
    pub question: &'a Question,
    /// What the checks found in the objects.
    pub findings: &'a [Finding],
    pub measured: &'a [Measurement],
    /// What the policies say.
    pub policies: &'a policies::Policies,
}

/// A fault that needs a measurement to be seen.
pub trait Cause: Sync {
    fn meta(&self) -> &'static Meta;
    fn explain(&self, cx: &Correlation<'_>) -> Verdict;
}

/// Every cause, by layers: among equals the first is the verdict.
pub const ALL: &[&dyn Cause] = &[
    &crate::checks::dns::NameInWrongNamespace,
    // without a name there is no connection that could be denied
    &policies::DnsDenied,
    &policies::IngressDenied,
    &policies::EgressDenied,
    &policies::PoliciesNotEnforced,
    &policies::PoliciesContradicted,
    &dns::DnsEndpointFailing,
    &dns::UpstreamResolverDead,
    &dns::NameserverIsNoDnsService,
    &dns::NdotsCost,
    &dns::NameDoesNotExist,
    &dns::DnsUnreachable,
    &dns::DnsServiceAddressFails,
    &dns::DnsTcpBlocked,
    &services::WrongTargetPort,
    &services::ProtocolMismatch,
    &services::ListensOnLoopback,
    &services::ApplicationListensElsewhere,
    &services::EndpointWithoutPod,
    &services::EndpointFailing,
    &services::Headless,
    &services::NodePort,
    &path::NothingListens,
    &services::RequestUnanswered,
    &services::ProtocolOfPort,
    &services::UrlCertificate,
    &services::ErrorStatus,
    &path::NobodyHasAddress,
    &path::PacketsDropped,
    &path::ActivelyRejected,
    &path::AddressSilent,
    &path::NodeOutOfReach,
    &crate::checks::addresses::HiddenNetwork,
    &services::ServiceAddressFails,
    &routes::RouteNotServed,
    &routes::RouteAddressFails,
    &routes::RouteCertificate,
    &routes::HostResolvesElsewhere,
];

/// What is fixed about every finding there is, in the order of the codes.
pub fn metas() -> Vec<&'static Meta> {
    let mut all: Vec<&'static Meta> = crate::checks::ALL.iter().map(|c| c.meta()).chain(ALL.iter().map(|c| c.meta())).collect();
    all.extend(crate::policy::lint::metas());
    all.push(unexplained::Unexplained::META);
    all.sort_by_key(|m| m.code);
    all.dedup_by_key(|m| m.code);
    all
}
