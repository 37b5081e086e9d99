//! From objects and measurements to causes: one file a cause.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Question};
use crate::protocol::Measurement;

/// What a cause may read.
#[derive(Debug, Clone, Copy)]
pub struct Correlation<'a> {
    pub cluster: &'a Cluster,
    pub question: &'a Question,
    /// What the checks found in the objects.
    pub findings: &'a [Finding],
    pub measured: &'a [Measurement],
}

/// A fault that needs a measurement to be seen.
pub trait Cause: Sync {
    fn meta(&self) -> &'static Meta;
    fn explain(&self, cx: &Correlation<'_>) -> Verdict;
}

/// Every cause, in the order of its code.
pub const ALL: &[&dyn Cause] = &[];
