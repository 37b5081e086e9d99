//! Findings about Ingresses and Gateways that objects alone show (`NC70xx`, `NC71xx`).

pub mod gateway;
mod ingress_address;
mod ingress_backend_missing;
mod ingress_backend_port;
mod ingress_class;
mod ingress_conflict;
mod ingress_controller;
mod ingress_events;

pub use ingress_address::IngressWithoutAddress;
pub use ingress_backend_missing::IngressBackendMissing;
pub use ingress_backend_port::IngressBackendPort;
pub use ingress_class::IngressClassMissing;
pub use ingress_conflict::IngressConflict;
pub use ingress_controller::IngressControllerMissing;
pub use ingress_events::IngressEvents;

use crate::finding::Verdict;
use crate::info::controllers::{Class, class_of};
use crate::model::{Ingress, IngressBackend, Known, ObjectRef, Query, Resource, Service};
use crate::plan::routes;

use super::Context;

/// The Ingress the question is about.
fn ingress<'a>(cx: &Context<'a>) -> Option<&'a Ingress> {
    cx.cluster.ingress(routes::of(cx.question)?)
}

/// Its class, or what to say when the classes are not known.
fn class<'a>(cx: &Context<'a>, ingress: &'a Ingress) -> Result<Class<'a>, Verdict> {
    let known = class_of(ingress, cx.cluster);
    match known {
        Known::Got(class) => Ok(class),
        Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
            Err(Verdict::Undetermined(format!("IngressClasses: {}", known.missing().unwrap_or_default())))
        }
    }
}

/// A Service that a route names: there, not there, or not known.
fn named_service<'a>(cx: &Context<'a>, service: &ObjectRef) -> Known<Option<&'a Service>> {
    if let Some(found) = cx.cluster.service(&service.namespace, &service.name) {
        return Known::Got(Some(found));
    }
    let own = Query::named(Resource::Services, &service.namespace, &service.name);
    match cx.cluster.services.answer(&own) {
        Known::Got(_) | Known::Absent(_) => Known::Got(None),
        Known::Unasked => {
            let namespace = Some(service.namespace.as_str());
            cx.cluster.services.complete(&Resource::Services, namespace).map(|_| None)
        }
        Known::Denied(why) => Known::Denied(why),
        Known::Failed(why) => Known::Failed(why),
    }
}

/// The backends of an Ingress with their Services.
fn backends<'a>(cx: &Context<'a>, ingress: &'a Ingress) -> Vec<(&'a IngressBackend, ObjectRef, Known<Option<&'a Service>>)> {
    let service = |b: &IngressBackend| ObjectRef::service(&ingress.namespace, &b.service);
    ingress.backends.iter().map(|b| (b, service(b), named_service(cx, &service(b)))).collect()
}

/// `web.example.com/cart` of a backend.
fn words(backend: &IngressBackend) -> String {
    if backend.path_type.is_empty() {
        return "everything else".to_owned();
    }
    format!("{}{}", backend.host.as_deref().unwrap_or("*"), backend.path.as_deref().unwrap_or("/"))
}
