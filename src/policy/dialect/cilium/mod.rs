//! Cilium: its own policies and NetworkPolicy, all of one rank: a denial wins, then what any of them allows.
//!
//! Source: cilium/cilium `pkg/policy`, v1.15 and v1.20. What differs from the text of NetworkPolicy: ranges find nothing
//! inside of the cluster, labels outside of a pod's identity do not exist, rules of a direction isolate it even when
//! `policyTypes` does not name it, and the way to the own node is not free.

mod entity;
mod filter;
mod peers;
mod policy;
mod selector;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::Settings;

use crate::model::{Cluster, ObjectRef};
use crate::policy::kinds::{self, Kind};
use crate::policy::{
    Action, Direction, Exempt, Join, OwnNode, Policy, PortMatch, Predicate, Priority, Problem, Rule, Rulebook, Side, Tier, book,
    spec,
};

use super::source::Source;
use peers::Context;

const KINDS: [(&str, Kind); 2] =
    [("ciliumnetworkpolicy", kinds::CILIUM), ("ciliumclusterwidenetworkpolicy", kinds::CILIUM_CLUSTERWIDE)];

/// The rulebook of everything that Cilium enforces. `network_policies` are as their text says.
pub(in crate::policy) fn rulebook(
    cluster: &Cluster,
    settings: &Settings,
    network_policies: Vec<Policy>,
    namespaces: &[&str],
    problems: &mut Vec<Problem>,
) -> Rulebook {
    let mut policies: Vec<Policy> = Vec::new();
    if settings.network_policies {
        policies.extend(network_policies.into_iter().map(|p| settings.adapted(p, problems)));
    }
    policies.extend(own(cluster, settings, namespaces, problems));
    policies.extend(settings.default_deny());
    if let Some(why) = &settings.unread {
        let text = format!("{why}: Cilium's defaults are assumed for label filter, kinds of policies and allow-localhost");
        problems.push(Problem { object: config(), at: String::new(), text });
    }
    let (admin, baseline) = cluster_policies(cluster, settings, problems);
    let to_pod =
        if settings.allow_localhost == Some(false) || settings.localhost_unsure() { Exempt::No } else { Exempt::AfterRules };
    let own_node = OwnNode { to_pod, from_pod: Exempt::No };
    let tier =
        |name: &str, own_node, join, unmatched, policies| Tier { name: name.to_owned(), own_node, join, unmatched, policies };
    if admin.is_empty() && baseline.is_empty() {
        let tiers = vec![tier("Cilium", own_node, Join::Union, Action::Deny, policies)];
        return Rulebook { tiers, otherwise: Action::Allow };
    }
    // with ClusterNetworkPolicy, what isolates comes after everything that decides
    let isolating = policies.iter().map(isolation).collect();
    let tiers = vec![
        tier("Admin", OwnNode::BOUND, Join::FirstMatch, Action::Pass, admin),
        tier("Cilium", OwnNode::BOUND, Join::Union, Action::Pass, policies),
        tier("Baseline", OwnNode::BOUND, Join::FirstMatch, Action::Pass, baseline),
        tier("default deny", own_node, Join::Union, Action::Deny, isolating),
    ];
    Rulebook { tiers, otherwise: Action::Allow }
}

/// CiliumNetworkPolicies and those of the cluster.
fn own(cluster: &Cluster, settings: &Settings, namespaces: &[&str], problems: &mut Vec<Problem>) -> Vec<Policy> {
    let api_server = entity::api_server(cluster);
    let mut policies = Vec::new();
    for ((name, kind), enforced) in KINDS.iter().zip([settings.cilium_policies, settings.clusterwide_policies]) {
        if !enforced {
            continue;
        }
        for object in kind.objects(cluster) {
            let mut source = Source::new(name, object, problems);
            let namespace = source.object.namespace.clone();
            let context = Context { cluster, settings, api_server: &api_server, namespace: &namespace };
            policies.extend(policy::translate(context, object, &mut source));
        }
        let places: Vec<Option<&str>> =
            if kind.namespaced { namespaces.iter().map(|ns| Some(*ns)).collect() } else { vec![None] };
        for place in places {
            let Some(why) = kind.missing(cluster, place) else { continue };
            let subject = place.map_or(Predicate::Pod, |ns| Predicate::Namespace(ns.to_owned()));
            let actions = [Action::Deny, Action::Allow];
            policies.push(book::unread(name, place.unwrap_or_default(), subject, &why, true, &actions));
        }
    }
    policies
}

/// ClusterNetworkPolicies of both sides, where Cilium enforces them.
fn cluster_policies(cluster: &Cluster, settings: &Settings, problems: &mut Vec<Problem>) -> (Vec<Policy>, Vec<Policy>) {
    for (kind, name) in [(kinds::ADMIN, "adminnetworkpolicy"), (kinds::BASELINE, "baselineadminnetworkpolicy")] {
        spec::not_enforced(cluster, &kind, name, "Cilium", problems);
    }
    if settings.cluster_network_policies == Some(false) {
        spec::not_enforced(cluster, &kinds::CLUSTER, "clusternetworkpolicy", "this Cilium", problems);
        return (Vec::new(), Vec::new());
    }
    let (admin, baseline) = spec::cluster_policies(cluster, problems);
    let mut adapt = |policies: Vec<Policy>| -> Vec<Policy> {
        let adapted = policies.into_iter().map(|policy| {
            let mut policy = settings.adapted(policy, problems);
            if settings.cluster_network_policies.is_none() {
                let why = "whether Cilium enforces ClusterNetworkPolicy: enable-k8s-cluster-network-policy of cilium-config is not known";
                policy.subject = Predicate::All(vec![policy.subject, Predicate::Unknown(why.to_owned())]);
            }
            policy
        });
        adapted.collect()
    };
    (adapt(admin), adapt(baseline))
}

/// The policy without its rules.
fn isolation(policy: &Policy) -> Policy {
    let bare = |side: &Option<Side>| side.as_ref().filter(|s| s.isolates).map(|_| Side { isolates: true, rules: Vec::new() });
    Policy { ingress: bare(&policy.ingress), egress: bare(&policy.egress), ..policy.clone() }
}

fn config() -> ObjectRef {
    ObjectRef::new("configmap", "kube-system", "cilium-config")
}

impl Settings {
    /// Since v1.20 the node is let through only where some rule is, and nothing says that in `always`.
    fn localhost_unsure(&self) -> bool {
        self.always == Some(true) && self.since((1, 20)) != Some(false)
    }

    /// What `enable-policy` isolates beside the policies, or may isolate.
    fn default_deny(&self) -> Option<Policy> {
        let subject = match self.always {
            Some(false) => return None,
            Some(true) => Predicate::Pod,
            None => {
                let why = self.unread.as_deref().unwrap_or("is not known");
                let why = format!("whether pods without policies are isolated: cilium-config: {why}");
                Predicate::All(vec![Predicate::Pod, Predicate::Unknown(why)])
            }
        };
        let mut ingress = Side { isolates: true, rules: Vec::new() };
        let egress = Some(ingress.clone());
        if self.localhost_unsure() && self.allow_localhost != Some(false) {
            let why =
                String::from("whether the node reaches its own pods with enable-policy: always depends on the version of Cilium");
            ingress.rules.push(Rule {
                at: String::from("allow-localhost"),
                action: Action::Allow,
                local: Predicate::EVERYTHING,
                peer: Predicate::All(vec![Predicate::OwnNode, Predicate::Unknown(why)]),
                ports: None,
                note: None,
            });
        }
        Some(Policy { object: config(), subject, priority: Priority::NONE, ingress: Some(ingress), egress })
    }

    /// A policy of Kubernetes as Cilium reads it.
    fn adapted(&self, policy: Policy, problems: &mut Vec<Problem>) -> Policy {
        let Policy { object, subject, priority, ingress, egress } = policy;
        let mut told = |at: &str, key: &str| {
            problems.push(Problem { object: object.clone(), at: at.to_owned(), text: peers::dropped(key) });
        };
        let subject = self.predicate(subject, &mut |key| told("spec", key));
        let mut side = |side: Option<Side>, direction| {
            let Side { isolates, rules } = side?;
            let rules = rules.into_iter().map(|rule| {
                let peer = self.predicate(rule.peer, &mut |key| told(&rule.at, key));
                let ports = rule.ports.map(|ports| ports.into_iter().filter_map(|p| self.port(direction, p)).collect());
                Rule { peer, ports, ..rule }
            });
            Some(Side { isolates, rules: rules.collect() })
        };
        let (ingress, egress) = (side(ingress, Direction::Ingress), side(egress, Direction::Egress));
        Policy { object, subject, priority, ingress, egress }
    }

    fn predicate(&self, predicate: Predicate, told: &mut dyn FnMut(&str)) -> Predicate {
        let mut lowered = |lowered: selector::Lowered| {
            lowered.dropped.iter().for_each(|key| told(key));
            lowered.predicate
        };
        predicate.rewritten(&mut |leaf| {
            if let Predicate::Cidr { cidr, except } = leaf {
                return self.range(cidr, except);
            }
            if let Predicate::Labels(labels) = &leaf
                && !self.is_plain(labels, "")
            {
                return lowered(self.pods(labels));
            }
            if let Predicate::NamespaceLabels(labels) = &leaf
                && !self.is_plain(labels, selector::NAMESPACE_LABELS)
            {
                return lowered(self.namespaces(labels));
            }
            leaf
        })
    }

    fn port(&self, direction: Direction, port: PortMatch) -> Option<PortMatch> {
        if let PortMatch::Named { protocol: Some(protocol), name } = &port {
            return self.named(direction, name, *protocol);
        }
        match port {
            PortMatch::Range { protocol, first, last } if first != last => Some(self.first_to_last(protocol, first, last)),
            PortMatch::Range { .. }
            | PortMatch::Protocol(_)
            | PortMatch::Named { .. }
            | PortMatch::NoneOf(_)
            | PortMatch::Unknown(_) => Some(port),
        }
    }

    /// Ports from `port` to `endPort`. Cilium before v1.16 takes the first of them alone (`pkg/k8s/network_policy.go`, v1.15.19).
    fn first_to_last(&self, protocol: crate::model::Protocol, first: u16, last: u16) -> PortMatch {
        match self.since((1, 16)) {
            Some(true) => PortMatch::Range { protocol, first, last },
            Some(false) => PortMatch::Range { protocol, first, last: first },
            None => PortMatch::Unknown(format!(
                "ports {first} to {last}: Cilium before v1.16 takes the first alone, and its version is not known"
            )),
        }
    }

    /// A port by its name. `None`: the name stands for nothing. In rules of egress before v1.20 it stands for the one port
    /// that all pods of the cluster agree on (cilium/cilium pull request 44429).
    fn named(&self, direction: Direction, name: &str, protocol: crate::model::Protocol) -> Option<PortMatch> {
        let own = PortMatch::Named { protocol: Some(protocol), name: name.to_lowercase() };
        if direction == Direction::Ingress || self.since((1, 20)) == Some(true) {
            return Some(own);
        }
        let unknown = |why: &str| Some(PortMatch::Unknown(format!("the port name {name}: {why}")));
        if self.version.is_none() {
            return unknown("what it stands for depends on the version of Cilium, which is not known");
        }
        let Some(names) = &self.port_names else {
            return unknown("Cilium before v1.20 looks it up among all pods of the cluster, which were not listed");
        };
        let numbers = names.get(&(name.to_lowercase(), protocol))?;
        let number = *numbers.first().filter(|_| numbers.len() == 1)?;
        Some(PortMatch::Range { protocol, first: number, last: number })
    }
}
