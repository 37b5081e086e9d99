//! What must hold for every set of policies.

use proptest::prelude::*;

use crate::model::{NetworkPolicy, Pod, Protocol};

use super::testing::{PORTS, Small, endpoints, policy, rule, small};
use super::{Directory, Flow, Matrix, NAME_LABEL, Outcome};
use crate::model::ObjectRef;

/// The outcome of every pair on every port, decided one by one.
fn outcomes(world: &Small) -> Vec<Outcome> {
    let cluster = world.cluster();
    let directory = Directory::new(&cluster);
    let book = world.book();
    let ends = endpoints(&directory, &world.pods);
    let mut outcomes = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for port in PORTS {
            for from in &ends {
                for to in &ends {
                    let flow = Flow { from: *from, to: *to, protocol, port, v6: false };
                    outcomes.push(book.judge(&flow).outcome());
                }
            }
        }
    }
    outcomes
}

/// NetworkPolicy read once more from its text, for pods with known namespaces: nothing is shared with the engine.
pub(super) fn by_the_book(world: &Small, from: &Pod, to: &Pod, protocol: Protocol, port: u16) -> bool {
    let one_way = |subject: &Pod, peer: &Pod, ingress: bool| {
        let applies = |p: &&NetworkPolicy| {
            let named = |t: &str| p.policy_types.iter().any(|x| x == t);
            let direction = match (p.policy_types.is_empty(), ingress) {
                (true, true) => true,
                (true, false) => !p.egress.is_empty(),
                (false, true) => named("Ingress"),
                (false, false) => named("Egress"),
            };
            direction && p.namespace == subject.namespace && p.pod_selector.matches(&subject.labels)
        };
        let selecting: Vec<_> = world.policies.iter().filter(applies).collect();
        selecting.is_empty()
            || selecting.iter().any(|policy| {
                let rules = if ingress { &policy.ingress } else { &policy.egress };
                rules.iter().any(|r| {
                    let peers = r.peers.is_empty()
                        || r.peers.iter().any(|p| {
                            if let Some(block) = &p.ip_block {
                                let within = |c: &String| c.parse::<ipnet::IpNet>().expect("a CIDR").contains(&peer.ips[0]);
                                return within(&block.cidr) && !block.except.iter().any(within);
                            }
                            let labels = ["ns", NAME_LABEL].map(|key| (key.to_owned(), peer.namespace.clone())).into();
                            let namespace = match &p.namespace_selector {
                                Some(s) => s.matches(&labels),
                                None => peer.namespace == policy.namespace,
                            };
                            namespace && p.pod_selector.as_ref().is_none_or(|s| s.matches(&peer.labels))
                        });
                    let ports = r.ports.is_empty()
                        || r.ports.iter().any(|p| {
                            use crate::model::PolicyPort::{Name, Number};
                            p.protocol == protocol
                                && match (&p.port, p.end_port) {
                                    (None, _) => true,
                                    (Some(Number(first)), end) => (*first..=end.unwrap_or(*first)).contains(&i32::from(port)),
                                    (Some(Name(name)), _) => to
                                        .containers
                                        .iter()
                                        .flat_map(|c| &c.ports)
                                        .any(|c| c.name.as_ref() == Some(name) && c.port == port && c.protocol == protocol),
                                }
                        });
                    peers && ports
                })
            })
    };
    (from.namespace == to.namespace && from.name == to.name) || (one_way(from, to, false) && one_way(to, from, true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_matrix_says_what_each_pair_says(world in small()) {
        let cluster = world.cluster();
        let directory = Directory::new(&cluster);
        let book = world.book();
        let mut matrices = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for port in PORTS {
                let matrix = Matrix::new(&book, endpoints(&directory, &world.pods), protocol, port, false);
                let all = 0..world.pods.len();
                matrices.extend(all.clone().flat_map(|a| all.clone().map(move |b| (a, b))).map(|(a, b)| matrix.outcome(a, b)));
            }
        }
        prop_assert_eq!(matrices, outcomes(&world));
    }

    #[test]
    fn a_matrix_with_another_policy_is_that_of_the_other_book(world in small(), other in policy(), at in 0_usize..7, turn in 0_u8..3) {
        let cluster = world.cluster();
        let directory = Directory::new(&cluster);
        let mut changed = world.clone();
        let at = at.min(world.policies.len());
        match (turn, changed.policies.get_mut(at)) {
            // gone
            (0, Some(_)) => drop(changed.policies.remove(at)),
            // another one, or another place
            (1, Some(old)) => *old = NetworkPolicy { name: old.name.clone(), namespace: old.namespace.clone(), ..other },
            // new
            _ => changed.policies.insert(at, NetworkPolicy { name: "policy-new".into(), ..other }),
        }
        let object = world.policies.iter().map(NetworkPolicy::object).find(|o| !changed.policies.iter().any(|p| p.object() == *o));
        let object = object.or_else(|| changed.policies.get(at).map(NetworkPolicy::object)).unwrap_or_else(|| ObjectRef::node("none"));
        let (before, after) = (world.book(), changed.book());
        let all = 0..world.pods.len();
        for port in PORTS {
            let mut matrix = Matrix::new(&before, endpoints(&directory, &world.pods), Protocol::Tcp, port, false);
            matrix.replace(&after, &object);
            let anew = Matrix::new(&after, endpoints(&directory, &world.pods), Protocol::Tcp, port, false);
            for (a, b) in all.clone().flat_map(|a| all.clone().map(move |b| (a, b))) {
                prop_assert_eq!(matrix.outcome(a, b), anew.outcome(a, b));
            }
            matrix.replace(&before, &object);
            let back = Matrix::new(&before, endpoints(&directory, &world.pods), Protocol::Tcp, port, false);
            for (a, b) in all.clone().flat_map(|a| all.clone().map(move |b| (a, b))) {
                prop_assert_eq!(matrix.outcome(a, b), back.outcome(a, b));
            }
        }
    }

    #[test]
    fn decisions_are_those_of_the_text(mut world in small()) {
        world.namespaces_known = true;
        let mut expected = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for port in PORTS {
                for from in &world.pods {
                    for to in &world.pods {
                        let allowed = by_the_book(&world, from, to, protocol, port);
                        expected.push(if allowed { Outcome::Allowed } else { Outcome::Denied });
                    }
                }
            }
        }
        prop_assert_eq!(outcomes(&world), expected);
    }

    #[test]
    fn what_is_not_known_never_turns_into_a_wrong_answer(world in small()) {
        let blind = outcomes(&Small { namespaces_known: false, ..world.clone() });
        let seeing = outcomes(&Small { namespaces_known: true, ..world });
        for (blind, seeing) in blind.into_iter().zip(seeing) {
            prop_assert!(blind == Outcome::Undetermined || blind == seeing);
            prop_assert!(seeing != Outcome::Undetermined);
        }
    }

    #[test]
    fn the_order_of_objects_does_not_matter(world in small(), turn in 0_usize..6) {
        let mut turned = world.clone();
        let by = turn.min(turned.policies.len());
        turned.policies.rotate_left(by);
        for policy in &mut turned.policies {
            policy.ingress.reverse();
            policy.egress.reverse();
        }
        prop_assert_eq!(outcomes(&turned), outcomes(&world));
    }

    #[test]
    fn one_more_rule_never_takes_a_connection_away(world in small(), extra in rule(), ingress in any::<bool>()) {
        prop_assume!(!world.policies.is_empty());
        let before = outcomes(&world);
        let mut more = world;
        let first = &mut more.policies[0];
        // an egress rule would make a policy without types one of egress
        if ingress { first.ingress.push(extra) } else if !first.egress.is_empty() { first.egress.push(extra) }
        for (before, after) in before.into_iter().zip(outcomes(&more)) {
            prop_assert!(before != Outcome::Allowed || after == Outcome::Allowed);
        }
    }

    #[test]
    fn a_label_nobody_selects_by_changes_nothing(world in small()) {
        let before = outcomes(&world);
        let mut renamed = world;
        for pod in &mut renamed.pods {
            pod.labels.remove("tier");
            pod.labels.insert("hash".into(), pod.name.clone());
        }
        prop_assert_eq!(outcomes(&renamed), before);
    }
}
