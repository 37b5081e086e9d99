use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::info::controllers::Class;
use crate::plan::routes::controllers;

use super::{class, ingress};

declare_finding! {
    /// ## What it finds
    ///
    /// An Ingress of a class that exists has no address in its status: its controller has not published one, so nobody outside knows where
    /// to connect to. The controller may not have accepted it, may wait for a load balancer, or may be set up not to publish.
    ///
    /// ## How it is proven
    ///
    /// `status.loadBalancer.ingress` is empty.
    ///
    /// ## What to do
    ///
    /// Look at the Ingress's events and at the external address of the controller's Service.
    IngressWithoutAddress, "NC7008", "ingress-address", "The Ingress has no address"
}

impl Check for IngressWithoutAddress {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        match class(cx, ingress) {
            Err(undetermined) => return undetermined,
            // one without a class has no controller that could publish
            Ok(Class::Missing(_) | Class::None) => return Verdict::NotApplicable,
            Ok(Class::Of(_)) => {}
        }
        if !ingress.load_balancer.is_empty() {
            return Verdict::Clear;
        }
        let object = ingress.object();
        let sentence = format!("{object} has no address: its controller has published none.");
        let mut finding = Finding::warning(Self::META, object.clone(), sentence).proven().expected(
            format!("{object} status.loadBalancer"),
            "an address",
            "none",
        );
        for workload in controllers(&object, cx.cluster) {
            let words = format!("{} of {} ready", workload.ready.unwrap_or(0), workload.desired.unwrap_or(0));
            finding = finding.seen(workload.object().to_string(), words);
        }
        Verdict::Found(vec![finding.next(format!("kubectl -n {} describe ingress {}", ingress.namespace, ingress.name))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, judge, only};
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn no_address_is_a_warning_and_the_controller_is_tried_inside() {
        let mut world = World::edge();
        world.ingresses[0].load_balancer.clear();
        let case = Case::healthy(&world, &to_ingress());
        let found = only(check(&IngressWithoutAddress, &case));
        assert_eq!(
            (found.weight, found.sentence.as_str()),
            (Weight::Warning, "ingress/shop/web has no address: its controller has published none.")
        );
        let answer = judge(&case);
        assert_eq!(answer.exit_code, 0, "{answer:#?}");
        assert!(answer.verdict.sentence.contains("http://web.example.com/ answered 200"), "{}", answer.verdict.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&IngressWithoutAddress, &Case::unmeasured(&World::edge(), &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressWithoutAddress, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_classes_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::IngressClasses);
        assert!(matches!(check(&IngressWithoutAddress, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
