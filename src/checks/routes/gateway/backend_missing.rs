use crate::checks::routes::named_service;
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::gateway::Route;
use crate::model::{Known, ObjectRef, PortRef, Protocol, Service};
use crate::plan::names::nearest;
use crate::plan::routes::gateway::backends;

use super::asked;

declare_finding! {
    /// ## What it finds
    ///
    /// A route sends to a Service that does not exist, or to a port that the Service does not have: the Gateway answers such requests with 500.
    ///
    /// ## How it is proven
    ///
    /// Each of `spec.rules[].backendRefs` is read by name, and its `port` is compared with the Service's ports.
    ///
    /// ## What to do
    ///
    /// Write name and port of the Service as they are. The port is the Service's, not the pods'.
    RouteBackendMissing, "NC7104", "backend-missing", "The route sends to a Service or port that does not exist"
}

impl Check for RouteBackendMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let routes = asked(cx);
        if routes.is_empty() {
            return Verdict::NotApplicable;
        }
        let mut found: Vec<Finding> = Vec::new();
        for route in &routes {
            for (service, port) in backends(route) {
                let known = named_service(cx, &service);
                match known {
                    Known::Got(None) => found.push(no_service(cx, route, &service)),
                    Known::Got(Some(there)) => found.extend(no_port(route, there, port.as_ref())),
                    Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
                        return Verdict::Undetermined(format!("{service}: {}", known.missing().unwrap_or_default()));
                    }
                }
            }
        }
        found.dedup();
        Verdict::of(found)
    }
}

fn no_service(cx: &Context<'_>, route: &Route, service: &ObjectRef) -> Finding {
    let object = route.object();
    let sentence = format!("{object} sends to {service}, which does not exist.");
    let names = cx.cluster.services.seen().filter(|s| s.namespace == service.namespace).map(|s| s.name.as_str());
    let next = match nearest(&service.name, names) {
        Some(near) => {
            format!("did you mean Service {near}? kubectl -n {} edit {} {}", object.namespace, object.kind, object.name)
        }
        None => format!("kubectl -n {} get services", service.namespace),
    };
    Finding::cause(RouteBackendMissing::META, object.clone(), sentence)
        .expected(format!("{object} spec.rules backendRefs"), "a Service that exists", service.to_string())
        .next(next)
}

fn no_port(route: &Route, service: &Service, port: Option<&PortRef>) -> Option<Finding> {
    let object = route.object();
    let tcp: Vec<String> = service.ports.iter().filter(|p| p.protocol == Protocol::Tcp).map(|p| p.port.to_string()).collect();
    let asked = port.map_or_else(|| "none".to_owned(), ToString::to_string);
    if tcp.contains(&asked) {
        return None;
    }
    let sentence = match port {
        Some(port) => {
            format!("{object} sends to port {port} of {}, which has no such port: it has {}.", service.object(), tcp.join(", "))
        }
        None => format!("{object} sends to {} without saying a port: it has {}.", service.object(), tcp.join(", ")),
    };
    let finding = Finding::cause(RouteBackendMissing::META, object.clone(), sentence)
        .expected(format!("{object} spec.rules backendRefs port"), tcp.join(", "), asked)
        .next(format!("kubectl -n {} edit {} {}", object.namespace, object.kind, object.name));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::json;

    #[test]
    fn a_service_and_a_port_that_are_not_there() {
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/spec/rules/0/backendRefs/0/port", json!(8080));
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&RouteBackendMissing, &case));
        assert_eq!(
            found.sentence,
            "httproute/shop/web sends to port 8080 of service/shop/web, which has no such port: it has 80."
        );
        assert_eq!(causes(&judge(&case)), ["NC7104"]);
        change(&mut world, "httproutes", "/spec/rules/0/backendRefs/0/name", json!("wbe"));
        let found = only(check(&RouteBackendMissing, &Case::unmeasured(&world, &to_http_route())));
        assert_eq!(found.sentence, "httproute/shop/web sends to service/shop/wbe, which does not exist.");
        assert!(found.next.starts_with("did you mean Service web?"), "{}", found.next);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&RouteBackendMissing, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&RouteBackendMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_services_are_undetermined() {
        let mut world = World::gateway();
        world.denied.push(Resource::Services);
        assert!(matches!(check(&RouteBackendMissing, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
