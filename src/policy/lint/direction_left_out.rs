use std::collections::BTreeMap;

use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::model::NetworkPolicy;
use crate::policy::Engine;

use super::{Context, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A NetworkPolicy with rules of a direction that its `policyTypes` leaves out. The API takes it, and the rules mean nothing: the
    /// policy neither isolates that direction nor allows anything in it. Cilium applies such rules all the same, and isolates the
    /// direction, so that the policy means another thing there than elsewhere.
    ///
    /// ## How it is proven
    ///
    /// From `policyTypes`, `ingress` and `egress` (`k8s.io/api/networking/v1/types.go`; cilium/cilium `pkg/k8s/network_policy.go`).
    ///
    /// ## What to do
    ///
    /// Name the direction in `policyTypes`, or remove its rules. Without `policyTypes`, ingress counts always, and egress where there are
    /// egress rules.
    DirectionLeftOut, "NC2210", "direction-left-out", "Rules of a direction that policyTypes leaves out"
}

impl Lint for DirectionLeftOut {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let once: BTreeMap<_, &NetworkPolicy> = cx.cluster.network_policies.seen().map(|p| (p.object(), p)).collect();
        for (object, policy) in once.into_iter().filter(|(object, _)| cx.is_wanted(object)) {
            if policy.policy_types.is_empty() {
                continue;
            }
            for (kind, field, rules) in [("Ingress", "ingress", &policy.ingress), ("Egress", "egress", &policy.egress)] {
                if rules.is_empty() || policy.policy_types.iter().any(|t| t == kind) {
                    continue;
                }
                let effect = match cx.ground.enforcement.engine {
                    Engine::Spec => "they change nothing",
                    Engine::Cilium(_) => "Cilium applies them all the same, other networks do not",
                };
                let sentence = format!("{object} has {field} rules, and its policyTypes leave out {kind}: {effect}.");
                let finding = Finding::warning(Self::META, object.clone(), sentence)
                    .proven()
                    .expected(format!("{object} spec.policyTypes"), kind, policy.policy_types.join(", "))
                    .next(format!("add {kind} to policyTypes, or remove the {field} rules"));
                out.found(finding, format!("spec.{field}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::policies::{pods, policy, rule, tcp};
    use crate::policy::lint::testing::{Shop, only};

    fn mixed() -> NetworkPolicy {
        let mut policy = policy("shop", "web", "app=web").ingress([rule([pods("app=client")], [tcp(8080)])]);
        policy.egress = vec![rule([pods("app=client")], [])];
        policy
    }

    #[test]
    fn rules_that_do_not_count_are_told() {
        let found = only(Shop::with([mixed()]).lint(&DirectionLeftOut));
        assert_eq!((found.at.as_str(), found.finding.weight), ("spec.egress", Weight::Warning));
        assert!(found.finding.sentence.contains("policyTypes leave out Egress"), "{}", found.finding.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&DirectionLeftOut).is_clear());
        let mut untyped = mixed();
        untyped.policy_types.clear();
        assert!(Shop::with([untyped]).lint(&DirectionLeftOut).is_clear());
    }

    #[test]
    fn policies_that_could_not_be_listed_leave_it_open() {
        let mut shop = Shop::with([mixed()]);
        shop.world.denied.push(Resource::NetworkPolicies);
        let linted = shop.lint(&DirectionLeftOut);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }
}
