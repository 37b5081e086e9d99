//! What breaks when a Service that the API server itself calls is dead (`NC72xx`): admission webhooks and aggregated APIs.

mod api_service;
mod webhook;

pub use api_service::ApiServiceUnavailable;
pub use webhook::WebhookUnavailable;

use std::collections::BTreeSet;

use crate::model::extension::{API_SERVICES, ApiService, MUTATING, ServiceReference, VALIDATING, WebhookConfiguration};
use crate::model::gateway::view;
use crate::model::{Cluster, Known, ObjectRef, Query, Resource, Service};

use super::Context;

/// Something that the API server calls through a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// `validatingwebhookconfiguration/guard`, `apiservice/v1beta1.metrics.k8s.io`.
    pub object: ObjectRef,
    /// The webhook's name; empty for an aggregated API.
    pub name: String,
    pub service: ObjectRef,
    /// `failurePolicy: Fail`. An aggregated API always is.
    pub strict: bool,
    /// What it is asked about: `create, update pods`.
    pub scope: String,
}

/// Whether somebody answers behind a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    NoService,
    NoEndpoint,
    Endpoints,
    /// An ExternalName Service leads outside.
    Elsewhere,
}

/// The lists that show what the API server calls.
pub fn lists() -> [Query; 3] {
    [VALIDATING, MUTATING, API_SERVICES].map(|kind| Query::all(Resource::Custom(kind.to_owned())))
}

/// Every admission webhook that is reached through a Service.
pub fn webhooks(cluster: &Cluster) -> Vec<Callee> {
    let mut all = Vec::new();
    for (kind, name) in [(VALIDATING, "validatingwebhookconfiguration"), (MUTATING, "mutatingwebhookconfiguration")] {
        for configuration in cluster.customs(kind).into_iter().filter_map(view::<WebhookConfiguration>) {
            for webhook in &configuration.webhooks {
                let Some(service) = &webhook.client_config.service else { continue };
                let words = |all: &mut dyn Iterator<Item = &String>| {
                    all.map(|w| w.to_lowercase()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
                };
                let operations = words(&mut webhook.rules.iter().flat_map(|r| &r.operations));
                let resources = words(&mut webhook.rules.iter().flat_map(|r| &r.resources));
                all.push(Callee {
                    object: ObjectRef::new(name, "", &configuration.metadata.name),
                    name: webhook.name.clone(),
                    service: reference(service),
                    strict: webhook.is_strict(),
                    scope: format!("{operations} {resources}"),
                });
            }
        }
    }
    all
}

/// Every aggregated API that is reached through a Service, with what the API server says of it.
pub fn api_services(cluster: &Cluster) -> Vec<(Callee, ApiService)> {
    let all = cluster.customs(API_SERVICES).into_iter().filter_map(view::<ApiService>);
    let callee = |api: ApiService| {
        let service = reference(api.spec.service.as_ref()?);
        let object = ObjectRef::new("apiservice", "", &api.metadata.name);
        Some((Callee { object, name: String::new(), service, strict: true, scope: api.metadata.name.clone() }, api))
    };
    all.filter_map(callee).collect()
}

fn reference(service: &ServiceReference) -> ObjectRef {
    ObjectRef::service(&service.namespace, &service.name)
}

/// What is behind a Service that was read.
pub fn behind(object: &ObjectRef, cluster: &Cluster) -> Known<Behind> {
    let Some(service) = cluster.service(&object.namespace, &object.name) else {
        let own = Query::named(Resource::Services, &object.namespace, &object.name);
        return match cluster.services.answer(&own) {
            Known::Got(_) | Known::Absent(_) => Known::Got(Behind::NoService),
            Known::Unasked => cluster.services.complete(&Resource::Services, Some(&object.namespace)).map(|_| Behind::NoService),
            Known::Denied(why) => Known::Denied(why),
            Known::Failed(why) => Known::Failed(why),
        };
    };
    if service.external_name.is_some() {
        return Known::Got(Behind::Elsewhere);
    }
    ready(service, cluster).map(|any| if any { Behind::Endpoints } else { Behind::NoEndpoint })
}

fn ready(service: &Service, cluster: &Cluster) -> Known<bool> {
    let slices = cluster.slices_of(&service.namespace, &service.name);
    slices.map(|all| {
        all.iter().flat_map(|s| &s.endpoints).any(|e| (e.ready || service.publish_not_ready) && !e.addresses.is_empty())
    })
}

/// The API server may call this Service: it only ever speaks TLS to what it calls (`WebhookClientConfig`, `APIServiceSpec`), and such a
/// port has a number that ends in 443 or says so in its name. Without such a port the lists are not worth their reads.
pub fn may_be_called(service: &Service) -> bool {
    let speaks_tls = |p: &crate::model::ServicePort| {
        let name = p.name.as_deref().unwrap_or_default();
        p.port % 1000 == 443 || ["https", "webhook"].iter().any(|word| name.contains(word))
    };
    service.ports.iter().any(speaks_tls)
}

/// The Service of this question, when nobody is behind it: then who calls it matters.
fn dead_service<'a>(cx: &Context<'a>) -> Option<&'a Service> {
    let crate::model::Subject::Service { namespace, name } = &cx.question.to else { return None };
    let service = cx.cluster.service(namespace, name)?;
    is_dead(service, cx.cluster).then_some(service)
}

/// No endpoint of the Service is ready.
pub fn is_dead(service: &Service, cluster: &Cluster) -> bool {
    service.external_name.is_none() && ready(service, cluster) == Known::Got(false)
}
