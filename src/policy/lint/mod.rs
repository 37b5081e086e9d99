//! What is wrong with policies as they are written, beside any question: one file a rule.
//!
//! A lint reads the policies and the pods they are about. It says a fault where the objects prove one, and lists what it could not
//! decide as open: a selector that finds nothing among some of the pods is no fault.

mod context;
mod egress_without_dns;
mod out;
mod peer_matches_nothing;
mod policy_selects_nothing;
mod port_of_the_service;
mod reach;
#[cfg(test)]
mod testing;

use crate::finding::Meta;
use crate::model::Cluster;

pub use context::{Context, Ground, Item, Origin};
pub use egress_without_dns::EgressWithoutDns;
pub use out::{Linted, Located, Out};
pub use peer_matches_nothing::PeerMatchesNothing;
pub use policy_selects_nothing::PolicySelectsNothing;
pub use port_of_the_service::PortOfTheService;

/// One rule for policies.
pub trait Lint: Sync {
    fn meta(&self) -> &'static Meta;
    fn run(&self, cx: &Context<'_>, out: &mut Out);
}

/// Every lint, in the order of its code.
pub const ALL: &[&dyn Lint] = &[&PolicySelectsNothing, &PeerMatchesNothing, &PortOfTheService, &EgressWithoutDns];

/// Asks every lint. `namespace`: only of the policies in this one.
pub fn lint(cluster: &Cluster, origin: Origin, namespace: Option<&str>) -> Linted {
    let ground = Ground::new(cluster, origin);
    run(&ground, namespace, ALL)
}

fn run(ground: &Ground<'_>, namespace: Option<&str>, lints: &[&dyn Lint]) -> Linted {
    let cx = Context::new(ground, namespace);
    let mut out = Out::default();
    for lint in lints {
        lint.run(&cx, &mut out);
    }
    out.finish(&cx)
}
