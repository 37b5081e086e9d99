//! Whether one condition holds wherever another does, by their text alone: `true` is a proof, `false` is none.

use ipnet::IpNet;

use crate::policy::{LabelExpr, PortMatch, Predicate, Rule};

/// Every connection that `b` matches is one that `a` matches. The policies around them are the caller's matter. Both are plain.
pub(super) fn covers_rule(a: &Rule, b: &Rule) -> bool {
    covers_ports(a.ports.as_deref(), b.ports.as_deref()) && inside(&a.peer, &b.peer) && inside(&a.local, &b.local)
}

/// Nothing in it is unknown, nor left to a proxy, which decides by what is not in the rule.
pub(super) fn is_plain(rule: &Rule) -> bool {
    rule.note.is_none() && is_known(&rule.local) && is_known(&rule.peer)
}

/// Whoever `b` finds, `a` finds. Both are known.
pub(super) fn inside(a: &Predicate, b: &Predicate) -> bool {
    if a == b {
        return true;
    }
    // apart what must be apart: alternatives of the narrower one, conditions of the wider one
    match (a, b) {
        (_, Predicate::AnyOf(parts)) => parts.iter().all(|part| inside(a, part)),
        (Predicate::All(parts), _) => parts.iter().all(|part| inside(part, b)),
        (_, Predicate::All(parts)) if parts.iter().any(|part| inside(a, part)) => true,
        (Predicate::AnyOf(parts), _) => parts.iter().any(|part| inside(part, b)),
        (Predicate::Labels(wide), Predicate::Labels(narrow))
        | (Predicate::NamespaceLabels(wide), Predicate::NamespaceLabels(narrow))
        | (Predicate::NodeLabels(wide), Predicate::NodeLabels(narrow)) => labels_inside(wide, narrow),
        (Predicate::Cidr { cidr: wide, except: holes }, Predicate::Cidr { cidr: narrow, except }) => {
            range_inside(wide, holes, narrow, except)
        }
        (Predicate::ServiceAccount(wide), Predicate::ServiceAccount(narrow)) => narrow.iter().all(|n| wide.contains(n)),
        (Predicate::Pod, other) => is_of_pods(other),
        (Predicate::Labels(all) | Predicate::NamespaceLabels(all), other) if all.is_everything() => is_of_pods(other),
        (Predicate::Node, Predicate::NodeLabels(_) | Predicate::OwnNode) => true,
        (
            Predicate::Node
            | Predicate::External
            | Predicate::Namespace(_)
            | Predicate::NamespaceLabels(_)
            | Predicate::Labels(_)
            | Predicate::NodeLabels(_)
            | Predicate::OwnNode
            | Predicate::Cidr { .. }
            | Predicate::ServiceAccount(_)
            | Predicate::Not(_)
            | Predicate::Unknown(_),
            _,
        ) => false,
    }
}

/// It finds nothing but pods.
fn is_of_pods(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Pod
        | Predicate::Namespace(_)
        | Predicate::NamespaceLabels(_)
        | Predicate::Labels(_)
        | Predicate::ServiceAccount(_) => true,
        Predicate::All(parts) => parts.iter().any(is_of_pods),
        Predicate::AnyOf(parts) => parts.iter().all(is_of_pods),
        Predicate::Node
        | Predicate::External
        | Predicate::NodeLabels(_)
        | Predicate::OwnNode
        | Predicate::Cidr { .. }
        | Predicate::Not(_)
        | Predicate::Unknown(_) => false,
    }
}

/// No part of it is unknown.
pub(super) fn is_known(predicate: &Predicate) -> bool {
    fn labels(expr: &LabelExpr) -> bool {
        match expr {
            LabelExpr::Unknown(_) => false,
            LabelExpr::Not(inner) => labels(inner),
            LabelExpr::All(parts) | LabelExpr::AnyOf(parts) => parts.iter().all(labels),
            LabelExpr::In(..)
            | LabelExpr::Exists(_)
            | LabelExpr::StartsWith(..)
            | LabelExpr::EndsWith(..)
            | LabelExpr::Contains(..) => true,
        }
    }
    match predicate {
        Predicate::Unknown(_) => false,
        Predicate::Not(inner) => is_known(inner),
        Predicate::All(parts) | Predicate::AnyOf(parts) => parts.iter().all(is_known),
        Predicate::Labels(expr) | Predicate::NamespaceLabels(expr) | Predicate::NodeLabels(expr) => labels(expr),
        Predicate::Pod
        | Predicate::Node
        | Predicate::External
        | Predicate::Namespace(_)
        | Predicate::OwnNode
        | Predicate::Cidr { .. }
        | Predicate::ServiceAccount(_) => true,
    }
}

fn labels_inside(wide: &LabelExpr, narrow: &LabelExpr) -> bool {
    if wide == narrow {
        return true;
    }
    match (wide, narrow) {
        (_, LabelExpr::AnyOf(parts)) => parts.iter().all(|part| labels_inside(wide, part)),
        (LabelExpr::All(parts), _) => parts.iter().all(|part| labels_inside(part, narrow)),
        (_, LabelExpr::All(parts)) if parts.iter().any(|part| labels_inside(wide, part)) => true,
        (LabelExpr::AnyOf(parts), _) => parts.iter().any(|part| labels_inside(part, narrow)),
        (LabelExpr::In(key, values), LabelExpr::In(other, narrower)) => {
            key == other && narrower.iter().all(|v| values.contains(v))
        }
        (
            LabelExpr::Exists(key),
            LabelExpr::In(other, _)
            | LabelExpr::StartsWith(other, _)
            | LabelExpr::EndsWith(other, _)
            | LabelExpr::Contains(other, _),
        ) => key == other,
        (LabelExpr::Not(outer), LabelExpr::Not(inner)) => labels_inside(inner, outer),
        (LabelExpr::Not(outer), LabelExpr::In(key, values)) => match outer.as_ref() {
            LabelExpr::In(other, excluded) => key == other && values.iter().all(|v| !excluded.contains(v)),
            LabelExpr::Exists(_)
            | LabelExpr::StartsWith(..)
            | LabelExpr::EndsWith(..)
            | LabelExpr::Contains(..)
            | LabelExpr::Not(_)
            | LabelExpr::All(_)
            | LabelExpr::AnyOf(_)
            | LabelExpr::Unknown(_) => false,
        },
        (
            LabelExpr::In(..)
            | LabelExpr::Exists(_)
            | LabelExpr::StartsWith(..)
            | LabelExpr::EndsWith(..)
            | LabelExpr::Contains(..)
            | LabelExpr::Not(_)
            | LabelExpr::Unknown(_),
            _,
        ) => false,
    }
}

/// The narrower range is in the wider one, and where the wider one has holes the narrower one has them too.
fn range_inside(wide: &IpNet, holes: &[IpNet], narrow: &IpNet, except: &[IpNet]) -> bool {
    let touches = |hole: &&IpNet| hole.contains(narrow) || narrow.contains(*hole);
    wide.contains(narrow) && holes.iter().filter(touches).all(|hole| except.iter().any(|e| e.contains(hole)))
}

fn covers_ports(a: Option<&[PortMatch]>, b: Option<&[PortMatch]>) -> bool {
    match (a, b) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => !narrow.is_empty() && narrow.iter().all(|n| wide.iter().any(|w| covers_port(w, n))),
    }
}

fn covers_port(wide: &PortMatch, narrow: &PortMatch) -> bool {
    match (wide, narrow) {
        (PortMatch::Protocol(a), PortMatch::Protocol(b) | PortMatch::Range { protocol: b, .. }) => a == b,
        (PortMatch::Protocol(a), PortMatch::Named { protocol, .. }) => *protocol == Some(*a),
        (PortMatch::Range { protocol: a, first, last }, PortMatch::Range { protocol: b, first: from, last: to }) => {
            a == b && first <= from && to <= last
        }
        (PortMatch::Named { protocol: a, name: wide }, PortMatch::Named { protocol: b, name: narrow }) => {
            wide == narrow && (a.is_none() || a == b)
        }
        (
            PortMatch::Protocol(_)
            | PortMatch::Range { .. }
            | PortMatch::Named { .. }
            | PortMatch::NoneOf(_)
            | PortMatch::Unknown(_),
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{NetworkPolicy, Protocol};
    use crate::policy::dialect::network_policy;
    use crate::policy::testing::{PORTS, rule, small};
    use crate::policy::{Directory, Flow, Truth, View};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// A proof holds for every pair of pods and every port.
        #[test]
        fn what_is_proven_holds(world in small(), a in rule(), b in rule()) {
            let policy = NetworkPolicy { namespace: "x".into(), policy_types: vec!["Ingress".into()], ingress: vec![a, b], ..NetworkPolicy::default() };
            let translated = network_policy::translate(&policy, &mut Vec::new());
            let rules = &translated.ingress.as_ref().expect("ingress").rules;
            let (a, b) = (&rules[0], &rules[1]);
            if !(is_plain(a) && is_plain(b) && covers_rule(a, b)) {
                return Ok(());
            }
            let cluster = world.cluster();
            let directory = Directory::new(&cluster);
            for (from, to) in world.pods.iter().flat_map(|f| world.pods.iter().map(move |t| (f, t))) {
                for (port, protocol) in PORTS.iter().flat_map(|p| [(*p, Protocol::Tcp), (*p, Protocol::Udp)]) {
                    let flow = Flow { from: directory.pod(from), to: directory.pod(to), protocol, port, v6: false };
                    let matches = |r: &Rule| {
                        let view = View { endpoint: &flow.from, v6: false, other_node: None };
                        r.port_matches(protocol, port, &flow.to) == Truth::Yes && r.peer.matches(&view) == Truth::Yes
                    };
                    prop_assert!(!matches(b) || matches(a), "{a:?} does not cover {b:?} for {flow:?}");
                }
            }
        }
    }
}
