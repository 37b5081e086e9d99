use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Destination, PortRef, Service, ServiceKind, ServicePort, TargetPort};

use crate::plan::names;
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
        let Some(service) = service(cx).filter(|s| s.kind != ServiceKind::ExternalName) else {
            return Verdict::NotApplicable;
        };
        if let Some(found) = no_such_protocol(cx, service) {
            return Verdict::Found(vec![found]);
        }
        if service.headless {
            return Verdict::NotApplicable;
        }
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

/// A protocol that none of the Service's ports has.
fn no_such_protocol(cx: &Context<'_>, service: &Service) -> Option<Finding> {
    let protocol = cx.question.request.protocol?;
    let is_open = cx.question.port.is_some() || service.ports.is_empty();
    if is_open || service.ports.iter().any(|p| p.protocol == protocol) {
        return None;
    }
    let (object, have) = (service.object(), have(service).join(", "));
    let sentence = match asked(cx) {
        Some(port) => format!("{object} has no port {port}/{protocol}: it has {have}."),
        None => format!("{object} has no {protocol} port: it has {have}."),
    };
    let there = service.ports.first().map_or(crate::model::Protocol::Tcp, |p| p.protocol);
    let next = format!("ask with --protocol {}, or give the Service a {protocol} port", there.to_string().to_lowercase());
    let field = format!("{object} spec.ports");
    Some(Finding::cause(NoSuchPort::META, object, sentence).proven().expected(field, protocol.to_string(), have).next(next))
}

/// The Service's ports as `http=80/TCP`.
fn have(service: &Service) -> Vec<String> {
    let name = |p: &ServicePort| p.name.as_ref().map(|n| format!("{n}=")).unwrap_or_default();
    service.ports.iter().map(|p| format!("{}{}/{}", name(p), p.port, p.protocol)).collect()
}

fn finding(service: &Service, asked: &PortRef) -> Finding {
    let object = service.object();
    let have = have(service);
    // the commonest slip is to use the pod's port
    let behind = service.ports.iter().find(|p| match (&p.target, asked) {
        (TargetPort::Number(target), PortRef::Number(asked)) => target == asked,
        (TargetPort::Name(target), PortRef::Name(asked)) => target == asked,
        (TargetPort::Number(_), PortRef::Name(_)) | (TargetPort::Name(_), PortRef::Number(_)) => false,
    });
    let of_nodes = service.ports.iter().find(|p| matches!(asked, PortRef::Number(n) if p.node_port == Some(*n)));
    let sentence = match behind {
        _ if of_nodes.is_some() => {
            let inside = of_nodes.map_or(0, |p| p.port);
            format!(
                "{object} has no port {asked}: that is its node port, open on the nodes; inside the cluster clients use {inside}."
            )
        }
        Some(port) => {
            format!("{object} has no port {asked}: that is the pods' own port (targetPort), clients use {}.", port.port)
        }
        None => format!("{object} has no port {asked}: it has {}.", have.join(", ")),
    };
    let near = match asked {
        PortRef::Name(name) => names::nearest(name, service.ports.iter().filter_map(|p| p.name.as_deref())),
        PortRef::Number(_) => None,
    };
    let next = match of_nodes.or(behind).or(service.ports.first()) {
        _ if near.is_some() => format!("use port {}", near.unwrap_or_default()),
        Some(port) if matches!(asked, PortRef::Name(_)) && port.name.is_some() => {
            format!("use port {}", port.name.as_deref().unwrap_or_default())
        }
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
    fn a_protocol_that_no_port_has_is_named() {
        let mut request = to_web();
        request.protocol = Some(crate::model::Protocol::Udp);
        let found = only(check(&NoSuchPort, &Case::unmeasured(&World::shop(), &request)));
        assert_eq!(found.sentence, "service/shop/web has no UDP port: it has http=80/TCP.");
        assert_eq!(found.next, "ask with --protocol tcp, or give the Service a UDP port");
        request.port = Some(PortRef::Number(80));
        let found = only(check(&NoSuchPort, &Case::unmeasured(&World::shop(), &request)));
        assert_eq!(found.sentence, "service/shop/web has no port 80/UDP: it has http=80/TCP.");
    }

    #[test]
    fn its_own_node_port_is_told_apart() {
        let mut world = World::shop();
        world.service("web").ports[0].node_port = Some(30_157);
        let mut request = to_web();
        request.port = Some(PortRef::Number(30_157));
        let found = only(check(&NoSuchPort, &Case::unmeasured(&world, &request)));
        assert!(found.sentence.contains("that is its node port") && found.next == "use port 80", "{found:?}");
    }

    #[test]
    fn a_mistyped_name_is_told_the_right_one() {
        let mut request = to_web();
        request.port = Some(PortRef::Name("htpp".into()));
        assert_eq!(only(check(&NoSuchPort, &Case::unmeasured(&World::shop(), &request))).next, "use port http");
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&NoSuchPort, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
