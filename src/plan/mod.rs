//! What to read and what to try, in which order: pure functions from what is known to what is next.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod alias;
pub mod backends;
pub mod collect_reads;
pub mod info_reads;
pub mod lint_reads;
pub mod matrix_reads;
pub mod names;
pub mod node_ports;
pub mod owner;
pub mod policy_reads;
pub mod proxy_modes;
pub mod reads;
pub mod resolve;
pub mod routes;
mod settle;
mod silence;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;

use crate::model::ObjectRef;
use crate::probe::ProbeSpec;

/// One probe to run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In words, for the progress line, `--dry-run` and the report: `the Service's address, as the application uses it`.
    pub why: String,
    /// The pod it starts in.
    pub from: ObjectRef,
    pub spec: ProbeSpec,
}
