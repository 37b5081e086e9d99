//! Findings about Services that objects alone show (`NC3xxx`).

mod endpoints_not_ready;
mod external_local;
mod external_name;
mod foreign_slice;
mod load_balancer_pending;
mod named_port_missing;
mod no_local_endpoint;
mod no_such_port;
mod pods_not_created;
mod selects_nothing;
mod session_affinity;
mod without_endpoints;
mod zone_hints;

pub use endpoints_not_ready::EndpointsNotReady;
pub use external_local::ExternalLocal;
pub use external_name::ExternalName;
pub use foreign_slice::ForeignSlice;
pub use load_balancer_pending::LoadBalancerPending;
pub use named_port_missing::NamedPortMissing;
pub use no_local_endpoint::NoLocalEndpoint;
pub use no_such_port::NoSuchPort;
pub use pods_not_created::PodsNotCreated;
pub use selects_nothing::ServiceSelectsNothing;
pub use session_affinity::SessionAffinity;
pub use without_endpoints::ServiceWithoutEndpoints;
pub use zone_hints::ZoneHints;

use crate::model::{Service, Subject};

use super::Context;

/// The Service the question is about.
fn service<'a>(cx: &Context<'a>) -> Option<&'a Service> {
    match &cx.question.to {
        Subject::Service { namespace, name } => cx.cluster.service(namespace, name),
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => None,
    }
}
