use std::collections::{BTreeSet, HashMap};

use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::model::{Pod, Protocol, Selector, Service, ServiceKind, ServicePort, TargetPort};
use crate::policy::{Direction, PortMatch, Predicate, Rule, Side, Truth};

use super::reach::some;
use super::{Context, Item, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A rule for the port of a Service where the pods behind it get the connections on another port. Policies are asked after the
    /// Service's address and port were translated to a pod's, so the rule lets nothing through, and the port that is used stays closed.
    ///
    /// ## How it is proven
    ///
    /// The number in the rule is the `port` of a Service, whose `targetPort` is another one in the pods that the rule is about: those the
    /// policy selects for ingress, those its peers select for egress. None of these pods declares the rule's port, no Service sends
    /// anything there, and no rule of the policy is for the target port. A process may listen on a port that no container declares, so
    /// this is likely and not proven. Headless Services translate nothing and do not count.
    ///
    /// ## What to do
    ///
    /// Put the pod's port into the rule: the number of `targetPort`, or the name of the container port.
    PortOfTheService, "NC2203", "port-of-the-service", "Policy names the Service's port, not the pod's"
}

impl Lint for PortOfTheService {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let services = Services::of(cx);
        for item in cx.items() {
            for (direction, rule) in item.rules() {
                let Some(side) = item.policy.side(direction) else { continue };
                for (index, port) in rule.ports.iter().flatten().enumerate() {
                    let Some((protocol, number)) = single(port) else { continue };
                    let place = Place { item, direction, rule, side, at: item.port_at(rule, index), protocol, number };
                    if let Some(why) = &services.missing {
                        out.open(Self::META, &item.policy.object, &place.at, format!("the Services: {why}"));
                    } else {
                        place.judge(cx, &services, out);
                    }
                }
            }
        }
    }
}

/// Services that translate.
#[derive(Default)]
struct Services<'a> {
    by_port: HashMap<(Protocol, u16), Vec<(&'a Service, &'a ServicePort)>>,
    /// All that have a selector.
    by_namespace: HashMap<&'a str, Vec<&'a Service>>,
    /// Why not all are at hand.
    missing: Option<String>,
}

impl<'a> Services<'a> {
    fn of(cx: &Context<'a>) -> Self {
        let mut services = Self { missing: cx.services_missing(), ..Self::default() };
        let mut seen = BTreeSet::new();
        for service in cx.cluster.services.seen().filter(|s| !s.selector.is_empty()) {
            if !seen.insert((&service.namespace, &service.name)) {
                continue;
            }
            services.by_namespace.entry(&service.namespace).or_default().push(service);
            if !service.headless && service.kind != ServiceKind::ExternalName {
                for port in &service.ports {
                    services.by_port.entry((port.protocol, port.port)).or_default().push((service, port));
                }
            }
        }
        services
    }

    /// Some Service sends to this port of the pod.
    fn sends_to(&self, pod: &Pod, protocol: Protocol, number: u16) -> bool {
        let mut services = self.by_namespace.get(pod.namespace.as_str()).into_iter().flatten();
        services.any(|service| {
            service.ports.iter().any(|p| p.protocol == protocol && target(p, pod) == Some(number))
                && Selector::of(&service.selector).matches(&pod.labels)
        })
    }
}

/// A rule for one port.
fn single(port: &PortMatch) -> Option<(Protocol, u16)> {
    match port {
        PortMatch::Range { protocol, first, last } if first == last => Some((*protocol, *first)),
        PortMatch::Range { .. }
        | PortMatch::Protocol(_)
        | PortMatch::Named { .. }
        | PortMatch::NoneOf(_)
        | PortMatch::Unknown(_) => None,
    }
}

/// One port of one rule.
struct Place<'c, 'g> {
    item: &'c Item<'g>,
    direction: Direction,
    rule: &'g Rule,
    side: &'g Side,
    at: String,
    protocol: Protocol,
    number: u16,
}

impl Place<'_, '_> {
    fn judge(&self, cx: &Context<'_>, services: &Services<'_>, out: &mut Out) {
        let Some(candidates) = services.by_port.get(&(self.protocol, self.number)) else { return };
        let destination = match self.direction {
            Direction::Ingress => &self.item.policy.subject,
            Direction::Egress => &self.rule.peer,
        };
        if !cx.is_for_pods(destination) {
            return;
        }
        // most rules are about pods that no such Service is for
        let Some((service, port, pod, target)) = candidates.iter().find_map(|(s, p)| self.translated(cx, destination, s, p))
        else {
            return;
        };
        let span = cx.span(destination);
        if span.sure != span.may {
            return out.open(
                PortOfTheService::META,
                &self.item.policy.object,
                &self.at,
                "which pods the rule is about is not known",
            );
        }
        let pods = || span.sure.members().flat_map(|class| cx.members(class)).copied();
        let is_used = |pod: &Pod| declares(pod, self.protocol, self.number) || services.sends_to(pod, self.protocol, self.number);
        if pods().any(is_used) || self.side_has(cx, pod, target) {
            return;
        }
        let object = &self.item.policy.object;
        let (number, protocol) = (self.number, self.protocol);
        let sentence = format!(
            "{object} {} is for {protocol} {number}, the port of {}, and its pods get the connections on {target}: policies see the pod's port.",
            self.at,
            service.object()
        );
        let declared: BTreeSet<String> =
            pods().flat_map(|p| &p.containers).flat_map(|c| &c.ports).map(|p| format!("{} {}", p.protocol, p.port)).collect();
        let declared = if declared.is_empty() { String::from("none") } else { some(declared.into_iter().collect()) };
        let finding = Finding::warning(PortOfTheService::META, object.clone(), sentence)
            .expected(format!("{object} {}", self.at), format!("{protocol} {target}"), format!("{protocol} {number}"))
            .seen(
                format!("{} port {}", service.object(), port.port),
                format!("targetPort {} = {target} in {}", port.target, pod.object()),
            )
            .seen("ports that these pods declare", declared)
            .next(format!("write {target} in place of {number} in {}", self.at));
        out.found(finding, self.at.as_str());
    }

    /// A pod that the rule is about, and gets connections to the Service's port on another one.
    fn translated<'s>(
        &self,
        cx: &Context<'s>,
        destination: &Predicate,
        service: &'s Service,
        port: &'s ServicePort,
    ) -> Option<(&'s Service, &'s ServicePort, &'s Pod, u16)> {
        let selector = Selector::of(&service.selector);
        let mut pods = cx.pods_in(&service.namespace).filter(|p| !p.host_network && selector.matches(&p.labels));
        pods.find_map(|pod| {
            let target = target(port, pod).filter(|t| *t != self.number)?;
            cx.surely(destination, pod).then_some((service, port, pod, target))
        })
    }

    /// The policy has a rule for the pod's own port as well.
    fn side_has(&self, cx: &Context<'_>, pod: &Pod, target: u16) -> bool {
        let endpoint = cx.ground.directory.pod(pod);
        self.side.rules.iter().any(|rule| rule.port_matches(self.protocol, target, &endpoint) != Truth::No)
    }
}

/// The port behind a Service's port in one pod.
fn target(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let mut ports = pod.containers.iter().flat_map(|c| &c.ports);
            ports.find(|p| p.name.as_ref() == Some(name) && p.protocol == port.protocol).map(|p| p.port)
        }
    }
}

fn declares(pod: &Pod, protocol: Protocol, number: u16) -> bool {
    let mut ports = pod.containers.iter().chain(&pod.init_containers).flat_map(|c| &c.ports);
    ports.any(|p| p.port == number && p.protocol == protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, Weight};
    use crate::model::Resource;
    use crate::model::testing::policies::{pods, pods_in, policy, rule, tcp};
    use crate::policy::lint::testing::{Shop, only};

    fn ingress(ports: &[i32]) -> Shop {
        Shop::with([policy("shop", "web", "app=web").ingress([rule([pods("app=client")], ports.iter().map(|p| tcp(*p)))])])
    }

    #[test]
    fn the_port_of_the_service_is_told_for_both_directions() {
        let found = only(ingress(&[80]).lint(&PortOfTheService));
        assert_eq!((found.finding.weight, found.finding.confidence), (Weight::Warning, Confidence::Likely));
        assert_eq!(found.at, "spec.ingress[0].ports[0]");
        assert!(found.finding.sentence.contains("TCP 80, the port of service/shop/web"), "{}", found.finding.sentence);
        assert_eq!(found.finding.next, "write 8080 in place of 80 in spec.ingress[0].ports[0]");
        let egress = policy("shop", "client", "app=client").egress([rule([pods("app=web")], [tcp(80)])]);
        assert_eq!(only(Shop::with([egress]).lint(&PortOfTheService)).at, "spec.egress[0].ports[0]");
    }

    #[test]
    fn ports_that_something_uses_are_not_told() {
        assert!(ingress(&[80, 8080]).lint(&PortOfTheService).is_clear());
        assert!(ingress(&[443]).lint(&PortOfTheService).is_clear());
        let mut shop = ingress(&[80]);
        shop.world.pod("web-2").containers[0].ports.push(crate::model::testing::named("x", 80, Protocol::Tcp));
        assert!(shop.lint(&PortOfTheService).is_clear());
        let mut shop = ingress(&[80]);
        shop.world.service("web").headless = true;
        assert!(shop.lint(&PortOfTheService).is_clear());
        // a second Service that goes there
        let mut shop = ingress(&[80]);
        let mut second = shop.world.service("web").clone();
        second.name = "direct".into();
        second.ports[0].target = TargetPort::Number(80);
        shop.world.services.push(second);
        assert!(shop.lint(&PortOfTheService).is_clear());
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&PortOfTheService).is_clear());
    }

    #[test]
    fn what_the_rule_is_about_must_be_known() {
        let egress =
            policy("shop", "client", "app=client").egress([rule([pods_in("team=shop", "app=web"), pods("app=web")], [tcp(80)])]);
        let mut shop = Shop::with([egress]);
        shop.world.pod("client").labels.insert("app".into(), "web".into());
        shop.world.denied.push(Resource::Services);
        let linted = shop.lint(&PortOfTheService);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }
}
