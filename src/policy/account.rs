//! How a direction was decided, policy by policy and rule by rule.

use crate::model::Cluster;
use crate::report::json;
use crate::report::policy_pair::{DirectionPart, Matches, OutcomePart, PolicyPart, QuotePart, RulePart};

use super::legs::{Decided, Way};
use super::words::why_not;
use super::{Decision, Direction, EndpointKind, Flow, Outcome, Policy, Reason, Rule, Rulebook, Truth, View, manifest};

/// Policies that are told one by one.
const MAX_POLICIES: usize = 20;

/// Rules of one policy that are told one by one.
const MAX_RULES: usize = 20;

impl Flow<'_> {
    /// One end as the policies of a direction look at it.
    pub(super) fn view(&self, direction: Direction, of_subject: bool) -> View<'_> {
        let (subject, peer) = (self.subject(direction), self.peer(direction));
        let (endpoint, other) = if of_subject { (subject, peer) } else { (peer, subject) };
        View { endpoint, v6: self.v6, other_node: other.node }
    }
}

/// Why a rule does not match a flow. `None`: it does, or that is not known.
pub fn rule_differs(flow: &Flow<'_>, direction: Direction, rule: &Rule) -> Option<String> {
    let view = flow.view(direction, false);
    let local = flow.view(direction, true);
    why_not(rule, &view, &local, flow.protocol, flow.port, &flow.to)
}

/// One direction in full.
pub(super) fn direction(cluster: &Cluster, book: &Rulebook, decided: &Decided<'_, '_>) -> Option<DirectionPart> {
    let (way, decision) = decided.example()?;
    let asked = !matches!(decision.reason, Reason::Itself | Reason::OwnNode);
    let applying = book.applying(&way.flow, decided.direction);
    let mut policies: Vec<PolicyPart> = applying
        .filter(|_| asked)
        .map(|(tier, policy, side, selected)| {
            let rules = side.rules.iter().take(MAX_RULES).map(|rule| rule_part(book, way, decided.direction, rule, selected));
            PolicyPart {
                policy: policy.object.to_string(),
                tier: tier.name.clone(),
                applies: matches(selected),
                because: unknown(selected),
                isolates: side.isolates,
                rules: rules.collect(),
                more_rules: side.rules.len().saturating_sub(MAX_RULES),
            }
        })
        .collect();
    let more_policies = policies.len().saturating_sub(MAX_POLICIES);
    policies.truncate(MAX_POLICIES);
    let missing = if decided.outcome == Outcome::Undetermined { decided.missing() } else { Vec::new() };
    Some(DirectionPart {
        subject: way.flow.subject(decided.direction).label(),
        outcome: OutcomePart::from(decided.outcome),
        because: because(book, decided),
        rule: quote(cluster, decision),
        policies,
        more_policies,
        missing,
    })
}

fn rule_part(book: &Rulebook, way: &Way<'_>, direction: Direction, rule: &Rule, selected: Truth<'_>) -> RulePart {
    let matched = selected.and(|| book.rule_matches(&way.flow, direction, rule));
    let because = match matched {
        Truth::Yes => rule.note.clone(),
        Truth::No => rule_differs(&way.flow, direction, rule),
        Truth::Unknown(why) => Some(why.to_owned()),
    };
    RulePart { at: rule.at.clone(), action: rule.action.to_string(), matches: matches(matched), because }
}

fn matches(truth: Truth<'_>) -> Matches {
    match truth {
        Truth::Yes => Matches::Yes,
        Truth::No => Matches::No,
        Truth::Unknown(_) => Matches::Unknown,
    }
}

fn unknown(truth: Truth<'_>) -> Option<String> {
    match truth {
        Truth::Yes | Truth::No => None,
        Truth::Unknown(why) => Some(why.to_owned()),
    }
}

fn quote(cluster: &Cluster, decision: &Decision<'_>) -> Option<QuotePart> {
    let Reason::Rule { policy, rule } = &decision.reason else { return None };
    let value = manifest::part(cluster, &policy.object, &rule.at);
    Some(QuotePart {
        policy: policy.object.to_string(),
        at: rule.at.clone(),
        action: rule.action.to_string(),
        yaml: value.and_then(|v| json::yaml(&v).ok()).unwrap_or_default(),
    })
}

/// Why a direction was decided as it was, in one line.
pub fn because(book: &Rulebook, decided: &Decided<'_, '_>) -> String {
    let direction = decided.direction;
    let Some((way, decision)) = decided.example() else { return String::from("no policy is asked") };
    if decided.outcome == Outcome::Undetermined {
        return format!("it depends: {}", decided.missing().join("; "));
    }
    let subject = way.flow.subject(direction);
    match &decision.reason {
        Reason::Itself => format!("{} always reaches itself", subject.label()),
        Reason::OwnNode => format!("{} and its own node always reach each other", way.flow.subject(direction).label()),
        Reason::NotSelected => match subject.kind {
            EndpointKind::Pod => format!("no policy selects {} for {direction}", subject.label()),
            EndpointKind::Node => format!("policies for pods do not select {}, which has its node's network", subject.label()),
            EndpointKind::External => format!("{} is outside, where no policy applies", subject.label()),
        },
        Reason::Rule { policy, rule } => {
            let note = rule.note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
            let verb = if decided.outcome == Outcome::Denied { "denies" } else { "allows" };
            format!("{} {} {verb} it{note}", policy.object, rule.at)
        }
        Reason::Isolated { policies } => isolated(book, decided, way, policies, &named(policies)),
        Reason::Undecided => {
            format!("policies apply to {}, and none of them isolates it or has a rule that matches", subject.label())
        }
        Reason::Unknown(missing) => format!("it depends: {}", missing.join("; ")),
    }
}

/// The same behind the names of the policies.
pub(super) fn because_of_these(book: &Rulebook, decided: &Decided<'_, '_>) -> String {
    match decided.example() {
        Some((way, Decision { reason: Reason::Isolated { policies }, .. })) if decided.outcome == Outcome::Denied => {
            let who = if policies.len() == 1 { "it" } else { "they" };
            isolated(book, decided, way, policies, who)
        }
        Some(_) | None => because(book, decided),
    }
}

/// `it selects pod/shop/web-1 for ingress, and no rule matches: …`
fn isolated(book: &Rulebook, decided: &Decided<'_, '_>, way: &Way<'_>, policies: &[&Policy], who: &str) -> String {
    let direction = decided.direction;
    let subject = way.flow.subject(direction).label();
    let count: usize = policies.iter().filter_map(|p| p.side(direction)).map(|s| s.rules.len()).sum();
    let (select, has) = if policies.len() == 1 { ("selects", "has") } else { ("select", "have") };
    let none = match (count, nearest(book, decided, way, policies)) {
        (0, _) => format!("{has} no rule"),
        (_, Some(near)) => format!("no rule matches: {near}"),
        (1, None) => "the only rule does not match".to_owned(),
        (count, None) => format!("none of {count} rules matches"),
    };
    format!("{who} {select} {subject} for {direction}, and {none}")
}

/// `networkpolicy/shop/web`, or the first ones of many.
pub(super) fn named(policies: &[&Policy]) -> String {
    let names: Vec<String> = policies.iter().take(2).map(|p| p.object.to_string()).collect();
    match policies.len().saturating_sub(2) {
        0 => names.join(" and "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The rule that misses by its ports alone, else the only one there is, with the reason.
fn nearest(book: &Rulebook, decided: &Decided<'_, '_>, way: &Way<'_>, policies: &[&Policy]) -> Option<String> {
    let direction = decided.direction;
    let sides = || policies.iter().filter_map(|p| Some((*p, p.side(direction)?)));
    let rules = || sides().flat_map(|(p, s)| s.rules.iter().map(move |r| (p, r)));
    let by_ports = rules().find(|(_, rule)| {
        let any_port = Rule { ports: None, ..(*rule).clone() };
        book.rule_matches(&way.flow, direction, &any_port) == Truth::Yes
    });
    let only = || {
        let mut all = rules();
        let first = all.next();
        first.filter(|_| all.next().is_none())
    };
    let (policy, rule) = by_ports.or_else(only)?;
    let differs = rule_differs(&way.flow, direction, rule)?;
    let place = if policies.len() == 1 { rule.at.clone() } else { format!("{} {}", policy.object, rule.at) };
    let told = match differs.strip_prefix("it ") {
        Some(rest) => format!("{place} {rest}"),
        None => format!("{place}: {differs}"),
    };
    let services = is_for_service_port(book, decided, way, rule);
    Some(if services { format!("{told} ({} is the Service's port, and policies see the pod's)", decided.asked) } else { told })
}

/// A rule that would match if policies saw the port that the client uses.
pub(super) fn is_for_service_port(book: &Rulebook, decided: &Decided<'_, '_>, way: &Way<'_>, rule: &Rule) -> bool {
    let asked = Flow { port: decided.asked, ..way.flow };
    decided.asked != way.flow.port && book.rule_matches(&asked, decided.direction, rule) == Truth::Yes
}
