//! `EndpointSelector`: labels with their source, and the labels that Cilium itself gives to endpoints.
//!
//! Source: cilium/cilium `pkg/labels/labels.go`, `pkg/k8s/apis/cilium.io/const.go` and `pkg/policy/types/requirements.go`,
//! v1.20. A requirement that the key is absent or has another value also holds for what has no labels of pods: nodes and the
//! world.

use crate::policy::{LabelExpr, NAME_LABEL, Predicate};

use super::entity;
use super::settings::Settings;

pub(super) const NAMESPACE: &str = "io.kubernetes.pod.namespace";
pub(super) const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
const ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// A key with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// Empty: any.
    pub(super) source: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Key<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        if let Some(name) = text.strip_prefix('$') {
            return Self { source: "reserved", name };
        }
        match text.split_once(':') {
            Some(("any" | "", name)) => Self { source: "", name },
            Some((source, name)) => Self { source, name },
            None => Self { source: "", name: text },
        }
    }

    pub(super) fn is_kubernetes(self) -> bool {
        matches!(self.source, "" | "k8s")
    }
}

/// What stands for a selector, and keys in it that no pod's identity has.
pub(super) struct Lowered {
    pub(super) predicate: Predicate,
    pub(super) dropped: Vec<String>,
}

impl Settings {
    /// Keys as CiliumNetworkPolicy writes them, with or without source.
    pub(super) fn selector(&self, labels: &LabelExpr, api_server: &Predicate) -> Lowered {
        let mut dropped = Vec::new();
        let predicate = labels.lowered(&mut |key, test| self.leaf(Key::parse(key), test, api_server, &mut dropped));
        Lowered { predicate, dropped }
    }

    /// Every key is a plain label that identities have: the condition means what it says.
    pub(super) fn is_plain(&self, labels: &LabelExpr, prefix: &str) -> bool {
        let mut keys = Vec::new();
        labels.keys(&mut keys);
        let own = |key: &str| key == NAMESPACE || key == ACCOUNT || key == CLUSTER || key.starts_with(NAMESPACE_LABELS);
        keys.iter().all(|key| !own(key) && self.filter.keeps(&format!("{prefix}{key}")) == Some(true))
    }

    /// Keys of pods as Kubernetes writes them.
    pub(super) fn pods(&self, labels: &LabelExpr) -> Lowered {
        self.kubernetes(labels, str::to_owned)
    }

    /// Keys of namespaces as Kubernetes writes them.
    pub(super) fn namespaces(&self, labels: &LabelExpr) -> Lowered {
        self.kubernetes(labels, |key| format!("{NAMESPACE_LABELS}{key}"))
    }

    fn kubernetes(&self, labels: &LabelExpr, name: impl Fn(&str) -> String) -> Lowered {
        let mut dropped = Vec::new();
        let predicate = labels.lowered(&mut |key, test| {
            let name = name(key);
            self.leaf(Key { source: "k8s", name: &name }, test, &Predicate::NOTHING, &mut dropped)
        });
        Lowered { predicate: Predicate::All(vec![Predicate::Pod, predicate]), dropped }
    }

    fn leaf(&self, key: Key<'_>, test: &LabelExpr, api_server: &Predicate, dropped: &mut Vec<String>) -> Predicate {
        match key.source {
            "reserved" if test.holds_for("") => entity::reserved(key.name, api_server),
            "reserved" => Predicate::NOTHING,
            "" | "k8s" => self.label(key.name, test, dropped),
            // a pod of Kubernetes has no labels of other sources; nodes and ranges may
            source => Predicate::All(vec![
                Predicate::Pod.negated(),
                Predicate::Unknown(format!("labels of the source {source} are not modelled")),
            ]),
        }
    }

    /// A label of a pod: its own, its namespace's or one of Cilium's.
    fn label(&self, key: &str, test: &LabelExpr, dropped: &mut Vec<String>) -> Predicate {
        if key == NAMESPACE {
            // the label with the namespace's name is there whether its other labels are known or not
            return match test {
                LabelExpr::In(_, names) => Predicate::AnyOf(names.iter().cloned().map(Predicate::Namespace).collect()),
                LabelExpr::Exists(_) => Predicate::Pod,
                LabelExpr::StartsWith(..)
                | LabelExpr::EndsWith(..)
                | LabelExpr::Contains(..)
                | LabelExpr::Not(_)
                | LabelExpr::All(_)
                | LabelExpr::AnyOf(_)
                | LabelExpr::Unknown(_) => Predicate::NamespaceLabels(test.renamed(NAME_LABEL)),
            };
        }
        match (key, test) {
            (ACCOUNT, LabelExpr::In(_, names)) => return Predicate::ServiceAccount(names.clone()),
            (ACCOUNT | CLUSTER, LabelExpr::Exists(_)) => return Predicate::Pod,
            (CLUSTER, _) => {
                return match &self.cluster_name {
                    Some(name) if test.holds_for(name) => Predicate::Pod,
                    Some(_) => Predicate::NOTHING,
                    None => Predicate::All(vec![
                        Predicate::Pod,
                        Predicate::Unknown(String::from("the cluster's name in cilium-config is not known")),
                    ]),
                };
            }
            _ => {}
        }
        match self.filter.keeps(key) {
            Some(true) => {}
            Some(false) => {
                dropped.push(key.to_owned());
                return Predicate::NOTHING;
            }
            None => {
                return Predicate::All(vec![
                    Predicate::Pod,
                    Predicate::Unknown(format!("whether Cilium's label filter keeps the label {key} is not known")),
                ]);
            }
        }
        match key.strip_prefix(NAMESPACE_LABELS) {
            Some(label) => Predicate::NamespaceLabels(test.renamed(label)),
            None => Predicate::Labels(test.renamed(key)),
        }
    }
}
