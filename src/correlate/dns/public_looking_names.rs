//! The measured half of `checks::dns::NameInWrongNamespace`: names that look like public ones.

use crate::checks::Context;
use crate::checks::dns::{NameInWrongNamespace, finding_for};
use crate::correlate::{Cause, Correlation};
use crate::finding::{Meta, Verdict};

use super::name_does_not_exist::says_nxdomain;
use super::view::nothing_to_do;

impl Cause for NameInWrongNamespace {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        if !says_nxdomain(cx) {
            return Verdict::Clear;
        }
        let objects = Context { cluster: cx.cluster, question: cx.question };
        Verdict::of(finding_for(&objects).map(crate::finding::Finding::proven).into_iter().collect())
    }
}
