use crate::checks::pods::{selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ContainerPort, Known, Pod, Service, ServicePort, TargetPort};
use crate::plan::backends::asked_port;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service's `targetPort` is a name, and the pods it selects have no container port of that name and protocol. Such a pod
    /// is left out of the port's endpoints, without any error.
    ///
    /// ## How it is proven
    ///
    /// `spec.ports[].targetPort` is compared with the container ports of every selected pod.
    ///
    /// ## What to do
    ///
    /// Name the container port as the Service does, or use the number.
    NamedPortMissing, "NC3004", "named-port-missing", "Pods have no port of that name"
}

impl Check for NamedPortMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx) else { return Verdict::NotApplicable };
        let Some(port) = asked_port(service, cx.question.port, cx.question.protocol) else { return Verdict::NotApplicable };
        let TargetPort::Name(name) = &port.target else { return Verdict::NotApplicable };
        let pods = selected(cx, &service.namespace, &service.name);
        let Known::Got(pods) = &pods else { return unknown_pods(&service.object(), &pods) };
        let without: Vec<&Pod> = pods
            .iter()
            .filter(|p| !ports(p).any(|c| c.name.as_ref() == Some(name) && c.protocol == port.protocol))
            .copied()
            .collect();
        match without.first() {
            None => Verdict::Clear,
            Some(pod) => Verdict::Found(vec![finding(service, port, name, pod, (without.len(), pods.len()))]),
        }
    }
}

fn ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    pod.containers.iter().chain(&pod.init_containers).flat_map(|c| &c.ports)
}

fn finding(service: &Service, port: &ServicePort, name: &str, pod: &Pod, (without, all): (usize, usize)) -> Finding {
    let object = service.object();
    let have: Vec<String> =
        ports(pod).map(|c| format!("{}={}/{}", c.name.as_deref().unwrap_or("(unnamed)"), c.port, c.protocol)).collect();
    let have = if have.is_empty() { "no declared port".to_owned() } else { have.join(", ") };
    let wanted = format!("{name} ({})", port.protocol);
    let (make, sentence): (fn(&'static Meta, _, String) -> Finding, String) = if without == all {
        (
            Finding::cause,
            format!(
                "{object} port {} has no endpoint: its targetPort {name:?} names no {} port of its pods ({have}).",
                port.port, port.protocol
            ),
        )
    } else {
        (
            Finding::warning,
            format!(
                "{object} port {} leaves out {without} of {all} pods: they have no {} port named {name:?}.",
                port.port, port.protocol
            ),
        )
    };
    make(NamedPortMissing::META, object.clone(), sentence)
        .seen(format!("{object} spec.ports[{}].targetPort", port.port), name)
        .expected(format!("{} spec.containers[].ports", pod.object()), wanted, have)
        .next(format!("kubectl -n {} edit service {}: set targetPort to a port the pods have", service.namespace, service.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn a_name_no_pod_has_is_a_cause() {
        let mut world = World::shop();
        world.service("web").ports[0].target = TargetPort::Name("htpp".into());
        world.slices.iter_mut().filter(|s| s.service.as_deref() == Some("web")).for_each(|s| s.ports.clear());
        let found = only(check(&NamedPortMissing, &Case::unmeasured(&world, &to_web())));
        assert!(found.sentence.contains("\"htpp\"") && found.sentence.contains("http=8080/TCP"), "{}", found.sentence);
    }

    #[test]
    fn a_name_all_pods_have_is_clear() {
        let mut world = World::shop();
        world.service("web").ports[0].target = TargetPort::Name("http".into());
        assert_eq!(check(&NamedPortMissing, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_pods_are_undetermined() {
        let mut world = World::shop();
        world.service("web").ports[0].target = TargetPort::Name("http".into());
        let mut case = Case::unmeasured(&world, &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(check(&NamedPortMissing, &case), Verdict::Undetermined(_)));
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&NamedPortMissing, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
