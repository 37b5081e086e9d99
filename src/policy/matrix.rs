//! All pairs at once, for one port: rows of bits over classes of endpoints.
//!
//! The same order of tiers and rules as in `decide`, with a set of peers in the place of one: a set of those that still wait for
//! a decision goes through the rules, and each rule takes out what it matches for sure.

use std::rc::Rc;

use crate::model::Protocol;

use super::bits::{Bits, Square};
use super::classes::{Classes, Features};
use super::decide::{Entry, groups};
use super::sets::{Cache, Index, Span};
use super::{Action, Direction, Endpoint, EndpointKind, Flow, Outcome, Policy, Rulebook, Side, Tier};

/// Who may connect to whom on one port.
#[derive(Debug)]
pub struct Matrix<'a> {
    book: &'a Rulebook,
    endpoints: Vec<Endpoint<'a>>,
    classes: Classes,
    protocol: Protocol,
    port: u16,
    v6: bool,
    /// By class, source after source: allowed for sure, and allowed unless a missing input says otherwise.
    sure: Square,
    may: Square,
}

impl<'a> Matrix<'a> {
    /// Decides every ordered pair for connections to this port of the destination itself, after Services were translated.
    pub fn new(book: &'a Rulebook, endpoints: Vec<Endpoint<'a>>, protocol: Protocol, port: u16, v6: bool) -> Self {
        let features = Features::of(book);
        let classes = features.classes(&endpoints);
        let examples = classes.example.iter().filter_map(|e| endpoints.get(*e)).copied().collect();
        let index = Index::new(examples, &features.label_keys, v6);
        let asked = Asked { book, index: &index, protocol, port };
        let (mut sure, mut may) = asked.rows(Direction::Egress);
        let (ingress_sure, ingress_may) = asked.rows(Direction::Ingress);
        sure.and(&ingress_sure.transposed());
        may.and(&ingress_may.transposed());
        Self { book, endpoints, classes, protocol, port, v6, sure, may }
    }

    pub fn endpoints(&self) -> &[Endpoint<'a>] {
        &self.endpoints
    }

    /// How many classes the endpoints fall into.
    pub fn class_count(&self) -> usize {
        self.sure.size()
    }

    /// The class of an endpoint.
    pub fn class(&self, endpoint: usize) -> Option<usize> {
        self.classes.of.get(endpoint).copied()
    }

    /// Between two different endpoints of two classes.
    pub fn between_classes(&self, from: usize, to: usize) -> Outcome {
        match (self.sure.get(from, to), self.may.get(from, to)) {
            (true, _) => Outcome::Allowed,
            (false, true) => Outcome::Undetermined,
            (false, false) => Outcome::Denied,
        }
    }

    /// Between two endpoints, by their index.
    pub fn outcome(&self, from: usize, to: usize) -> Outcome {
        let ends = (self.endpoints.get(from), self.endpoints.get(to), self.class(from), self.class(to));
        let (Some(a), Some(b), Some(from_class), Some(to_class)) = ends else { return Outcome::Undetermined };
        // what depends on both ends is not in the matrix: an endpoint itself, and nodes with their own pods
        if from == to || a.kind == EndpointKind::Node || b.kind == EndpointKind::Node {
            let flow = Flow { from: *a, to: *b, protocol: self.protocol, port: self.port, v6: self.v6 };
            return self.book.judge(&flow).outcome();
        }
        self.between_classes(from_class, to_class)
    }

    /// Ordered pairs of different endpoints that are allowed for sure.
    pub fn allowed_pairs(&self) -> usize {
        let members = &self.classes.members;
        let mut total = 0;
        for (from, count) in members.iter().enumerate() {
            let reached = members.iter().enumerate().filter(|(to, _)| self.sure.get(from, *to));
            total += reached.map(|(to, others)| count * (others - usize::from(from == to))).sum::<usize>();
        }
        total
    }
}

#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    book: &'a Rulebook,
    index: &'a Index<'a>,
    protocol: Protocol,
    port: u16,
}

/// A policy's rules with the classes they find.
struct Prepared<'a> {
    policy: &'a Policy,
    side: &'a Side,
    subject: Rc<Span>,
    rules: Vec<PreparedRule>,
}

struct PreparedRule {
    peer: Rc<Span>,
    /// Over the subject; `None`: everybody.
    local: Option<Rc<Span>>,
    /// Over destinations; `None`: every port.
    ports: Option<Span>,
}

/// A policy that applies to a class: its place among the prepared ones, and whether it applies for sure.
type Applies = (usize, bool);

/// The sets of one row while the tiers are asked.
struct Row {
    waiting: Bits,
    allow: Bits,
    deny: Bits,
    pass: Bits,
}

impl<'a> Asked<'a> {
    /// Rows by subject: the peers that the direction allows for sure, and those that it may allow.
    fn rows(&self, direction: Direction) -> (Square, Square) {
        let size = self.index.size();
        let (mut sure, mut may) = (Square::none(size), Square::none(size));
        let mut cache = Cache::default();
        let tiers: Vec<_> = self.book.tiers.iter().map(|t| (t, self.prepare(t, direction, &mut cache))).collect();
        let by_class: Vec<Vec<Vec<Applies>>> = tiers.iter().map(|(_, prepared)| applying(prepared, size)).collect();
        for class in 0..size {
            let mut row =
                Row { waiting: Bits::all(size), allow: Bits::none(size), deny: Bits::none(size), pass: Bits::none(size) };
            for ((tier, prepared), lists) in tiers.iter().zip(&by_class) {
                let list = lists.get(class).map(Vec::as_slice).unwrap_or_default();
                row.tier(tier, prepared, list, class, direction);
            }
            let rest = row.waiting.clone();
            row.result(self.book.otherwise).or(&rest);
            may.set_row(class, row.allow.words());
            row.deny.invert();
            row.allow.and(&row.deny);
            sure.set_row(class, row.allow.words());
        }
        (sure, may)
    }

    fn prepare(&self, tier: &'a Tier, direction: Direction, cache: &mut Cache<'a>) -> Vec<Prepared<'a>> {
        let mut prepared = Vec::new();
        for policy in &tier.policies {
            let Some(side) = policy.side(direction) else { continue };
            let subject = cache.span(self.index, &policy.subject);
            if subject.may.is_empty() {
                continue;
            }
            let rules = side.rules.iter().map(|rule| PreparedRule {
                peer: cache.span(self.index, &rule.peer),
                local: (rule.local != super::Predicate::EVERYTHING).then(|| cache.span(self.index, &rule.local)),
                ports: rule.ports.is_some().then(|| self.index.with_port(rule, self.protocol, self.port)),
            });
            let rules = rules.collect();
            prepared.push(Prepared { policy, side, subject, rules });
        }
        prepared
    }
}

/// The policies that apply to each class.
fn applying(prepared: &[Prepared<'_>], size: usize) -> Vec<Vec<Applies>> {
    let mut lists = vec![Vec::new(); size];
    for (at, policy) in prepared.iter().enumerate() {
        for class in policy.subject.may.members() {
            if let Some(list) = lists.get_mut(class) {
                list.push((at, policy.subject.sure.contains(class)));
            }
        }
    }
    lists
}

impl Row {
    fn result(&mut self, action: Action) -> &mut Bits {
        match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        }
    }

    fn tier(&mut self, tier: &Tier, prepared: &[Prepared<'_>], list: &[Applies], class: usize, direction: Direction) {
        let found = |(at, sure): &Applies| prepared.get(*at).map(|p| (p.policy, p.side, (*at, *sure)));
        let list: Vec<_> = list.iter().filter_map(found).collect();
        if list.is_empty() {
            return;
        }
        for group in groups(tier.join, &list) {
            let start = self.waiting.clone();
            for sequence in &group {
                let mut rest = start.clone();
                for entry in sequence {
                    self.rule(entry, prepared, class, direction, &mut rest);
                }
                self.waiting.and(&rest);
            }
        }
        let isolated = tier.unmatched != Action::Pass && list.iter().any(|(_, side, _)| side.isolates);
        if isolated {
            let rest = self.waiting.clone();
            self.result(tier.unmatched).or(&rest);
            if list.iter().any(|(_, side, (_, sure))| side.isolates && *sure) {
                self.waiting = Bits::none(self.size());
            }
        }
        let size = self.size();
        self.waiting.or(&std::mem::replace(&mut self.pass, Bits::none(size)));
    }

    fn size(&self) -> usize {
        self.allow.size()
    }

    /// Takes what a rule matches out of `rest`.
    fn rule(
        &mut self,
        entry: &Entry<'_, Applies>,
        prepared: &[Prepared<'_>],
        class: usize,
        direction: Direction,
        rest: &mut Bits,
    ) {
        let (at, mut certain) = entry.selected;
        let Some(rule) = prepared.get(at).and_then(|p| p.rules.get(entry.index)) else { return };
        // conditions on the subject are the same for the whole row
        let own_ports = rule.ports.as_ref().filter(|_| direction == Direction::Ingress);
        for span in [rule.local.as_deref(), own_ports].into_iter().flatten() {
            if !span.may.contains(class) {
                return;
            }
            certain &= span.sure.contains(class);
        }
        let ports = rule.ports.as_ref().filter(|_| direction == Direction::Egress);
        let result = match entry.rule.action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        };
        rest.take(&rule.peer, ports, certain, result);
    }
}

impl Bits {
    /// Adds to `result` what may match, and keeps what does not match for sure.
    fn take(&mut self, peer: &Span, ports: Option<&Span>, certain: bool, result: &mut Self) {
        let words = self.words_mut().iter_mut().zip(result.words_mut());
        let peers = peer.may.words().iter().zip(peer.sure.words());
        match ports {
            None => {
                for ((rest, result), (may, sure)) in words.zip(peers) {
                    *result |= *rest & may;
                    *rest &= !(if certain { *sure } else { 0 });
                }
            }
            Some(ports) => {
                let ports = ports.may.words().iter().zip(ports.sure.words());
                for (((rest, result), (may, sure)), (port_may, port_sure)) in words.zip(peers).zip(ports) {
                    *result |= *rest & may & port_may;
                    *rest &= !(if certain { sure & port_sure } else { 0 });
                }
            }
        }
    }
}
