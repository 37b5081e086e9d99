//! One file a kind: what of an object is kept, and how the model is made from it.
//!
//! `keep` builds a new value out of the fields it names. A field nobody names is gone before anything else sees it:
//! no environment, no managed fields, no annotation or argument outside the lists in `keep.rs`.

mod config_map;
mod custom;
mod endpoint_slice;
mod event;
mod ingress;
mod keep;
mod namespace;
mod network_policy;
mod node;
mod pod;
mod service;
mod service_cidr;
mod workload;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::Message;

pub(super) use custom::keep as keep_custom;
pub(super) use custom::{keep_group, keep_version};

/// A kind that netcheck reads as a typed object.
pub(super) trait Object: DeserializeOwned + Serialize + Metadata<Ty = ObjectMeta> {
    type Model: Send;

    /// The fields of its protobuf form that `keep` keeps. Kinds of which a cluster has few are read as JSON.
    const WIRE: Option<&'static Message> = None;

    /// Adds what the API server adds to an object that is written in a file, as far as the model looks at it.
    fn admit(&mut self) {}

    /// A new object with only the fields the model needs.
    fn keep(self) -> Self;

    /// The plain data of an object that went through `keep`. An error is a fragment: `podIP is not an address: x`.
    fn model(self) -> Result<Self::Model, String>;
}

/// `shop/web` of a JSON object, for error texts.
pub(super) fn name_of(object: &Value) -> String {
    let text = |key: &str| object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
    match (text("namespace"), text("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, Some(name)) => name.to_owned(),
        (Some(_) | None, None) => String::from("an object without a name"),
    }
}

/// One JSON object, pruned.
#[cfg(test)]
fn keep_as<T: Object>(object: Value) -> Result<Value, String> {
    let name = name_of(&object);
    let typed: T = serde_json::from_value(object).map_err(|e| format!("{name}: {e}"))?;
    serde_json::to_value(typed.keep()).map_err(|e| format!("{name}: {e}"))
}

/// The model of a list of pruned objects.
#[cfg(test)]
fn model_all<T: Object>(objects: &[Value]) -> Result<Vec<T::Model>, String> {
    objects
        .iter()
        .map(|object| {
            let typed = T::deserialize(object).map_err(|e| format!("{}: {e}", name_of(object)))?;
            typed.model().map_err(|e| format!("{}: {e}", name_of(object)))
        })
        .collect()
}
