use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::model::gateway::{Gateway, Route, StatusCondition};
use crate::plan::routes;
use crate::plan::routes::gateway::{Attachment, parents};

use super::{GatewayClassMissing, Parent, asked, attachments, describe, gateways};

declare_finding! {
    /// ## What it finds
    ///
    /// The controller of a Gateway says in the status that it does not serve the Gateway, one of its listeners or the route: `Accepted`,
    /// `ResolvedRefs` or `Programmed` is False. Or it says nothing of the route at all, although a listener fits: no controller has taken it up.
    ///
    /// ## How it is proven
    ///
    /// From `status.conditions` of the Gateway, `status.listeners[].conditions` and `status.parents[].conditions` of the route, with reason and
    /// message in the controller's own words. Reasons that the objects themselves explain have findings of their own.
    ///
    /// ## What to do
    ///
    /// What the message says. When nobody wrote a status, see whether the controller of the GatewayClass runs.
    GatewayConditions, "NC7106", "conditions", "The controller does not serve the Gateway or the route"
}

/// Conditions that must be true (`GatewayConditionType`, `ListenerConditionType` and `RouteConditionType`, Gateway API v1).
const WANTED: &[&str] = &["Accepted", "ResolvedRefs", "Programmed"];

/// Reasons that findings of their own explain, when the objects show them.
const EXPLAINED: &[&str] =
    &["NoMatchingParent", "NoMatchingListenerHostname", "NotAllowedByListeners", "RefNotPermitted", "BackendNotFound"];

impl Check for GatewayConditions {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let (routes, gateways) = (asked(cx), gateways(cx));
        if routes.is_empty() && gateways.is_empty() {
            return Verdict::NotApplicable;
        }
        let attached = match attachments(cx, &routes) {
            Ok(attached) => attached,
            Err(undetermined) => return undetermined,
        };
        let mut found: Vec<Finding> = gateways.iter().filter(|g| !is_of_dead_class(cx, g)).filter_map(of_gateway).collect();
        for route in &routes {
            found.extend(of_route(cx, route, &attached));
        }
        Verdict::of(found)
    }
}

/// The first condition that is not as wanted.
fn bad(conditions: &[StatusCondition]) -> Option<&StatusCondition> {
    WANTED.iter().find_map(|wanted| conditions.iter().find(|c| c.kind == *wanted && c.status == "False"))
}

/// Nobody has touched the Gateway: its conditions are those the API server gives every new one (`Pending`, Gateway API v1).
fn is_waiting(gateway: &Gateway) -> bool {
    gateway.status.conditions.iter().any(|c| c.kind == "Accepted" && c.status == "Unknown" && c.reason == "Pending")
}

/// Its class has no controller, which is a finding of its own (NC7107).
fn is_of_dead_class(cx: &Context<'_>, gateway: &Gateway) -> bool {
    matches!(GatewayClassMissing.run(cx), Verdict::Found(found) if found.iter().any(|f| f.about == gateway.object()))
}

fn of_gateway(gateway: &Gateway) -> Option<Finding> {
    let object = gateway.object();
    if let Some(condition) = bad(&gateway.status.conditions) {
        return Some(finding(&object, &object.to_string(), condition, Finding::cause));
    }
    if is_waiting(gateway) {
        return Some(waiting(&object));
    }
    // other listeners may serve all the same
    let listener = gateway.status.listeners.iter().find_map(|l| Some((l, bad(&l.conditions)?)));
    listener.map(|(l, condition)| finding(&object, &format!("listener {} of {object}", l.name), condition, Finding::warning))
}

fn of_route(cx: &Context<'_>, route: &Route, attached: &[Parent<'_>]) -> Vec<Finding> {
    let object = route.object();
    let asked_gateway = routes::of(cx.question).filter(|o| o.kind == "gateway");
    let mut found = Vec::new();
    for (reference, gateway) in parents(route) {
        if asked_gateway.is_some_and(|o| *o != gateway) {
            continue;
        }
        let Some(parent) = attached.iter().find(|p| p.route.object() == object && p.reference == reference) else { continue };
        let is_same = |r: &crate::model::gateway::Reference| {
            r.gateway(&route.metadata.namespace).as_ref() == Some(&gateway) && r.section_name == reference.section_name
        };
        let status: Vec<_> = route.status.parents.iter().filter(|p| is_same(&p.parent_ref)).collect();
        let condition = status.iter().find_map(|p| bad(&p.conditions));
        match condition {
            Some(condition) if is_explained(condition, parent) => {}
            Some(condition) => found.push(finding(&object, &object.to_string(), condition, Finding::cause)),
            // a Gateway that nobody serves is told once, not for each route
            None if !status.is_empty() || is_waiting(&parent.gateway) || is_of_dead_class(cx, &parent.gateway) => {}
            None if matches!(parent.attachment, Attachment::On(_)) => found.push(ignored(&object, &gateway)),
            None => {}
        }
    }
    found
}

/// The objects show the same: another finding says it, and better.
fn is_explained(condition: &StatusCondition, parent: &Parent<'_>) -> bool {
    let by_attachment = !matches!(parent.attachment, Attachment::On(_));
    let of_reference = matches!(condition.reason.as_str(), "RefNotPermitted" | "BackendNotFound");
    EXPLAINED.contains(&condition.reason.as_str()) && (by_attachment || of_reference)
}

fn finding(
    about: &ObjectRef,
    what: &str,
    condition: &StatusCondition,
    make: fn(&'static Meta, ObjectRef, String) -> Finding,
) -> Finding {
    let StatusCondition { kind, reason, message, .. } = condition;
    let words = if message.is_empty() { reason.clone() } else { format!("{reason}: {}", message.trim_end_matches('.')) };
    let sentence = format!("{what} is not {}: {words}.", plain(kind));
    make(GatewayConditions::META, about.clone(), sentence)
        .expected(format!("{about} status.conditions[{kind}]"), "True", format!("False, {words}"))
        .next(describe(about))
}

/// `ResolvedRefs` in words.
fn plain(kind: &str) -> &str {
    match kind {
        "Accepted" => "accepted by its controller",
        "Programmed" => "programmed into the data plane",
        _ => "resolved by its controller",
    }
}

fn waiting(gateway: &ObjectRef) -> Finding {
    let sentence = format!("{gateway} was taken up by no controller: its status is still that of a new one.");
    Finding::cause(GatewayConditions::META, gateway.clone(), sentence)
        .expected(format!("{gateway} status.conditions[Accepted]"), "True", "Unknown, Pending")
        .next("see whether the controller of the GatewayClass runs: kubectl get gatewayclasses")
}

fn ignored(route: &ObjectRef, gateway: &ObjectRef) -> Finding {
    let sentence = format!("{route} was taken up by no controller: its status says nothing of {gateway}.");
    Finding::cause(GatewayConditions::META, route.clone(), sentence)
        .expected(format!("{route} status.parents"), format!("an entry for {gateway}"), "none")
        .next("see whether the controller of the GatewayClass runs: kubectl get gatewayclasses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::finding::Weight;
    use crate::model::gateway::GATEWAYS;
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::json;

    fn no(kind: &str, reason: &str) -> serde_json::Value {
        json!([{"type": kind, "status": "False", "reason": reason, "message": "why it is so."}])
    }

    #[test]
    fn the_controllers_reason_is_quoted() {
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/status/parents/0/conditions", no("ResolvedRefs", "InvalidKind"));
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&GatewayConditions, &case));
        assert_eq!(found.sentence, "httproute/shop/web is not resolved by its controller: InvalidKind: why it is so.");
        assert_eq!(causes(&judge(&case)), ["NC7106"]);
        let mut world = World::gateway();
        change(&mut world, "gateways", "/status/conditions", no("Programmed", "AddressNotAssigned"));
        let found = only(check(&GatewayConditions, &Case::unmeasured(&world, &to_http_route())));
        assert_eq!(found.sentence, "gateway/infra/edge is not programmed into the data plane: AddressNotAssigned: why it is so.");
    }

    #[test]
    fn one_listener_is_a_warning_and_no_status_a_cause() {
        let mut world = World::gateway();
        let listener = json!([{"name": "http", "conditions": no("ResolvedRefs", "InvalidCertificateRef")}]);
        change(&mut world, "gateways", "/status/listeners", listener);
        let found = only(check(&GatewayConditions, &Case::unmeasured(&world, &to_http_route())));
        assert_eq!(found.weight, Weight::Warning);
        assert!(found.sentence.starts_with("listener http of gateway/infra/edge is not resolved"), "{}", found.sentence);
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/status", json!({}));
        let found = only(check(&GatewayConditions, &Case::unmeasured(&world, &to_http_route())));
        assert!(found.sentence.contains("was taken up by no controller"), "{}", found.sentence);
    }

    #[test]
    fn nobody_serves_it_is_told_once() {
        let pending =
            json!([{"type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller"}]);
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/status", json!({}));
        change(&mut world, "gateways", "/status", json!({"conditions": pending}));
        let found = only(check(&GatewayConditions, &Case::unmeasured(&world, &to_http_route())));
        assert!(found.sentence.starts_with("gateway/infra/edge was taken up by no controller"), "{}", found.sentence);
        change(&mut world, "gatewayclasses", "/status", json!({"conditions": pending}));
        assert_eq!(causes(&judge(&Case::unmeasured(&world, &to_http_route()))), ["NC7107"]);
    }

    #[test]
    fn a_reason_that_the_objects_show_is_left_to_its_own_finding() {
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/spec/rules/0/backendRefs/0/name", json!("wbe"));
        change(&mut world, "httproutes", "/status/parents/0/conditions", no("ResolvedRefs", "BackendNotFound"));
        let case = Case::unmeasured(&world, &to_http_route());
        assert_eq!(causes(&judge(&case)), ["NC7104"]);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&GatewayConditions, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&GatewayConditions, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_gateways_are_undetermined() {
        let mut world = World::gateway();
        deny(&mut world, GATEWAYS);
        assert!(matches!(check(&GatewayConditions, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
