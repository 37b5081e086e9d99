//! What AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy have in common.
//!
//! Source: the field comments of sigs.k8s.io/network-policy-api, `apis/v1alpha1` v0.1.1 and its main branch, `apis/v1alpha2`
//! and `apis/v1beta1`. What a field that is not known means is left open, although the API asks implementations to fail
//! closed: an implementation of another version may know it.

use serde::Deserialize;
use serde_json::Value;

use super::source::{Source, open};
use crate::policy::{Action, Direction, Policy, PortMatch, Predicate, Priority, Rule, Side};

/// The spec of any of the three kinds, with the parts that are read one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    tier: Option<String>,
    priority: Option<i64>,
    subject: Value,
    ingress: Option<Vec<Value>>,
    egress: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    name: Option<String>,
    action: String,
    from: Option<Vec<Value>>,
    to: Option<Vec<Value>>,
    /// `apis/v1alpha1`.
    ports: Option<Vec<Value>>,
    /// `apis/v1alpha2`.
    protocols: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Peer {
    namespaces: Option<Value>,
    pods: Option<Value>,
    nodes: Option<Value>,
    networks: Option<Vec<String>>,
    domain_names: Option<Vec<String>>,
}

/// Pods of namespaces. `namespaces` is the name of `namespaceSelector` in peers of v0.1.1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pods {
    namespace_selector: Option<Value>,
    namespaces: Option<Value>,
    pod_selector: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PortText {
    port_number: Option<Number>,
    port_range: Option<Range>,
    named_port: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    protocol: Option<String>,
    port: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    protocol: Option<String>,
    start: i64,
    end: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProtocolText {
    tcp: Option<Transport>,
    udp: Option<Transport>,
    sctp: Option<Transport>,
    destination_named_port: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transport {
    destination_port: Option<Destination>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destination {
    number: Option<i64>,
    range: Option<Range>,
}

/// What differs between the kinds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) kind: &'static str,
    /// `Allow` or `Accept`.
    pub(super) allow: &'static str,
    /// The baseline of v1alpha1 has no `Pass`.
    pub(super) pass: bool,
    /// Whether the kind has priorities.
    pub(super) ordered: bool,
}

/// A policy with the tier it names; no tier where it could not be read.
pub(super) struct Translated {
    pub(super) policy: Policy,
    pub(super) tier: Option<String>,
}

const ANY: [Action; 3] = [Action::Allow, Action::Deny, Action::Pass];

/// Asked before every policy that says where it stands.
const FIRST: Priority = Priority(f64::NEG_INFINITY);

pub(super) fn translate(words: Words, value: &Value, source: &mut Source<'_>) -> Translated {
    let spec = value.get("spec").unwrap_or(&Value::Null);
    let spec: Spec = match source.read("spec", spec) {
        Ok(spec) => spec,
        Err(why) => return Translated { policy: unread(source, &why), tier: None },
    };
    // the API server keeps it between 0 and 1000
    let priority = match (words.ordered, spec.priority.and_then(|p| i32::try_from(p).ok())) {
        (true, Some(priority)) => Priority(f64::from(priority)),
        (true, None) => {
            let why = source.wrong("spec.priority", "is not a number from 0 to 1000");
            return Translated { policy: unread(source, &why), tier: spec.tier };
        }
        (false, _) => Priority::NONE,
    };
    let mut cx = Translation { words, source };
    let subject = cx.peer("spec.subject", &spec.subject, false);
    let ingress = cx.side(Direction::Ingress, &spec.ingress.unwrap_or_default());
    let egress = cx.side(Direction::Egress, &spec.egress.unwrap_or_default());
    let object = cx.source.object.clone();
    Translated { policy: Policy { object, subject, priority, ingress, egress }, tier: spec.tier }
}

/// Stands for a policy that may do anything.
pub(super) fn unread(source: &Source<'_>, why: &str) -> Policy {
    let side = Side { isolates: false, rules: open("spec", why, &ANY) };
    Policy {
        object: source.object.clone(),
        subject: Predicate::Pod,
        priority: FIRST,
        ingress: Some(side.clone()),
        egress: Some(side),
    }
}

struct Translation<'s, 'p> {
    words: Words,
    source: &'s mut Source<'p>,
}

impl Translation<'_, '_> {
    /// A policy without rules for a direction does not touch it.
    fn side(&mut self, direction: Direction, rules: &[Value]) -> Option<Side> {
        let each = rules.iter().enumerate();
        let translated = each.flat_map(|(i, rule)| self.rule(&format!("spec.{direction}[{i}]"), direction, rule));
        let translated: Vec<Rule> = translated.collect();
        (!translated.is_empty()).then_some(Side { isolates: false, rules: translated })
    }

    fn rule(&mut self, at: &str, direction: Direction, value: &Value) -> Vec<Rule> {
        let text: RuleText = match self.source.read(at, value) {
            Ok(text) => text,
            // what it would do may be plain all the same
            Err(why) => {
                let action = value.get("action").and_then(Value::as_str).and_then(|a| self.action(a));
                return open(at, &why, action.as_ref().map_or(&ANY, std::slice::from_ref));
            }
        };
        let Some(action) = self.action(&text.action) else {
            let why = self.source.wrong(&format!("{at}.action"), &format!("{:?} is not an action of this kind", text.action));
            return open(at, &why, &ANY);
        };
        let (field, peers, other) = match direction {
            Direction::Ingress => ("from", text.from, text.to),
            Direction::Egress => ("to", text.to, text.from),
        };
        if other.is_some() || (text.ports.is_some() && text.protocols.is_some()) {
            let why = self.source.wrong(at, "has fields that exclude each other");
            return open(at, &why, &[action]);
        }
        let peers = peers.unwrap_or_default();
        let peer = if peers.is_empty() {
            Predicate::Unknown(self.source.wrong(at, &format!("has no {field}: the API server refuses that")))
        } else {
            let each = peers.iter().enumerate().map(|(i, p)| self.peer(&format!("{at}.{field}[{i}]"), p, true));
            Predicate::AnyOf(each.collect())
        };
        let ports = self.ports(at, text.ports, text.protocols);
        let at = text.name.filter(|n| !n.is_empty()).map_or_else(|| at.to_owned(), |name| format!("{at} {name:?}"));
        vec![Rule { at, action, local: Predicate::EVERYTHING, peer, ports, note: None }]
    }

    fn action(&self, text: &str) -> Option<Action> {
        match text {
            "Deny" => Some(Action::Deny),
            "Pass" if self.words.pass => Some(Action::Pass),
            other => (other == self.words.allow).then_some(Action::Allow),
        }
    }

    /// A peer, or the subject, which only pods can be.
    fn peer(&mut self, at: &str, value: &Value, anything: bool) -> Predicate {
        let peer: Peer = match self.source.read(at, value) {
            Ok(peer) => peer,
            Err(why) => return Predicate::Unknown(why),
        };
        match peer {
            Peer { namespaces: Some(namespaces), pods: None, nodes: None, networks: None, domain_names: None } => {
                self.namespaces(&format!("{at}.namespaces"), &namespaces)
            }
            Peer { namespaces: None, pods: Some(pods), nodes: None, networks: None, domain_names: None } => {
                self.pods(&format!("{at}.pods"), &pods)
            }
            Peer { namespaces: None, pods: None, nodes: Some(nodes), networks: None, domain_names: None } if anything => {
                Predicate::NodeLabels(self.source.labels(&format!("{at}.nodes"), &nodes))
            }
            Peer { namespaces: None, pods: None, nodes: None, networks: Some(networks), domain_names: None } if anything => {
                self.source.cidrs(&format!("{at}.networks"), &networks, false)
            }
            Peer { namespaces: None, pods: None, nodes: None, networks: None, domain_names: Some(names) } if anything => {
                let what = format!("the addresses behind {} are not known", names.join(", "));
                Predicate::Unknown(self.source.unmodelled(&format!("{at}.domainNames"), &what))
            }
            Peer { .. } => Predicate::Unknown(self.source.wrong(at, "must have exactly one field, of those that can stand here")),
        }
    }

    fn pods(&mut self, at: &str, value: &Value) -> Predicate {
        let pods: Pods = match self.source.read(at, value) {
            Ok(pods) => pods,
            Err(why) => return Predicate::Unknown(why),
        };
        let Some(labels) = pods.pod_selector else {
            return Predicate::Unknown(self.source.wrong(at, "has no podSelector: the API server refuses that"));
        };
        let labels = Predicate::Labels(self.source.labels(&format!("{at}.podSelector"), &labels));
        let namespaces = match (pods.namespace_selector, pods.namespaces) {
            (Some(labels), None) => Predicate::NamespaceLabels(self.source.labels(&format!("{at}.namespaceSelector"), &labels)),
            (None, Some(namespaces)) => self.namespaces(&format!("{at}.namespaces"), &namespaces),
            // an absent selector is an empty one: all namespaces
            (None, None) => Predicate::Pod,
            (Some(_), Some(_)) => Predicate::Unknown(self.source.wrong(at, "selects namespaces in two ways")),
        };
        Predicate::All(vec![namespaces, labels])
    }

    /// A label selector, or what v0.1.1 had in its place.
    fn namespaces(&mut self, at: &str, value: &Value) -> Predicate {
        for field in ["sameLabels", "notSameLabels"] {
            if value.get(field).is_some_and(|v| !v.is_null()) {
                let what = "compares the namespaces of both ends, which is not modelled";
                let unknown = Predicate::Unknown(self.source.unmodelled(&format!("{at}.{field}"), what));
                return Predicate::All(vec![Predicate::Pod, unknown]);
            }
        }
        match value.get("namespaceSelector") {
            Some(inner) => Predicate::NamespaceLabels(self.source.labels(&format!("{at}.namespaceSelector"), inner)),
            None => Predicate::NamespaceLabels(self.source.labels(at, value)),
        }
    }

    /// Without entries the rule does not look at ports.
    fn ports(&mut self, at: &str, ports: Option<Vec<Value>>, protocols: Option<Vec<Value>>) -> Option<Vec<PortMatch>> {
        if let Some(ports) = ports.filter(|p| !p.is_empty()) {
            return Some(ports.iter().enumerate().map(|(i, p)| self.port(&format!("{at}.ports[{i}]"), p)).collect());
        }
        let protocols = protocols.filter(|p| !p.is_empty())?;
        Some(protocols.iter().enumerate().map(|(i, p)| self.protocol(&format!("{at}.protocols[{i}]"), p)).collect())
    }

    fn port(&mut self, at: &str, value: &Value) -> PortMatch {
        let (transport, first, last) = match self.source.read::<PortText>(at, value) {
            Err(why) => return PortMatch::Unknown(why),
            Ok(PortText { port_number: Some(n), port_range: None, named_port: None }) => (n.protocol, n.port, n.port),
            Ok(PortText { port_number: None, port_range: Some(r), named_port: None }) => (r.protocol, r.start, r.end),
            Ok(PortText { port_number: None, port_range: None, named_port: Some(name) }) => {
                return PortMatch::Named { protocol: None, name };
            }
            Ok(PortText { .. }) => return PortMatch::Unknown(self.source.wrong(at, "must have exactly one field")),
        };
        match self.source.protocol(at, transport.as_deref().unwrap_or("TCP")) {
            Ok(protocol) => self.source.range(at, protocol, first, last),
            Err(why) => PortMatch::Unknown(why),
        }
    }

    fn protocol(&mut self, at: &str, value: &Value) -> PortMatch {
        use crate::model::Protocol::{Sctp, Tcp, Udp};
        let (protocol, transport) = match self.source.read::<ProtocolText>(at, value) {
            Err(why) => return PortMatch::Unknown(why),
            Ok(ProtocolText { tcp: Some(t), udp: None, sctp: None, destination_named_port: None }) => (Tcp, t),
            Ok(ProtocolText { tcp: None, udp: Some(t), sctp: None, destination_named_port: None }) => (Udp, t),
            Ok(ProtocolText { tcp: None, udp: None, sctp: Some(t), destination_named_port: None }) => (Sctp, t),
            Ok(ProtocolText { tcp: None, udp: None, sctp: None, destination_named_port: Some(name) }) => {
                return PortMatch::Named { protocol: None, name };
            }
            Ok(ProtocolText { .. }) => return PortMatch::Unknown(self.source.wrong(at, "must have exactly one field")),
        };
        match transport.destination_port {
            // the API server asks for a port: without one nothing narrows the protocol
            None => PortMatch::Protocol(protocol),
            Some(Destination { number: Some(port), range: None }) => self.source.range(at, protocol, port, port),
            Some(Destination { number: None, range: Some(Range { protocol: None, start, end }) }) => {
                self.source.range(at, protocol, start, end)
            }
            Some(Destination { .. }) => PortMatch::Unknown(self.source.wrong(at, "must have either a number or a range")),
        }
    }
}
