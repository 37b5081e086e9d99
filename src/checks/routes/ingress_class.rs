use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::info::controllers::Class;
use crate::model::{Cluster, Ingress};
use crate::plan::names::nearest;

use super::{class, ingress};

declare_finding! {
    /// ## What it finds
    ///
    /// An Ingress names a class that does not exist, or names none where no class is the default: no controller takes it up, and nothing
    /// says so.
    ///
    /// ## How it is proven
    ///
    /// `spec.ingressClassName`, or the annotation `kubernetes.io/ingress.class`, is compared with the IngressClasses of the cluster and with
    /// their annotation `ingressclass.kubernetes.io/is-default-class`. An Ingress whose status has an address was taken up by somebody, and
    /// one with the annotation may be, as some controllers read it without an IngressClass: then it is a warning, or nothing.
    ///
    /// ## What to do
    ///
    /// Set `spec.ingressClassName` to a class of `kubectl get ingressclasses`, or make one of them the default.
    IngressClassMissing, "NC7001", "ingress-class", "No controller takes the Ingress up"
}

impl Check for IngressClassMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let missing = match class(cx, ingress) {
            Err(undetermined) => return undetermined,
            Ok(Class::Of(_)) => return Verdict::Clear,
            Ok(Class::Missing(name)) => Some(name),
            Ok(Class::None) => None,
        };
        // somebody wrote its status
        if !ingress.load_balancer.is_empty() {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(ingress, missing, cx.cluster)])
    }
}

fn finding(ingress: &Ingress, missing: Option<&str>, cluster: &Cluster) -> Finding {
    let object = ingress.object();
    let mut all: Vec<&str> = cluster.ingress_classes.seen().map(|c| c.name.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    let have = if all.is_empty() { "there is no IngressClass".to_owned() } else { all.join(", ") };
    let field = if ingress.class_by_annotation { "annotation kubernetes.io/ingress.class" } else { "spec.ingressClassName" };
    let (sentence, seen) = match missing {
        Some(name) => (format!("{object} is of class {name}, which does not exist: no controller takes it up."), name.to_owned()),
        None => (format!("{object} names no class, and no class is the default: no controller takes it up."), "none".to_owned()),
    };
    let base = if ingress.class_by_annotation {
        Finding::warning(IngressClassMissing::META, object.clone(), sentence).possible()
    } else {
        Finding::cause(IngressClassMissing::META, object.clone(), sentence)
    };
    let near =
        missing.and_then(|name| nearest(name, all.iter().copied())).or(if all.len() == 1 { all.first().copied() } else { None });
    let next = match near {
        Some(class) => format!(
            "kubectl -n {} patch ingress {} -p '{{\"spec\":{{\"ingressClassName\":\"{class}\"}}}}'",
            ingress.namespace, ingress.name
        ),
        None => "kubectl get ingressclasses: install a controller, or name the class of the one there is".to_owned(),
    };
    base.expected(format!("{object} {field}"), have, seen).next(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    fn of_class(class: Option<&str>) -> World {
        let mut world = World::edge();
        world.ingresses[0].class = class.map(str::to_owned);
        world.ingresses[0].load_balancer.clear();
        world
    }

    #[test]
    fn a_class_that_is_not_there_or_none_at_all_is_a_cause() {
        let found = only(check(&IngressClassMissing, &Case::unmeasured(&of_class(Some("ngnix")), &to_ingress())));
        assert_eq!(found.sentence, "ingress/shop/web is of class ngnix, which does not exist: no controller takes it up.");
        assert!(found.next.contains("\"ingressClassName\":\"nginx\""), "{}", found.next);
        let found = only(check(&IngressClassMissing, &Case::unmeasured(&of_class(None), &to_ingress())));
        assert_eq!((found.weight, found.sentence.contains("names no class")), (Weight::Cause, true));
    }

    #[test]
    fn the_annotation_of_old_is_only_a_warning() {
        let mut world = of_class(Some("public"));
        world.ingresses[0].class_by_annotation = true;
        let found = only(check(&IngressClassMissing, &Case::unmeasured(&world, &to_ingress())));
        assert_eq!(found.weight, Weight::Warning);
    }

    #[test]
    fn healthy_default_and_taken_up_are_silent() {
        assert_eq!(check(&IngressClassMissing, &Case::unmeasured(&World::edge(), &to_ingress())), Verdict::Clear);
        let mut world = of_class(None);
        world.ingress_classes[0].is_default = true;
        assert_eq!(check(&IngressClassMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Clear);
        let mut world = of_class(Some("other"));
        world.ingresses[0].load_balancer = vec!["192.0.2.34".into()];
        assert_eq!(check(&IngressClassMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressClassMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_classes_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::IngressClasses);
        assert!(matches!(check(&IngressClassMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
