use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::info::controllers::{Class, of_class, workloads_of};
use crate::model::{Ingress, IngressClass, Known, Resource, Workload};

use super::{class, ingress};

declare_finding! {
    /// ## What it finds
    ///
    /// The controller of an Ingress's class does not run: its Deployment or DaemonSet has no ready pod, or there is none at all.
    ///
    /// ## How it is proven
    ///
    /// The class names its controller; the workloads that run it are known by their image, or by the flag `--controller-class`. That there
    /// is none is only told when the Ingress has no address either, as an image may have been given another name. A controller that runs
    /// outside the cluster, or one that netcheck does not know, is a gap.
    ///
    /// ## What to do
    ///
    /// Look at the controller's pods and their log; install the controller, or name the class of one that runs.
    IngressControllerMissing, "NC7005", "ingress-controller", "The Ingress's controller does not run"
}

impl Check for IngressControllerMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let class = match class(cx, ingress) {
            Err(undetermined) => return undetermined,
            Ok(Class::Of(class)) => class,
            Ok(Class::Missing(_) | Class::None) => return Verdict::NotApplicable,
        };
        let workloads = workloads_of(&class.controller, cx.cluster);
        if let Some(down) = workloads.first() {
            let none_ready = workloads.iter().all(|w| w.ready.unwrap_or(0) == 0);
            return Verdict::of(none_ready.then(|| not_ready(ingress, class, down)).into_iter().collect());
        }
        for resource in [Resource::Deployments, Resource::DaemonSets] {
            let known = cx.cluster.workloads.complete(&resource, None);
            if !matches!(known, Known::Got(_)) {
                return Verdict::Undetermined(format!(
                    "the controller {}: {}",
                    class.controller,
                    known.missing().unwrap_or_default()
                ));
            }
        }
        match of_class(&class.controller) {
            // it runs inside something else, or at the cloud
            Some(controller) if controller.images.is_empty() => Verdict::NotApplicable,
            Some(controller) if ingress.load_balancer.is_empty() => {
                Verdict::Found(vec![not_there(ingress, class, controller.name)])
            }
            Some(_) => Verdict::Undetermined(format!("no workload with an image of {} was seen", class.controller)),
            None => Verdict::Undetermined(format!("netcheck does not know how the controller {} runs", class.controller)),
        }
    }
}

fn not_ready(ingress: &Ingress, class: &IngressClass, workload: &Workload) -> Finding {
    let object = ingress.object();
    let (ready, desired) = (workload.ready.unwrap_or(0), workload.desired.unwrap_or(0));
    let sentence =
        format!("{object} is not served: {}, the controller of its class {}, has no ready pod.", workload.object(), class.name);
    let next = if desired == 0 {
        format!("kubectl -n {} scale {} {} --replicas=1", workload.namespace, workload.kind, workload.name)
    } else {
        format!("kubectl -n {} describe {} {}", workload.namespace, workload.kind, workload.name)
    };
    Finding::cause(IngressControllerMissing::META, object, sentence)
        .expected(format!("{} status", workload.object()), "at least 1 ready", format!("{ready} of {desired} ready"))
        .seen(format!("ingressclass/{} spec.controller", class.name), class.controller.clone())
        .next(next)
}

fn not_there(ingress: &Ingress, class: &IngressClass, name: &str) -> Finding {
    let object = ingress.object();
    let sentence =
        format!("{object} is not served: {name}, the controller of its class {}, was not found in the cluster.", class.name);
    Finding::cause(IngressControllerMissing::META, object.clone(), sentence)
        .expected("Deployments and DaemonSets of all namespaces", format!("one with an image of {name}"), "none")
        .expected(format!("{object} status.loadBalancer"), "an address", "none")
        .next(format!("install {name}, or use the class of a controller that runs: kubectl get ingressclasses"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn no_ready_pod_is_a_cause() {
        let mut world = World::edge();
        let controller = world.workloads.last_mut().unwrap();
        (controller.ready, controller.desired) = (Some(0), Some(0));
        let case = Case::unmeasured(&world, &to_ingress());
        let found = only(check(&IngressControllerMissing, &case));
        assert_eq!(
            found.sentence,
            "ingress/shop/web is not served: deployment/ingress-nginx/ingress-nginx-controller, the controller of its class nginx, has no ready pod."
        );
        assert!(found.next.contains("scale deployment ingress-nginx-controller --replicas=1"), "{}", found.next);
        assert_eq!(causes(&judge(&case)), ["NC7005"]);
    }

    #[test]
    fn no_workload_is_a_cause_only_without_an_address() {
        let mut world = World::edge();
        world.workloads.retain(|w| w.name != "ingress-nginx-controller");
        let case = Case::unmeasured(&world, &to_ingress());
        assert!(matches!(check(&IngressControllerMissing, &case), Verdict::Undetermined(_)));
        world.ingresses[0].load_balancer.clear();
        let found = only(check(&IngressControllerMissing, &Case::unmeasured(&world, &to_ingress())));
        assert!(found.sentence.contains("ingress-nginx, the controller of its class nginx, was not found"), "{}", found.sentence);
    }

    #[test]
    fn an_unknown_controller_is_a_gap() {
        let mut world = World::edge();
        world.ingress_classes[0].controller = "example.com/own".into();
        assert!(matches!(check(&IngressControllerMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&IngressControllerMissing, &Case::unmeasured(&World::edge(), &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressControllerMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_deployments_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::Deployments);
        assert!(matches!(check(&IngressControllerMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
