use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Ingress, IngressBackend, Known};
use crate::plan::names::nearest;

use super::{backends, ingress, words};

declare_finding! {
    /// ## What it finds
    ///
    /// An Ingress sends a host and path to a Service that does not exist in its namespace: the controller answers them with 503 or 404, or
    /// refuses the whole object.
    ///
    /// ## How it is proven
    ///
    /// Each backend's Service is read by name. An Ingress reaches Services of its own namespace only.
    ///
    /// ## What to do
    ///
    /// Write the Service's name as it is, or create the Service in the Ingress's namespace.
    IngressBackendMissing, "NC7002", "ingress-backend-missing", "The Ingress sends to a Service that does not exist"
}

impl Check for IngressBackendMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let mut missing: Vec<&IngressBackend> = Vec::new();
        for (backend, service, known) in backends(cx, ingress) {
            match known {
                Known::Got(Some(_)) => {}
                Known::Got(None) => missing.push(backend),
                Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
                    return Verdict::Undetermined(format!("{service}: {}", known.missing().unwrap_or_default()));
                }
            }
        }
        // one finding a Service, whatever the number of its paths
        let first = |b: &&&IngressBackend| missing.iter().find(|m| m.service == b.service) == Some(b);
        Verdict::of(missing.iter().filter(first).map(|b| finding(cx, ingress, b)).collect())
    }
}

fn finding(cx: &Context<'_>, ingress: &Ingress, backend: &IngressBackend) -> Finding {
    let object = ingress.object();
    let namespace = &ingress.namespace;
    let all = || cx.cluster.services.seen();
    let elsewhere = all().find(|s| s.name == backend.service && s.namespace != *namespace);
    let near = nearest(&backend.service, all().filter(|s| s.namespace == *namespace).map(|s| s.name.as_str()));
    let why = match elsewhere {
        Some(service) => format!(" there is one in namespace {}, which an Ingress cannot reach", service.namespace),
        None => " requests for it cannot be served".to_owned(),
    };
    let sentence =
        format!("{object} sends {} to service/{namespace}/{}, which does not exist:{why}.", words(backend), backend.service);
    let next = match near {
        Some(name) => format!("kubectl -n {namespace} edit ingress {}: did you mean Service {name}?", ingress.name),
        None => format!("kubectl -n {namespace} get services"),
    };
    Finding::cause(IngressBackendMissing::META, object.clone(), sentence)
        .expected(format!("{object} {}", backend.field), "a Service of the namespace", backend.service.clone())
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::Resource;
    use crate::model::testing::World;
    use crate::model::testing::edge::ingress as made;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn a_service_that_is_not_there_is_a_cause() {
        let mut world = World::edge();
        world.ingresses[0] = made("web", "web.example.com", "/", "wbe", "80");
        let case = Case::unmeasured(&world, &to_ingress());
        let found = only(check(&IngressBackendMissing, &case));
        assert_eq!(
            found.sentence,
            "ingress/shop/web sends web.example.com/ to service/shop/wbe, which does not exist: requests for it cannot be served."
        );
        assert_eq!(causes(&judge(&case)), ["NC7002"]);
        world.ingresses[0] = made("web", "web.example.com", "/", "ingress-nginx-controller", "80");
        let found = only(check(&IngressBackendMissing, &Case::unmeasured(&world, &to_ingress())));
        assert!(found.sentence.contains("there is one in namespace ingress-nginx"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&IngressBackendMissing, &Case::unmeasured(&World::edge(), &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressBackendMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_services_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::Services);
        assert!(matches!(check(&IngressBackendMissing, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
