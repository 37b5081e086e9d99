//! The tiers as the APIs document them: admin policies, NetworkPolicy, the baseline.

use crate::model::Cluster;

use super::dialect::cluster_network_policy::Place;
use super::dialect::{admin_network_policy, cluster_network_policy, object_of};
use super::kinds::{self, Kind};
use super::{Action, Join, OwnNode, Policy, Predicate, Priority, Problem, Rulebook, Tier, book};

/// The rulebook around the tier of NetworkPolicies.
pub(super) fn rulebook(cluster: &Cluster, network_policies: Vec<Policy>, problems: &mut Vec<Problem>) -> Rulebook {
    let (mut admin, mut baseline) = cluster_policies(cluster, problems);
    admin.extend(kinds::ADMIN.objects(cluster).into_iter().map(|o| admin_network_policy::translate(o, problems)));
    baseline.extend(kinds::BASELINE.objects(cluster).into_iter().map(|o| admin_network_policy::translate_baseline(o, problems)));
    admin.extend(unread(cluster, &kinds::ADMIN));
    baseline.extend(unread(cluster, &kinds::BASELINE));
    let around = |name: &str, mut policies: Vec<Policy>| {
        book::sort(&mut policies);
        // they say nothing of a node's own pods, and so decide on them as on anything
        Tier { name: name.to_owned(), own_node: OwnNode::BOUND, join: Join::FirstMatch, unmatched: Action::Pass, policies }
    };
    let middle = Tier {
        name: String::from("NetworkPolicy"),
        own_node: OwnNode::FREE,
        join: Join::Union,
        unmatched: Action::Deny,
        policies: network_policies,
    };
    Rulebook { tiers: vec![around("Admin", admin), middle, around("Baseline", baseline)], otherwise: Action::Allow }
}

/// ClusterNetworkPolicies before and after NetworkPolicy, by priority, with what stands for those that could not be read.
pub(super) fn cluster_policies(cluster: &Cluster, problems: &mut Vec<Problem>) -> (Vec<Policy>, Vec<Policy>) {
    let (mut admin, mut baseline) = (Vec::new(), Vec::new());
    for object in kinds::CLUSTER.objects(cluster) {
        let (place, policy) = cluster_network_policy::translate(object, problems);
        match place {
            Place::Admin => admin.push(policy),
            Place::Baseline => baseline.push(policy),
        }
    }
    for policies in [&mut admin, &mut baseline] {
        policies.extend(unread(cluster, &kinds::CLUSTER));
        book::sort(policies);
    }
    (admin, baseline)
}

/// How the problem of an object that changes nothing ends.
pub(super) const NOT_ENFORCED: &str = "does not enforce this kind";

/// Tells which objects of a kind change nothing.
pub(super) fn not_enforced(cluster: &Cluster, kind: &Kind, name: &str, by: &str, problems: &mut Vec<Problem>) {
    for object in kind.objects(cluster) {
        let text = format!("{by} {NOT_ENFORCED}");
        problems.push(Problem { object: object_of(name, object), at: String::new(), text });
    }
}

/// Stands for the objects of a kind that could not be read.
fn unread(cluster: &Cluster, kind: &Kind) -> Option<Policy> {
    let why = kind.missing(cluster, None)?;
    let priority = Priority(f64::NEG_INFINITY);
    let actions = [Action::Allow, Action::Deny, Action::Pass];
    Some(Policy { priority, ..book::unread(kind.plural, "", Predicate::Pod, &why, false, &actions) })
}
