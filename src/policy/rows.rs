//! One direction of a matrix: for each class as the subject, the peers that its policies let through.
//!
//! The same order of tiers and rules as in `decide`, with a set of peers in the place of one: a set of those that still wait for
//! a decision goes through the rules, and each rule takes out what it matches for sure.

use std::rc::Rc;

use crate::model::Protocol;

use super::bits::{Bits, Square};
use super::sets::{Cache, Index, PortSpan, Span};
use super::{Action, Direction, Join, Policy, Predicate, Priority, Rulebook, Tier};

/// Which connections are meant, among which classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'i, 'a> {
    pub(super) index: &'i Index<'a>,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

/// Rows by subject.
#[derive(Debug)]
pub(super) struct Rows {
    direction: Direction,
    tiers: Vec<Layer>,
    /// The peers that are allowed for sure, and those that may be.
    pub(super) sure: Square,
    pub(super) may: Square,
}

/// A tier with what its policies find. A policy that says nothing of the direction, or finds nobody, has no entry.
#[derive(Debug)]
struct Layer {
    join: Join,
    unmatched: Action,
    policies: Vec<Option<Prepared>>,
    /// By class.
    applying: Vec<Vec<Applies>>,
}

/// A policy that applies to a class: its place in the tier, and whether it applies for sure.
type Applies = (usize, bool);

/// A policy's rules with the classes they find.
#[derive(Debug)]
struct Prepared {
    priority: Priority,
    isolates: bool,
    subject: Rc<Span>,
    rules: Vec<PreparedRule>,
}

#[derive(Debug)]
struct PreparedRule {
    action: Action,
    peer: Rc<Span>,
    /// Over the subject; `None`: everybody.
    local: Option<Rc<Span>>,
    /// Over destinations; `None`: every one.
    ports: Option<Rc<Span>>,
}

impl Rows {
    pub(super) fn new(book: &Rulebook, asked: &Asked<'_, '_>, direction: Direction) -> Self {
        let size = asked.index.size();
        let mut cache = Cache::default();
        let tiers = book.tiers.iter().map(|tier| Layer::new(tier, asked, direction, &mut cache)).collect();
        let mut rows = Self { direction, tiers, sure: Square::none(size), may: Square::none(size) };
        rows.decide(book, 0..size);
        rows
    }

    /// Puts the policies at `new` in the place of those at `old`, by tier, and decides the rows that this touches: those.
    /// `book` has the new ones.
    pub(super) fn replace(&mut self, book: &Rulebook, asked: &Asked<'_, '_>, old: &Places, new: &Places) -> Vec<usize> {
        let mut touched = Bits::none(asked.index.size());
        for (at, layer) in self.tiers.iter_mut().enumerate() {
            let (Some(old), Some(new), Some(tier)) = (old.get(at), new.get(at), book.tiers.get(at)) else { continue };
            layer.replace(tier, asked, self.direction, (old, new), &mut touched);
        }
        let touched: Vec<usize> = touched.members().collect();
        self.decide(book, touched.iter().copied());
        touched
    }

    fn decide(&mut self, book: &Rulebook, classes: impl Iterator<Item = usize>) {
        let mut row = Row::new(self.sure.size());
        for class in classes {
            row.start();
            for layer in &self.tiers {
                row.tier(layer, class, self.direction);
            }
            row.end(book.otherwise);
            self.may.set_row(class, row.allow.words());
            row.allow.without(&row.deny);
            self.sure.set_row(class, row.allow.words());
        }
    }
}

/// Places of policies in each tier.
pub(super) type Places = Vec<Vec<usize>>;

impl Layer {
    fn new<'p>(tier: &'p Tier, asked: &Asked<'_, '_>, direction: Direction, cache: &mut Cache<'p>) -> Self {
        let size = asked.index.size();
        let policies: Vec<_> = tier.policies.iter().map(|p| Prepared::new(p, asked, direction, cache)).collect();
        let mut layer = Self { join: tier.join, unmatched: tier.unmatched, policies, applying: vec![Vec::new(); size] };
        for at in 0..layer.policies.len() {
            layer.apply(at, None);
        }
        layer
    }

    /// Enters a policy at the classes it applies to.
    fn apply(&mut self, at: usize, touched: Option<&mut Bits>) {
        let Some(policy) = self.policies.get(at).and_then(Option::as_ref) else { return };
        for class in policy.subject.may.members() {
            if let Some(list) = self.applying.get_mut(class) {
                // mostly the last: policies come in their order
                let place = list.iter().rposition(|(before, _)| *before < at).map_or(0, |p| p + 1);
                list.insert(place, (at, policy.subject.sure.contains(class)));
            }
        }
        if let Some(touched) = touched {
            touched.or(&policy.subject.may);
        }
    }

    fn replace(
        &mut self,
        tier: &Tier,
        asked: &Asked<'_, '_>,
        direction: Direction,
        (old, new): (&Vec<usize>, &Vec<usize>),
        touched: &mut Bits,
    ) {
        let moves = old != new;
        for at in old.iter().rev() {
            if let Some(Some(policy)) = self.policies.get(*at) {
                touched.or(&policy.subject.may);
                for class in policy.subject.may.members() {
                    self.applying.get_mut(class).into_iter().for_each(|list| list.retain(|(other, _)| other != at));
                }
            }
            if *at < self.policies.len() {
                self.policies.remove(*at);
            }
            if moves {
                self.shift(|other| if other > *at { other - 1 } else { other });
            }
        }
        for at in new {
            let mut cache = Cache::default();
            let policy = tier.policies.get(*at).and_then(|p| Prepared::new(p, asked, direction, &mut cache));
            if moves {
                self.shift(|other| if other >= *at { other + 1 } else { other });
            }
            self.policies.insert((*at).min(self.policies.len()), policy);
            self.apply(*at, Some(touched));
        }
    }

    fn shift(&mut self, to: impl Fn(usize) -> usize) {
        for (at, _) in self.applying.iter_mut().flatten() {
            *at = to(*at);
        }
    }
}

impl Prepared {
    fn new<'p>(policy: &'p Policy, asked: &Asked<'_, '_>, direction: Direction, cache: &mut Cache<'p>) -> Option<Self> {
        let side = policy.side(direction)?;
        let subject = cache.span(asked.index, &policy.subject);
        if subject.may.is_empty() {
            return None;
        }
        let rules = side.rules.iter().filter_map(|rule| {
            let ports = match cache.ports(asked.index, rule, asked.protocol, asked.port) {
                PortSpan::Nobody => return None,
                PortSpan::Everybody => None,
                PortSpan::Some(span) => Some(span),
            };
            Some(PreparedRule {
                action: rule.action,
                peer: cache.span(asked.index, &rule.peer),
                local: (rule.local != Predicate::EVERYTHING).then(|| cache.span(asked.index, &rule.local)),
                ports,
            })
        });
        Some(Self { priority: policy.priority, isolates: side.isolates, rules: rules.collect(), subject })
    }
}

/// The sets of one row while the tiers are asked.
struct Row {
    waiting: Bits,
    allow: Bits,
    deny: Bits,
    pass: Bits,
    passes: bool,
}

impl Row {
    fn new(size: usize) -> Self {
        let none = || Bits::none(size);
        Self { waiting: none(), allow: none(), deny: none(), pass: none(), passes: false }
    }

    fn start(&mut self) {
        self.waiting.fill();
        for bits in [&mut self.allow, &mut self.deny, &mut self.pass] {
            bits.clear();
        }
    }

    fn end(&mut self, otherwise: Action) {
        let waiting = std::mem::take(&mut self.waiting);
        self.result(otherwise).or(&waiting);
        self.waiting = waiting;
    }

    fn result(&mut self, action: Action) -> &mut Bits {
        match action {
            Action::Allow => &mut self.allow,
            Action::Deny => &mut self.deny,
            Action::Pass => &mut self.pass,
        }
    }

    fn tier(&mut self, layer: &Layer, class: usize, direction: Direction) {
        let list = layer.applying.get(class).map(Vec::as_slice).unwrap_or_default();
        if list.is_empty() {
            return;
        }
        self.rules(layer, list, class, direction);
        let isolating = |(at, _): &&Applies| layer.policies.get(*at).and_then(Option::as_ref).is_some_and(|p| p.isolates);
        if layer.unmatched != Action::Pass && list.iter().any(|applies| isolating(&applies)) {
            let waiting = std::mem::take(&mut self.waiting);
            self.result(layer.unmatched).or(&waiting);
            self.waiting = waiting;
            if list.iter().filter(isolating).any(|(_, sure)| *sure) {
                self.waiting.clear();
            }
        }
        if self.passes {
            self.waiting.or(&self.pass);
            self.pass.clear();
            self.passes = false;
        }
    }

    /// Asks the rules of a tier, group after group (see `decide::groups`).
    fn rules(&mut self, layer: &Layer, list: &[Applies], class: usize, direction: Direction) {
        let mut rest = std::mem::take(&mut self.waiting);
        match layer.join {
            Join::Union => {
                for denies in [true, false] {
                    for applies in list {
                        self.sequence(layer, *applies, class, direction, &mut rest, |a| (a == Action::Deny) == denies);
                    }
                }
            }
            Join::FirstMatch => {
                let priority = |(at, _): &Applies| layer.policies.get(*at).and_then(Option::as_ref).map(|p| p.priority);
                for same in list.chunk_by(|a, b| priority(a) == priority(b)) {
                    if let [one] = same {
                        self.sequence(layer, *one, class, direction, &mut rest, |_| true);
                        continue;
                    }
                    let start = rest.clone();
                    for applies in same {
                        let mut own = start.clone();
                        self.sequence(layer, *applies, class, direction, &mut own, |_| true);
                        rest.and(&own);
                    }
                }
            }
            Join::FirstMatchByName => {
                for applies in list {
                    self.sequence(layer, *applies, class, direction, &mut rest, |_| true);
                }
            }
        }
        self.waiting = rest;
    }

    /// Takes what the rules of a policy match out of `rest`, one after the other.
    fn sequence(
        &mut self,
        layer: &Layer,
        (at, sure): Applies,
        class: usize,
        direction: Direction,
        rest: &mut Bits,
        wanted: impl Fn(Action) -> bool,
    ) {
        let Some(policy) = layer.policies.get(at).and_then(Option::as_ref) else { return };
        for rule in policy.rules.iter().filter(|rule| wanted(rule.action)) {
            let mut certain = sure;
            // conditions on the subject are the same for the whole row
            let own_ports = rule.ports.as_deref().filter(|_| direction == Direction::Ingress);
            let mut applies = true;
            for span in [rule.local.as_deref(), own_ports].into_iter().flatten() {
                applies &= span.may.contains(class);
                certain &= span.sure.contains(class);
            }
            if !applies {
                continue;
            }
            self.passes |= rule.action == Action::Pass;
            let ports = rule.ports.as_deref().filter(|_| direction == Direction::Egress);
            take(rest, &rule.peer, ports, certain, self.result(rule.action));
        }
    }
}

/// Adds to `result` what may match, and keeps what does not match for sure.
fn take(rest: &mut Bits, peer: &Span, ports: Option<&Span>, certain: bool, result: &mut Bits) {
    let words = rest.words_mut().iter_mut().zip(result.words_mut());
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
