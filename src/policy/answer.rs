//! The answer to `policy A to B`.

use std::collections::BTreeSet;

use crate::model::{Cluster, Question};
use crate::report::diagnosis::{API_VERSION, GapPart, QuestionPart};
use crate::report::json;
use crate::report::policy_pair::{ChangePart, ConnectionPart, OutcomePart, PolicyAnswer, ProblemPart, StepPart};

use super::account::{self, because, because_of_these};
use super::change::{Turn, turn};
use super::legs::{Decided, Ground, Leg, both};
use super::{Direction, Outcome, Reason, Rulebook};

/// Groups of connections that are explained in full; more end differently only in names.
const MAX_CHANGES: usize = 4;

/// Judges every connection of a question.
pub fn answer(question: &Question, cluster: &Cluster) -> PolicyAnswer {
    let ground = Ground::new(question, cluster);
    let legs = ground.legs();
    let book = ground.book();
    let groups = groups(book, &legs.legs);
    let outcome = together(&groups, !legs.missing.is_empty());
    let connections: Vec<ConnectionPart> =
        groups.iter().enumerate().map(|(number, group)| connection(cluster, &ground, group, number < MAX_CHANGES)).collect();
    let mut gaps: Vec<GapPart> = legs.missing.into_iter().map(|(what, why)| GapPart { what, why }).collect();
    gaps.dedup();
    let outcome = OutcomePart::from(outcome);
    let problems = ground.compiled.problems.iter();
    PolicyAnswer {
        api_version: API_VERSION.to_owned(),
        kind: "PolicyAnswer".to_owned(),
        exit_code: match outcome {
            OutcomePart::Allowed => 0,
            OutcomePart::Denied => 1,
            OutcomePart::Undetermined => 3,
        },
        sentence: sentence(question, book, &groups, outcome, &gaps),
        question: QuestionPart::from(question),
        outcome,
        enforcement: ground.enforcement.words(),
        connections,
        problems: problems
            .map(|p| ProblemPart { policy: p.object.to_string(), at: p.at.clone(), text: p.text.clone() })
            .collect(),
        gaps,
    }
}

/// Legs that end alike for the same reason.
pub(super) struct Group<'l, 'a> {
    pub(super) legs: Vec<&'l Leg<'a>>,
    pub(super) egress: Decided<'l, 'l>,
    pub(super) ingress: Decided<'l, 'l>,
    pub(super) outcome: Outcome,
}

pub(super) fn groups<'l, 'a>(book: &'l Rulebook, legs: &'l [Leg<'a>]) -> Vec<Group<'l, 'a>> {
    let mut groups: Vec<Group<'l, 'a>> = Vec::new();
    for leg in legs {
        let (egress, ingress) = (leg.decide(book, Direction::Egress), leg.decide(book, Direction::Ingress));
        let outcome = both(egress.outcome, ingress.outcome);
        let like = |g: &&mut Group<'l, 'a>| {
            let first = g.legs.first().is_some_and(|l| {
                (&l.from, l.port, l.protocol, &l.through, &l.notes, l.counts)
                    == (&leg.from, leg.port, leg.protocol, &leg.through, &leg.notes, leg.counts)
            });
            first && alike(&g.egress, &egress) && alike(&g.ingress, &ingress)
        };
        match groups.iter_mut().find(like) {
            Some(group) => group.legs.push(leg),
            None => groups.push(Group { legs: vec![leg], egress, ingress, outcome }),
        }
    }
    // what explains the verdict comes first
    groups.sort_by_key(|g| (!g.legs.iter().any(|l| l.counts), rank(g.outcome)));
    groups
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Denied => 0,
        Outcome::Undetermined => 1,
        Outcome::Allowed => 2,
    }
}

/// Decided by the same rules of the same policies.
fn alike(a: &Decided<'_, '_>, b: &Decided<'_, '_>) -> bool {
    let reason = |d: &Decided<'_, '_>| d.example().map(|(_, decision)| key(&decision.reason));
    a.outcome == b.outcome && a.ways.len() == b.ways.len() && reason(a) == reason(b)
}

fn key(reason: &Reason<'_>) -> String {
    match reason {
        Reason::Itself => "itself".to_owned(),
        Reason::OwnNode => "own node".to_owned(),
        Reason::NotSelected => "not selected".to_owned(),
        Reason::Undecided => "undecided".to_owned(),
        Reason::Rule { policy, rule } => format!("{} {}", policy.object, rule.at),
        Reason::Isolated { policies } => policies.iter().map(|p| p.object.to_string()).collect::<Vec<_>>().join(","),
        Reason::Unknown(missing) => missing.join(","),
    }
}

fn connection(cluster: &Cluster, ground: &Ground<'_>, group: &Group<'_, '_>, with_change: bool) -> ConnectionPart {
    let book = ground.book();
    let leg = group.legs.first();
    let turned = if with_change { turn(cluster, &ground.enforcement.engine, &group.legs, book) } else { None };
    ConnectionPart {
        from: leg.map(|l| l.from.clone()).unwrap_or_default(),
        to: group.legs.iter().map(|l| l.to.clone()).collect(),
        port: leg.map_or(0, |l| l.port),
        protocol: leg.map(|l| l.protocol.to_string()).unwrap_or_default(),
        through: leg.and_then(|l| l.through.clone()),
        outcome: group.outcome.into(),
        counts: leg.is_some_and(|l| l.counts),
        egress: account::direction(cluster, book, &group.egress),
        ingress: account::direction(cluster, book, &group.ingress),
        change: turned.as_ref().map(change),
        notes: leg.map(|l| l.notes.clone()).unwrap_or_default(),
    }
}

fn change(turn: &Turn) -> ChangePart {
    let step = |change: &super::change::Change| StepPart {
        what: change.words(),
        command: change.command(),
        yaml: json::yaml(&change.value()).unwrap_or_default(),
    };
    ChangePart { becomes: turn.becomes.into(), steps: turn.changes.iter().map(step).collect() }
}

/// Allowed when every connection is, denied when one is: a client meets each endpoint sooner or later.
fn together(groups: &[Group<'_, '_>], incomplete: bool) -> Outcome {
    let counted = || groups.iter().filter(|g| g.legs.iter().any(|l| l.counts));
    if counted().any(|g| g.outcome == Outcome::Denied) {
        Outcome::Denied
    } else if counted().any(|g| g.outcome == Outcome::Undetermined) || incomplete || counted().next().is_none() {
        Outcome::Undetermined
    } else {
        Outcome::Allowed
    }
}

/// The verdict: names the ends, and what decides.
fn sentence(question: &Question, book: &Rulebook, groups: &[Group<'_, '_>], outcome: OutcomePart, gaps: &[GapPart]) -> String {
    let part = QuestionPart::from(question);
    let port = question.port.map(|p| format!(" port {p}/{}", question.protocol)).unwrap_or_default();
    let (from, to) = (part.from, format!("{}{port}", part.to));
    let counted: Vec<&Group<'_, '_>> = groups.iter().filter(|g| g.legs.iter().any(|l| l.counts)).collect();
    match (outcome, counted.first()) {
        (OutcomePart::Denied, Some(group)) => {
            let decided = if group.egress.outcome == Outcome::Denied { &group.egress } else { &group.ingress };
            let what = what_denies(decided);
            let some = some_of(&counted);
            let verb = if what.contains(" and ") { "deny" } else { "denies" };
            format!("{what} {verb} {from} to {to}{some} ({}): {}.", decided.direction, because_of_these(book, decided))
        }
        (OutcomePart::Undetermined, Some(group)) if group.outcome == Outcome::Undetermined => {
            let decided = if group.egress.outcome == Outcome::Undetermined { &group.egress } else { &group.ingress };
            format!(
                "Whether the policies allow {from} to {to} is open ({}): {}.",
                decided.direction,
                decided.missing().join("; ")
            )
        }
        (OutcomePart::Allowed, Some(group)) => {
            let of = |d: &Decided<'_, '_>| (!d.ways.is_empty()).then(|| because(book, d));
            let mut whys: Vec<String> = [of(&group.egress), of(&group.ingress)].into_iter().flatten().collect();
            whys.dedup();
            format!("{from} may connect to {to}: {}.", whys.join("; "))
        }
        (OutcomePart::Denied | OutcomePart::Allowed | OutcomePart::Undetermined, _) => {
            let gap = gaps.first().map_or_else(|| "nothing was found to judge".to_owned(), |g| format!("{}: {}", g.what, g.why));
            format!("Whether the policies allow {from} to {to} is open: {gap}.")
        }
    }
}

fn what_denies(decided: &Decided<'_, '_>) -> String {
    match decided.example().map(|(_, d)| &d.reason) {
        Some(Reason::Rule { policy, .. }) => policy.object.to_string(),
        Some(Reason::Isolated { policies }) => account::named(policies),
        Some(Reason::Itself | Reason::OwnNode | Reason::NotSelected | Reason::Undecided | Reason::Unknown(_)) | None => {
            "the enforcement's default".to_owned()
        }
    }
}

/// ` at 1 of 3 endpoints`, where not all connections are denied.
fn some_of(counted: &[&Group<'_, '_>]) -> String {
    let ends = |denied: bool| -> BTreeSet<&str> {
        let groups = counted.iter().filter(|g| !denied || g.outcome == Outcome::Denied);
        groups.flat_map(|g| &g.legs).filter(|l| l.counts).map(|l| l.to.as_str()).collect()
    };
    let (denied, all) = (ends(true).len(), ends(false).len());
    if denied < all {
        format!(" at {denied} of {all} endpoints")
    } else if counted.iter().any(|g| g.outcome != Outcome::Denied) {
        " on some of the ways in".to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
