//! From what was read of a cluster to the rulebook that decides.

use crate::model::{Cluster, Known, NetworkPolicy, ObjectRef, Resource};

use super::dialect::{cilium, network_policy};
use super::{Action, Engine, Policy, Predicate, Priority, Problem, Rule, Rulebook, Side, spec};

/// A rulebook with what was wrong or missing in its sources.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub book: Rulebook,
    pub problems: Vec<Problem>,
}

/// Translates every policy that was read.
///
/// A kind that could not be listed gets a policy in its place that may do what the kind can: decisions that depend on it are
/// undetermined and say why. `namespaces`: of all endpoints that will be asked about.
pub fn rulebook<'n>(cluster: &Cluster, engine: &Engine, namespaces: impl IntoIterator<Item = &'n str>) -> Compiled {
    let mut problems = Vec::new();
    let mut namespaces: Vec<&str> = namespaces.into_iter().collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut network_policies = network_policies(cluster, engine, &namespaces, &mut problems);
    if *engine == Engine::Spec {
        network_policies.extend(not_modelled(cluster));
    }
    let book = match engine {
        Engine::Spec => spec::rulebook(cluster, network_policies, &mut problems),
        Engine::Cilium(settings) => cilium::rulebook(cluster, settings, network_policies, &namespaces, &mut problems),
    };
    Compiled { book, problems }
}

fn network_policies(cluster: &Cluster, engine: &Engine, namespaces: &[&str], problems: &mut Vec<Problem>) -> Vec<Policy> {
    let translate = match engine {
        Engine::Spec => network_policy::translate,
        Engine::Cilium(_) => network_policy::translate_by_rules,
    };
    let mut policies: Vec<Policy> = each_once(cluster).into_iter().map(|p| translate(p, problems)).collect();
    for namespace in namespaces {
        let known = cluster.network_policies.complete(&Resource::NetworkPolicies, Some(namespace));
        if let Some(why) = known.missing() {
            let why = format!("the NetworkPolicies of namespace {namespace}: {why}");
            let subject = Predicate::Namespace((*namespace).to_owned());
            policies.push(unread("networkpolicy", namespace, subject, &why, true, &[Action::Allow]));
        }
    }
    policies
}

/// API groups with policies of a network that this version does not judge, and whose they are.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("crd.projectcalico.org", "Calico"),
    ("projectcalico.org", "Calico"),
    ("crd.antrea.io", "Antrea"),
    ("networking.k8s.aws", "the AWS VPC CNI"),
    ("k8s.ovn.org", "OVN-Kubernetes"),
];

/// Stands for policies of such networks: they may allow and deny anything, so that no answer is claimed which they could turn round.
fn not_modelled(cluster: &Cluster) -> Vec<Policy> {
    let groups = cluster.api_groups.got().map(Vec::as_slice).unwrap_or_default();
    let present = NOT_MODELLED.iter().filter(|(group, _)| groups.iter().any(|g| g == group));
    let both = [Action::Deny, Action::Allow];
    present
        .map(|(group, whose)| {
            let why = format!("the policies of {whose} ({group}) are not judged by this version");
            unread("policies", "", Predicate::Pod, &why, true, &both)
        })
        .collect()
}

/// Two reads may have returned the same object.
fn each_once(cluster: &Cluster) -> Vec<&NetworkPolicy> {
    let mut policies: Vec<_> = cluster.network_policies.seen().collect();
    policies.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    policies.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    policies
}

/// Stands for policies that nobody could read: they may isolate, where the kind can, and do any of these.
pub(super) fn unread(kind: &str, namespace: &str, subject: Predicate, why: &str, isolates: bool, actions: &[Action]) -> Policy {
    let rule = |action: &Action| Rule {
        at: String::new(),
        action: *action,
        local: Predicate::EVERYTHING,
        peer: Predicate::EVERYTHING,
        ports: None,
        note: None,
    };
    let side = Side { isolates, rules: actions.iter().map(rule).collect() };
    Policy {
        object: ObjectRef::new(kind, namespace, "?"),
        subject: Predicate::All(vec![subject, Predicate::Unknown(why.to_owned())]),
        priority: Priority::NONE,
        ingress: Some(side.clone()),
        egress: Some(side),
    }
}

/// By priority, then by name: the order that `Tier` asks for.
pub(super) fn sort(policies: &mut [Policy]) {
    policies.sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.object.cmp(&b.object)));
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
    fn policies_of_a_network_that_is_not_modelled_leave_every_answer_open() {
        let world = Small { namespaces_known: true, ..Small::default() };
        let groups = Known::Got(vec!["crd.projectcalico.org".to_owned()]);
        let mut cluster = Cluster { api_groups: groups, ..world.cluster() };
        cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(Vec::new()));
        let directory = Directory::new(&cluster);
        let compiled = rulebook(&cluster, &Engine::Spec, ["x", "y"]);
        let ends = endpoints(&directory, &world.pods);
        let flow = Flow { from: ends[0], to: ends[3], protocol: Protocol::Tcp, port: 80, v6: false };
        let judgement = compiled.book.judge(&flow);
        assert_eq!(judgement.outcome(), Outcome::Undetermined);
        assert!(format!("{:?}", judgement.ingress.reason).contains("the policies of Calico"));
    }

    #[test]
    fn policies_that_could_not_be_listed_leave_the_answer_open() {
        let world = Small { namespaces_known: true, ..Small::default() };
        let mut cluster = Cluster { api_groups: Known::Got(Vec::new()), ..world.cluster() };
        let resource = Resource::NetworkPolicies;
        cluster.network_policies.push(Query::within(resource.clone(), "x"), Known::Got(vec![isolating("x")]));
        cluster.network_policies.push(Query::within(resource.clone(), "y"), Known::Denied("list networkpolicies".into()));
        cluster.network_policies.push(Query::within(resource, "z"), Known::Got(Vec::new()));
        let directory = Directory::new(&cluster);
        let compiled = rulebook(&cluster, &Engine::Spec, ["x", "y", "z"]);
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
