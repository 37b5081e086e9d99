//! CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, `cilium.io/v2`.
//!
//! Source: cilium/cilium `pkg/policy/api`, `pkg/policy/rule.go` and `pkg/k8s/apis/cilium.io/utils`, v1.15 and v1.20. Each of
//! `spec` and `specs` is a policy of its own here.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Protocol, Selector};
use crate::policy::dialect::source::{self, LabelSelector, Source, open};
use crate::policy::{Action, Direction, LabelExpr, Policy, PortMatch, Predicate, Priority, Rule, Side};

use super::peers::{Context, Peers};
use super::selector::{Key, NAMESPACE};

/// One of `spec` and `specs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    endpoint_selector: Option<Value>,
    node_selector: Option<Value>,
    ingress: Option<Vec<Value>>,
    ingress_deny: Option<Vec<Value>>,
    egress: Option<Vec<Value>>,
    egress_deny: Option<Vec<Value>>,
    enable_default_deny: Option<DefaultDeny>,
    #[serde(rename = "labels")]
    _labels: Option<Value>,
    #[serde(rename = "description")]
    _description: Option<Value>,
    #[serde(rename = "log")]
    _log: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct DefaultDeny {
    ingress: Option<bool>,
    egress: Option<bool>,
}

/// A rule of either direction, allowing or denying.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RuleText {
    #[serde(alias = "fromEndpoints", alias = "toEndpoints")]
    pub(super) endpoints: Option<Vec<Value>>,
    #[serde(alias = "fromRequires", alias = "toRequires")]
    pub(super) requires: Option<Vec<Value>>,
    #[serde(alias = "fromCIDR", alias = "toCIDR")]
    pub(super) cidr: Option<Vec<Value>>,
    #[serde(alias = "fromCIDRSet", alias = "toCIDRSet")]
    pub(super) cidr_set: Option<Vec<Value>>,
    #[serde(alias = "fromEntities", alias = "toEntities")]
    pub(super) entities: Option<Vec<Value>>,
    #[serde(alias = "fromGroups", alias = "toGroups")]
    pub(super) groups: Option<Vec<Value>>,
    #[serde(alias = "fromNodes", alias = "toNodes")]
    pub(super) nodes: Option<Vec<Value>>,
    #[serde(alias = "toServices")]
    pub(super) services: Option<Vec<Value>>,
    #[serde(alias = "toFQDNs")]
    pub(super) fqdns: Option<Vec<Value>>,
    #[serde(alias = "toPorts")]
    pub(super) ports: Option<Vec<Value>>,
    icmps: Option<Vec<Value>>,
    authentication: Option<Authentication>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authentication {
    mode: String,
}

/// One entry of `toPorts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PortRule {
    ports: Option<Vec<Value>>,
    rules: Option<L7Rules>,
    #[serde(rename = "terminatingTLS")]
    terminating_tls: Option<Value>,
    #[serde(rename = "originatingTLS")]
    originating_tls: Option<Value>,
    server_names: Option<Vec<String>>,
    listener: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct L7Rules {
    http: Option<Vec<Value>>,
    dns: Option<Vec<Value>>,
    kafka: Option<Vec<Value>>,
    l7proto: Option<String>,
    l7: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PortText {
    #[serde(rename = "port")]
    name: Option<String>,
    #[serde(rename = "endPort")]
    last: Option<i64>,
    protocol: Option<String>,
}

/// Translates one object. One that Cilium says it could not load is told and left out.
pub(super) fn translate(context: Context<'_>, value: &Value, source: &mut Source<'_>) -> Vec<Policy> {
    if let Some(why) = refused(value) {
        source.problem("status", format!("Cilium did not load this policy: {why}"));
        return Vec::new();
    }
    let mut specs: Vec<(String, &Value)> =
        value.get("spec").filter(|s| !s.is_null()).map(|s| (String::from("spec"), s)).into_iter().collect();
    let more = value.get("specs").and_then(Value::as_array).into_iter().flatten().enumerate();
    specs.extend(more.map(|(i, spec)| (format!("specs[{i}]"), spec)));
    if specs.is_empty() {
        source.problem("spec", "has neither spec nor specs: Cilium does not load it");
    }
    let mut policies = Vec::new();
    for (at, spec) in specs {
        let translated = Translation { context, source, at: &at }.spec(spec);
        match translated {
            Ok(more) => policies.extend(more),
            // one bad part keeps the whole object from being loaded, in the versions that see it
            Err(why) => return vec![unloaded(context, source, &why)],
        }
    }
    policies
}

/// The message of the condition `Valid` when it is false.
fn refused(value: &Value) -> Option<&str> {
    let conditions = value.pointer("/status/conditions")?.as_array()?;
    let text = |c: &'_ Value, key: &str| c.get(key).and_then(Value::as_str).map(str::to_owned);
    let refused = conditions
        .iter()
        .find(|c| text(c, "type").as_deref() == Some("Valid") && text(c, "status").as_deref() == Some("False"))?;
    Some(refused.get("message").and_then(Value::as_str).unwrap_or("no reason is given"))
}

/// Stands for an object of which is not known what it does.
fn unloaded(context: Context<'_>, source: &Source<'_>, why: &str) -> Policy {
    let place = if context.namespace.is_empty() { Predicate::Pod } else { Predicate::Namespace(context.namespace.to_owned()) };
    let side = Side { isolates: true, rules: open("spec", why, &[Action::Deny, Action::Allow]) };
    Policy {
        object: source.object.clone(),
        subject: Predicate::All(vec![place, Predicate::Unknown(why.to_owned())]),
        priority: Priority::NONE,
        ingress: Some(side.clone()),
        egress: Some(side),
    }
}

struct Translation<'a, 's, 'p> {
    context: Context<'a>,
    source: &'s mut Source<'p>,
    /// `spec`, or `specs[1]`.
    at: &'a str,
}

/// The error is for an object that cannot be loaded, or whose subject is not known.
type Loaded<T> = Result<T, String>;

impl Translation<'_, '_, '_> {
    fn spec(&mut self, value: &Value) -> Loaded<Vec<Policy>> {
        let spec: Spec = self.source.read(self.at, value)?;
        let subject = match (&spec.endpoint_selector, &spec.node_selector) {
            (Some(selector), None) => self.subject(selector)?,
            (None, Some(_)) if self.context.settings.host_firewall == Some(false) => return Ok(Vec::new()),
            (None, Some(_)) => {
                let what = "policies for nodes are not modelled";
                let unknown = self.source.unmodelled(&format!("{}.nodeSelector", self.at), what);
                Predicate::All(vec![Predicate::Node, Predicate::Unknown(unknown)])
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(self.source.wrong(self.at, "must have one of endpointSelector and nodeSelector"));
            }
        };
        let deny = spec.enable_default_deny.unwrap_or_default();
        let ingress = self.side(Direction::Ingress, spec.ingress.as_deref(), spec.ingress_deny.as_deref(), deny.ingress)?;
        let egress = self.side(Direction::Egress, spec.egress.as_deref(), spec.egress_deny.as_deref(), deny.egress)?;
        let policy = |subject: Predicate, ingress, egress| Policy {
            object: self.source.object.clone(),
            subject,
            priority: Priority::NONE,
            ingress,
            egress,
        };
        let mut policies = vec![policy(subject.clone(), ingress.clone(), egress.clone())];
        // asked for without a rule: it counts in some versions
        let lone = |side: &Option<Side>, wanted: Option<bool>| {
            (side.is_none() && wanted == Some(true)).then(|| Side { isolates: true, rules: Vec::new() })
        };
        let (ingress, egress) = (lone(&ingress, deny.ingress), lone(&egress, deny.egress));
        if ingress.is_some() || egress.is_some() {
            let what = "whether it isolates without a rule of that direction depends on the version of Cilium";
            let unknown = Predicate::Unknown(self.source.unmodelled(&format!("{}.enableDefaultDeny", self.at), what));
            policies.push(policy(Predicate::All(vec![subject, unknown]), ingress, egress));
        }
        Ok(policies)
    }

    /// The pods that a policy applies to: of its own namespace, whatever its selector says of namespaces.
    fn subject(&mut self, value: &Value) -> Loaded<Predicate> {
        let at = format!("{}.endpointSelector", self.at);
        let mut selector = Selector::from(self.source.read::<LabelSelector>(&at, value)?);
        let place = if self.context.namespace.is_empty() {
            Predicate::Pod
        } else {
            selector.labels.retain(|key, _| Key::parse(key) != Key { source: "k8s", name: NAMESPACE });
            Predicate::Namespace(self.context.namespace.to_owned())
        };
        let labels = self.context.lower(&at, &LabelExpr::from(&selector), self.source);
        Ok(Predicate::All(vec![place, labels]))
    }

    fn side(
        &mut self,
        direction: Direction,
        allow: Option<&[Value]>,
        deny: Option<&[Value]>,
        isolates: Option<bool>,
    ) -> Loaded<Option<Side>> {
        let (allow, deny) = (allow.unwrap_or_default(), deny.unwrap_or_default());
        if allow.is_empty() && deny.is_empty() {
            return Ok(None);
        }
        let mut rules = Vec::new();
        for (suffix, action, list) in [("Deny", Action::Deny, deny), ("", Action::Allow, allow)] {
            for (i, value) in list.iter().enumerate() {
                rules.extend(self.rule(&format!("{}.{direction}{suffix}[{i}]", self.at), direction, action, value)?);
            }
        }
        let counts = self.context.settings.optional_default_deny;
        Ok(Some(Side { isolates: isolates.filter(|_| counts).unwrap_or(true), rules }))
    }

    fn rule(&mut self, at: &str, direction: Direction, action: Action, value: &Value) -> Loaded<Vec<Rule>> {
        let text: RuleText = match self.source.read(at, value) {
            Ok(text) => text,
            Err(why) => return Ok(open(at, &why, &[action])),
        };
        let way = if direction == Direction::Ingress { "from" } else { "to" };
        let has_ports = text.ports.as_ref().is_some_and(|p| !p.is_empty()) || text.icmps.as_ref().is_some_and(|i| !i.is_empty());
        let mut rules = self.requires(at, way, &text);
        let peer = match self.context.peers(at, way, &text, self.source) {
            Peers::Said(peer) => peer,
            Peers::Unsaid if has_ports => Predicate::EVERYTHING,
            // a rule that says nothing matches nothing
            Peers::Unsaid => return Ok(rules),
            Peers::Invalid(why) => return Err(self.source.wrong(at, &why)),
        };
        let authenticated = match text.authentication.map(|a| a.mode).as_deref() {
            None | Some("disabled") => None,
            Some("required") => Some(String::from("mutual authentication is required")),
            Some(other) => return Ok(open(at, &self.source.unmodelled(&format!("{at}.authentication"), other), &[action])),
        };
        let rule = |at: String, ports, note| Rule { at, action, local: Predicate::EVERYTHING, peer: peer.clone(), ports, note };
        if !has_ports {
            rules.push(rule(at.to_owned(), None, authenticated));
            return Ok(rules);
        }
        let (mut plain, mut proxied) = (Vec::new(), Vec::new());
        for (i, entry) in text.ports.iter().flatten().enumerate() {
            let at = format!("{at}.toPorts[{i}]");
            let (ports, note) = self.port_rule(&at, direction, entry);
            match note {
                None => plain.extend(ports),
                Some(note) => proxied.push(rule(at, Some(ports), Some(note))),
            }
        }
        // without a port that counts, as with rules for ICMP alone, no connection matches
        rules.push(rule(at.to_owned(), Some(plain), authenticated));
        rules.extend(proxied);
        Ok(rules)
    }

    /// `fromRequires` of old versions: it takes connections away that rules of any policy allow.
    fn requires(&mut self, at: &str, way: &str, text: &RuleText) -> Vec<Rule> {
        if text.requires.as_ref().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let at = format!("{at}.{way}Requires");
        let why = self.source.wrong(&at, "is deprecated, and not modelled");
        open(&at, &why, &[Action::Deny])
    }

    /// The ports of one entry, and what the proxy does with connections to them.
    fn port_rule(&mut self, at: &str, direction: Direction, value: &Value) -> (Vec<PortMatch>, Option<String>) {
        let entry: PortRule = match self.source.read(at, value) {
            Ok(entry) => entry,
            Err(why) => return (vec![PortMatch::Unknown(why)], None),
        };
        let ports = entry.ports.iter().flatten().enumerate();
        let ports = ports.flat_map(|(i, port)| self.port(&format!("{at}.ports[{i}]"), direction, port)).collect();
        let rules = entry.rules.unwrap_or_default();
        let has = |list: Option<&Vec<Value>>| list.is_some_and(|l| !l.is_empty());
        let mut notes = Vec::new();
        if has(rules.http.as_ref()) {
            notes.push(String::from("HTTP rules: the proxy decides on each request"));
        }
        if has(rules.dns.as_ref()) {
            notes.push(String::from("DNS rules: the proxy decides on each query"));
        }
        if has(rules.kafka.as_ref()) || has(rules.l7.as_ref()) || rules.l7proto.is_some() {
            notes.push(format!("{} rules: the proxy decides on each request", rules.l7proto.as_deref().unwrap_or("Kafka")));
        }
        if let Some(names) = entry.server_names.filter(|n| !n.is_empty()) {
            notes.push(format!("only TLS connections for {}: the proxy decides", names.join(", ")));
        }
        if entry.terminating_tls.is_some() || entry.originating_tls.is_some() {
            notes.push(String::from("the proxy ends TLS and starts it anew"));
        }
        if entry.listener.is_some() {
            notes.push(String::from("connections go to an Envoy listener, which decides"));
        }
        (ports, (!notes.is_empty()).then(|| notes.join("; ")))
    }

    fn port(&mut self, at: &str, direction: Direction, value: &Value) -> Vec<PortMatch> {
        let text: PortText = match self.source.read(at, value) {
            Ok(text) => text,
            Err(why) => return vec![PortMatch::Unknown(why)],
        };
        let protocols = match text.protocol.as_deref().unwrap_or_default() {
            "" | "ANY" | "any" | "Any" => vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp],
            // protocols without ports are no connections here
            "ICMP" | "ICMPV6" | "ICMPv6" | "VRRP" | "IGMP" | "GRE" | "IPIP" | "IPV6" | "ESP" | "AH" => return Vec::new(),
            other => match source::protocol(other) {
                Some(protocol) => vec![protocol],
                None => return vec![PortMatch::Unknown(self.source.wrong(at, &format!("{other:?} is not a protocol")))],
            },
        };
        let port = text.name.unwrap_or_default();
        let settings = self.context.settings;
        let is_number = port.chars().all(|c| c.is_ascii_digit());
        // a leading zero makes it octal for Cilium
        if port.is_empty() || (is_number && port.len() > 1 && port.starts_with('0')) {
            return vec![PortMatch::Unknown(self.source.wrong(at, &format!("{port:?} is not a port")))];
        }
        if !is_number {
            let each = protocols.into_iter().filter_map(|p| settings.named(direction, &port, p));
            return each.collect();
        }
        let Ok(first) = port.parse::<i64>() else {
            return vec![PortMatch::Unknown(self.source.wrong(at, &format!("{port:?} is not a port")))];
        };
        if first == 0 {
            return protocols.into_iter().map(PortMatch::Protocol).collect();
        }
        let last = text.last.filter(|end| *end != 0).unwrap_or(first);
        protocols.into_iter().map(|p| self.source.range(at, p, first, last)).collect()
    }
}
