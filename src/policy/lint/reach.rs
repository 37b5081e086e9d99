//! Whom a condition of a policy finds, and what to say when it finds nobody.

use std::collections::BTreeSet;

use crate::plan::names;
use crate::policy::{Direction, LabelExpr, Predicate, Rule, Truth, View};

use super::{Context, Item};

/// Values or keys of labels that are told.
const MAX_NEAR: usize = 4;

/// Whether a condition on pods finds any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Somebody,
    Nobody,
    /// Some input is missing.
    Unknown(String),
    /// The files hold nothing of where it looks.
    Outside(String),
}

impl Context<'_> {
    /// Whether a condition that is for pods alone finds a pod, or a workload that makes some.
    pub(super) fn find(&self, predicate: &Predicate) -> Found {
        let span = self.span(predicate);
        if !span.sure.is_empty() {
            return Found::Somebody;
        }
        if let Some(class) = span.may.members().next() {
            let why =
                self.example(class).map(|endpoint| match predicate.matches(&View { endpoint, v6: false, other_node: None }) {
                    Truth::Unknown(why) => why.to_owned(),
                    Truth::Yes | Truth::No => String::new(),
                });
            return Found::Unknown(why.unwrap_or_default());
        }
        let scope = namespace_of(predicate);
        if let Some(why) = self.pods_missing(scope) {
            return Found::Unknown(why);
        }
        if scope.is_none()
            && let Some(why) = crate::policy::namespaces_missing(self.cluster)
        {
            return Found::Unknown(format!("the labels of namespaces: {why}"));
        }
        if self.is_manifests() && !self.namespaces_of(predicate).iter().any(|n| self.has_pods(n)) {
            let place = scope.map_or_else(|| String::from("the namespaces it is for"), |n| format!("namespace {n}"));
            return Found::Outside(format!("the manifests hold no pod or workload of {place}"));
        }
        Found::Nobody
    }

    /// It can only find pods, by labels and namespaces.
    pub(super) fn is_for_pods(&self, predicate: &Predicate) -> bool {
        let outside = self.ground.directory.external(&[]);
        let node = self.ground.directory.node("");
        let finds = |endpoint| predicate.matches(&View { endpoint, v6: false, other_node: None }) != Truth::No;
        is_selector(predicate) && !finds(&outside) && !finds(&node)
    }

    /// The namespaces that a condition is for, by its own words about namespaces.
    pub(super) fn namespaces_of(&self, predicate: &Predicate) -> Vec<&str> {
        let mut parts = Vec::new();
        flat(predicate, &mut parts);
        let fits = |namespace: &&str| {
            parts.iter().all(|part| match part {
                Predicate::Namespace(name) => name == namespace,
                Predicate::NamespaceLabels(labels) => labels.matches(self.ground.directory.namespace(namespace)) != Truth::No,
                Predicate::Pod
                | Predicate::Node
                | Predicate::External
                | Predicate::Labels(_)
                | Predicate::NodeLabels(_)
                | Predicate::OwnNode
                | Predicate::Cidr { .. }
                | Predicate::ServiceAccount(_)
                | Predicate::Not(_)
                | Predicate::All(_)
                | Predicate::AnyOf(_)
                | Predicate::Unknown(_) => true,
            })
        };
        self.namespaces().into_iter().filter(fits).collect()
    }

    /// What is there in place of the labels that are asked for: `app is web, client`.
    pub(super) fn near(&self, predicate: &Predicate) -> Option<Near> {
        let mut wanted = Vec::new();
        asked(predicate, &mut wanted);
        let namespaces = self.namespaces_of(predicate);
        let pods = || namespaces.iter().flat_map(|n| self.pods_in(n)).filter(|p| !p.host_network);
        for (key, value) in wanted {
            let values: BTreeSet<&str> = pods().filter_map(|p| p.labels.get(key)).map(String::as_str).collect();
            if values.contains(value) {
                continue;
            }
            if values.is_empty() {
                let keys: BTreeSet<&str> = pods().flat_map(|p| p.labels.keys()).map(String::as_str).collect();
                let guess = names::nearest(key, keys.iter().copied()).map(|near| format!("{near}={value}"));
                return Some(Near { seen: format!("no pod there has the label {key}"), guess });
            }
            let guess = names::nearest(value, values.iter().copied()).map(|near| format!("{key}={near}"));
            let more = if values.len() > MAX_NEAR { ", …" } else { "" };
            let shown: Vec<&str> = values.into_iter().take(MAX_NEAR).collect();
            return Some(Near { seen: format!("{key} of pods there: {}{more}", shown.join(", ")), guess });
        }
        None
    }

    /// A pod in its node's network would be found if it were not.
    pub(super) fn finds_host_network(&self, predicate: &Predicate) -> Option<String> {
        let namespaces = self.namespaces_of(predicate);
        let mut pods = namespaces.iter().flat_map(|n| self.pods_in(n)).filter(|p| p.host_network);
        let found = pods.find(|pod| {
            let mut own = (*pod).clone();
            own.host_network = false;
            let endpoint = self.ground.directory.pod(&own);
            predicate.matches(&View { endpoint: &endpoint, v6: false, other_node: None }) != Truth::No
        });
        found.map(|pod| pod.object().to_string())
    }
}

/// What is there in place of what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) seen: String,
    /// The label that may be meant.
    pub(super) guess: Option<String>,
}

/// Labels and namespaces alone. A part that stands for nobody does so because of something else, which is told elsewhere.
fn is_selector(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Pod
        | Predicate::Namespace(_)
        | Predicate::NamespaceLabels(_)
        | Predicate::Labels(_)
        | Predicate::ServiceAccount(_) => true,
        Predicate::Not(inner) => is_selector(inner),
        Predicate::All(parts) => parts.iter().all(is_selector),
        Predicate::AnyOf(parts) => !parts.is_empty() && parts.iter().all(is_selector),
        Predicate::Node
        | Predicate::External
        | Predicate::NodeLabels(_)
        | Predicate::OwnNode
        | Predicate::Cidr { .. }
        | Predicate::Unknown(_) => false,
    }
}

/// Everything that must hold, one by one.
fn flat<'p>(predicate: &'p Predicate, parts: &mut Vec<&'p Predicate>) {
    match predicate {
        Predicate::All(inner) => inner.iter().for_each(|p| flat(p, parts)),
        Predicate::AnyOf(inner) if inner.len() == 1 => inner.iter().for_each(|p| flat(p, parts)),
        Predicate::Pod
        | Predicate::Node
        | Predicate::External
        | Predicate::Namespace(_)
        | Predicate::NamespaceLabels(_)
        | Predicate::Labels(_)
        | Predicate::NodeLabels(_)
        | Predicate::OwnNode
        | Predicate::Cidr { .. }
        | Predicate::ServiceAccount(_)
        | Predicate::Not(_)
        | Predicate::AnyOf(_)
        | Predicate::Unknown(_) => parts.push(predicate),
    }
}

/// The one namespace that a condition is for.
pub(super) fn namespace_of(predicate: &Predicate) -> Option<&str> {
    let mut parts = Vec::new();
    flat(predicate, &mut parts);
    parts.into_iter().find_map(|part| if let Predicate::Namespace(name) = part { Some(name.as_str()) } else { None })
}

/// It asks for labels of pods, and not only for namespaces.
pub(super) fn asks_labels(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Labels(labels) => !labels.is_everything(),
        Predicate::ServiceAccount(_) => true,
        Predicate::Not(inner) => asks_labels(inner),
        Predicate::All(parts) | Predicate::AnyOf(parts) => parts.iter().any(asks_labels),
        Predicate::Pod
        | Predicate::Node
        | Predicate::External
        | Predicate::Namespace(_)
        | Predicate::NamespaceLabels(_)
        | Predicate::NodeLabels(_)
        | Predicate::OwnNode
        | Predicate::Cidr { .. }
        | Predicate::Unknown(_) => false,
    }
}

/// Labels of pods that must have one value.
fn asked<'p>(predicate: &'p Predicate, wanted: &mut Vec<(&'p str, &'p str)>) {
    fn labels<'p>(expr: &'p LabelExpr, wanted: &mut Vec<(&'p str, &'p str)>) {
        match expr {
            LabelExpr::In(key, values) => {
                if let [value] = values.as_slice() {
                    wanted.push((key, value));
                }
            }
            LabelExpr::All(parts) => parts.iter().for_each(|p| labels(p, wanted)),
            LabelExpr::Exists(_)
            | LabelExpr::StartsWith(..)
            | LabelExpr::EndsWith(..)
            | LabelExpr::Contains(..)
            | LabelExpr::Not(_)
            | LabelExpr::AnyOf(_)
            | LabelExpr::Unknown(_) => {}
        }
    }
    let mut parts = Vec::new();
    flat(predicate, &mut parts);
    for part in parts {
        if let Predicate::Labels(expr) = part {
            labels(expr, wanted);
        }
    }
}

impl<'g> Item<'g> {
    /// Where a policy says whom it is for.
    pub(super) fn subject_at(&self) -> &'static str {
        match self.policy.object.kind.as_str() {
            "networkpolicy" => "spec.podSelector",
            "ciliumnetworkpolicy" | "ciliumclusterwidenetworkpolicy" => "spec.endpointSelector",
            _ => "spec.subject",
        }
    }

    /// Every rule with its direction.
    pub(super) fn rules(&self) -> impl Iterator<Item = (Direction, &'g Rule)> {
        let policy = self.policy;
        [Direction::Ingress, Direction::Egress]
            .into_iter()
            .flat_map(move |d| policy.side(d).into_iter().flat_map(move |side| side.rules.iter().map(move |rule| (d, rule))))
    }

    /// The peers of a rule with their places; one for all where the kind joins them.
    pub(super) fn peers(&self, direction: Direction, rule: &'g Rule) -> Vec<(String, &'g Predicate)> {
        let at = path(rule);
        let field = if direction == Direction::Ingress { "from" } else { "to" };
        let is_one_by_one = !self.policy.object.kind.starts_with("cilium");
        if let Predicate::AnyOf(parts) = &rule.peer
            && is_one_by_one
        {
            return parts.iter().enumerate().map(|(i, part)| (format!("{at}.{field}[{i}]"), part)).collect();
        }
        vec![(at.to_owned(), &rule.peer)]
    }

    /// The place of one port of a rule.
    pub(super) fn port_at(&self, rule: &Rule, index: usize) -> String {
        if self.policy.object.kind == "networkpolicy" { format!("{}.ports[{index}]", path(rule)) } else { path(rule).to_owned() }
    }
}

/// The place of a rule without its name, and without the ports that the proxy looks into.
pub(super) fn path(rule: &Rule) -> &str {
    let at = rule.at.split(' ').next().unwrap_or_default();
    at.split(".toPorts").next().unwrap_or(at)
}

/// Pods of one sort that are named before the rest is counted.
pub(super) fn some(mut names: Vec<String>) -> String {
    const MAX: usize = 3;
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(MAX);
    names.truncate(MAX);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}
