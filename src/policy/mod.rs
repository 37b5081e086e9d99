//! Who may talk to whom: policies of every dialect, translated to one form and decided exactly.
//!
//! A dialect (`dialect/*`, one file a kind) turns its objects into [`Policy`]; [`Rulebook::judge`] decides one connection
//! and says by which rule. What a dialect does not model becomes [`Predicate::Unknown`] or [`PortMatch::Unknown`], and a
//! decision that depends on it is undetermined.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod answer;
mod anywhere;
mod bits;
mod book;
mod change;
mod classes;
mod decide;
pub mod dialect;
mod endpoint;
mod engine;
mod judged;
mod kinds;
mod labels;
pub mod legs;
pub mod lint;
mod manifest;
mod matrix;
mod predicate;
#[cfg(test)]
mod properties;
mod rows;
mod rule;
mod sets;
mod spec;
mod survey;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_case;
mod truth;
mod words;

pub use account::{because, rule_differs};
pub use answer::answer;
pub use anywhere::Cell;
pub use book::{Compiled, policies_known, rulebook};
pub use change::{Change, Turn, turn};
pub use decide::{Decision, Flow, Judgement, Outcome, Reason, Rulebook};
pub use endpoint::{Directory, Endpoint, EndpointKind, NAME_LABEL, namespaces_missing};
pub use engine::{Enforcement, Engine};
pub use judged::{Denial, Judged, judged};
pub use kinds::{any, reads};
pub use labels::{LabelExpr, LabelView};
pub use matrix::Matrix;
pub use predicate::{Predicate, View};
pub use rule::{Action, Direction, Exempt, Join, OwnNode, Policy, PortMatch, Priority, Rule, Side, Tier};
pub use survey::{PortAsked, Scope, applied, compare, matrix, with_policies_of};
pub use truth::Truth;

use crate::model::ObjectRef;

/// Something in a policy that is not as it should be; the rest of the policy still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub object: ObjectRef,
    /// Its place in the object, such as `spec.ingress[0].from[1].ipBlock.cidr`.
    pub at: String,
    pub text: String,
}
