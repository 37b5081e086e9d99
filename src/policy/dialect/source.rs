//! Reading the parts of a custom object: strictly, so that a field this version does not know is named and never ignored.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Labels, ObjectRef, Operator, Protocol, Requirement, Selector};
use crate::policy::{Action, LabelExpr, PortMatch, Predicate, Problem, Rule};

/// One object while it is translated.
pub(super) struct Source<'p> {
    pub(super) object: ObjectRef,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Source<'p> {
    /// `kind` is the object's kind, in any case.
    pub(super) fn new(kind: &str, value: &Value, problems: &'p mut Vec<Problem>) -> Self {
        Self { object: object_of(kind, value), problems }
    }

    pub(super) fn problem(&mut self, at: &str, text: impl Into<String>) {
        self.problems.push(Problem { object: self.object.clone(), at: at.to_owned(), text: text.into() });
    }

    /// How a decision names what is not modelled.
    pub(super) fn unmodelled(&self, at: &str, what: &str) -> String {
        format!("{at} of {}: {what}", self.object)
    }

    /// Tells what is wrong, and gives the words for decisions that depend on it.
    pub(super) fn wrong(&mut self, at: &str, text: &str) -> String {
        self.problem(at, text);
        self.unmodelled(at, text)
    }

    /// Decodes one part. The error is for decisions that depend on it.
    pub(super) fn read<'v, T: Deserialize<'v>>(&mut self, at: &str, value: &'v Value) -> Result<T, String> {
        T::deserialize(value).map_err(|error| {
            let text = error.to_string();
            // serde goes on with all the names that it does know
            let text = text.split_once(", expected").map_or(text.as_str(), |(head, _)| head);
            self.wrong(at, text)
        })
    }

    pub(super) fn labels(&mut self, at: &str, value: &Value) -> LabelExpr {
        match self.read::<LabelSelector>(at, value) {
            Ok(selector) => LabelExpr::from(&Selector::from(selector)),
            Err(why) => LabelExpr::Unknown(why),
        }
    }

    /// An address range; an address alone is a range of one where `alone` allows it.
    pub(super) fn cidr(&mut self, at: &str, text: &str, alone: bool) -> Result<IpNet, String> {
        let single = || text.parse::<IpAddr>().ok().filter(|_| alone).map(IpNet::from);
        let net = text.parse::<IpNet>().ok().map(|net| net.trunc()).or_else(single);
        net.ok_or_else(|| self.wrong(at, &format!("{text:?} is not a CIDR such as 10.0.0.0/8")))
    }

    /// Any of these ranges, without exceptions.
    pub(super) fn cidrs(&mut self, at: &str, texts: &[String], alone: bool) -> Predicate {
        let each = texts.iter().enumerate().map(|(i, text)| match self.cidr(&format!("{at}[{i}]"), text, alone) {
            Ok(cidr) => Predicate::Cidr { cidr, except: Vec::new() },
            Err(why) => Predicate::Unknown(why),
        });
        Predicate::AnyOf(each.collect())
    }

    pub(super) fn protocol(&mut self, at: &str, text: &str) -> Result<Protocol, String> {
        protocol(text).ok_or_else(|| self.wrong(at, &format!("{text:?} is not TCP, UDP or SCTP")))
    }

    /// First to last port, both included.
    pub(super) fn range(&mut self, at: &str, protocol: Protocol, first: i64, last: i64) -> PortMatch {
        match (u16::try_from(first), u16::try_from(last)) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => PortMatch::Range { protocol, first, last },
            _ => {
                let text = if first == last { first.to_string() } else { format!("{first}-{last}") };
                PortMatch::Unknown(self.wrong(at, &format!("{text} is not a port or a range of ports from 1 to 65535")))
            }
        }
    }
}

/// What a rule that could not be read may do.
pub(super) fn open(at: &str, why: &str, actions: &[Action]) -> Vec<Rule> {
    let rule = |action: &Action| Rule {
        at: at.to_owned(),
        action: *action,
        local: Predicate::EVERYTHING,
        peer: Predicate::Unknown(why.to_owned()),
        ports: None,
        note: None,
    };
    actions.iter().map(rule).collect()
}

/// The object's kind, namespace and name.
pub(in crate::policy) fn object_of(kind: &str, value: &Value) -> ObjectRef {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    ObjectRef::new(kind, text("/metadata/namespace"), text("/metadata/name"))
}

/// TCP, UDP or SCTP in any case.
pub(crate) fn protocol(text: &str) -> Option<Protocol> {
    match text.to_ascii_uppercase().as_str() {
        "TCP" => Some(Protocol::Tcp),
        "UDP" => Some(Protocol::Udp),
        "SCTP" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// `metav1.LabelSelector`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LabelSelector {
    pub(super) match_labels: Option<Labels>,
    pub(super) match_expressions: Option<Vec<SelectorRequirement>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectorRequirement {
    pub(super) key: String,
    pub(super) operator: String,
    pub(super) values: Option<Vec<String>>,
}

impl From<LabelSelector> for Selector {
    fn from(text: LabelSelector) -> Self {
        let requirement = |r: SelectorRequirement| Requirement {
            key: r.key,
            operator: match r.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => Operator::Other(r.operator),
            },
            values: r.values.unwrap_or_default(),
        };
        Self {
            labels: text.match_labels.unwrap_or_default(),
            expressions: text.match_expressions.unwrap_or_default().into_iter().map(requirement).collect(),
        }
    }
}
