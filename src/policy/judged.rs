//! What policies say of a question in a diagnosis, which knows more than the objects and needs less than `policy A to B`.

use std::collections::BTreeSet;

use crate::model::{Cluster, ObjectRef, Question};

use super::account::because;
use super::answer::{Group, groups};
use super::change::turn;
use super::legs::{Decided, Ground, Seen};
use super::{Direction, Enforcement, Outcome, Reason};

/// Denials that get the change that would turn them; more are told without.
const MAX_CHANGES: usize = 2;

/// The judgement of every connection of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Of the connections that get traffic as things are. `None`: there is none to judge.
    pub outcome: Option<Outcome>,
    /// Connections that a policy denies; those that get traffic come first.
    pub denials: Vec<Denial>,
    /// What an answer that is open depends on, by direction.
    pub open: Vec<(Direction, String)>,
    /// Connections that could not be judged, and why. Empty where there is no policy that could matter.
    pub missing: Vec<(String, String)>,
    /// Policies that select an end, each once.
    pub applying: Vec<ObjectRef>,
    pub enforcement: Enforcement,
}

/// Connections that are denied alike, in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub direction: Direction,
    pub from: String,
    /// The pods, nodes or addresses that packets do not get to.
    pub to: Vec<String>,
    /// Of the far end, after translation.
    pub port: u16,
    /// They get traffic as things are: an endpoint that is not ready gets none.
    pub counts: bool,
    /// The policy that denies; the first, where several isolate together.
    pub policy: ObjectRef,
    /// The rule's place in it, when a rule denies.
    pub at: Option<String>,
    pub because: String,
    /// The smallest change that lets it through, in words.
    pub change: Option<String>,
}

/// Judges every connection of a question, with what probes showed of names and nameservers.
pub fn judged(question: &Question, cluster: &Cluster, seen: Seen) -> Judged {
    let ground = Ground::seen(question, cluster, seen);
    let legs = ground.legs();
    let groups = groups(ground.book(), &legs.legs);
    let counted: Vec<&Group<'_, '_>> = groups.iter().filter(|g| counts(g)).collect();
    let has = |outcome: Outcome| counted.iter().any(|g| g.outcome == outcome);
    let outcome = [Outcome::Denied, Outcome::Undetermined, Outcome::Allowed].into_iter().find(|o| has(*o));
    let no_policy = ground.book().tiers.iter().all(|t| t.policies.is_empty());
    Judged {
        outcome,
        denials: groups.iter().flat_map(|g| denials(cluster, &ground, g)).collect(),
        open: counted.iter().flat_map(|g| [&g.egress, &g.ingress]).filter_map(open).collect(),
        missing: if no_policy { Vec::new() } else { legs.missing },
        applying: applying(&ground, &groups),
        enforcement: ground.enforcement.clone(),
    }
}

fn applying(ground: &Ground<'_>, groups: &[Group<'_, '_>]) -> Vec<ObjectRef> {
    let book = ground.book();
    let decided = groups.iter().flat_map(|g| [&g.egress, &g.ingress]);
    let of = |d: &Decided<'_, '_>| -> Vec<ObjectRef> {
        let ways = d.ways.iter().flat_map(|(way, _)| book.applying(&way.flow, d.direction));
        ways.map(|(_, policy, _, _)| policy.object.clone()).collect()
    };
    decided.flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

fn counts(group: &Group<'_, '_>) -> bool {
    group.legs.iter().any(|l| l.counts)
}

fn open(decided: &Decided<'_, '_>) -> Option<(Direction, String)> {
    (decided.outcome == Outcome::Undetermined).then(|| (decided.direction, decided.missing().join("; ")))
}

fn denials(cluster: &Cluster, ground: &Ground<'_>, group: &Group<'_, '_>) -> Vec<Denial> {
    let book = ground.book();
    let denied = [&group.egress, &group.ingress].into_iter().filter(|d| d.outcome == Outcome::Denied);
    let change = (group.outcome == Outcome::Denied).then(|| turn(cluster, &ground.enforcement.engine, &group.legs, book));
    let change = change.flatten().filter(|t| t.becomes == Outcome::Allowed);
    let words = change.map(|t| t.changes.iter().take(MAX_CHANGES).map(super::Change::words).collect::<Vec<_>>().join(", and "));
    let leg = group.legs.first();
    denied
        .filter_map(|decided| {
            let (policy, at) = denied_by(decided)?;
            Some(Denial {
                direction: decided.direction,
                from: leg.map(|l| l.from.clone()).unwrap_or_default(),
                to: group.legs.iter().map(|l| l.to.clone()).collect(),
                port: leg.map_or(0, |l| l.port),
                counts: counts(group),
                policy,
                at,
                because: because(book, decided),
                change: words.clone(),
            })
        })
        .collect()
}

/// The object whose word it is; the enforcement's own default names the end it is about.
fn denied_by(decided: &Decided<'_, '_>) -> Option<(ObjectRef, Option<String>)> {
    let (way, decision) = decided.example()?;
    let subject = way.flow.subject(decided.direction);
    Some(match &decision.reason {
        Reason::Rule { policy, rule } => (policy.object.clone(), Some(rule.at.clone())),
        Reason::Isolated { policies } => (policies.first()?.object.clone(), None),
        Reason::Itself | Reason::OwnNode | Reason::NotSelected | Reason::Undecided | Reason::Unknown(_) => {
            (ObjectRef::pod(subject.namespace, subject.name), None)
        }
    })
}
