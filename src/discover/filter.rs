//! Answering a read from a wider list that was read already.

use serde_json::Value;

use crate::model::{Known, Labels, Query, Resource, Selector};
use crate::plan::resolve::NO_SUCH_KIND;

/// Fields that a field selector may name, and where they are in an object.
const FIELDS: &[(&str, &str)] = &[
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
    ("involvedObject.kind", "/involvedObject/kind"),
    ("involvedObject.name", "/involvedObject/name"),
    ("involvedObject.namespace", "/involvedObject/namespace"),
    ("reason", "/reason"),
    ("spec.clusterIP", "/spec/clusterIP"),
    ("spec.nodeName", "/spec/nodeName"),
    ("status.phase", "/status/phase"),
    ("status.podIP", "/status/podIP"),
    ("type", "/type"),
];

/// The answer to `query` out of the reads so far: the same read, or a wider list that covers it.
pub(super) fn answer(reads: &[(Query, Known<Vec<Value>>)], query: &Query) -> Option<Known<Vec<Value>>> {
    if let Some((_, known)) = reads.iter().find(|(q, _)| q == query) {
        return Some(known.clone());
    }
    if let Some(absent) = no_such_group(reads, query) {
        return Some(absent);
    }
    let objects = reads.iter().filter(|(q, _)| q.covers(query)).find_map(|(_, known)| known.got())?;
    let wanted = Filter::of(query)?;
    let found: Vec<Value> = objects.iter().filter(|o| wanted.takes(o)).cloned().collect();
    if found.is_empty() && query.name.is_some() {
        return Some(Known::Absent(format!("{query}: not found")));
    }
    Some(Known::Got(found))
}

/// A kind whose group the server does not have is absent, without asking for it.
fn no_such_group(reads: &[(Query, Known<Vec<Value>>)], query: &Query) -> Option<Known<Vec<Value>>> {
    let Resource::Custom(kind) = &query.resource else { return None };
    let group = kind.splitn(3, '.').nth(2)?;
    let groups = reads.iter().filter(|(q, _)| q.resource == Resource::ApiGroups).find_map(|(_, known)| known.got())?;
    let has = groups.iter().any(|g| g.pointer("/name").and_then(Value::as_str) == Some(group));
    (!has).then(|| Known::Absent(format!("{query}: {NO_SUCH_KIND}")))
}

/// Why no wider list answers `query`: the first that would, and was refused or failed.
pub(super) fn refusal(reads: &[(Query, Known<Vec<Value>>)], query: &Query) -> Option<Known<Vec<Value>>> {
    let mut covering = reads.iter().filter(|(q, _)| q.covers(query)).map(|(_, known)| known);
    covering.find(|known| matches!(known, Known::Denied(_) | Known::Absent(_) | Known::Failed(_))).cloned()
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
    fn a_list_by_field_answers_for_one_namespace() {
        let event = |namespace: &str, kind: &str| json!({"metadata": {"namespace": namespace, "name": "e"}, "involvedObject": {"kind": kind}, "type": "Warning"});
        let fields = |query: Query| query.fields("involvedObject.kind=Pod,type=Warning");
        let reads = vec![(fields(Query::all(Resource::Events)), Known::Got(vec![event("shop", "Pod"), event("bank", "Pod")]))];
        assert_eq!(names(answer(&reads, &fields(Query::within(Resource::Events, "shop")))), ["shop/e"]);
        assert_eq!(answer(&reads, &Query::within(Resource::Events, "shop")), None);
        let service = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"clusterIP": "10.96.3.4"}});
        let reads = vec![(Query::all(Resource::Services), Known::Got(vec![service]))];
        assert_eq!(names(answer(&reads, &Query::all(Resource::Services).fields("spec.clusterIP=10.96.3.4"))), ["shop/web"]);
        assert!(names(answer(&reads, &Query::all(Resource::Services).fields("spec.clusterIP=10.96.3.5"))).is_empty());
    }

    #[test]
    fn a_refused_list_is_the_reason_for_what_it_holds() {
        let denied = Known::Denied(String::from("list pods: forbidden"));
        let reads = vec![(Query::all(Resource::Pods), denied.clone())];
        let named = Query::named(Resource::Pods, "shop", "a");
        assert_eq!((answer(&reads, &named), refusal(&reads, &named)), (None, Some(denied)));
        assert_eq!(refusal(&reads, &Query::all(Resource::Nodes)), None);
    }

    #[test]
    fn a_kind_of_no_group_is_absent() {
        let reads = vec![(Query::all(Resource::ApiGroups), Known::Got(vec![json!({"name": "cilium.io"})]))];
        let of = |kind: &str| answer(&reads, &Query::all(Resource::Custom(kind.to_owned())));
        assert!(matches!(of("gateways.v1.gateway.networking.k8s.io"), Some(Known::Absent(_))));
        assert_eq!(of("ciliumnodes.v2.cilium.io"), None);
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
