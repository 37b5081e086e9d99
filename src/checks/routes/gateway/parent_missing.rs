use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::gateway::Route;
use crate::model::{Known, ObjectRef};
use crate::plan::routes::gateway::{answer, parents};

use super::asked;

declare_finding! {
    /// ## What it finds
    ///
    /// An HTTPRoute or GRPCRoute names a Gateway that does not exist, or names none: nothing serves it.
    ///
    /// ## How it is proven
    ///
    /// Each of `spec.parentRefs` is read by name. A reference without a namespace means the route's own.
    ///
    /// ## What to do
    ///
    /// Name the Gateway as it is; one of another namespace needs `namespace` in the reference.
    RouteParentMissing, "NC7101", "parent-missing", "The route's Gateway does not exist"
}

impl Check for RouteParentMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let routes = asked(cx);
        if routes.is_empty() {
            return Verdict::NotApplicable;
        }
        let mut found = Vec::new();
        for route in &routes {
            if route.spec.parent_refs.is_empty() {
                found.push(orphan(route));
            }
            for (_, gateway) in parents(route) {
                let known = answer(&gateway, cx.cluster);
                match known {
                    Known::Absent(_) => found.push(missing(route, &gateway)),
                    Known::Got(()) => {}
                    Known::Denied(_) | Known::Failed(_) | Known::Unasked => {
                        return Verdict::Undetermined(format!("{gateway}: {}", known.missing().unwrap_or_default()));
                    }
                }
            }
        }
        Verdict::of(found)
    }
}

fn missing(route: &Route, gateway: &ObjectRef) -> Finding {
    let object = route.object();
    let sentence = format!("{object} is to be served by {gateway}, which does not exist.");
    Finding::cause(RouteParentMissing::META, object.clone(), sentence)
        .expected(format!("{object} spec.parentRefs"), "a Gateway that exists", gateway.to_string())
        .next("kubectl get gateways -A")
}

fn orphan(route: &Route) -> Finding {
    let object = route.object();
    let sentence = format!("{object} names no Gateway: nothing serves it.");
    Finding::cause(RouteParentMissing::META, object.clone(), sentence)
        .expected(format!("{object} spec.parentRefs"), "a Gateway", "none")
        .next(format!("kubectl -n {} edit {} {}", object.namespace, object.kind, object.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::gateway::GATEWAYS;
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::json;

    #[test]
    fn a_gateway_that_is_not_there_and_none_at_all() {
        let mut world = World::gateway();
        change(&mut world, "httproutes", "/spec/parentRefs/0/name", json!("egde"));
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&RouteParentMissing, &case));
        assert_eq!(found.sentence, "httproute/shop/web is to be served by gateway/infra/egde, which does not exist.");
        assert_eq!(causes(&judge(&case)), ["NC7101"]);
        change(&mut world, "httproutes", "/spec/parentRefs", json!([]));
        let found = only(check(&RouteParentMissing, &Case::unmeasured(&world, &to_http_route())));
        assert_eq!(found.sentence, "httproute/shop/web names no Gateway: nothing serves it.");
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&RouteParentMissing, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&RouteParentMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_gateways_are_undetermined() {
        let mut world = World::gateway();
        deny(&mut world, GATEWAYS);
        assert!(matches!(check(&RouteParentMissing, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
