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

    /// Reads the form `kubectl get -l` takes: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. `None`: not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut selector = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            // a comma inside parentheses separates values, not requirements
            let mut depth = 0_i32;
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ',' && depth == 0
            });
            let (part, tail) = end.and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
            selector.expressions.push(Requirement::parse(part.trim())?);
            rest = tail.strip_prefix(',').unwrap_or(tail).trim_start();
        }
        Some(selector)
    }

    /// Whether an object with these labels is selected (`k8s.io/apimachinery/pkg/labels`, v1.36).
    pub fn matches(&self, labels: &Labels) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|r| r.matches(labels))
    }
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let make = |key: &str, operator, values: Vec<String>| {
            let key = key.trim();
            let is_key = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "=!(),".contains(c));
            is_key.then(|| Self { key: key.to_owned(), operator, values })
        };
        let one = |value: &str| vec![value.trim().to_owned()];
        let list = |values: &str| -> Option<Vec<String>> {
            let inner = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
        };
        if let Some((key, values)) = text.split_once(" notin ") {
            return make(key, Operator::NotIn, list(values)?);
        }
        if let Some((key, values)) = text.split_once(" in ") {
            return make(key, Operator::In, list(values)?);
        }
        if let Some((key, value)) = text.split_once("!=") {
            return make(key, Operator::NotIn, one(value));
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return make(key, Operator::In, one(value));
        }
        match text.strip_prefix('!') {
            Some(key) => make(key, Operator::DoesNotExist, Vec::new()),
            None => make(text, Operator::Exists, Vec::new()),
        }
    }

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

    #[test]
    fn parse_reads_what_kubectl_takes() {
        let selector = Selector::parse("app=web, tier notin (db,cache),!old,zone in (a, b),x!=y,has").expect("valid");
        assert_eq!(selector.to_string(), "app in (web),tier notin (db,cache),!old,zone in (a,b),x notin (y),has");
        assert!(selector.matches(&labels(&[("app", "web"), ("zone", "b"), ("has", "")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("zone", "b"), ("has", ""), ("x", "y")])));
        assert_eq!(Selector::parse(""), Some(Selector::default()));
        for bad in ["a b", "=x", "a in b", "(", "a=b,,c"] {
            assert_eq!(Selector::parse(bad), None, "{bad}");
        }
    }
}
