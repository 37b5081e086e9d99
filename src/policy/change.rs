//! The smallest change that would turn an answer round, tried on the engine before it is told.

use serde_json::json;

use crate::model::{
    Cluster, IpBlock, Known, Labels, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyRule, ObjectRef, Query, Resource, Selector,
};

use super::legs::{Decided, Leg, Way, When};
use super::{
    Action, Direction, Endpoint, EndpointKind, Engine, Flow, NAME_LABEL, Outcome, Policy, Reason, Rulebook, Truth, manifest,
    rulebook,
};

/// Labels that name an application rather than one of its pods or rollouts, the usual ones first.
const OF_APPLICATIONS: &[&str] =
    &["app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/instance", "app", "k8s-app", "name"];

/// Labels that differ from pod to pod or from rollout to rollout.
const OF_PODS: &[&str] = &[
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Rules that would all have to go are told up to this many.
const MAX_RULES: usize = 3;

/// Addresses that one rule names; more are no small change.
const MAX_PEERS: usize = 8;

/// Private addresses (RFC 1918), which a rule for the world outside leaves out.
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// A change of NetworkPolicy objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A rule more in a policy that is there.
    AddRule { policy: NetworkPolicy, direction: Direction, rule: NetworkPolicyRule },
    /// A rule less.
    RemoveRule { policy: NetworkPolicy, direction: Direction, index: usize },
    /// A policy that is not there.
    Create(NetworkPolicy),
}

/// Changes that together turn an answer round: the engine says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub changes: Vec<Change>,
    /// What the connection is then.
    pub becomes: Outcome,
}

/// What turns these legs round, all of which end alike. `None`: nothing was found that does for sure.
pub fn turn(cluster: &Cluster, engine: &Engine, legs: &[&Leg<'_>], book: &Rulebook) -> Option<Turn> {
    let first = legs.first()?;
    let (changes, becomes) = match first.outcome(book) {
        Outcome::Denied => (allow(cluster, legs, book), Outcome::Allowed),
        Outcome::Allowed => (deny(cluster, first, book)?, Outcome::Denied),
        Outcome::Undetermined => return None,
    };
    let namespaces = namespaces(legs);
    let ends = |book: &Rulebook, outcome: Outcome| legs.iter().all(|leg| leg.outcome(book) == outcome);
    // what does not give today's answer from the same objects cannot tell tomorrow's
    let same = ends(&after(cluster, engine, &[], &namespaces)?, first.outcome(book));
    let turned = same && !changes.is_empty() && ends(&after(cluster, engine, &changes, &namespaces)?, becomes);
    turned.then_some(Turn { changes, becomes })
}

fn namespaces<'l>(legs: &[&'l Leg<'_>]) -> Vec<&'l str> {
    let flows = legs.iter().flat_map(|l| l.egress.iter().chain(&l.ingress)).map(|w| &w.flow);
    let mut all: Vec<&str> = flows.flat_map(|f| [f.from.namespace, f.to.namespace]).filter(|n| !n.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The policies as they would be. `None` when they cannot be rebuilt as they are: then nothing can be tried.
fn after(cluster: &Cluster, engine: &Engine, changes: &[Change], namespaces: &[&str]) -> Option<Rulebook> {
    let mut policies: Vec<NetworkPolicy> = cluster.network_policies.seen().cloned().collect();
    policies.sort_by_key(NetworkPolicy::object);
    policies.dedup_by_key(|p| p.object());
    for change in changes {
        change.apply(&mut policies)?;
    }
    // everything else that rulebooks are made of
    let mut changed = Cluster { api_groups: cluster.api_groups.clone(), custom: cluster.custom.clone(), ..Cluster::default() };
    let known = |namespace: &&&str| super::policies_known(cluster, namespace);
    let unread = namespaces.iter().filter(|n| !known(n));
    for namespace in unread {
        let query = Query::within(Resource::NetworkPolicies, namespace);
        changed.network_policies.push(query, Known::Denied("not read".to_owned()));
    }
    for namespace in namespaces.iter().filter(known) {
        let own = policies.iter().filter(|p| p.namespace == **namespace).cloned().collect();
        changed.network_policies.push(Query::within(Resource::NetworkPolicies, namespace), Known::Got(own));
    }
    Some(rulebook(&changed, engine, namespaces.iter().copied()).book)
}

impl Change {
    fn apply(&self, policies: &mut Vec<NetworkPolicy>) -> Option<()> {
        let object = self.object();
        match (self, policies.iter_mut().find(|p| p.object() == object)) {
            (Self::AddRule { direction, rule, .. }, Some(own)) => own.rules_mut(*direction).push(rule.clone()),
            (Self::RemoveRule { direction, index, .. }, Some(own)) => {
                let rules = own.rules_mut(*direction);
                rules.get(*index)?;
                rules.remove(*index);
            }
            (Self::Create(policy), None) => policies.push(policy.clone()),
            (Self::Create(_), Some(_)) | (Self::AddRule { .. } | Self::RemoveRule { .. }, None) => return None,
        }
        Some(())
    }

    /// The policy that it changes or creates.
    pub fn object(&self) -> ObjectRef {
        match self {
            Self::AddRule { policy, .. } | Self::RemoveRule { policy, .. } | Self::Create(policy) => policy.object(),
        }
    }

    /// What it does, as in `add a rule to networkpolicy/shop/web`.
    pub fn words(&self) -> String {
        match self {
            Self::AddRule { policy, direction, .. } => format!("add an {direction} rule to {}", policy.object()),
            Self::RemoveRule { policy, direction, index } => format!("take spec.{direction}[{index}] out of {}", policy.object()),
            Self::Create(policy) => format!("create {}", policy.object()),
        }
    }

    /// The command that does it to a policy that is there. `None` for a new one, and where a name is not one that the API
    /// server would take: nothing is printed for copying that a shell could read otherwise.
    pub fn command(&self) -> Option<String> {
        let (policy, patch) = match self {
            Self::AddRule { policy, direction, rule } => {
                let value = manifest::rule(rule, *direction);
                // a list that is not there cannot be added to
                let is_empty = policy.rules(*direction).is_empty();
                let (path, value) = if is_empty { (String::new(), json!([value])) } else { ("/-".to_owned(), value) };
                (policy, json!([{ "op": "add", "path": format!("/spec/{direction}{path}"), "value": value }]))
            }
            Self::RemoveRule { policy, direction, index } => {
                (policy, json!([{ "op": "remove", "path": format!("/spec/{direction}/{index}") }]))
            }
            Self::Create(_) => return None,
        };
        let patch = patch.to_string();
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) && !text.starts_with('-');
        let quotable = patch.bytes().all(|b| b.is_ascii_graphic() && b != b'\'' || b == b' ');
        let safe = plain(&policy.name) && plain(&policy.namespace) && quotable;
        safe.then(|| format!("kubectl -n {} patch networkpolicy {} --type=json -p '{patch}'", policy.namespace, policy.name))
    }

    /// The rule or the policy, as YAML's data.
    pub fn value(&self) -> serde_json::Value {
        match self {
            Self::AddRule { rule, direction, .. } => json!({ direction.to_string(): [manifest::rule(rule, *direction)] }),
            Self::RemoveRule { policy, direction, index } => {
                policy.rules(*direction).get(*index).map_or(serde_json::Value::Null, |r| manifest::rule(r, *direction))
            }
            Self::Create(policy) => manifest::manifest(policy),
        }
    }
}

/// What lets the connections through where they are denied: an exact rule for each direction that denies them.
fn allow(cluster: &Cluster, legs: &[&Leg<'_>], book: &Rulebook) -> Vec<Change> {
    let one = |direction| {
        let decided: Vec<_> = legs.iter().map(|leg| leg.decide(book, direction)).collect();
        allow_one(cluster, &decided)
    };
    [Direction::Egress, Direction::Ingress].into_iter().filter_map(one).collect()
}

fn allow_one(cluster: &Cluster, all: &[Decided<'_, '_>]) -> Option<Change> {
    let decided = all.first().filter(|d| d.outcome == Outcome::Denied)?;
    let (way, decision) = decided.example()?;
    let direction = decided.direction;
    let subject = way.flow.subject(direction);
    let mut peers = Vec::new();
    for (way, _) in all.iter().flat_map(|d| &d.ways) {
        let peer = as_peer(way, direction, subject.namespace)?;
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    if peers.len() > MAX_PEERS {
        return None;
    }
    let rule = NetworkPolicyRule { peers, ports: vec![manifest::one_port(way.flow.protocol, way.flow.port)] };
    // a policy for just these pods is the place for their rule; one for a whole namespace would open all of it
    let isolating = match &decision.reason {
        Reason::Isolated { policies } => policies.as_slice(),
        Reason::Itself | Reason::OwnNode | Reason::NotSelected | Reason::Rule { .. } | Reason::Undecided | Reason::Unknown(_) => {
            &[]
        }
    };
    let objects = isolating.iter().filter_map(|p| source(cluster, p));
    let size = |p: &&NetworkPolicy| p.pod_selector.labels.len() + p.pod_selector.expressions.len();
    match objects.filter(|p| !p.pod_selector.is_empty()).max_by_key(size) {
        Some(policy) => Some(Change::AddRule { policy: policy.clone(), direction, rule }),
        None => created(cluster, subject, direction, "allow", vec![rule]),
    }
}

/// What denies the connection where it is allowed: every rule that lets it in goes, or a policy that isolates comes. The
/// destination's side is preferred: it is the destination that is to be protected.
fn deny(cluster: &Cluster, leg: &Leg<'_>, book: &Rulebook) -> Option<Vec<Change>> {
    let both = [leg.decide(book, Direction::Ingress), leg.decide(book, Direction::Egress)];
    both.iter().find_map(|d| deny_one(cluster, d, book))
}

fn deny_one(cluster: &Cluster, decided: &Decided<'_, '_>, book: &Rulebook) -> Option<Vec<Change>> {
    let (way, decision) = decided.example()?;
    let direction = decided.direction;
    let subject = way.flow.subject(direction);
    if subject.kind != EndpointKind::Pod {
        return None;
    }
    match &decision.reason {
        Reason::NotSelected => Some(vec![created(cluster, subject, direction, "deny", Vec::new())?]),
        Reason::Rule { .. } => {
            let mut rules = allowing(cluster, &way.flow, direction, book)?;
            // from behind, so that the places of the others hold
            rules.reverse();
            (rules.len() <= MAX_RULES).then_some(rules)
        }
        Reason::Itself | Reason::OwnNode | Reason::Isolated { .. } | Reason::Undecided | Reason::Unknown(_) => None,
    }
}

/// Every rule of a NetworkPolicy that allows this flow. `None` when something else allows it too.
fn allowing<'f>(cluster: &Cluster, flow: &'f Flow<'f>, direction: Direction, book: &'f Rulebook) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    for (_, policy, side, selected) in book.applying(flow, direction) {
        for (index, rule) in side.rules.iter().enumerate() {
            let matched = selected.and(|| book.rule_matches(flow, direction, rule));
            if rule.action != Action::Allow || matched == Truth::No {
                continue;
            }
            changes.push(Change::RemoveRule { policy: source(cluster, policy)?.clone(), direction, index });
        }
    }
    Some(changes)
}

/// The object that a translated policy was made from.
fn source<'c>(cluster: &'c Cluster, policy: &Policy) -> Option<&'c NetworkPolicy> {
    cluster.network_policies.seen().find(|p| policy.object.kind == "networkpolicy" && p.object() == policy.object)
}

/// A policy for the pods of this one's application.
fn created(
    cluster: &Cluster,
    subject: &Endpoint<'_>,
    direction: Direction,
    what: &str,
    rules: Vec<NetworkPolicyRule>,
) -> Option<Change> {
    if subject.kind != EndpointKind::Pod {
        return None;
    }
    let labels = of_application(subject.labels.labels);
    let whom = OF_APPLICATIONS.iter().find_map(|key| labels.get(*key)).map_or("pods", String::as_str);
    let kind = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    let named = |number: usize| {
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        format!("{whom}-{what}-{direction}{number}").to_lowercase()
    };
    let taken = |name: &String| cluster.network_policies.seen().any(|p| p.namespace == subject.namespace && p.name == *name);
    let name = (0..100).map(named).find(|n| !taken(n))?;
    let (ingress, egress) = if direction == Direction::Ingress { (rules, Vec::new()) } else { (Vec::new(), rules) };
    Some(Change::Create(NetworkPolicy {
        namespace: subject.namespace.to_owned(),
        name,
        labels: Labels::new(),
        pod_selector: Selector::of(&labels),
        policy_types: vec![kind.to_owned()],
        ingress,
        egress,
    }))
}

/// A peer that finds the other end, and little else.
fn as_peer(way: &Way<'_>, direction: Direction, namespace: &str) -> Option<NetworkPolicyPeer> {
    let (end, v6) = (way.flow.peer(direction), way.flow.v6);
    if end.kind == EndpointKind::Pod {
        let elsewhere = end.namespace != namespace;
        let name = Labels::from([(NAME_LABEL.to_owned(), end.namespace.to_owned())]);
        return Some(NetworkPolicyPeer {
            pod_selector: Some(Selector::of(&of_application(end.labels.labels))),
            namespace_selector: elsewhere.then(|| Selector::of(&name)),
            ip_block: None,
        });
    }
    let block =
        |cidr: &str, except: &[&str]| IpBlock { cidr: cidr.to_owned(), except: except.iter().map(|e| (*e).to_owned()).collect() };
    let block = match (&way.when, v6) {
        (When::Address(cell), false) if cell.first != cell.last => block("0.0.0.0/0", PRIVATE),
        (When::Address(cell), true) if cell.first != cell.last => block("2000::/3", &[]),
        (When::Always | When::Words(_) | When::Address(_), _) => {
            block(&format!("{}/{}", end.ip(v6)?, if v6 { 128 } else { 32 }), &[])
        }
    };
    Some(NetworkPolicyPeer { ip_block: Some(block), ..NetworkPolicyPeer::default() })
}

/// The labels that the pods of an application share: the usual ones where it has any, else all that do not tell its pods apart.
fn of_application(labels: &Labels) -> Labels {
    let pick = |wanted: &dyn Fn(&str) -> bool| -> Labels {
        labels.iter().filter(|(k, _)| wanted(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let usual = pick(&|key| OF_APPLICATIONS.contains(&key));
    if usual.is_empty() { pick(&|key| !OF_PODS.contains(&key)) } else { usual }
}

impl NetworkPolicy {
    fn rules(&self, direction: Direction) -> &Vec<NetworkPolicyRule> {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    fn rules_mut(&mut self, direction: Direction) -> &mut Vec<NetworkPolicyRule> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
