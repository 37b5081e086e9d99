//! What lints say, put together.

use std::collections::BTreeMap;

use crate::finding::{Finding, Meta};
use crate::model::ObjectRef;

use super::Context;

/// A finding, and which part of its object it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub finding: Finding,
    /// Such as `spec.ingress[0].from[1]`; empty for the whole object.
    pub at: String,
}

/// The answer of all lints.
#[derive(Debug, Clone, Default)]
pub struct Linted {
    /// By policy, in the order of codes.
    pub findings: Vec<Located>,
    /// What could not be decided, and why.
    pub open: Vec<(String, String)>,
    /// Some of that could have been read.
    pub is_incomplete: bool,
    pub policies: usize,
    pub pods: usize,
    /// Whether anything enforces the policies, in words.
    pub enforcement: String,
}

/// What lints say, one after the other.
#[derive(Debug, Default)]
pub struct Out {
    findings: Vec<Located>,
    open: BTreeMap<Open, Places>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    code: &'static str,
    why: String,
    /// It is not in the files that were given: nothing that could have been read is missing.
    is_outside: bool,
}

#[derive(Debug)]
struct Places {
    first: String,
    count: usize,
}

impl Out {
    pub(super) fn found(&mut self, finding: Finding, at: impl Into<String>) {
        self.findings.push(Located { finding, at: at.into() });
    }

    /// Something of a policy could not be decided.
    pub(super) fn open(&mut self, meta: &'static Meta, object: &ObjectRef, at: &str, why: impl Into<String>) {
        self.add(Open { code: meta.code, why: why.into(), is_outside: false }, format!("{object} {at}"));
    }

    /// The same, and manifests need not hold what is missing.
    pub(super) fn outside(&mut self, meta: &'static Meta, object: &ObjectRef, at: &str, why: impl Into<String>) {
        self.add(Open { code: meta.code, why: why.into(), is_outside: true }, format!("{object} {at}"));
    }

    fn add(&mut self, open: Open, place: String) {
        self.open.entry(open).or_insert_with(|| Places { first: place, count: 0 }).count += 1;
    }

    pub(super) fn finish(mut self, cx: &Context<'_>) -> Linted {
        self.findings.sort_by(|a, b| {
            let key = |l: &Located| (l.finding.weight, l.finding.about.clone(), l.finding.meta.code);
            key(a).cmp(&key(b)).then_with(|| natural(&a.at).cmp(&natural(&b.at)))
        });
        self.findings.dedup();
        let missing = cx.policies_missing();
        let is_incomplete = !missing.is_empty() || self.open.keys().any(|open| !open.is_outside);
        let open = self.open.into_iter().map(|(open, places)| {
            let more = if places.count > 1 { format!(" and {} more", places.count - 1) } else { String::new() };
            (format!("{}: {}{more}", open.code, places.first), open.why)
        });
        Linted {
            findings: self.findings,
            open: missing.into_iter().chain(open).collect(),
            is_incomplete,
            policies: cx.items().len(),
            pods: cx.pod_count(),
            enforcement: cx.ground.enforcement_words(),
        }
    }
}

/// `ingress[10]` comes after `ingress[9]`.
fn natural(at: &str) -> Vec<(usize, &str)> {
    at.split(['.', '[', ']']).map(|part| (part.parse().unwrap_or(0), part)).collect()
}
