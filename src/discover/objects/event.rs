//! Events.

use k8s_openapi::api::core::v1::{Event, ObjectReference};

use super::{Object, keep};
use crate::model::{self, ObjectRef};

impl Object for Event {
    type Model = model::Event;

    fn keep(self) -> Self {
        Self {
            metadata: keep::metadata(self.metadata),
            involved_object: ObjectReference {
                kind: self.involved_object.kind,
                name: self.involved_object.name,
                namespace: self.involved_object.namespace,
                field_path: self.involved_object.field_path,
                ..ObjectReference::default()
            },
            type_: self.type_,
            reason: self.reason,
            message: keep::message(self.message),
            count: self.count,
            series: self.series,
            event_time: self.event_time,
            last_timestamp: self.last_timestamp,
            ..Self::default()
        }
    }

    fn model(self) -> Result<model::Event, String> {
        let about = self.involved_object;
        let series = self.series.unwrap_or_default();
        let last_seen =
            series.last_observed_time.map(|t| t.0).or(self.last_timestamp.map(|t| t.0)).or(self.event_time.map(|t| t.0));
        Ok(model::Event {
            about: ObjectRef::new(
                &about.kind.unwrap_or_default(),
                &about.namespace.unwrap_or_default(),
                &about.name.unwrap_or_default(),
            ),
            kind: self.type_.unwrap_or_default(),
            reason: self.reason.unwrap_or_default(),
            message: self.message.unwrap_or_default(),
            count: keep::count(series.count.or(self.count)).unwrap_or(1),
            last_seen: last_seen.map(|t| t.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_ways_of_counting_are_read() {
        let event = |extra: serde_json::Value| {
            let mut object = json!({"metadata": {"name": "x", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy",
                "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"}});
            object.as_object_mut().expect("object").extend(extra.as_object().expect("object").clone());
            let kept = crate::discover::objects::keep_as::<Event>(object).expect("valid");
            crate::discover::objects::model_all::<Event>(&[kept]).expect("valid").remove(0)
        };
        let old = event(json!({"count": 7, "lastTimestamp": "2026-01-02T03:04:05Z"}));
        assert_eq!(
            (old.count, old.last_seen.as_deref(), &old.about),
            (7, Some("2026-01-02T03:04:05Z"), &ObjectRef::pod("shop", "web-1"))
        );
        let new = event(
            json!({"series": {"count": 9, "lastObservedTime": "2026-01-02T03:04:05.000000Z"}, "eventTime": "2026-01-01T00:00:00.000000Z"}),
        );
        assert_eq!((new.count, new.last_seen.as_deref()), (9, Some("2026-01-02T03:04:05Z")));
    }
}
