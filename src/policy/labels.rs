//! Conditions on labels: what Kubernetes' selectors and the selector language of Calico have in common.

use crate::model::{Labels, Operator, Selector};

use super::{Predicate, Truth};

/// The labels of an object as far as they are known.
#[derive(Debug, Clone, Copy)]
pub struct LabelView<'a> {
    pub labels: &'a Labels,
    /// Why a key that is not in `labels` may exist all the same; `None` when `labels` is everything.
    pub missing: Option<&'a str>,
}

/// A condition on the labels of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelExpr {
    /// The key exists and has one of these values.
    In(String, Vec<String>),
    Exists(String),
    /// The key exists and its value begins, ends or goes on like this (Calico: `starts with`, `ends with`, `contains`).
    StartsWith(String, String),
    EndsWith(String, String),
    Contains(String, String),
    Not(Box<Self>),
    /// Empty means everything.
    All(Vec<Self>),
    /// Empty means nothing.
    AnyOf(Vec<Self>),
    /// Something this version does not know; the text names it.
    Unknown(String),
}

impl LabelExpr {
    /// Matches every object.
    pub const EVERYTHING: Self = Self::All(Vec::new());
    /// Matches none.
    pub const NOTHING: Self = Self::AnyOf(Vec::new());

    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    pub fn is_everything(&self) -> bool {
        *self == Self::EVERYTHING
    }

    /// The keys it looks at.
    pub(super) fn keys<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::In(key, _) | Self::Exists(key) | Self::StartsWith(key, _) | Self::EndsWith(key, _) | Self::Contains(key, _) => {
                found.push(key);
            }
            Self::Not(inner) => inner.keys(found),
            Self::All(parts) | Self::AnyOf(parts) => parts.iter().for_each(|p| p.keys(found)),
            Self::Unknown(_) => {}
        }
    }

    /// The same condition as a predicate: `leaf` turns the test of one key into one. An unknown part stays unknown.
    pub(super) fn lowered(&self, leaf: &mut dyn FnMut(&str, &Self) -> Predicate) -> Predicate {
        match self {
            Self::In(key, _) | Self::Exists(key) | Self::StartsWith(key, _) | Self::EndsWith(key, _) | Self::Contains(key, _) => {
                leaf(key, self)
            }
            Self::Not(inner) => inner.lowered(leaf).negated(),
            Self::All(parts) => Predicate::All(parts.iter().map(|p| p.lowered(leaf)).collect()),
            Self::AnyOf(parts) => Predicate::AnyOf(parts.iter().map(|p| p.lowered(leaf)).collect()),
            Self::Unknown(what) => Predicate::Unknown(what.clone()),
        }
    }

    /// The test of one key with another key.
    #[must_use]
    pub(super) fn renamed(&self, key: &str) -> Self {
        let key = key.to_owned();
        match self {
            Self::In(_, values) => Self::In(key, values.clone()),
            Self::Exists(_) => Self::Exists(key),
            Self::StartsWith(_, start) => Self::StartsWith(key, start.clone()),
            Self::EndsWith(_, end) => Self::EndsWith(key, end.clone()),
            Self::Contains(_, part) => Self::Contains(key, part.clone()),
            other @ (Self::Not(_) | Self::All(_) | Self::AnyOf(_) | Self::Unknown(_)) => other.clone(),
        }
    }

    /// What the test of one key says of a value.
    pub(super) fn holds_for(&self, value: &str) -> bool {
        match self {
            Self::In(_, values) => values.iter().any(|v| v == value),
            Self::Exists(_) => true,
            Self::StartsWith(_, start) => value.starts_with(start.as_str()),
            Self::EndsWith(_, end) => value.ends_with(end.as_str()),
            Self::Contains(_, part) => value.contains(part.as_str()),
            Self::Not(_) | Self::All(_) | Self::AnyOf(_) | Self::Unknown(_) => false,
        }
    }

    pub fn matches<'a>(&'a self, view: LabelView<'a>) -> Truth<'a> {
        match self {
            Self::In(key, _) | Self::Exists(key) | Self::StartsWith(key, _) | Self::EndsWith(key, _) | Self::Contains(key, _) => {
                value(view, key, |v| self.holds_for(v))
            }
            Self::Not(inner) => inner.matches(view).negate(),
            Self::All(parts) => Truth::all(parts.iter().map(|p| p.matches(view))),
            Self::AnyOf(parts) => Truth::any(parts.iter().map(|p| p.matches(view))),
            Self::Unknown(what) => Truth::Unknown(what),
        }
    }
}

/// A test of one value: `No` when the key is known not to exist.
fn value<'a>(view: LabelView<'a>, key: &str, test: impl FnOnce(&str) -> bool) -> Truth<'a> {
    match (view.labels.get(key), view.missing) {
        (Some(value), _) => Truth::of(test(value)),
        (None, None) => Truth::No,
        (None, Some(why)) => Truth::Unknown(why),
    }
}

impl From<&Selector> for LabelExpr {
    /// `metav1.LabelSelector`: every label and every expression must hold; `NotIn` holds where the key does not exist.
    fn from(selector: &Selector) -> Self {
        let mut parts: Vec<Self> = selector.labels.iter().map(|(k, v)| Self::In(k.clone(), vec![v.clone()])).collect();
        parts.extend(selector.expressions.iter().map(|r| match &r.operator {
            Operator::In => Self::In(r.key.clone(), r.values.clone()),
            Operator::NotIn => Self::In(r.key.clone(), r.values.clone()).negated(),
            Operator::Exists => Self::Exists(r.key.clone()),
            Operator::DoesNotExist => Self::Exists(r.key.clone()).negated(),
            Operator::Other(op) => Self::Unknown(format!("selector operator {op}")),
        }));
        Self::All(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split_whitespace().filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn a_selector_means_the_same_as_an_expression() {
        let objects = ["app=web", "app=web tier=db", "tier=db", "x=y app=api", ""];
        for text in ["", "app=web", "app!=web", "app in (web,api),!tier", "tier notin (db)", "tier", "!tier"] {
            let selector = Selector::parse(text).expect("valid");
            let expression = LabelExpr::from(&selector);
            for object in objects {
                let labels = labels(object);
                let view = LabelView { labels: &labels, missing: None };
                assert_eq!(expression.matches(view), Truth::of(selector.matches(&labels)), "{text} on {object}");
            }
        }
    }

    #[test]
    fn a_key_that_was_not_read_is_unknown() {
        let known = labels("name=shop");
        let view = LabelView { labels: &known, missing: Some("labels not read") };
        let of = |text: &str| LabelExpr::from(&Selector::parse(text).expect("valid"));
        assert_eq!(of("name=shop").matches(view), Truth::Yes);
        assert_eq!(of("name=other,env=prod").matches(view), Truth::No);
        assert_eq!(of("env=prod").matches(view), Truth::Unknown("labels not read"));
        assert_eq!(of("!env").matches(view), Truth::Unknown("labels not read"));
        assert_eq!(of("").matches(view), Truth::Yes);
    }
}
