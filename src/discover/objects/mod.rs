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

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::Resource;

/// A kind that netcheck reads as a typed object.
pub(super) trait Object: DeserializeOwned + Serialize {
    type Model;

    /// A new object with only the fields the model needs.
    fn keep(self) -> Self;

    /// The plain data of an object that went through `keep`. An error is a fragment: `podIP is not an address: x`.
    fn model(self) -> Result<Self::Model, String>;
}

/// Prunes one decoded JSON object of a kind. An error names the object.
pub(super) fn keep(resource: &Resource, object: Value) -> Result<Value, String> {
    use k8s_openapi::api::{
        apps::v1 as apps, batch::v1 as batch, core::v1 as core, discovery::v1 as discovery, networking::v1 as net,
    };
    match resource {
        Resource::Pods => keep_as::<core::Pod>(object),
        Resource::Services => keep_as::<core::Service>(object),
        Resource::EndpointSlices => keep_as::<discovery::EndpointSlice>(object),
        Resource::Nodes => keep_as::<core::Node>(object),
        Resource::Namespaces => keep_as::<core::Namespace>(object),
        Resource::Events => keep_as::<core::Event>(object),
        Resource::ConfigMaps => keep_as::<core::ConfigMap>(object),
        Resource::Deployments => keep_as::<apps::Deployment>(object),
        Resource::DaemonSets => keep_as::<apps::DaemonSet>(object),
        Resource::StatefulSets => keep_as::<apps::StatefulSet>(object),
        Resource::ReplicaSets => keep_as::<apps::ReplicaSet>(object),
        Resource::Jobs => keep_as::<batch::Job>(object),
        Resource::CronJobs => keep_as::<batch::CronJob>(object),
        Resource::Ingresses => keep_as::<net::Ingress>(object),
        Resource::IngressClasses => keep_as::<net::IngressClass>(object),
        Resource::NetworkPolicies => keep_as::<net::NetworkPolicy>(object),
        Resource::ServiceCidrs => keep_as::<net::ServiceCIDR>(object),
        Resource::Custom(kind) => Ok(custom::keep(kind, &object)),
        Resource::ApiGroups => Ok(custom::keep_group(&object)),
        Resource::Version => Ok(custom::keep_version(&object)),
        Resource::Log => Ok(object),
    }
}

fn keep_as<T: Object>(object: Value) -> Result<Value, String> {
    let name = name_of(&object);
    let typed: T = serde_json::from_value(object).map_err(|e| format!("{name}: {e}"))?;
    serde_json::to_value(typed.keep()).map_err(|e| format!("{name}: {e}"))
}

/// The model of a list of pruned objects. An error names the object that does not fit.
pub(super) fn model_all<T: Object>(objects: &[Value]) -> Result<Vec<T::Model>, String> {
    objects
        .iter()
        .map(|object| {
            let typed = T::deserialize(object).map_err(|e| format!("{}: {e}", name_of(object)))?;
            typed.model().map_err(|e| format!("{}: {e}", name_of(object)))
        })
        .collect()
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
