use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::gateway::{GROUP, REFERENCE_GRANTS, ReferenceGrant, view};
use crate::model::{Known, ObjectRef, Query, Resource};
use crate::plan::routes::{gateway::backends, secrets};

use super::{asked, gateways};

declare_finding! {
    /// ## What it finds
    ///
    /// A route sends to a Service of another namespace, or a Gateway uses a Secret of another namespace, and that namespace has no
    /// ReferenceGrant that allows it: the controller must refuse.
    ///
    /// ## How it is proven
    ///
    /// The ReferenceGrants of the namespace that is referred to are compared with kind and namespace of the one that refers. Secrets are
    /// known by name only; netcheck never reads them.
    ///
    /// ## What to do
    ///
    /// Create a ReferenceGrant in the namespace that is referred to, or move the route.
    ReferenceNotGranted, "NC7105", "not-granted", "No ReferenceGrant allows the reference across namespaces"
}

/// One reference across namespaces.
struct Crossing {
    from: ObjectRef,
    /// As the API writes it: `HTTPRoute`.
    kind: String,
    to: ObjectRef,
    to_kind: &'static str,
}

impl Check for ReferenceNotGranted {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let all = crossings(cx);
        if all.is_empty() {
            return Verdict::NotApplicable;
        }
        let mut found = Vec::new();
        for crossing in &all {
            let asked = Query::within(Resource::Custom(REFERENCE_GRANTS.to_owned()), &crossing.to.namespace);
            let known = cx.cluster.custom_answer(&asked);
            match &known {
                Known::Got(grants) => {
                    let allowed = grants.iter().filter_map(view::<ReferenceGrant>).any(|g| allows(&g, crossing));
                    found.extend((!allowed).then(|| finding(crossing, grants.len())));
                }
                Known::Absent(_) => found.push(finding(crossing, 0)),
                Known::Denied(_) | Known::Failed(_) | Known::Unasked => {
                    return Verdict::Undetermined(format!(
                        "ReferenceGrants of namespace {}: {}",
                        crossing.to.namespace,
                        known.missing().unwrap_or_default()
                    ));
                }
            }
        }
        found.dedup();
        Verdict::of(found)
    }
}

fn crossings(cx: &Context<'_>) -> Vec<Crossing> {
    let mut all = Vec::new();
    for route in asked(cx) {
        for (service, _) in backends(&route).into_iter().filter(|(s, _)| s.namespace != route.metadata.namespace) {
            all.push(Crossing { from: route.object(), kind: route.kind.clone(), to: service, to_kind: "Service" });
        }
    }
    for gateway in gateways(cx) {
        for secret in secrets(&gateway.object(), cx.cluster).into_iter().filter(|s| s.namespace != gateway.metadata.namespace) {
            all.push(Crossing { from: gateway.object(), kind: "Gateway".to_owned(), to: secret, to_kind: "Secret" });
        }
    }
    all
}

/// The core group is written as an empty text.
fn allows(grant: &ReferenceGrant, crossing: &Crossing) -> bool {
    let from = |f: &crate::model::gateway::GrantFrom| {
        f.group == GROUP && f.kind == crossing.kind && f.namespace == crossing.from.namespace
    };
    let to = |t: &crate::model::gateway::GrantTo| {
        t.group.is_empty() && t.kind == crossing.to_kind && t.name.as_ref().is_none_or(|n| n.is_empty() || *n == crossing.to.name)
    };
    grant.metadata.namespace == crossing.to.namespace && grant.spec.from.iter().any(from) && grant.spec.to.iter().any(to)
}

fn finding(crossing: &Crossing, grants: usize) -> Finding {
    let (from, to) = (&crossing.from, &crossing.to);
    let sentence = format!("{from} may not refer to {to}: no ReferenceGrant in namespace {} allows it.", to.namespace);
    let make = if crossing.to_kind == "Service" { Finding::cause } else { Finding::warning };
    make(ReferenceNotGranted::META, from.clone(), sentence)
        .expected(
            format!("ReferenceGrants of namespace {}", to.namespace),
            format!("one from {} of namespace {} to {}", crossing.kind, from.namespace, crossing.to_kind),
            if grants == 0 { "none".to_owned() } else { format!("{grants}, none of which fits") },
        )
        .next(format!("create a ReferenceGrant in namespace {}, or refer within namespace {}", to.namespace, from.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::json;

    /// The route of `shop` sends to a Service of `kube-system`.
    fn across() -> World {
        let mut world = World::gateway();
        change(
            &mut world,
            "httproutes",
            "/spec/rules/0/backendRefs/0",
            json!({"name": "kube-dns", "namespace": "kube-system", "port": 53}),
        );
        world
    }

    fn grant(kind: &str, name: Option<&str>) -> serde_json::Value {
        let mut to = json!({"group": "", "kind": "Service"});
        if let Some(name) = name {
            to["name"] = json!(name);
        }
        json!({"metadata": {"name": "g", "namespace": "kube-system"},
            "spec": {"from": [{"group": GROUP, "kind": kind, "namespace": "shop"}], "to": [to]}})
    }

    #[test]
    fn a_reference_without_a_grant_is_a_cause() {
        let case = Case::unmeasured(&across(), &to_http_route());
        let found = only(check(&ReferenceNotGranted, &case));
        assert_eq!(
            found.sentence,
            "httproute/shop/web may not refer to service/kube-system/kube-dns: no ReferenceGrant in namespace kube-system allows it."
        );
        assert_eq!(causes(&judge(&case)), ["NC7105"]);
        let mut other = across();
        other.custom.insert(REFERENCE_GRANTS.into(), vec![grant("GRPCRoute", None), grant("HTTPRoute", Some("other"))]);
        assert_eq!(
            only(check(&ReferenceNotGranted, &Case::unmeasured(&other, &to_http_route()))).evidence[0].seen,
            "2, none of which fits"
        );
    }

    #[test]
    fn a_grant_clears_it_and_one_namespace_needs_none() {
        let mut world = across();
        world.custom.insert(REFERENCE_GRANTS.into(), vec![grant("HTTPRoute", None)]);
        assert_eq!(check(&ReferenceNotGranted, &Case::unmeasured(&world, &to_http_route())), Verdict::Clear);
        assert_eq!(check(&ReferenceNotGranted, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::NotApplicable);
    }

    #[test]
    fn denied_grants_are_undetermined() {
        let mut world = across();
        deny(&mut world, REFERENCE_GRANTS);
        assert!(matches!(check(&ReferenceNotGranted, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
