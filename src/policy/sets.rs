//! Predicates over all classes at once: which classes match for sure, and which may.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::model::Protocol;

use super::bits::Bits;
use super::{Endpoint, EndpointKind, LabelExpr, LabelView, PortMatch, Predicate, Rule, Truth, View};

/// `sure` is inside `may`; they differ where an input is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) sure: Bits,
    pub(super) may: Bits,
}

impl Span {
    fn exactly(bits: Bits) -> Self {
        Self { may: bits.clone(), sure: bits }
    }

    fn and(&mut self, other: &Self) {
        self.sure.and(&other.sure);
        self.may.and(&other.may);
    }

    fn or(&mut self, other: &Self) {
        self.sure.or(&other.sure);
        self.may.or(&other.may);
    }

    fn inverted(mut self) -> Self {
        self.sure.invert();
        self.may.invert();
        Self { sure: self.may, may: self.sure }
    }
}

/// One endpoint of each class, indexed by what selectors ask most.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) examples: Vec<Endpoint<'a>>,
    pub(super) v6: bool,
    pods: Bits,
    namespaces: HashMap<&'a str, Bits>,
    /// Label key to value to the pods that have it.
    labels: HashMap<&'a str, HashMap<&'a str, Bits>>,
    /// Conditions on namespaces that were asked before: policies share a few.
    asked: RefCell<HashMap<LabelExpr, Span>>,
}

/// Conditions on namespaces that are remembered.
const REMEMBERED: usize = 4096;

impl<'a> Index<'a> {
    pub(super) fn new(examples: Vec<Endpoint<'a>>, keys: &std::collections::BTreeSet<&str>, v6: bool) -> Self {
        let size = examples.len();
        let mut index = Self {
            pods: Bits::none(size),
            namespaces: HashMap::new(),
            labels: HashMap::new(),
            asked: RefCell::default(),
            examples: Vec::new(),
            v6,
        };
        for (class, endpoint) in examples.iter().enumerate().filter(|(_, e)| e.kind == EndpointKind::Pod) {
            index.pods.insert(class);
            index.namespaces.entry(endpoint.namespace).or_insert_with(|| Bits::none(size)).insert(class);
            for (key, value) in endpoint.labels.labels.iter().filter(|(k, _)| keys.contains(k.as_str())) {
                let values = index.labels.entry(key).or_default();
                values.entry(value).or_insert_with(|| Bits::none(size)).insert(class);
            }
        }
        index.examples = examples;
        index
    }

    pub(super) fn size(&self) -> usize {
        self.examples.len()
    }

    /// The classes that a predicate finds. `OwnNode` depends on the other end, so it may be any node.
    pub(super) fn span(&self, predicate: &Predicate) -> Span {
        match predicate {
            Predicate::Pod => Span::exactly(self.pods.clone()),
            Predicate::Namespace(name) => {
                Span::exactly(self.namespaces.get(name.as_str()).cloned().unwrap_or_else(|| Bits::none(self.size())))
            }
            Predicate::NamespaceLabels(labels) => self.in_namespaces(labels),
            Predicate::Labels(labels) => {
                let mut span = self.labelled(labels);
                span.and(&Span::exactly(self.pods.clone()));
                span
            }
            Predicate::Not(inner) => self.span(inner).inverted(),
            Predicate::All(parts) => {
                let mut span = Span::exactly(Bits::all(self.size()));
                for part in parts {
                    span.and(&self.span(part));
                }
                span
            }
            Predicate::AnyOf(parts) => {
                let mut span = Span::exactly(Bits::none(self.size()));
                for part in parts {
                    span.or(&self.span(part));
                }
                span
            }
            Predicate::OwnNode => Span { may: self.one_by_one(&Predicate::Node).may, sure: Bits::none(self.size()) },
            Predicate::Node
            | Predicate::External
            | Predicate::NodeLabels(_)
            | Predicate::Cidr { .. }
            | Predicate::ServiceAccount(_)
            | Predicate::Unknown(_) => self.one_by_one(predicate),
        }
    }

    fn one_by_one(&self, predicate: &Predicate) -> Span {
        self.each(|endpoint| {
            let view = View { endpoint, v6: self.v6, other_node: None };
            Seen::of(predicate.matches(&view))
        })
    }

    fn each(&self, answer: impl Fn(&Endpoint<'a>) -> Seen) -> Span {
        let mut span = Span::exactly(Bits::none(self.size()));
        for (class, endpoint) in self.examples.iter().enumerate() {
            match answer(endpoint) {
                Seen::Yes => {
                    span.sure.insert(class);
                    span.may.insert(class);
                }
                Seen::Maybe => span.may.insert(class),
                Seen::No => {}
            }
        }
        span
    }

    /// Labels of a namespace are asked once for all its classes.
    fn in_namespaces(&self, labels: &LabelExpr) -> Span {
        if let Some(known) = self.asked.borrow().get(labels) {
            return known.clone();
        }
        let span = self.in_each_namespace(labels);
        let mut asked = self.asked.borrow_mut();
        if asked.len() < REMEMBERED {
            asked.insert(labels.clone(), span.clone());
        }
        span
    }

    fn in_each_namespace(&self, labels: &LabelExpr) -> Span {
        let mut span = Span::exactly(Bits::none(self.size()));
        #[expect(clippy::iter_over_hash_type, reason = "a union has no order")]
        for classes in self.namespaces.values() {
            let Some(example) = classes.members().next().and_then(|c| self.examples.get(c)) else { continue };
            match labels.matches(example.namespace_labels) {
                Truth::Yes => span.or(&Span::exactly(classes.clone())),
                Truth::Unknown(_) => span.may.or(classes),
                Truth::No => {}
            }
        }
        span
    }

    fn labelled(&self, expr: &LabelExpr) -> Span {
        match expr {
            // the labels of pods are known wherever the pod is
            LabelExpr::In(key, values) => {
                let mut bits = Bits::none(self.size());
                let known = self.labels.get(key.as_str());
                values.iter().filter_map(|v| known?.get(v.as_str())).for_each(|b| bits.or(b));
                Span::exactly(bits)
            }
            LabelExpr::Exists(key) => {
                let mut bits = Bits::none(self.size());
                self.labels.get(key.as_str()).into_iter().flat_map(HashMap::values).for_each(|b| bits.or(b));
                Span::exactly(bits)
            }
            LabelExpr::Not(inner) => self.labelled(inner).inverted(),
            LabelExpr::All(parts) => {
                let mut span = Span::exactly(Bits::all(self.size()));
                for part in parts {
                    span.and(&self.labelled(part));
                }
                span
            }
            LabelExpr::AnyOf(parts) => {
                let mut span = Span::exactly(Bits::none(self.size()));
                for part in parts {
                    span.or(&self.labelled(part));
                }
                span
            }
            LabelExpr::StartsWith(..) | LabelExpr::EndsWith(..) | LabelExpr::Contains(..) | LabelExpr::Unknown(_) => {
                self.each(|e| Seen::of(expr.matches(LabelView { labels: e.labels.labels, missing: None })))
            }
        }
    }

    /// The destinations whose port a rule means.
    fn with_port(&self, rule: &Rule, protocol: Protocol, port: u16) -> PortSpan {
        let plain = rule.ports.iter().flatten().all(|p| matches!(p, PortMatch::Protocol(_) | PortMatch::Range { .. }));
        match (plain, self.examples.first()) {
            // the same for every destination
            (true, Some(any)) => match rule.port_matches(protocol, port, any) {
                Truth::Yes => PortSpan::Everybody,
                Truth::No => PortSpan::Nobody,
                Truth::Unknown(_) => PortSpan::Some(Rc::new(Span { sure: Bits::none(self.size()), may: Bits::all(self.size()) })),
            },
            _ => PortSpan::Some(Rc::new(self.each(|e| Seen::of(rule.port_matches(protocol, port, e))))),
        }
    }
}

/// A [`Truth`] without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Yes,
    Maybe,
    No,
}

impl Seen {
    fn of(truth: Truth<'_>) -> Self {
        match truth {
            Truth::Yes => Self::Yes,
            Truth::Unknown(_) => Self::Maybe,
            Truth::No => Self::No,
        }
    }
}

/// The destinations whose port a rule means.
#[derive(Debug, Clone)]
pub(super) enum PortSpan {
    Everybody,
    Nobody,
    Some(Rc<Span>),
}

/// Equal predicates are asked once, and equal lists of ports.
#[derive(Debug, Default)]
pub(super) struct Cache<'p> {
    known: HashMap<&'p Predicate, Rc<Span>>,
    ports: HashMap<&'p [PortMatch], PortSpan>,
}

impl<'p> Cache<'p> {
    pub(super) fn span(&mut self, index: &Index<'_>, predicate: &'p Predicate) -> Rc<Span> {
        Rc::clone(self.known.entry(predicate).or_insert_with(|| Rc::new(index.span(predicate))))
    }

    /// For one port in the cache's life.
    pub(super) fn ports(&mut self, index: &Index<'_>, rule: &'p Rule, protocol: Protocol, port: u16) -> PortSpan {
        let Some(ports) = &rule.ports else { return PortSpan::Everybody };
        self.ports.entry(ports).or_insert_with(|| index.with_port(rule, protocol, port)).clone()
    }
}
