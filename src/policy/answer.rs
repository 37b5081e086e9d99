//! The answer to `policy A to B`.

use crate::model::{Cluster, Question};
use crate::report::diagnosis::{API_VERSION, GapPart, QuestionPart};
use crate::report::policy_pair::{ConnectionPart, OutcomePart, PolicyAnswer};

use super::legs::{Ground, Leg};
use super::{Enforcement, Outcome, Rulebook, rulebook};

/// Judges every connection of a question.
pub fn answer(question: &Question, cluster: &Cluster) -> PolicyAnswer {
    let ground = Ground::new(question, cluster);
    let legs = ground.legs();
    let mut namespaces: Vec<&str> =
        legs.legs.iter().flat_map(|l| [l.flow.from.namespace, l.flow.to.namespace]).filter(|n| !n.is_empty()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let compiled = rulebook(cluster, &Enforcement::of(cluster).engine, namespaces);
    let connections: Vec<ConnectionPart> = legs.legs.iter().map(|leg| connection(&compiled.book, leg)).collect();
    let gaps: Vec<GapPart> = legs.missing.into_iter().map(|(what, why)| GapPart { what, why }).collect();
    let outcome = together(&connections, !gaps.is_empty());
    let part = QuestionPart::from(question);
    let port = question.port.map(|p| format!(" port {p}/{}", question.protocol)).unwrap_or_default();
    let verb = match outcome {
        OutcomePart::Allowed => "the policies allow",
        OutcomePart::Denied => "the policies deny",
        OutcomePart::Undetermined => "the policies leave open whether they allow",
    };
    PolicyAnswer {
        api_version: API_VERSION.to_owned(),
        kind: "PolicyAnswer".to_owned(),
        exit_code: match outcome {
            OutcomePart::Allowed => 0,
            OutcomePart::Denied => 1,
            OutcomePart::Undetermined => 3,
        },
        sentence: format!("{}: {verb} connections to {}{port}.", part.from, part.to),
        question: part,
        outcome,
        connections,
        gaps,
    }
}

fn connection(book: &Rulebook, leg: &Leg<'_>) -> ConnectionPart {
    ConnectionPart {
        from: leg.flow.from.label(),
        to: leg.flow.to.label(),
        port: leg.flow.port,
        protocol: leg.flow.protocol.to_string(),
        through: leg.through.clone(),
        outcome: part(book.judge(&leg.flow).outcome()),
        notes: leg.notes.clone(),
    }
}

fn part(outcome: Outcome) -> OutcomePart {
    match outcome {
        Outcome::Allowed => OutcomePart::Allowed,
        Outcome::Denied => OutcomePart::Denied,
        Outcome::Undetermined => OutcomePart::Undetermined,
    }
}

/// Allowed when every connection is, denied when one is: a client meets each endpoint sooner or later.
fn together(connections: &[ConnectionPart], incomplete: bool) -> OutcomePart {
    let any = |outcome: OutcomePart| connections.iter().any(|c| c.outcome == outcome);
    if any(OutcomePart::Denied) {
        OutcomePart::Denied
    } else if any(OutcomePart::Undetermined) || incomplete || connections.is_empty() {
        OutcomePart::Undetermined
    } else {
        OutcomePart::Allowed
    }
}
