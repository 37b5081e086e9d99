//! What a question about a route reads.

use std::collections::BTreeSet;

use crate::model::gateway::{GATEWAY_CLASSES, GATEWAYS, GRPC_ROUTES, HTTP_ROUTES, Listener, REFERENCE_GRANTS, Route};
use crate::model::{Known, ObjectRef, Query, Resource};
use crate::plan::reads::{Wanted, ingress_warnings, service, suggestions};

use super::{MAX_PARTS, answer, backends, gateway, ingress, resource_of};

/// The route, what serves it, and the Services behind it.
pub(in crate::plan) fn route(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    let Some(resource) = resource_of(&object.kind) else { return };
    wanted.push(Query::named(resource.clone(), &object.namespace, &object.name));
    match answer(object, wanted.cluster) {
        Known::Absent(_) => suggestions(&resource, object, wanted),
        Known::Got(()) => {
            match object.kind.as_str() {
                "ingress" => of_ingress(object, wanted),
                "gateway" => {
                    for kind in [HTTP_ROUTES, GRPC_ROUTES] {
                        wanted.push(Query::all(Resource::Custom(kind.to_owned())));
                    }
                    for route in gateway::routes_of(object, wanted.cluster) {
                        grants(&route, wanted);
                    }
                    of_gateway(object, wanted);
                }
                _ => {
                    let Some(route) = gateway::route(object, wanted.cluster) else { return };
                    grants(&route, wanted);
                    for (_, parent) in gateway::parents(&route) {
                        of_gateway(&parent, wanted);
                    }
                }
            }
            behind(object, wanted);
        }
        Known::Denied(_) | Known::Failed(_) | Known::Unasked => {}
    }
}

fn of_ingress(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    wanted.push(Query::all(Resource::IngressClasses));
    // another Ingress may claim the same host and path
    let all = Query::all(Resource::Ingresses);
    wanted.push(all.clone());
    if matches!(wanted.cluster.ingresses.answer(&all), Known::Denied(_)) {
        wanted.push(Query::within(Resource::Ingresses, &object.namespace));
    }
    wanted.push(Query::all(Resource::Deployments));
    wanted.push(Query::all(Resource::DaemonSets));
    wanted.push(ingress_warnings(Query::within(Resource::Events, &object.namespace)));
    let Some(ingress) = wanted.cluster.ingress(object).cloned() else { return };
    for workload in ingress::controllers(&ingress, wanted.cluster).into_iter().cloned().collect::<Vec<_>>() {
        if !workload.selector.is_empty() {
            wanted.push(Query::within(Resource::Pods, &workload.namespace).labelled(&workload.selector.to_string()));
        }
        wanted.push(Query::within(Resource::Services, &workload.namespace));
    }
}

/// A Gateway, its class, and what decides who may attach to it.
fn of_gateway(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    wanted.push(Query::named(Resource::Custom(GATEWAYS.to_owned()), &object.namespace, &object.name));
    wanted.push(Query::all(Resource::Custom(GATEWAY_CLASSES.to_owned())));
    wanted.push(gateway::services_of(object));
    let Some(gateway) = gateway::gateway(object, wanted.cluster) else { return };
    let by_label = |l: &Listener| l.allowed_routes.namespaces.from.as_deref() == Some("Selector");
    if gateway.spec.listeners.iter().any(by_label) {
        wanted.push(Query::all(Resource::Namespaces));
    }
    let secrets = crate::plan::routes::secrets(object, wanted.cluster);
    for secret in secrets.iter().filter(|s| s.namespace != object.namespace) {
        wanted.push(Query::within(Resource::Custom(REFERENCE_GRANTS.to_owned()), &secret.namespace));
    }
}

/// Who may refer into the namespaces that a route reaches beyond its own.
fn grants(route: &Route, wanted: &mut Wanted<'_>) {
    for (service, _) in gateway::backends(route) {
        if service.namespace != route.metadata.namespace {
            wanted.push(Query::within(Resource::Custom(REFERENCE_GRANTS.to_owned()), &service.namespace));
        }
    }
}

/// The Services behind a route. Many of one namespace are listed in one request.
fn behind(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    let services: BTreeSet<ObjectRef> = backends(object, wanted.cluster).into_iter().map(|(service, _)| service).collect();
    if services.len() <= MAX_PARTS {
        for s in services {
            service(&s.namespace, &s.name, wanted);
        }
        return;
    }
    for namespace in services.iter().map(|s| s.namespace.clone()).collect::<BTreeSet<_>>() {
        wanted.push(Query::within(Resource::Services, &namespace));
        wanted.push(Query::within(Resource::EndpointSlices, &namespace));
        wanted.push(Query::within(Resource::Pods, &namespace));
        wanted.push(Query::within(Resource::NetworkPolicies, &namespace));
    }
}
