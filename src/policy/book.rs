//! From what was read of a cluster to the rulebook that decides.

use crate::model::{Cluster, Known, NetworkPolicy, ObjectRef, Resource};

use super::dialect::network_policy;
use super::{Action, Join, Matching, Policy, Predicate, Priority, Problem, Rule, Rulebook, Side, Tier};

/// Whose reading of the policies counts: that of the component which enforces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The text of the APIs: tiers of admin policies around NetworkPolicy.
    #[default]
    Spec,
}

/// A rulebook with what was wrong or missing in its sources.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub book: Rulebook,
    pub problems: Vec<Problem>,
}

/// Translates every policy that was read.
///
/// A namespace whose policies could not be listed gets one in their place that may allow or deny everything: decisions that
/// depend on it are undetermined and say why.
pub fn rulebook<'n>(cluster: &Cluster, engine: Engine, namespaces: impl IntoIterator<Item = &'n str>) -> Compiled {
    let mut problems = Vec::new();
    let mut policies: Vec<Policy> =
        each_once(cluster).into_iter().map(|policy| network_policy::translate(policy, &mut problems)).collect();
    for namespace in namespaces {
        let known = cluster.network_policies.complete(&Resource::NetworkPolicies, Some(namespace));
        if let Some(why) = known.missing() {
            policies.push(unread(namespace, &why));
        }
    }
    let Engine::Spec = engine;
    let tier = Tier { name: "NetworkPolicy".to_owned(), join: Join::Union, unmatched: Action::Deny, policies };
    Compiled { book: Rulebook { tiers: vec![tier], matching: Matching::SPEC, otherwise: Action::Allow }, problems }
}

/// Two reads may have returned the same object.
fn each_once(cluster: &Cluster) -> Vec<&NetworkPolicy> {
    let mut policies: Vec<_> = cluster.network_policies.seen().collect();
    policies.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    policies.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    policies
}

/// Stands for policies that nobody could read: they may isolate, and they may allow.
fn unread(namespace: &str, why: &str) -> Policy {
    let side = Side {
        isolates: true,
        rules: vec![Rule {
            at: String::new(),
            action: Action::Allow,
            local: Predicate::EVERYTHING,
            peer: Predicate::EVERYTHING,
            ports: None,
            note: None,
        }],
    };
    let unknown = Predicate::Unknown(format!("the NetworkPolicies of namespace {namespace}: {why}"));
    Policy {
        object: ObjectRef::new("networkpolicy", namespace, "?"),
        subject: Predicate::All(vec![Predicate::Namespace(namespace.to_owned()), unknown]),
        priority: Priority::NONE,
        ingress: Some(side.clone()),
        egress: Some(side),
    }
}

/// Whether a namespace's NetworkPolicies are all at hand.
pub fn policies_known(cluster: &Cluster, namespace: &str) -> bool {
    matches!(cluster.network_policies.complete(&Resource::NetworkPolicies, Some(namespace)), Known::Got(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Protocol, Query, Selector};
    use crate::policy::testing::{Small, endpoints};
    use crate::policy::{Directory, Flow, Outcome, Reason};

    fn isolating(namespace: &str) -> NetworkPolicy {
        NetworkPolicy {
            namespace: namespace.into(),
            name: "deny".into(),
            pod_selector: Selector::default(),
            ..NetworkPolicy::default()
        }
    }

    #[test]
    fn policies_that_could_not_be_listed_leave_the_answer_open() {
        let world = Small { namespaces_known: true, ..Small::default() };
        let mut cluster = world.cluster();
        let resource = Resource::NetworkPolicies;
        cluster.network_policies.push(Query::within(resource.clone(), "x"), Known::Got(vec![isolating("x")]));
        cluster.network_policies.push(Query::within(resource.clone(), "y"), Known::Denied("list networkpolicies".into()));
        cluster.network_policies.push(Query::within(resource, "z"), Known::Got(Vec::new()));
        let directory = Directory::new(&cluster);
        let compiled = rulebook(&cluster, Engine::Spec, ["x", "y", "z"]);
        let ends = endpoints(&directory, &world.pods);
        let judge = |from: usize, to: usize| {
            let flow = Flow { from: ends[from], to: ends[to], protocol: Protocol::Tcp, port: 80, v6: false };
            let judgement = compiled.book.judge(&flow);
            (judgement.outcome(), format!("{:?}", judgement.ingress.reason), format!("{:?}", judgement.egress.reason))
        };
        // x isolates all of its pods, z has no policy, y could not be read
        assert_eq!(judge(6, 0).0, Outcome::Denied);
        assert_eq!(judge(0, 6).0, Outcome::Allowed);
        let (outcome, ingress, _) = judge(6, 3);
        assert_eq!(outcome, Outcome::Undetermined);
        assert!(ingress.contains("not permitted: list networkpolicies"), "{ingress}");
        // a denial at one end needs no answer from the other
        assert_eq!(judge(3, 0).0, Outcome::Denied);
        assert!(matches!(
            compiled
                .book
                .judge(&Flow { from: ends[3], to: ends[3], protocol: Protocol::Tcp, port: 80, v6: false })
                .ingress
                .reason,
            Reason::Itself
        ));
    }
}
