use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes::gateway::Attachment;

use super::{Parent, asked, attachments};

declare_finding! {
    /// ## What it finds
    ///
    /// A Gateway does not take routes of the route's namespace: without `allowedRoutes`, a listener takes those of its own namespace only.
    ///
    /// ## How it is proven
    ///
    /// `listeners[].allowedRoutes.namespaces` of the Gateway is compared with the route's namespace and its labels.
    ///
    /// ## What to do
    ///
    /// Let the listener take routes `from: All`, or from namespaces with a label, and give the namespace that label.
    RouteNotAllowed, "NC7103", "not-allowed", "The Gateway takes no routes of this namespace"
}

impl Check for RouteNotAllowed {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let routes = asked(cx);
        if routes.is_empty() {
            return Verdict::NotApplicable;
        }
        match attachments(cx, &routes) {
            Ok(all) => Verdict::of(all.iter().filter_map(finding).collect()),
            Err(undetermined) => undetermined,
        }
    }
}

fn finding(parent: &Parent<'_>) -> Option<Finding> {
    let Attachment::NotAllowed(takes) = &parent.attachment else { return None };
    let (object, gateway) = (parent.route.object(), parent.gateway.object());
    let sentence = format!("{object} is not served by {gateway}: the Gateway takes only {takes}.");
    let field = format!("{gateway} spec.listeners allowedRoutes.namespaces");
    let finding = Finding::cause(RouteNotAllowed::META, object.clone(), sentence)
        .expected(field, format!("routes of namespace {}", object.namespace), takes.clone())
        .next(format!(
            "kubectl -n {} edit gateway {}: allowedRoutes: {{namespaces: {{from: All}}}}",
            gateway.namespace, gateway.name
        ));
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

    fn by_label() -> World {
        let mut world = World::gateway();
        let selector = json!({"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}});
        change(&mut world, "gateways", "/spec/listeners/0/allowedRoutes/namespaces", selector);
        world
    }

    #[test]
    fn the_gateways_own_namespace_only_and_a_label_that_is_missing() {
        let mut world = World::gateway();
        change(&mut world, "gateways", "/spec/listeners/0/allowedRoutes", json!({}));
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&RouteNotAllowed, &case));
        assert_eq!(
            found.sentence,
            "httproute/shop/web is not served by gateway/infra/edge: the Gateway takes only routes of its own namespace, infra."
        );
        assert_eq!(causes(&judge(&case)), ["NC7103"]);
        let found = only(check(&RouteNotAllowed, &Case::unmeasured(&by_label(), &to_http_route())));
        assert!(found.sentence.ends_with("the Gateway takes only namespaces with the labels edge=yes."), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&RouteNotAllowed, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let mut labelled = by_label();
        labelled
            .namespaces
            .iter_mut()
            .filter(|n| n.name == "shop")
            .for_each(|n| drop(n.labels.insert("edge".into(), "yes".into())));
        assert_eq!(check(&RouteNotAllowed, &Case::unmeasured(&labelled, &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&RouteNotAllowed, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_namespaces_are_undetermined() {
        let mut world = by_label();
        world.denied.push(Resource::Namespaces);
        assert!(matches!(check(&RouteNotAllowed, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
