use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Ingress, IngressBackend, Known, Protocol, Service, TargetPort};

use super::{backends, ingress, words};

declare_finding! {
    /// ## What it finds
    ///
    /// An Ingress sends to a port that its Service does not have: the controller finds no endpoints for it, and answers 503 or 404.
    ///
    /// ## How it is proven
    ///
    /// `backend.service.port`, a number or a name, is compared with `spec.ports` of the Service. The number is the Service's port, not the
    /// pods'.
    ///
    /// ## What to do
    ///
    /// Write one of the Service's ports into the Ingress, or add the port to the Service.
    IngressBackendPort, "NC7003", "ingress-backend-port", "The Ingress sends to a port that the Service does not have"
}

impl Check for IngressBackendPort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let mut found = Vec::new();
        for (backend, object, known) in backends(cx, ingress) {
            match known {
                Known::Got(Some(service)) if !has(service, &backend.port) => found.push(finding(ingress, backend, service)),
                // a Service that does not exist is another finding's
                Known::Got(_) => {}
                Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
                    return Verdict::Undetermined(format!("{object}: {}", known.missing().unwrap_or_default()));
                }
            }
        }
        Verdict::of(found)
    }
}

/// An ExternalName Service has no ports that matter: the far end's own is used.
fn has(service: &Service, port: &str) -> bool {
    let tcp = service.ports.iter().filter(|p| p.protocol == Protocol::Tcp);
    service.external_name.is_some() || tcp.into_iter().any(|p| p.name.as_deref() == Some(port) || p.port.to_string() == port)
}

fn finding(ingress: &Ingress, backend: &IngressBackend, service: &Service) -> Finding {
    let (object, target) = (ingress.object(), service.object());
    let ports: Vec<String> = service
        .ports
        .iter()
        .map(|p| format!("{}{}/{}", p.name.as_ref().map(|n| format!("{n}=")).unwrap_or_default(), p.port, p.protocol))
        .collect();
    // the commonest slip is to write the pods' port
    let behind = service.ports.iter().find(|p| match &p.target {
        TargetPort::Number(number) => number.to_string() == backend.port,
        TargetPort::Name(name) => *name == backend.port,
    });
    let (why, next) = match behind {
        Some(port) => (
            format!("that is the pods' own port, the Service's is {}", port.port),
            format!("kubectl -n {} edit ingress {}: use port {}", ingress.namespace, ingress.name, port.port),
        ),
        None => {
            (format!("it has {}", ports.join(", ")), format!("kubectl -n {} edit ingress {}", ingress.namespace, ingress.name))
        }
    };
    let sentence =
        format!("{object} sends {} to port {} of {target}, which has no such port: {why}.", words(backend), backend.port);
    Finding::cause(IngressBackendPort::META, object.clone(), sentence)
        .expected(format!("{object} {}", backend.field), ports.join(", "), backend.port.clone())
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
    fn a_port_the_service_does_not_have_is_a_cause() {
        let mut world = World::edge();
        world.ingresses[0] = made("web", "web.example.com", "/", "web", "8080");
        let case = Case::unmeasured(&world, &to_ingress());
        let found = only(check(&IngressBackendPort, &case));
        assert_eq!(
            found.sentence,
            "ingress/shop/web sends web.example.com/ to port 8080 of service/shop/web, which has no such port: that is the pods' own port, the Service's is 80."
        );
        assert_eq!(causes(&judge(&case)), ["NC7003"]);
        world.ingresses[0] = made("web", "web.example.com", "/", "web", "grpc");
        let found = only(check(&IngressBackendPort, &Case::unmeasured(&world, &to_ingress())));
        assert!(found.sentence.ends_with("it has http=80/TCP."), "{}", found.sentence);
    }

    #[test]
    fn a_number_and_a_name_are_both_healthy() {
        let mut world = World::edge();
        assert_eq!(check(&IngressBackendPort, &Case::unmeasured(&world, &to_ingress())), Verdict::Clear);
        world.ingresses[0] = made("web", "web.example.com", "/", "web", "80");
        assert_eq!(check(&IngressBackendPort, &Case::unmeasured(&world, &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressBackendPort, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_services_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::Services);
        assert!(matches!(check(&IngressBackendPort, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
