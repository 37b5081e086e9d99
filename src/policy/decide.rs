//! One connection, both directions, and the rule that decides.
//!
//! Tiers are asked in order. An input that is not known splits the way: when both ways end alike the answer stands, else it
//! is undetermined and says what is missing.

use std::cell::OnceCell;

use crate::model::Protocol;

use super::{Action, Direction, Endpoint, EndpointKind, Exempt, Join, Policy, Rule, Side, Tier, Truth, View};

const CONTRADICTION: &str = "policies with equal priority contradict each other, and their order is not defined";

/// All policies of a cluster, translated, in the order they are asked.
#[derive(Debug, Clone)]
pub struct Rulebook {
    pub tiers: Vec<Tier>,
    /// What happens when no tier decides: `Allow`, unless the enforcement mode says otherwise.
    pub otherwise: Action,
}

/// A connection that somebody wants to make: to this port of this endpoint, after any Service was translated.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a> {
    pub from: Endpoint<'a>,
    pub to: Endpoint<'a>,
    pub protocol: Protocol,
    pub port: u16,
    pub v6: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Allowed,
    Denied,
    Undetermined,
}

/// Why a direction was decided as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// A pod reaches itself, whatever its policies say (concepts/services-networking/network-policies: "cannot block itself").
    Itself,
    /// A pod and the node it runs on reach each other (same page, [`OwnNode`](super::OwnNode)).
    OwnNode,
    /// No policy applies to the subject in this direction.
    NotSelected,
    /// This rule matched.
    Rule { policy: &'a Policy, rule: &'a Rule },
    /// These policies isolate the subject, and none of their rules matches.
    Isolated { policies: Vec<&'a Policy> },
    /// Policies apply, no rule of theirs decides, and nothing isolates the subject.
    Undecided,
    /// What is missing; the answer depends on it.
    Unknown(Vec<String>),
}

/// The answer for one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    pub outcome: Outcome,
    pub reason: Reason<'a>,
}

/// The answer for a connection: both directions must allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement<'a> {
    pub egress: Decision<'a>,
    pub ingress: Decision<'a>,
}

impl Judgement<'_> {
    pub fn outcome(&self) -> Outcome {
        match (self.egress.outcome, self.ingress.outcome) {
            (Outcome::Denied, _) | (_, Outcome::Denied) => Outcome::Denied,
            (Outcome::Undetermined, _) | (_, Outcome::Undetermined) => Outcome::Undetermined,
            (Outcome::Allowed, Outcome::Allowed) => Outcome::Allowed,
        }
    }
}

impl<'a> Decision<'a> {
    fn allowed(reason: Reason<'a>) -> Self {
        Self { outcome: Outcome::Allowed, reason }
    }
}

impl<'a> Flow<'a> {
    /// The end that a direction's policies select.
    pub fn subject(&self, direction: Direction) -> &Endpoint<'a> {
        match direction {
            Direction::Ingress => &self.to,
            Direction::Egress => &self.from,
        }
    }

    /// The other end.
    pub fn peer(&self, direction: Direction) -> &Endpoint<'a> {
        match direction {
            Direction::Ingress => &self.from,
            Direction::Egress => &self.to,
        }
    }
}

impl Rulebook {
    /// Whether a connection is allowed, and why.
    pub fn judge<'a>(&'a self, flow: &'a Flow<'a>) -> Judgement<'a> {
        Judgement { egress: self.decide(flow, Direction::Egress), ingress: self.decide(flow, Direction::Ingress) }
    }

    /// One direction of a connection.
    pub fn decide<'a>(&'a self, flow: &'a Flow<'a>, direction: Direction) -> Decision<'a> {
        if flow.from.is(&flow.to) {
            return Decision::allowed(Reason::Itself);
        }
        let asked = Asked { book: self, flow, direction };
        conclude(asked.since_tier(0))
    }

    /// Every policy with the answer to whether it applies to the subject of this direction.
    pub fn applying<'a>(
        &'a self,
        flow: &'a Flow<'a>,
        direction: Direction,
    ) -> impl Iterator<Item = (&'a Tier, &'a Policy, &'a Side, Truth<'a>)> {
        let asked = Asked { book: self, flow, direction };
        self.tiers.iter().flat_map(move |tier| {
            tier.policies.iter().filter_map(move |policy| {
                let side = policy.side(direction)?;
                let selected = asked.selects(policy);
                (selected != Truth::No).then_some((tier, policy, side, selected))
            })
        })
    }

    /// Whether a rule matches the connection, seen from the end that its policy selects.
    pub fn rule_matches<'a>(&'a self, flow: &'a Flow<'a>, direction: Direction, rule: &'a Rule) -> Truth<'a> {
        Asked { book: self, flow, direction }.matches(rule)
    }
}

/// What may come out of a tier and those after it.
#[derive(Debug, Clone, Default)]
struct Ways<'a> {
    allowed: Option<Reason<'a>>,
    denied: Option<Reason<'a>>,
    /// The inputs that split the way.
    missing: Vec<&'a str>,
}

impl<'a> Ways<'a> {
    fn add(&mut self, action: Action, reason: Reason<'a>) {
        let way = if action == Action::Deny { &mut self.denied } else { &mut self.allowed };
        way.get_or_insert(reason);
    }

    fn join(&mut self, other: Self) {
        self.allowed = self.allowed.take().or(other.allowed);
        self.denied = self.denied.take().or(other.denied);
        self.missing.extend(other.missing);
    }
}

#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    book: &'a Rulebook,
    flow: &'a Flow<'a>,
    direction: Direction,
}

impl<'a> Asked<'a> {
    fn view(&self, of_subject: bool) -> View<'a> {
        let (subject, peer) = (self.flow.subject(self.direction), self.flow.peer(self.direction));
        let (endpoint, other) = if of_subject { (subject, peer) } else { (peer, subject) };
        View { endpoint, v6: self.flow.v6, other_node: other.node }
    }

    /// What the tier does with the connection because it is between a pod and its own node.
    fn own_node(&self, tier: &Tier) -> Exempt {
        let (subject, peer) = (self.flow.subject(self.direction), self.flow.peer(self.direction));
        let own = subject.kind == EndpointKind::Pod
            && peer.kind == EndpointKind::Node
            && peer.node.is_some()
            && peer.node == subject.node;
        match self.direction {
            _ if !own => Exempt::No,
            Direction::Ingress => tier.own_node.to_pod,
            Direction::Egress => tier.own_node.from_pod,
        }
    }

    fn selects(&self, policy: &'a Policy) -> Truth<'a> {
        policy.subject.matches(&self.view(true))
    }

    fn matches(&self, rule: &'a Rule) -> Truth<'a> {
        rule.port_matches(self.flow.protocol, self.flow.port, &self.flow.to)
            .and(|| rule.peer.matches(&self.view(false)))
            .and(|| rule.local.matches(&self.view(true)))
    }

    fn since_tier(&self, index: usize) -> Ways<'a> {
        let Some(tier) = self.book.tiers.get(index) else {
            let mut ways = Ways::default();
            ways.add(self.book.otherwise, self.no_tier_decided());
            return ways;
        };
        let exempt = self.own_node(tier);
        let later = OnceCell::new();
        let later = || later.get_or_init(|| self.since_tier(index + 1)).clone();
        let mut ways = Ways::default();
        let applying: Vec<_> = tier
            .policies
            .iter()
            .filter_map(|p| Some((p, p.side(self.direction)?, self.selects(p))))
            .filter(|(_, _, selected)| *selected != Truth::No)
            .collect();
        let asked = if exempt == Exempt::BeforeRules { Vec::new() } else { groups(tier.join, &applying) };
        for group in asked {
            let mut sure = Vec::new();
            for sequence in &group {
                sure.extend(self.first_match(sequence, &mut ways, &later));
            }
            if sure.windows(2).any(|two| two.first() != two.last()) {
                ways.missing.push(CONTRADICTION);
            }
            if !sure.is_empty() {
                return ways;
            }
        }
        unmatched(tier, exempt, &applying, &mut ways);
        if tier.unmatched == Action::Pass || !applying.iter().any(|(_, side, t)| side.isolates && *t == Truth::Yes) {
            ways.join(later());
        }
        ways
    }

    /// Adds what the rules of one sequence may do; the action of the first that matches for sure.
    fn first_match(&self, sequence: &[Entry<'a>], ways: &mut Ways<'a>, later: &dyn Fn() -> Ways<'a>) -> Option<Action> {
        for Entry { policy, rule, selected } in sequence {
            let matched = selected.and(|| self.matches(rule));
            match matched {
                Truth::No => continue,
                Truth::Unknown(why) => ways.missing.push(why),
                Truth::Yes => {}
            }
            match rule.action {
                Action::Pass => ways.join(later()),
                Action::Allow | Action::Deny => ways.add(rule.action, Reason::Rule { policy, rule }),
            }
            if matched == Truth::Yes {
                return Some(rule.action);
            }
        }
        None
    }

    fn no_tier_decided(&self) -> Reason<'a> {
        let applies = |p: &'a Policy| p.side(self.direction).is_some() && self.selects(p) != Truth::No;
        let any = self.book.tiers.iter().flat_map(|t| &t.policies).any(applies);
        if any { Reason::Undecided } else { Reason::NotSelected }
    }
}

/// What becomes of a subject that policies isolate and no rule matches. Where nothing isolates it, the next tier is asked, for
/// its own node too.
fn unmatched<'a>(tier: &'a Tier, exempt: Exempt, applying: &[(&'a Policy, &'a Side, Truth<'a>)], ways: &mut Ways<'a>) {
    if tier.unmatched == Action::Pass {
        return;
    }
    let isolating: Vec<_> = applying.iter().filter(|(_, side, _)| side.isolates).collect();
    let surely = isolating.iter().any(|(_, _, t)| *t == Truth::Yes);
    if let (false, Some(Truth::Unknown(why))) = (surely, isolating.first().map(|(_, _, t)| *t)) {
        ways.missing.push(why);
    }
    if isolating.is_empty() {
        return;
    }
    match exempt {
        Exempt::No => {
            let policies = isolating.iter().map(|(p, ..)| *p).collect();
            ways.add(tier.unmatched, Reason::Isolated { policies });
        }
        Exempt::BeforeRules | Exempt::AfterRules => ways.add(Action::Allow, Reason::OwnNode),
    }
}

fn conclude(ways: Ways<'_>) -> Decision<'_> {
    match (ways.allowed, ways.denied) {
        (Some(reason), None) => Decision::allowed(reason),
        (None, Some(reason)) => Decision { outcome: Outcome::Denied, reason },
        (Some(_) | None, _) => {
            let mut missing: Vec<String> = ways.missing.iter().map(|w| (*w).to_owned()).collect();
            missing.sort();
            missing.dedup();
            Decision { outcome: Outcome::Undetermined, reason: Reason::Unknown(missing) }
        }
    }
}

/// A rule in its place: its policy, and whether the policy applies.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    policy: &'a Policy,
    rule: &'a Rule,
    selected: Truth<'a>,
}

/// The rules of a tier in the order they are asked: group after group. Within a group the sequences have no order among
/// them; within a sequence the first match counts.
fn groups<'a>(join: Join, applying: &[(&'a Policy, &'a Side, Truth<'a>)]) -> Vec<Vec<Vec<Entry<'a>>>> {
    let rules = |(policy, side, selected): &(&'a Policy, &'a Side, Truth<'a>)| {
        let (policy, selected) = (*policy, *selected);
        side.rules.iter().map(move |rule| Entry { policy, rule, selected }).collect::<Vec<_>>()
    };
    match join {
        Join::Union => {
            let all: Vec<_> = applying.iter().flat_map(rules).collect();
            let (deny, rest) = all.into_iter().partition(|e| e.rule.action == Action::Deny);
            vec![vec![deny], vec![rest]]
        }
        Join::FirstMatch => {
            applying.chunk_by(|(a, ..), (b, ..)| a.priority == b.priority).map(|same| same.iter().map(rules).collect()).collect()
        }
        Join::FirstMatchByName => applying.iter().map(|one| vec![rules(one)]).collect(),
    }
}
