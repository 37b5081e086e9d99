//! Answering a read from a wider list that was read already.

use serde_json::Value;

use crate::model::{Known, Labels, Query, Resource, Selector};

/// Fields that a field selector may name, and where they are in an object.
const FIELDS: &[(&str, &str)] = &[
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
    ("involvedObject.kind", "/involvedObject/kind"),
    ("involvedObject.name", "/involvedObject/name"),
    ("involvedObject.namespace", "/involvedObject/namespace"),
    ("reason", "/reason"),
    ("spec.nodeName", "/spec/nodeName"),
    ("status.phase", "/status/phase"),
    ("status.podIP", "/status/podIP"),
    ("type", "/type"),
];

/// The answer to `query` out of the reads so far: the same read, or a complete list that covers it.
pub(super) fn answer(reads: &[(Query, Known<Vec<Value>>)], query: &Query) -> Option<Known<Vec<Value>>> {
    if let Some((_, known)) = reads.iter().find(|(q, _)| q == query) {
        return Some(known.clone());
    }
    let covers =
        |q: &Query| q.resource == query.resource && q.is_complete() && (q.namespace.is_none() || q.namespace == query.namespace);
    let is_list = !matches!(query.resource, Resource::Log | Resource::Version | Resource::ApiGroups);
    let objects = reads.iter().filter(|(q, _)| is_list && covers(q)).find_map(|(_, known)| known.got())?;
    let wanted = Filter::of(query)?;
    let found: Vec<Value> = objects.iter().filter(|o| wanted.takes(o)).cloned().collect();
    if found.is_empty() && query.name.is_some() {
        return Some(Known::Absent(format!("{query}: not found")));
    }
    Some(Known::Got(found))
}

/// A query's conditions, when all of them can be judged from an object.
struct Filter<'a> {
    query: &'a Query,
    selector: Selector,
    fields: Vec<(&'static str, bool, &'a str)>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Option<Self> {
        let selector = Selector::parse(query.labels.as_deref().unwrap_or_default())?;
        let mut fields = Vec::new();
        for term in query.fields.as_deref().unwrap_or_default().split(',').filter(|t| !t.is_empty()) {
            let (field, equal, value) = match term.split_once("!=") {
                Some((field, value)) => (field, false, value),
                None => term.split_once("==").or_else(|| term.split_once('=')).map(|(field, value)| (field, true, value))?,
            };
            let (_, pointer) = FIELDS.iter().find(|(name, _)| *name == field)?;
            fields.push((*pointer, equal, value));
        }
        Some(Self { query, selector, fields })
    }

    fn takes(&self, object: &Value) -> bool {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let is_in_scope = self.query.namespace.as_deref().is_none_or(|ns| ns == text("/metadata/namespace"))
            && self.query.name.as_deref().is_none_or(|name| name == text("/metadata/name"));
        is_in_scope
            && self.fields.iter().all(|(pointer, equal, value)| (text(pointer) == *value) == *equal)
            && (self.selector.is_empty() || self.selector.matches(&labels(object)))
    }
}

fn labels(object: &Value) -> Labels {
    let pairs = object.pointer("/metadata/labels").and_then(Value::as_object);
    pairs.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(namespace: &str, name: &str, app: &str, ip: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name, "labels": {"app": app}}, "status": {"podIP": ip}})
    }

    fn names(known: Option<Known<Vec<Value>>>) -> Vec<String> {
        let Some(Known::Got(objects)) = known else { panic!("{known:?}") };
        objects.iter().map(crate::discover::objects::name_of).collect()
    }

    #[test]
    fn a_complete_list_answers_narrower_questions() {
        let all =
            vec![pod("shop", "a", "web", "10.0.0.1"), pod("shop", "b", "db", "10.0.0.2"), pod("bank", "a", "web", "10.0.0.3")];
        let reads = vec![(Query::all(Resource::Pods), Known::Got(all))];
        assert_eq!(names(answer(&reads, &Query::within(Resource::Pods, "shop"))), ["shop/a", "shop/b"]);
        assert_eq!(names(answer(&reads, &Query::named(Resource::Pods, "bank", "a"))), ["bank/a"]);
        assert_eq!(names(answer(&reads, &Query::within(Resource::Pods, "shop").labelled("app in (db)"))), ["shop/b"]);
        assert_eq!(names(answer(&reads, &Query::all(Resource::Pods).fields("status.podIP=10.0.0.3"))), ["bank/a"]);
        assert!(matches!(answer(&reads, &Query::named(Resource::Pods, "shop", "gone")), Some(Known::Absent(_))));
    }

    #[test]
    fn what_cannot_be_judged_is_not_answered() {
        let reads = vec![
            (Query::within(Resource::Pods, "shop"), Known::Got(vec![])),
            (Query::all(Resource::Services), Known::Denied(String::from("list services"))),
        ];
        assert_eq!(answer(&reads, &Query::all(Resource::Pods)), None);
        assert_eq!(answer(&reads, &Query::within(Resource::Pods, "shop").fields("spec.unknown=1")), None);
        assert_eq!(answer(&reads, &Query::within(Resource::Services, "shop")), None);
        assert_eq!(answer(&reads, &Query::within(Resource::Nodes, "shop")), None);
    }
}
