use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::gateway::{GRPC_ROUTES, HTTP_ROUTES};
use crate::model::{Known, Query, Resource};
use crate::plan::routes;
use crate::plan::routes::gateway::routes_of;

declare_finding! {
    /// ## What it finds
    ///
    /// No HTTPRoute and no GRPCRoute names the Gateway: it accepts connections at best, and answers every request with 404.
    ///
    /// ## How it is proven
    ///
    /// `spec.parentRefs` of every HTTPRoute and GRPCRoute of the cluster.
    ///
    /// ## What to do
    ///
    /// Create a route with the Gateway in its `parentRefs`. Routes of other kinds (TLSRoute, TCPRoute) are not looked at.
    GatewayWithoutRoute, "NC7108", "no-route", "No route names the Gateway"
}

impl Check for GatewayWithoutRoute {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(gateway) = routes::of(cx.question).filter(|o| o.kind == "gateway") else { return Verdict::NotApplicable };
        if !routes_of(gateway, cx.cluster).is_empty() {
            return Verdict::Clear;
        }
        for kind in [HTTP_ROUTES, GRPC_ROUTES] {
            let known = cx.cluster.custom_answer(&Query::all(Resource::Custom(kind.to_owned())));
            if let Known::Denied(_) | Known::Failed(_) | Known::Unasked = known {
                return Verdict::Undetermined(format!("routes of {gateway}: {}", known.missing().unwrap_or_default()));
            }
        }
        let sentence = format!("{gateway} has no route: no HTTPRoute and no GRPCRoute names it.");
        let finding = Finding::cause(Self::META, gateway.clone(), sentence)
            .expected("HTTPRoutes and GRPCRoutes spec.parentRefs", gateway.to_string(), "none")
            .next("kubectl get httproutes,grpcroutes -A");
        Verdict::Found(vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_gateway};

    #[test]
    fn a_gateway_that_no_route_names_is_a_cause() {
        let mut world = World::gateway();
        world.custom.insert(HTTP_ROUTES.into(), vec![]);
        let case = Case::unmeasured(&world, &to_gateway());
        only(check(&GatewayWithoutRoute, &case));
        assert_eq!(causes(&judge(&case)), ["NC7108"]);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&GatewayWithoutRoute, &Case::unmeasured(&World::gateway(), &to_gateway())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&GatewayWithoutRoute, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_routes_are_undetermined() {
        let mut world = World::gateway();
        deny(&mut world, HTTP_ROUTES);
        assert!(matches!(check(&GatewayWithoutRoute, &Case::unmeasured(&world, &to_gateway())), Verdict::Undetermined(_)));
    }
}
