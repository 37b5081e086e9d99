use std::collections::BTreeMap;

use crate::declare_finding;
use crate::dns_config::{self, DNS_LABEL};
use crate::finding::{Finding, Meta};
use crate::model::{Labels, ObjectRef, Pod, Protocol, Service, TargetPort};
use crate::policy::{
    Action, Direction, Endpoint, EndpointKind, Engine, Flow, LabelView, NAME_LABEL, Outcome, Policy, PortMatch, Predicate,
    Reason, Rule, Rulebook,
};

use super::reach::some;
use super::{Context, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// Pods whose egress is isolated and which may connect to something, but not to the cluster's DNS: no name resolves, so that even
    /// what is allowed is out of reach for anybody who asks for it by name.
    ///
    /// ## How it is proven
    ///
    /// By deciding a connection from the pods to every pod behind the DNS Service, at the port of the pod and over UDP, and to the
    /// addresses of NodeLocal DNS where it runs. Pods that may connect to nothing are not told, nor those which do not use the cluster's
    /// DNS. It is a note where only address ranges are allowed. Manifests seldom hold the DNS itself: with them, the DNS pods are taken to
    /// be those with `k8s-app: kube-dns` in `kube-system`, and any rule for port 53 over UDP counts as the one for DNS.
    ///
    /// ## What to do
    ///
    /// Allow egress to the DNS pods at their own port, over UDP and TCP:
    ///
    /// ```yaml
    /// - to:
    ///   - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
    ///     podSelector: {matchLabels: {k8s-app: kube-dns}}
    ///   ports:
    ///   - {protocol: UDP, port: 53}
    ///   - {protocol: TCP, port: 53}
    /// ```
    ///
    /// The port is that of the pods, such as 5353 on OpenShift, and not the Service's. Where NodeLocal DNS runs, the pods ask an address
    /// of their own node, which needs a rule with that address.
    EgressWithoutDns, "NC2205", "egress-without-dns", "Policy isolates egress and leaves out DNS"
}

const BEFORE_OR_AFTER: &str = "a rule has the address of the DNS Service, and the API does not say whether ipBlock sees addresses before or after \
                               they are translated";
const UNREAD: &str = "the DNS pods are not in the manifests";

impl Lint for EgressWithoutDns {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let assumed = Assumed::new();
        let servers = Servers::of(cx, &assumed);
        let mut groups: BTreeMap<(ObjectRef, String, bool), Vec<String>> = BTreeMap::new();
        for class in 0..cx.class_count() {
            let Some(pod) = cx.members(class).iter().find(|p| resolves(p)) else { continue };
            let mut policies = cx.applying(class).into_iter().flatten();
            let Some(first) = policies.find(|p| p.side(Direction::Egress).is_some() && cx.is_wanted(&p.object)) else { continue };
            let servers = match &servers {
                Ok(servers) => servers,
                Err(why) => {
                    out.open(Self::META, &first.object, "spec.egress", why.as_str());
                    continue;
                }
            };
            let book = cx.book_of(class);
            match servers.reached(cx, &book, pod) {
                Reached::Yes => {}
                Reached::Unknown(why) => out.open(Self::META, &first.object, "spec.egress", why),
                Reached::No(object, why) => {
                    let Some(by_name) = allowed(&book, servers.is_assumed) else { continue };
                    let pods = cx.members(class).iter().filter(|p| resolves(p)).map(|p| p.object().to_string());
                    groups.entry((object, why, by_name)).or_default().extend(pods);
                }
            }
        }
        for ((object, why, by_name), pods) in groups.into_iter().filter(|((object, ..), _)| cx.is_wanted(object)) {
            if let Ok(servers) = &servers {
                out.found(finding(cx, servers, &object, &why, by_name, pods), "spec.egress");
            }
        }
    }
}

/// It asks the cluster's DNS.
fn resolves(pod: &Pod) -> bool {
    let asks = matches!(pod.dns_policy.as_deref(), None | Some("ClusterFirst" | "ClusterFirstWithHostNet"));
    asks && !pod.host_network && !pod.is_finished()
}

fn finding(cx: &Context<'_>, servers: &Servers<'_>, object: &ObjectRef, why: &str, by_name: bool, pods: Vec<String>) -> Finding {
    let who = some(pods);
    let sentence =
        format!("{object} isolates egress of {who}, and nothing lets it reach {}: names do not resolve.", servers.name);
    let make = if by_name { Finding::warning } else { Finding::note };
    let finding = make(EgressWithoutDns::META, object.clone(), sentence)
        .expected(format!("egress to {}", servers.name), "allowed", why)
        .next("allow egress to the DNS pods at their own port over UDP and TCP: kubectl netcheck explain NC2205");
    if cx.is_manifests() { finding } else { finding.proven() }
}

/// What answers DNS for pods.
struct Servers<'s> {
    /// Any of them.
    ends: Vec<(Endpoint<'s>, u16)>,
    /// The Service's own addresses.
    virtual_ends: Vec<Endpoint<'s>>,
    name: String,
    is_assumed: bool,
}

enum Reached {
    Yes,
    /// The policy that keeps it away, and how.
    No(ObjectRef, String),
    Unknown(String),
}

/// What the DNS of most clusters looks like, for manifests that do not hold it.
struct Assumed {
    labels: [Labels; 2],
    namespaces: [Labels; 2],
}

impl Assumed {
    fn new() -> Self {
        let one = |key: &str, value: &str| Labels::from([(key.to_owned(), value.to_owned())]);
        let (key, value) = DNS_LABEL.split_once('=').unwrap_or((DNS_LABEL, ""));
        Self {
            labels: [one(key, value), one("dns.operator.openshift.io/daemonset-dns", "default")],
            namespaces: [one(NAME_LABEL, "kube-system"), one(NAME_LABEL, "openshift-dns")],
        }
    }

    fn ends<'s>(&'s self, cx: &Context<'s>) -> Vec<(Endpoint<'s>, u16)> {
        let places = [("kube-system", 53), ("openshift-dns", 5353)];
        let each = places.into_iter().zip(&self.labels).zip(&self.namespaces);
        let end = |(((namespace, port), labels), namespaces): (((&'s str, u16), &'s Labels), &'s Labels)| {
            let view = |labels| LabelView { labels, missing: Some(UNREAD) };
            let outside = cx.ground.directory.external(&[]);
            let (labels, namespace_labels) = (view(labels), view(namespaces));
            (Endpoint { kind: EndpointKind::Pod, namespace, name: "dns", labels, namespace_labels, ..outside }, port)
        };
        each.map(end).collect()
    }
}

impl<'s> Servers<'s> {
    fn of(cx: &Context<'s>, assumed: &'s Assumed) -> Result<Self, String> {
        let dns = dns_config::cluster_dns(cx.cluster);
        let Some(service) = dns.service() else {
            if cx.is_manifests() {
                let name = String::from("the cluster's DNS (UDP 53 of the pods with k8s-app=kube-dns in kube-system)");
                return Ok(Self { ends: assumed.ends(cx), virtual_ends: Vec::new(), name, is_assumed: true });
            }
            let why = dns.services.missing().unwrap_or_else(|| String::from("there is none"));
            return Err(format!("the cluster's DNS Service: {why}"));
        };
        let pods = dns.pods.got().map(Vec::as_slice).unwrap_or_default();
        let mut ends: Vec<(Endpoint<'s>, u16)> =
            pods.iter().filter_map(|pod| Some((cx.ground.directory.pod(pod), port(service, pod)?))).collect();
        if ends.is_empty() {
            let why = dns.pods.missing().unwrap_or_else(|| String::from("there are none"));
            return Err(format!("the pods behind {}: {why}", service.object()));
        }
        if let Some(cache) = &dns.node_local {
            let addresses = &cx.ground.node_local;
            if addresses.is_empty() {
                return Err(format!("the addresses of {}, which answers in place of the DNS pods", cache.workload.object()));
            }
            ends.extend(addresses.iter().map(|ip| (cx.ground.directory.external(std::slice::from_ref(ip)), 53)));
        }
        let at = pods.first().and_then(|pod| port(service, pod)).unwrap_or(53);
        let names = some(pods.iter().map(|p| p.object().to_string()).collect());
        let ips = service.cluster_ips.iter();
        let virtual_ends = ips.map(|ip| cx.ground.directory.external(std::slice::from_ref(ip))).collect();
        Ok(Self { ends, virtual_ends, name: format!("{} (UDP {at} of {names})", service.object()), is_assumed: false })
    }

    /// A rule for addresses has the Service's own, which the pods do not have. Cilium sees the pods.
    fn is_let_to_the_service(&self, cx: &Context<'_>, book: &Rulebook, pod: &Pod) -> bool {
        cx.ground.enforcement.engine == Engine::Spec
            && self.virtual_ends.iter().any(|to| {
                let v6 = to.ips.first().is_some_and(std::net::IpAddr::is_ipv6);
                let flow = Flow { from: cx.ground.directory.pod(pod), to: *to, protocol: Protocol::Udp, port: 53, v6 };
                book.decide(&flow, Direction::Egress).outcome != Outcome::Denied
            })
    }

    /// Whether a pod's policies let it ask any of them.
    fn reached(&self, cx: &Context<'_>, book: &Rulebook, pod: &Pod) -> Reached {
        let mut unknown = None;
        let mut denied = None;
        for (to, port) in &self.ends {
            let from = cx.ground.directory.pod(pod);
            let v6 = from.ip(false).is_none() && from.ip(true).is_some();
            let flow = Flow { from, to: *to, protocol: Protocol::Udp, port: *port, v6 };
            let decision = book.decide(&flow, Direction::Egress);
            match (decision.outcome, decision.reason) {
                (Outcome::Allowed, _) => return Reached::Yes,
                (Outcome::Denied, Reason::Rule { policy, rule }) => {
                    denied.get_or_insert((policy.object.clone(), format!("{} {} denies it", policy.object, rule.at)));
                }
                (Outcome::Denied, Reason::Isolated { policies }) => {
                    let names = some(policies.iter().map(|p| p.object.to_string()).collect());
                    let wanted = || policies.iter().filter(|p| cx.is_wanted(&p.object) && p.object.kind != "configmap");
                    // where something is allowed, the rule is missing
                    let has_rules = |p: &&&Policy| p.side(Direction::Egress).is_some_and(|s| !s.rules.is_empty());
                    let place = wanted().find(has_rules).or_else(|| wanted().next()).map(|p| p.object.clone());
                    denied = denied.or(place.map(|o| (o, format!("denied: isolated by {names}, without a rule for it"))));
                }
                (Outcome::Undetermined, Reason::Unknown(why)) => unknown = unknown.or(why.into_iter().next()),
                (Outcome::Denied | Outcome::Undetermined, _) => unknown = unknown.or(Some(String::from("it is not decided"))),
            }
        }
        match (unknown, denied) {
            (Some(why), _) => Reached::Unknown(why),
            (None, Some(_)) if self.is_let_to_the_service(cx, book, pod) => Reached::Unknown(String::from(BEFORE_OR_AFTER)),
            (None, Some((object, why))) => Reached::No(object, why),
            // isolated by a setting: no policy of anybody's to mend
            (None, None) => Reached::Yes,
        }
    }
}

/// The port of a DNS pod.
fn port(service: &Service, pod: &Pod) -> Option<u16> {
    let port = service.ports.iter().find(|p| p.port == 53 && p.protocol == Protocol::Udp)?;
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let mut ports = pod.containers.iter().flat_map(|c| &c.ports);
            ports.find(|p| p.name.as_ref() == Some(name) && p.protocol == Protocol::Udp).map(|p| p.port)
        }
    }
}

/// Whether a pod is allowed something that is asked for by name. `None`: it is allowed nothing, or DNS in a way that manifests leave open.
fn allowed(book: &Rulebook, is_assumed: bool) -> Option<bool> {
    let sides = book.tiers.iter().flat_map(|t| &t.policies).filter_map(|p| p.side(Direction::Egress));
    let rules: Vec<&Rule> =
        sides.flat_map(|s| &s.rules).filter(|r| r.action == Action::Allow && r.peer != Predicate::NOTHING).collect();
    if is_assumed && rules.iter().any(|rule| is_for_dns(rule)) {
        return None;
    }
    (!rules.is_empty()).then(|| rules.iter().any(|rule| !is_range(&rule.peer)))
}

/// Whoever it is for, it is for DNS.
fn is_for_dns(rule: &Rule) -> bool {
    rule.ports.iter().flatten().any(|port| match port {
        PortMatch::Range { protocol: Protocol::Udp, first, last } => [53, 5353].iter().any(|p| (first..=last).contains(&p)),
        PortMatch::Named { protocol, name } => protocol.is_none_or(|p| p == Protocol::Udp) && name.contains("dns"),
        PortMatch::Range { .. } | PortMatch::Protocol(_) | PortMatch::NoneOf(_) => false,
        PortMatch::Unknown(_) => true,
    })
}

/// Addresses alone, and not all of them.
fn is_range(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Cidr { cidr, .. } => cidr.prefix_len() > 0,
        Predicate::Node | Predicate::OwnNode | Predicate::NodeLabels(_) => true,
        Predicate::All(parts) => parts.iter().any(is_range),
        Predicate::AnyOf(parts) => !parts.is_empty() && parts.iter().all(is_range),
        Predicate::Pod
        | Predicate::External
        | Predicate::Namespace(_)
        | Predicate::NamespaceLabels(_)
        | Predicate::Labels(_)
        | Predicate::ServiceAccount(_)
        | Predicate::Not(_)
        | Predicate::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::policies::{block, pods, pods_in, policy, rule, tcp, udp};
    use crate::policy::lint::testing::{Shop, only};

    const DNS_NAMESPACE: &str = "kubernetes.io/metadata.name=kube-system";

    fn to_web() -> crate::model::NetworkPolicy {
        policy("shop", "client", "app=client").egress([rule([pods("app=web")], [tcp(8080)])])
    }

    #[test]
    fn isolated_pods_without_dns_are_told() {
        let found = only(Shop::with([to_web()]).lint(&EgressWithoutDns));
        assert_eq!(found.finding.weight, Weight::Warning);
        assert_eq!(
            found.finding.sentence,
            "networkpolicy/shop/client isolates egress of pod/shop/client, and nothing lets it reach service/kube-system/kube-dns \
             (UDP 53 of pod/kube-system/coredns-1, pod/kube-system/coredns-2): names do not resolve."
        );
        // the Service's port is not the pods'
        let dns = policy("shop", "dns", "").egress([rule([pods_in(DNS_NAMESPACE, "k8s-app=kube-dns")], [udp(53), tcp(53)])]);
        let mut shop = Shop::with([to_web(), dns]);
        assert!(shop.lint(&EgressWithoutDns).is_clear());
        for service in shop.world.services.iter_mut().filter(|s| s.name == "kube-dns") {
            service.ports[0].target = TargetPort::Number(5353);
        }
        let about: Vec<String> = shop.lint(&EgressWithoutDns).findings.into_iter().map(|l| l.finding.about.name).collect();
        assert_eq!(about, ["client", "dns"]);
    }

    #[test]
    fn who_may_reach_nothing_or_needs_no_names_is_not_told() {
        assert!(Shop::with([policy("shop", "none", "app=client").egress([])]).lint(&EgressWithoutDns).is_clear());
        let ranges = policy("shop", "client", "app=client").egress([rule([block("203.0.113.0/24", &[])], [tcp(443)])]);
        assert_eq!(only(Shop::with([ranges]).lint(&EgressWithoutDns)).finding.weight, Weight::Note);
        let mut shop = Shop::with([to_web()]);
        shop.world.pod("client").dns_policy = Some("Default".into());
        assert!(shop.lint(&EgressWithoutDns).is_clear());
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&EgressWithoutDns).is_clear());
    }

    #[test]
    fn without_the_dns_pods_it_is_open() {
        for denied in [Resource::Services, Resource::NetworkPolicies] {
            let mut shop = Shop::with([to_web()]);
            shop.world.denied.push(denied.clone());
            let linted = shop.lint(&EgressWithoutDns);
            assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{denied:?} {linted:?}");
        }
    }

    #[test]
    fn a_rule_for_the_address_of_the_service_leaves_it_open() {
        let dns = policy("shop", "dns", "app=client").egress([rule([block("10.96.0.10/32", &[])], [udp(53)])]);
        let linted = Shop::with([to_web(), dns]).lint(&EgressWithoutDns);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }

    #[test]
    fn manifests_take_the_usual_dns_for_granted() {
        let lint = |policies: Vec<crate::model::NetworkPolicy>| {
            let mut shop = Shop::with(policies);
            shop.world.pods.retain(|p| p.namespace == "shop");
            shop.world.services.retain(|s| s.namespace == "shop");
            shop.lint_manifests(&EgressWithoutDns)
        };
        assert_eq!(only(lint(vec![to_web()])).finding.weight, Weight::Warning);
        // any peer: the DNS pods may have other labels there
        let dns = policy("shop", "dns", "").egress([rule([pods_in("name=dns", "app=coredns")], [udp(53)])]);
        assert!(lint(vec![to_web(), dns]).findings.is_empty());
        let all = policy("shop", "all", "").egress([rule([pods_in("", "")], [])]);
        assert!(lint(vec![to_web(), all]).findings.is_empty());
    }
}
