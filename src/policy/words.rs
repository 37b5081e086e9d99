//! Conditions in words, and why one does not hold.

use crate::model::{Labels, Protocol};

use super::{Endpoint, EndpointKind, LabelExpr, LabelView, PortMatch, Predicate, Rule, Truth, View};

/// Peers of one rule that are told one by one; of more, only the number.
const MAX_PEERS: usize = 3;

/// Why a rule does not match: its ports, or its peers. `None`: it matches, or that is not known.
pub(super) fn why_not(
    rule: &Rule,
    view: &View<'_>,
    local: &View<'_>,
    protocol: Protocol,
    port: u16,
    to: &Endpoint<'_>,
) -> Option<String> {
    if rule.port_matches(protocol, port, to) == Truth::No {
        return Some(ports_differ(rule, protocol, port, to));
    }
    if rule.peer.matches(view) == Truth::No {
        return Some(peer_differs(&rule.peer, view));
    }
    (rule.local.matches(local) == Truth::No).then(|| peer_differs(&rule.local, local))
}

fn ports_differ(rule: &Rule, protocol: Protocol, port: u16, to: &Endpoint<'_>) -> String {
    let ports = rule.ports.as_deref().unwrap_or_default();
    if let [PortMatch::Named { protocol: wanted, name }] = ports {
        return named_differs(name, *wanted, protocol, port, to);
    }
    let all: Vec<String> = ports.iter().take(MAX_PEERS).map(ToString::to_string).collect();
    let more = if ports.len() > MAX_PEERS { ", …" } else { "" };
    format!("it is for {}{more}, and the connection arrives at {protocol} {port}", all.join(", "))
}

fn named_differs(name: &str, wanted: Option<Protocol>, protocol: Protocol, port: u16, to: &Endpoint<'_>) -> String {
    let label = to.label();
    if to.kind != EndpointKind::Pod {
        return format!("it is for the port named {name:?}, and {label} has no named ports");
    }
    let declared: Vec<String> = to
        .containers
        .iter()
        .flat_map(|c| &c.ports)
        .filter(|p| p.name.as_deref() == Some(name) && wanted.is_none_or(|w| w == p.protocol))
        .map(|p| format!("{} {}", p.protocol, p.port))
        .collect();
    if declared.is_empty() {
        return format!("it is for the port named {name:?}, and no container of {label} declares one");
    }
    format!("its port {name:?} is {} in {label}, and the connection arrives at {protocol} {port}", declared.join(", "))
}

fn peer_differs(peer: &Predicate, view: &View<'_>) -> String {
    let end = view.endpoint;
    let label = end.label();
    match peer {
        Predicate::Pod => format!("it is for pods, and {label} is {}", kind_words(end)),
        Predicate::Namespace(_) | Predicate::NamespaceLabels(_) | Predicate::Labels(_) | Predicate::ServiceAccount(_)
            if end.kind != EndpointKind::Pod =>
        {
            format!("it selects pods, and {label} is {}", kind_words(end))
        }
        Predicate::Namespace(name) => format!("it is for namespace {name}, and {label} is in {}", end.namespace),
        Predicate::NamespaceLabels(expr) => {
            format!("namespace {} {}", end.namespace, label_differs(expr, end.namespace_labels.labels, end.namespace_labels))
        }
        Predicate::Node => format!("it is for nodes, and {label} is {}", kind_words(end)),
        Predicate::External => format!("it is for addresses outside, and {label} is {}", kind_words(end)),
        Predicate::NodeLabels(_) | Predicate::OwnNode if end.kind != EndpointKind::Node => {
            format!("it is for nodes, and {label} is {}", kind_words(end))
        }
        Predicate::Labels(expr) | Predicate::NodeLabels(expr) => {
            format!("{label} {}", label_differs(expr, end.labels.labels, end.labels))
        }
        Predicate::OwnNode => format!("it is for the pod's own node, and that is not {label}"),
        Predicate::Cidr { cidr, except } => range_differs(view, cidr, except),
        Predicate::ServiceAccount(names) => {
            let own = end.service_account.unwrap_or("an unknown one");
            format!("it is for service account {}, and {label} has {own}", names.join(", "))
        }
        Predicate::Not(inner) => format!("{label} is one of those it leaves out ({})", words(inner)),
        Predicate::All(parts) => match parts.iter().find(|p| p.matches(view) == Truth::No) {
            Some(part) => peer_differs(part, view),
            None => String::from("it does not match"),
        },
        Predicate::AnyOf(parts) => none_of(parts, view),
        Predicate::Unknown(what) => what.clone(),
    }
}

fn none_of(parts: &[Predicate], view: &View<'_>) -> String {
    match parts {
        [] => String::from("it names no peer"),
        [one] => peer_differs(one, view),
        several => {
            let whys: Vec<String> = several.iter().take(MAX_PEERS).map(|p| peer_differs(p, view)).collect();
            let more = if several.len() > MAX_PEERS { "; …" } else { "" };
            format!("none of its {} peers: {}{more}", several.len(), whys.join("; "))
        }
    }
}

fn kind_words(end: &Endpoint<'_>) -> &'static str {
    match (end.kind, end.namespace) {
        (EndpointKind::Pod, _) => "a pod",
        (EndpointKind::Node, "") => "a node",
        (EndpointKind::Node, _) => "in its node's network",
        (EndpointKind::External, _) => "an address outside",
    }
}

fn range_differs(view: &View<'_>, cidr: &ipnet::IpNet, except: &[ipnet::IpNet]) -> String {
    let label = view.endpoint.label();
    let Some(ip) = view.endpoint.ip(view.v6) else { return format!("{label} has no address in {cidr}") };
    match except.iter().find(|e| e.contains(&ip)) {
        Some(except) if cidr.contains(&ip) => format!("{ip} is in {except}, which it leaves out of {cidr}"),
        _ => format!("{ip} is not in {cidr}"),
    }
}

/// `has tier=db, and tier=web is wanted`.
fn label_differs(expr: &LabelExpr, labels: &Labels, view: LabelView<'_>) -> String {
    let has = |key: &str| match labels.get(key) {
        Some(value) => format!("has {key}={value}"),
        None => format!("has no label {key}"),
    };
    match expr {
        LabelExpr::In(key, _)
        | LabelExpr::Exists(key)
        | LabelExpr::StartsWith(key, _)
        | LabelExpr::EndsWith(key, _)
        | LabelExpr::Contains(key, _) => format!("{}, and it wants {}", has(key), expr_words(expr)),
        LabelExpr::Not(inner) => match inner.as_ref() {
            LabelExpr::In(key, _)
            | LabelExpr::Exists(key)
            | LabelExpr::StartsWith(key, _)
            | LabelExpr::EndsWith(key, _)
            | LabelExpr::Contains(key, _) => format!("{}, and it wants {}", has(key), expr_words(expr)),
            LabelExpr::Not(_) | LabelExpr::All(_) | LabelExpr::AnyOf(_) | LabelExpr::Unknown(_) => {
                format!("does not have {}", expr_words(expr))
            }
        },
        LabelExpr::All(parts) => match parts.iter().find(|p| p.matches(view) == Truth::No) {
            Some(part) => label_differs(part, labels, view),
            None => format!("does not have {}", expr_words(expr)),
        },
        LabelExpr::AnyOf(_) => format!("does not have {}", expr_words(expr)),
        LabelExpr::Unknown(what) => what.clone(),
    }
}

/// A condition on one end, as in `pods with app=web in namespace shop`.
pub(super) fn words(predicate: &Predicate) -> String {
    match predicate {
        Predicate::Pod => String::from("every pod"),
        Predicate::Node => String::from("every node"),
        Predicate::External => String::from("every address outside"),
        Predicate::Namespace(name) => format!("namespace {name}"),
        Predicate::NamespaceLabels(expr) if expr.is_everything() => String::from("every namespace"),
        Predicate::NamespaceLabels(expr) => format!("namespaces with {}", expr_words(expr)),
        Predicate::Labels(expr) if expr.is_everything() => String::from("every pod"),
        Predicate::Labels(expr) => format!("pods with {}", expr_words(expr)),
        Predicate::NodeLabels(expr) => format!("nodes with {}", expr_words(expr)),
        Predicate::OwnNode => String::from("the pod's own node"),
        Predicate::Cidr { cidr, except } if except.is_empty() => cidr.to_string(),
        Predicate::Cidr { cidr, except } => {
            let except: Vec<String> = except.iter().map(ToString::to_string).collect();
            format!("{cidr} without {}", except.join(", "))
        }
        Predicate::ServiceAccount(names) => format!("service account {}", names.join(", ")),
        Predicate::Not(inner) => format!("all but {}", words(inner)),
        Predicate::All(parts) if parts.is_empty() => String::from("everybody"),
        // pods before the namespaces they are in
        Predicate::All(parts) => parts.iter().rev().map(words).collect::<Vec<_>>().join(" in "),
        Predicate::AnyOf(parts) if parts.is_empty() => String::from("nobody"),
        Predicate::AnyOf(parts) => parts.iter().map(words).collect::<Vec<_>>().join(", or "),
        Predicate::Unknown(what) => what.clone(),
    }
}

fn expr_words(expr: &LabelExpr) -> String {
    match expr {
        LabelExpr::In(key, values) => match values.as_slice() {
            [one] => format!("{key}={one}"),
            several => format!("{key} in ({})", several.join(",")),
        },
        LabelExpr::Exists(key) => format!("label {key}"),
        LabelExpr::StartsWith(key, start) => format!("{key} starting with {start:?}"),
        LabelExpr::EndsWith(key, end) => format!("{key} ending with {end:?}"),
        LabelExpr::Contains(key, part) => format!("{key} containing {part:?}"),
        LabelExpr::Not(inner) => match inner.as_ref() {
            LabelExpr::In(key, values) => match values.as_slice() {
                [one] => format!("{key}!={one}"),
                several => format!("{key} not in ({})", several.join(",")),
            },
            LabelExpr::Exists(key) => format!("no label {key}"),
            LabelExpr::StartsWith(..)
            | LabelExpr::EndsWith(..)
            | LabelExpr::Contains(..)
            | LabelExpr::Not(_)
            | LabelExpr::All(_)
            | LabelExpr::AnyOf(_)
            | LabelExpr::Unknown(_) => format!("not ({})", expr_words(inner)),
        },
        LabelExpr::All(parts) if parts.is_empty() => String::from("any labels"),
        LabelExpr::All(parts) => parts.iter().map(expr_words).collect::<Vec<_>>().join(", "),
        LabelExpr::AnyOf(parts) => parts.iter().map(expr_words).collect::<Vec<_>>().join(" or "),
        LabelExpr::Unknown(what) => what.clone(),
    }
}
