//! NetworkPolicy, `networking.k8s.io/v1`.
//!
//! Source: the field comments of `k8s.io/api/networking/v1/types.go` v1.36, and the concept page
//! concepts/services-networking/network-policies.

use ipnet::IpNet;

use crate::model::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PolicyPort, Selector};
use crate::policy::{Action, LabelExpr, Policy, PortMatch, Predicate, Priority, Problem, Rule, Side};

/// Translates one object. What is invalid is told and never matches for sure.
pub fn translate(source: &NetworkPolicy, problems: &mut Vec<Problem>) -> Policy {
    translated(source, problems, false)
}

/// The same as Cilium reads `policyTypes`: rules of a direction count even when the types do not name it
/// (cilium/cilium `pkg/k8s/network_policy.go`, v1.15 and v1.20).
pub fn translate_by_rules(source: &NetworkPolicy, problems: &mut Vec<Problem>) -> Policy {
    translated(source, problems, true)
}

fn translated(source: &NetworkPolicy, problems: &mut Vec<Problem>, by_rules: bool) -> Policy {
    let mut cx = Translation { source, problems };
    let (mut ingress, mut egress) = cx.directions();
    if by_rules {
        ingress |= !source.ingress.is_empty();
        egress |= !source.egress.is_empty();
    }
    let subject = Predicate::All(vec![
        Predicate::Namespace(source.namespace.clone()),
        Predicate::Labels(LabelExpr::from(&source.pod_selector)),
    ]);
    Policy {
        object: source.object(),
        subject,
        priority: Priority::NONE,
        ingress: ingress.then(|| cx.side("ingress", "from", &source.ingress)),
        egress: egress.then(|| cx.side("egress", "to", &source.egress)),
    }
}

struct Translation<'a> {
    source: &'a NetworkPolicy,
    problems: &'a mut Vec<Problem>,
}

impl Translation<'_> {
    fn problem(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem { object: self.source.object(), at: at.into(), text: text.into() });
    }

    /// Which directions the policy isolates. Without `policyTypes` it is ingress always, and egress when there are egress
    /// rules (`pkg/apis/networking/v1/defaults.go`).
    fn directions(&mut self) -> (bool, bool) {
        let types = &self.source.policy_types;
        if types.is_empty() {
            return (true, !self.source.egress.is_empty());
        }
        for (at, other) in types.iter().enumerate().filter(|(_, t)| *t != "Ingress" && *t != "Egress") {
            self.problem(format!("spec.policyTypes[{at}]"), format!("{other} is neither Ingress nor Egress"));
        }
        (types.iter().any(|t| t == "Ingress"), types.iter().any(|t| t == "Egress"))
    }

    fn side(&mut self, field: &str, peers: &str, rules: &[NetworkPolicyRule]) -> Side {
        let rules = rules.iter().enumerate().map(|(at, rule)| self.rule(&format!("spec.{field}[{at}]"), peers, rule));
        Side { isolates: true, rules: rules.collect() }
    }

    fn rule(&mut self, at: &str, field: &str, rule: &NetworkPolicyRule) -> Rule {
        let peers = rule.peers.iter().enumerate().map(|(i, peer)| self.peer(&format!("{at}.{field}[{i}]"), peer));
        // an empty list of peers is everybody, and so is an absent one
        let peer = if rule.peers.is_empty() { Predicate::EVERYTHING } else { Predicate::AnyOf(peers.collect()) };
        let ports = rule.ports.iter().enumerate().map(|(i, port)| self.port(&format!("{at}.ports[{i}]"), port));
        let ports = (!rule.ports.is_empty()).then(|| ports.collect());
        Rule { at: at.to_owned(), action: Action::Allow, local: Predicate::EVERYTHING, peer, ports, note: None }
    }

    fn peer(&mut self, at: &str, peer: &NetworkPolicyPeer) -> Predicate {
        let labels = |s: &Selector| LabelExpr::from(s);
        match (&peer.ip_block, &peer.namespace_selector, &peer.pod_selector) {
            (Some(block), None, None) => {
                let cidr = self.cidr(&format!("{at}.ipBlock.cidr"), &block.cidr);
                let except = block.except.iter().enumerate();
                let except: Option<Vec<_>> = except.map(|(i, e)| self.cidr(&format!("{at}.ipBlock.except[{i}]"), e)).collect();
                match (cidr, except) {
                    (Some(cidr), Some(except)) => {
                        self.check_except(at, &cidr, &except);
                        Predicate::Cidr { cidr, except }
                    }
                    _ => Predicate::Unknown(format!("{at} of {} is not an address range", self.source.object())),
                }
            }
            (None, Some(namespaces), pods) => {
                let mut both = vec![Predicate::NamespaceLabels(labels(namespaces))];
                both.extend(pods.as_ref().map(|p| Predicate::Labels(labels(p))));
                Predicate::All(both)
            }
            (None, None, Some(pods)) => {
                Predicate::All(vec![Predicate::Namespace(self.source.namespace.clone()), Predicate::Labels(labels(pods))])
            }
            (Some(_), Some(_) | None, Some(_) | None) => {
                self.problem(at, "ipBlock stands beside a selector: the API server refuses that");
                Predicate::Unknown(format!("{at} of {} has an ipBlock and a selector", self.source.object()))
            }
            (None, None, None) => {
                self.problem(at, "names nobody: the API server refuses an empty peer");
                Predicate::Unknown(format!("{at} of {} is empty", self.source.object()))
            }
        }
    }

    /// An exception is inside of its range and smaller (`pkg/apis/networking/validation`, `ValidateIPBlock`). Another one takes nothing away.
    fn check_except(&mut self, at: &str, cidr: &IpNet, except: &[IpNet]) {
        for (i, hole) in except.iter().enumerate().filter(|(_, hole)| !cidr.contains(*hole) || hole == &cidr) {
            self.problem(format!("{at}.ipBlock.except[{i}]"), format!("{hole} is not inside of {cidr}"));
        }
    }

    fn cidr(&mut self, at: &str, text: &str) -> Option<IpNet> {
        let net = text.parse::<IpNet>().ok().map(|net| net.trunc());
        if net.is_none() {
            self.problem(at, format!("{text:?} is not a CIDR such as 10.0.0.0/8"));
        }
        net
    }

    fn port(&mut self, at: &str, entry: &NetworkPolicyPort) -> PortMatch {
        let protocol = entry.protocol;
        let bad = |text: String| PortMatch::Unknown(text);
        match (&entry.port, entry.end_port) {
            (None, None) => PortMatch::Protocol(protocol),
            (Some(PolicyPort::Name(name)), None) => PortMatch::Named { protocol: Some(protocol), name: name.clone() },
            (Some(PolicyPort::Number(number)), end) => {
                let last = end.unwrap_or(*number);
                match (u16::try_from(*number), u16::try_from(last)) {
                    (Ok(first), Ok(last)) if first > 0 && first <= last => PortMatch::Range { protocol, first, last },
                    _ => {
                        let text = if end.is_some() { format!("{number}-{last}") } else { number.to_string() };
                        self.problem(at, format!("{text} is not a port or a range of ports from 1 to 65535"));
                        bad(format!("{at} of {} is not a port", self.source.object()))
                    }
                }
            }
            (Some(PolicyPort::Name(_)) | None, Some(_)) => {
                self.problem(at, "endPort needs a numeric port");
                bad(format!("{at} of {} has an endPort without a numeric port", self.source.object()))
            }
        }
    }
}
