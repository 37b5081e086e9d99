//! What a question about a route reads.

use std::collections::BTreeSet;

use crate::model::{Known, ObjectRef, Query, Resource};
use crate::plan::reads::{Wanted, service, suggestions};

use super::{MAX_PARTS, answer, entries, ingress, resource_of};

/// The route, what serves it, and the Services behind it.
pub(in crate::plan) fn route(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    let Some(resource) = resource_of(&object.kind) else { return };
    wanted.push(Query::named(resource.clone(), &object.namespace, &object.name));
    match answer(object, wanted.cluster) {
        Known::Absent(_) => suggestions(&resource, object, wanted),
        Known::Got(()) => {
            if resource == Resource::Ingresses {
                of_ingress(object, wanted);
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
    wanted.push(Query::within(Resource::Events, &object.namespace).fields("involvedObject.kind=Ingress,type=Warning"));
    let Some(ingress) = wanted.cluster.ingress(object).cloned() else { return };
    for workload in ingress::controllers(&ingress, wanted.cluster).into_iter().cloned().collect::<Vec<_>>() {
        if !workload.selector.is_empty() {
            wanted.push(Query::within(Resource::Pods, &workload.namespace).labelled(&workload.selector.to_string()));
        }
        wanted.push(Query::within(Resource::Services, &workload.namespace));
    }
}

/// The Services behind a route. Many of one namespace are listed in one request.
fn behind(object: &ObjectRef, wanted: &mut Wanted<'_>) {
    let services: BTreeSet<ObjectRef> = entries(object, wanted.cluster).into_iter().map(|e| e.service).collect();
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
