//! Label selectors, as `metav1.LabelSelector` defines them.

use std::collections::BTreeMap;
use std::fmt;

/// The labels of one object.
pub type Labels = BTreeMap<String, String>;

/// A label selector. Empty selects everything; whether that is meant depends on the field that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    pub labels: Labels,
    pub expressions: Vec<Requirement>,
}

/// One entry of `matchExpressions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// An operator this version does not know: it selects nothing, and users of the selector say so.
    Other(String),
}

impl Selector {
    pub fn of(labels: &Labels) -> Self {
        Self { labels: labels.clone(), expressions: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Whether an object with these labels is selected (`k8s.io/apimachinery/pkg/labels`, v1.36).
    pub fn matches(&self, labels: &Labels) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|r| r.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            // an object without the key satisfies NotIn
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Other(_) => false,
        }
    }
}

impl fmt::Display for Selector {
    /// The form `kubectl get -l` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        for r in &self.expressions {
            let values = r.values.join(",");
            parts.push(match &r.operator {
                Operator::In => format!("{} in ({values})", r.key),
                Operator::NotIn => format!("{} notin ({values})", r.key),
                Operator::Exists => r.key.clone(),
                Operator::DoesNotExist => format!("!{}", r.key),
                Operator::Other(op) => format!("{} {op} ({values})", r.key),
            });
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn not_in_selects_objects_without_the_key() {
        let requirement = Requirement { key: "tier".into(), operator: Operator::NotIn, values: vec!["db".into()] };
        let selector = Selector { labels: labels(&[("app", "web")]), expressions: vec![requirement] };
        assert!(selector.matches(&labels(&[("app", "web")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("tier", "db")])));
        assert!(!selector.matches(&labels(&[("tier", "front")])));
        assert_eq!(selector.to_string(), "app=web,tier notin (db)");
    }
}
