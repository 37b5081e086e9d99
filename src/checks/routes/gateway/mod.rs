//! Findings about Gateways and the routes that attach to them (`NC71xx`).

mod backend_missing;
mod conditions;
mod gateway_class;
mod listener_mismatch;
mod no_route;
mod not_allowed;
mod not_granted;
mod parent_missing;

pub use backend_missing::RouteBackendMissing;
pub use conditions::GatewayConditions;
pub use gateway_class::GatewayClassMissing;
pub use listener_mismatch::ListenerMismatch;
pub use no_route::GatewayWithoutRoute;
pub use not_allowed::RouteNotAllowed;
pub use not_granted::ReferenceNotGranted;
pub use parent_missing::RouteParentMissing;

use crate::finding::Verdict;
use crate::model::gateway::{Gateway, Reference, Route};
use crate::model::{Known, ObjectRef};
use crate::plan::routes;
use crate::plan::routes::gateway::{Attachment, answer, attach, gateway, parents, route, routes_of};

use crate::checks::Context;

/// The routes a question is about: the one asked for, or those of the Gateway asked for.
fn asked(cx: &Context<'_>) -> Vec<Route> {
    let Some(object) = routes::of(cx.question) else { return Vec::new() };
    match object.kind.as_str() {
        "gateway" => routes_of(object, cx.cluster),
        "httproute" | "grpcroute" => route(object, cx.cluster).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The Gateways a question is about: the one asked for, or the parents of the route asked for.
fn gateways(cx: &Context<'_>) -> Vec<Gateway> {
    let Some(object) = routes::of(cx.question) else { return Vec::new() };
    if object.kind == "gateway" {
        return gateway(object, cx.cluster).into_iter().collect();
    }
    let routes = asked(cx);
    let mut objects: Vec<ObjectRef> = routes.iter().flat_map(parents).map(|(_, object)| object).collect();
    objects.sort();
    objects.dedup();
    objects.iter().filter_map(|o| gateway(o, cx.cluster)).collect()
}

/// One parent of a route that could be judged.
struct Parent<'a> {
    route: &'a Route,
    reference: &'a Reference,
    gateway: Gateway,
    attachment: Attachment,
}

/// How the routes asked for attach to their Gateways; `Err` when what decides is not known. A Gateway that does not exist is left out.
fn attachments<'a>(cx: &Context<'_>, routes: &'a [Route]) -> Result<Vec<Parent<'a>>, Verdict> {
    let asked_gateway = routes::of(cx.question).filter(|o| o.kind == "gateway");
    let mut all = Vec::new();
    for route in routes {
        for (reference, object) in parents(route) {
            if asked_gateway.is_some_and(|o| *o != object) {
                continue;
            }
            let known = answer(&object, cx.cluster);
            match known {
                Known::Got(()) => {}
                Known::Absent(_) => continue,
                Known::Denied(_) | Known::Failed(_) | Known::Unasked => {
                    return Err(Verdict::Undetermined(format!("{object}: {}", known.missing().unwrap_or_default())));
                }
            }
            let Some(gateway) = gateway(&object, cx.cluster) else {
                return Err(Verdict::Undetermined(format!("{object}: its fields are not those of this version")));
            };
            let attachment = attach(route, reference, &gateway, cx.cluster);
            if let Attachment::Unknown(why) = &attachment {
                return Err(Verdict::Undetermined(format!("which routes {object} takes: {why}")));
            }
            all.push(Parent { route, reference, gateway, attachment });
        }
    }
    Ok(all)
}

/// `listener web`, `port 8080` or `its listeners`, as a parent reference says it.
fn meant(reference: &Reference) -> String {
    match (&reference.section_name, reference.port) {
        (Some(name), _) => format!("listener {name}"),
        (None, Some(port)) => format!("a listener on port {port}"),
        (None, None) => "its listeners".to_owned(),
    }
}

/// The listeners of a Gateway, each with name, protocol, port and host.
fn listeners(gateway: &Gateway) -> String {
    let told = gateway.spec.listeners.iter().map(|l| {
        let host = l.host().map(|h| format!(" for {h}")).unwrap_or_default();
        format!("{} {}/{}{host}", l.name, l.protocol, l.port)
    });
    told.collect::<Vec<_>>().join(", ")
}

/// How to look at a route or Gateway.
fn describe(object: &ObjectRef) -> String {
    format!("kubectl -n {} describe {} {}", object.namespace, object.kind, object.name)
}

/// A list that one of these questions reads was refused.
#[cfg(test)]
fn deny(world: &mut crate::model::testing::World, kind: &str) {
    world.denied.push(crate::model::Resource::Custom(kind.to_owned()));
}
