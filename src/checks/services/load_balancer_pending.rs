use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ServiceKind;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service of type LoadBalancer that has no external address yet (`EXTERNAL-IP <pending>`). It works inside the cluster;
    /// clients outside have nothing to connect to.
    ///
    /// ## How it is proven
    ///
    /// `status.loadBalancer.ingress` is empty.
    ///
    /// ## What to do
    ///
    /// On a cloud look at the cloud controller manager's events on the Service. On bare metal somebody must hand out addresses:
    /// install a load-balancer controller, or use the node port.
    LoadBalancerPending, "NC3013", "load-balancer-pending", "LoadBalancer has no external address"
}

impl Check for LoadBalancerPending {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| s.kind == ServiceKind::LoadBalancer) else { return Verdict::NotApplicable };
        if !service.load_balancer.is_empty() {
            return Verdict::Clear;
        }
        let object = service.object();
        let class = service.load_balancer_class.clone().unwrap_or_else(|| "the default class".to_owned());
        let sentence =
            format!("{object} is of type LoadBalancer and has no external address: clients outside the cluster cannot reach it.");
        let finding = Finding::warning(Self::META, object.clone(), sentence)
            .proven()
            .expected(format!("{object} status.loadBalancer.ingress"), "an address", format!("none ({class})"))
            .next(format!(
                "kubectl -n {} describe service {}: its events say which controller tried",
                service.namespace, service.name
            ));
        Verdict::Found(vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn pending_is_a_warning_and_an_address_clears_it() {
        let mut world = World::shop();
        world.service("web").kind = ServiceKind::LoadBalancer;
        let found = only(check(&LoadBalancerPending, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Warning);
        world.service("web").load_balancer = vec!["203.0.113.9".into()];
        assert_eq!(check(&LoadBalancerPending, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&LoadBalancerPending, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
