use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Destination, PortRef, Service, ServiceKind, TargetPort};

use crate::plan::resolve::split_url;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// The port asked for is not among the Service's ports: nothing translates it, and connections hang or are refused.
    ///
    /// ## How it is proven
    ///
    /// `spec.ports` of the Service lists every port it has. Clients use `port`; `targetPort` is the pod's.
    ///
    /// ## What to do
    ///
    /// Use a port the Service has, or add the port to the Service.
    NoSuchPort, "NC3008", "no-such-port", "Service does not have that port"
}

impl Check for NoSuchPort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| s.kind != ServiceKind::ExternalName && !s.headless) else {
            return Verdict::NotApplicable;
        };
        if cx.question.port.is_some() || service.ports.is_empty() && cx.question.request.port.is_none() {
            return Verdict::Clear;
        }
        let Some(asked) = asked(cx) else { return Verdict::Clear };
        Verdict::Found(vec![finding(service, &asked)])
    }
}

fn asked(cx: &Context<'_>) -> Option<PortRef> {
    let request = &cx.question.request;
    if let Destination::Url(url) = &request.destination {
        return split_url(url).map(|(_, port)| PortRef::Number(port));
    }
    request.port.clone()
}

fn finding(service: &Service, asked: &PortRef) -> Finding {
    let object = service.object();
    let have: Vec<String> = service
        .ports
        .iter()
        .map(|p| format!("{}{}/{}", p.name.as_ref().map(|n| format!("{n}=")).unwrap_or_default(), p.port, p.protocol))
        .collect();
    // the commonest slip is to use the pod's port
    let behind = service.ports.iter().find(|p| match (&p.target, asked) {
        (TargetPort::Number(target), PortRef::Number(asked)) => target == asked,
        (TargetPort::Name(target), PortRef::Name(asked)) => target == asked,
        (TargetPort::Number(_), PortRef::Name(_)) | (TargetPort::Name(_), PortRef::Number(_)) => false,
    });
    let sentence = match behind {
        Some(port) => {
            format!("{object} has no port {asked}: that is the pods' own port (targetPort), clients use {}.", port.port)
        }
        None => format!("{object} has no port {asked}: it has {}.", have.join(", ")),
    };
    let next = match behind.or(service.ports.first()) {
        Some(port) => format!("use port {}", port.port),
        None => format!("kubectl -n {} describe service {}", service.namespace, service.name),
    };
    Finding::cause(NoSuchPort::META, object.clone(), sentence)
        .proven()
        .expected(format!("{object} spec.ports"), asked.to_string(), have.join(", "))
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn the_pods_port_is_told_from_the_services() {
        let mut request = to_web();
        request.port = Some(PortRef::Number(8080));
        let found = only(check(&NoSuchPort, &Case::unmeasured(&World::shop(), &request)));
        assert_eq!(found.sentence, "service/shop/web has no port 8080: that is the pods' own port (targetPort), clients use 80.");
        request.port = Some(PortRef::Name("metrics".into()));
        let found = only(check(&NoSuchPort, &Case::unmeasured(&World::shop(), &request)));
        assert_eq!(found.sentence, "service/shop/web has no port metrics: it has http=80/TCP.");
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&NoSuchPort, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
