//! Faults that objects alone show: one file a finding.
//!
//! A check reads the cluster and the question, and nothing else: no probe's answer, no other check's finding. What
//! joins them is in `correlate`.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod addresses;
pub mod dns;
pub mod extensions;
pub mod pods;
pub mod routes;
pub mod services;

use crate::finding::{Meta, Verdict};
use crate::model::{Cluster, Question};

/// What a check may read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub cluster: &'a Cluster,
    pub question: &'a Question,
}

/// A fault that can be seen in objects.
pub trait Check: Sync {
    fn meta(&self) -> &'static Meta;
    fn run(&self, cx: &Context<'_>) -> Verdict;
    /// It tells why a destination does not answer, and nothing else that would matter: what it lacks is no gap once the destination
    /// has answered.
    fn is_moot_when_reached(&self) -> bool {
        false
    }
}

/// Every check, in the order of its code.
pub const ALL: &[&dyn Check] = &[
    &dns::NameInWrongNamespace,
    &dns::DnsServiceWithoutEndpoints,
    &dns::CorednsDown,
    &dns::DnsForwardingLoop,
    &services::ServiceSelectsNothing,
    &services::EndpointsNotReady,
    &services::NamedPortMissing,
    &services::NoSuchPort,
    &services::ExternalName,
    &services::LoadBalancerPending,
    &services::SessionAffinity,
    &services::ServiceWithoutEndpoints,
    &services::NoLocalEndpoint,
    &services::ExternalLocal,
    &services::ZoneHints,
    &services::ForeignSlice,
    &services::PodsNotCreated,
    &pods::PodWithoutNetwork,
    &pods::PodNotRunning,
    &pods::NodeNotReady,
    &addresses::OutsideNodeRange,
    &addresses::AddressTwice,
    &addresses::RangeOverlap,
    &routes::IngressClassMissing,
    &routes::IngressBackendMissing,
    &routes::IngressBackendPort,
    &routes::IngressConflict,
    &routes::IngressControllerMissing,
    &routes::IngressWithoutAddress,
    &routes::IngressEvents,
    &routes::gateway::RouteParentMissing,
    &routes::gateway::ListenerMismatch,
    &routes::gateway::RouteNotAllowed,
    &routes::gateway::RouteBackendMissing,
    &routes::gateway::ReferenceNotGranted,
    &routes::gateway::GatewayConditions,
    &routes::gateway::GatewayClassMissing,
    &routes::gateway::GatewayWithoutRoute,
    &extensions::WebhookUnavailable,
    &extensions::ApiServiceUnavailable,
];
