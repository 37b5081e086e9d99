//! What is wrong with policies as they are written, beside any question: one file a rule.
//!
//! A lint reads the policies and the pods they are about. It says a fault where the objects prove one, and lists what it could not
//! decide as open: a selector that finds nothing among some of the pods is no fault.

mod context;
mod cover;
mod direction_left_out;
mod egress_without_dns;
#[cfg(test)]
mod hundred_thousand;
mod manifest_not_read;
mod out;
mod peer_matches_nothing;
mod policy_invalid;
mod policy_not_enforced;
mod policy_port_name_unknown;
mod policy_selects_nothing;
mod port_of_the_service;
mod probe_blocked;
mod reach;
mod rule_without_effect;
#[cfg(test)]
mod testing;

use crate::finding::Meta;
use crate::model::Cluster;

pub use context::{Context, Ground, Item, Origin};
pub use direction_left_out::DirectionLeftOut;
pub use egress_without_dns::EgressWithoutDns;
pub use manifest_not_read::{ManifestNotRead, not_read};
pub use out::{Linted, Located, Out};
pub use peer_matches_nothing::PeerMatchesNothing;
pub use policy_invalid::PolicyInvalid;
pub use policy_not_enforced::PolicyNotEnforced;
pub use policy_port_name_unknown::PolicyPortNameUnknown;
pub use policy_selects_nothing::PolicySelectsNothing;
pub use port_of_the_service::PortOfTheService;
pub use probe_blocked::ProbeBlocked;
pub use rule_without_effect::RuleWithoutEffect;

/// One rule for policies.
pub trait Lint: Sync {
    fn meta(&self) -> &'static Meta;
    fn run(&self, cx: &Context<'_>, out: &mut Out);
}

/// Every lint, in the order of its code.
pub const ALL: &[&dyn Lint] = &[
    &PolicySelectsNothing,
    &PeerMatchesNothing,
    &PortOfTheService,
    &PolicyPortNameUnknown,
    &EgressWithoutDns,
    &ProbeBlocked,
    &RuleWithoutEffect,
    &PolicyNotEnforced,
    &PolicyInvalid,
    &DirectionLeftOut,
];

/// What is fixed about everything that a lint may say, in the order of the codes.
pub fn metas() -> Vec<&'static Meta> {
    ALL.iter().map(|lint| lint.meta()).chain([ManifestNotRead::META]).collect()
}

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
