use std::collections::BTreeSet;

use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::model::{Pod, Protocol};
use crate::plan::names;
use crate::policy::{Direction, PortMatch, Predicate, Rule};

use super::reach::{namespace_of, some};
use super::{Context, Item, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A rule for a port by its name, where no container of the pods that it is about declares a port of that name and protocol. The rule
    /// lets nothing through by this port.
    ///
    /// ## How it is proven
    ///
    /// From the `ports` of all containers of the destination: the pods that the policy selects for ingress, those its peers select for
    /// egress. A name stands for what each pod declares under it, and for nothing where a pod declares none. It is not told while one of
    /// the pods has it, nor for workloads without pods.
    ///
    /// ## What to do
    ///
    /// Name the port in the pod template, correct the name, or write the number. The name of a port of the Service is another one.
    PolicyPortNameUnknown, "NC2204", "policy-port-name-unknown", "Policy names a port that no pod declares"
}

impl Lint for PolicyPortNameUnknown {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        for item in cx.items() {
            for (direction, rule) in item.rules() {
                for (index, port) in rule.ports.iter().flatten().enumerate() {
                    if let PortMatch::Named { protocol, name } = port {
                        one(cx, item, direction, rule, &Named { at: item.port_at(rule, index), protocol: *protocol, name }, out);
                    }
                }
            }
        }
    }
}

struct Named<'r> {
    at: String,
    protocol: Option<Protocol>,
    name: &'r str,
}

impl Named<'_> {
    fn is_declared_by(&self, pod: &Pod) -> bool {
        let mut ports = pod.containers.iter().chain(&pod.init_containers).flat_map(|c| &c.ports);
        ports.any(|p| p.name.as_deref() == Some(self.name) && self.protocol.is_none_or(|wanted| wanted == p.protocol))
    }
}

fn one(cx: &Context<'_>, item: &Item<'_>, direction: Direction, rule: &Rule, named: &Named<'_>, out: &mut Out) {
    let meta = PolicyPortNameUnknown::META;
    let object = &item.policy.object;
    let everybody = Predicate::Pod;
    let destination = match direction {
        Direction::Ingress => &item.policy.subject,
        // only pods have names for ports
        Direction::Egress if rule.peer == Predicate::EVERYTHING => &everybody,
        Direction::Egress => &rule.peer,
    };
    if *destination != everybody && !cx.is_for_pods(destination) {
        return;
    }
    let span = cx.span(destination);
    let pods = || span.may.members().flat_map(|class| cx.members(class)).copied();
    let has_unseen = span.may.members().any(|class| cx.members(class).is_empty());
    if has_unseen || pods().next().is_none() || pods().any(|pod| named.is_declared_by(pod)) {
        return;
    }
    let scope = namespace_of(destination);
    if let Some(why) = cx.pods_missing(scope) {
        return out.open(meta, object, &named.at, why);
    }
    if span.sure != span.may {
        return out.open(meta, object, &named.at, "which pods the rule is about is not known");
    }
    if cx.is_manifests() && scope.is_none() {
        return out.outside(meta, object, &named.at, "the manifests may not hold all pods of the namespaces it is for");
    }
    out.found(finding(cx, item, named, &pods().collect::<Vec<_>>()), named.at.as_str());
}

fn finding(cx: &Context<'_>, item: &Item<'_>, named: &Named<'_>, pods: &[&Pod]) -> Finding {
    let object = &item.policy.object;
    let who = some(pods.iter().map(|p| p.object().to_string()).collect());
    let sentence =
        format!("{object} {} is for the port named {:?}, and no container of {who} declares one.", named.at, named.name);
    let ports = || pods.iter().flat_map(|p| &p.containers).flat_map(|c| &c.ports);
    let known: BTreeSet<&str> = ports().filter_map(|p| p.name.as_deref()).collect();
    let declared: BTreeSet<String> = ports()
        .map(|p| {
            p.name.as_ref().map_or_else(|| format!("{} {}", p.protocol, p.port), |n| format!("{n} = {} {}", p.protocol, p.port))
        })
        .collect();
    let declared = if declared.is_empty() { String::from("none") } else { some(declared.into_iter().collect()) };
    let wanted = named.protocol.map_or_else(|| named.name.to_owned(), |p| format!("{} ({p})", named.name));
    let guess = names::nearest(named.name, known.into_iter()).filter(|near| *near != named.name);
    let guess = guess.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let finding = Finding::warning(PolicyPortNameUnknown::META, object.clone(), sentence)
        .expected("ports that these pods declare", wanted, declared)
        .next(format!("name the port in the pod template, or write its number{guess}"));
    if cx.is_manifests() { finding } else { finding.proven() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::policies::{by_name, pods, policy, rule};
    use crate::policy::lint::testing::{Shop, only};

    fn ingress(name: &str) -> Shop {
        Shop::with([policy("shop", "web", "app=web").ingress([rule([pods("app=client")], [by_name(name)])])])
    }

    #[test]
    fn a_name_that_no_pod_has_is_told() {
        let found = only(ingress("htpp").lint(&PolicyPortNameUnknown));
        assert_eq!((found.at.as_str(), found.finding.weight), ("spec.ingress[0].ports[0]", Weight::Warning));
        assert!(found.finding.next.ends_with("did you mean \"http\"?"), "{}", found.finding.next);
        let egress = policy("shop", "client", "app=client").egress([rule([pods("app=web")], [by_name("web")])]);
        let found = only(Shop::with([egress]).lint(&PolicyPortNameUnknown));
        assert!(found.finding.sentence.contains("no container of pod/shop/web-1, pod/shop/web-2"), "{}", found.finding.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert!(ingress("http").lint(&PolicyPortNameUnknown).is_clear());
        assert!(Shop::healthy().lint(&PolicyPortNameUnknown).is_clear());
        // one pod of two is enough, and a rule about nobody is another finding
        let mut shop = ingress("http");
        shop.world.pod("web-1").containers[0].ports.clear();
        assert!(shop.lint(&PolicyPortNameUnknown).is_clear());
        let nobody = policy("shop", "x", "app=x").ingress([rule([], [by_name("x")])]);
        assert!(Shop::with([nobody]).lint(&PolicyPortNameUnknown).is_clear());
    }

    #[test]
    fn what_was_not_listed_leaves_it_open() {
        let mut shop = ingress("htpp");
        shop.world.denied.push(Resource::Jobs);
        let linted = shop.lint(&PolicyPortNameUnknown);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }
}
