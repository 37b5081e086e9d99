use std::collections::{BTreeMap, BTreeSet};

use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::model::{NetworkProbe, ObjectRef, Pod, Protocol, TargetPort};
use crate::policy::{Direction, Exempt, Flow, Outcome, Reason};

use super::reach::some;
use super::{Context, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A policy that keeps the kubelet from probing a pod: HTTP, TCP and gRPC probes are connections from the pod's own node. The pod does
    /// not get ready, or is restarted again and again, though the application is well.
    ///
    /// ## How it is proven
    ///
    /// By deciding a connection from the pod's node to the port of each probe. NetworkPolicy cannot cause this: traffic between a pod and
    /// its own node is always allowed (concepts/services-networking/network-policies). What can: with Cilium, a rule that denies `host`, or
    /// `allow-localhost: policy` in cilium-config together with isolation; a rule of an admin policy that denies the node's address. For
    /// those the API does not say what implementations have to do about the kubelet (kubernetes-sigs/network-policy-api issue 314), so
    /// the finding is only possible, and some let it through. Commands in the container are no connections.
    ///
    /// ## What to do
    ///
    /// Allow the node: with Cilium `fromEntities: [host]`; in an admin policy a rule that accepts the nodes' addresses before the one
    /// that denies.
    ProbeBlocked, "NC2206", "probe-blocked", "Policy blocks the kubelet's probes"
}

impl Lint for ProbeBlocked {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let mut groups: BTreeMap<(ObjectRef, String, bool), Vec<String>> = BTreeMap::new();
        for class in 0..cx.class_count() {
            let tiers = cx.ground.compiled.book.tiers.iter().zip(cx.applying(class));
            let mut binding = tiers.filter(|(tier, policies)| {
                tier.own_node.to_pod != Exempt::BeforeRules && policies.iter().any(|p| p.side(Direction::Ingress).is_some())
            });
            if binding.next().is_none() {
                continue;
            }
            let book = cx.book_of(class);
            let mut asked = BTreeSet::new();
            for pod in cx.members(class).iter().filter(|p| !p.host_network && !p.is_finished()) {
                let Some(node) = pod.node.as_deref() else { continue };
                for (probe, port) in probes(pod) {
                    let from = cx.ground.directory.node(node);
                    let to = cx.ground.directory.pod(pod);
                    let v6 = to.ip(false).is_none() && to.ip(true).is_some();
                    let decision_of = Flow { from, to, protocol: Protocol::Tcp, port, v6 };
                    let decision = book.decide(&decision_of, Direction::Ingress);
                    let names = format!("the {probe} probe of {} at port {port}", pod.object());
                    match (decision.outcome, decision.reason) {
                        (Outcome::Denied, Reason::Rule { policy, rule }) => {
                            let why = format!("{} denies it", rule.at);
                            groups
                                .entry((policy.object.clone(), why, policy.object.kind.starts_with("cilium")))
                                .or_default()
                                .push(names);
                        }
                        (Outcome::Denied, Reason::Isolated { policies }) => {
                            let first = policies.iter().find(|p| p.object.kind != "configmap");
                            if let Some(policy) = first {
                                let why = String::from("it isolates the pod, and no rule allows it");
                                groups.entry((policy.object.clone(), why, true)).or_default().push(names);
                            }
                        }
                        (Outcome::Undetermined, Reason::Unknown(why)) if asked.insert((node, port)) => {
                            let about = cx.applying(class).into_iter().flatten().map(|p| &p.object).find(|o| cx.is_wanted(o));
                            if let (Some(about), Some(why)) = (about, why.into_iter().next()) {
                                out.open(Self::META, about, "spec.ingress", why);
                            }
                        }
                        (Outcome::Allowed | Outcome::Denied | Outcome::Undetermined, _) => {}
                    }
                }
            }
        }
        for ((object, why, is_sure), probes) in groups.into_iter().filter(|((object, ..), _)| cx.is_wanted(object)) {
            let who = some(probes);
            let sentence = format!("{object} keeps the kubelet from {who}: {why}.");
            let finding = Finding::warning(Self::META, object.clone(), sentence)
                .expected(format!("ingress from the pod's own node to {who}"), "allowed", why)
                .next("allow the node in a rule of its own: kubectl netcheck explain NC2206");
            out.found(if is_sure { finding } else { finding.possible() }, "spec.ingress");
        }
    }
}

/// The probes that are connections to the pod, with their ports.
fn probes(pod: &Pod) -> impl Iterator<Item = (&'static str, u16)> {
    let containers = pod.containers.iter().chain(&pod.init_containers);
    let all = containers.flat_map(|container| {
        let port = move |probe: &NetworkProbe| match &probe.port {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => container.ports.iter().find(|p| p.name.as_ref() == Some(name)).map(|p| p.port),
        };
        container.probes.iter().filter_map(move |probe| Some((probe.kind.word(), port(probe)?)))
    });
    all.collect::<BTreeSet<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, Weight};
    use crate::model::{ConfigMap, ProbeKind, Query, Resource, Workload};
    use crate::policy::lint::testing::{Shop, only};
    use crate::policy::lint::{Ground, Linted, Origin, run};
    use serde_json::{Value, json};

    /// Cilium with these settings and one policy for the pods of web.
    fn cilium(settings: &[(&str, &str)], spec: &Value) -> Linted {
        let mut shop = Shop::with([]);
        shop.groups.push("cilium.io".into());
        shop.world.workloads.push(Workload {
            kind: "daemonset".into(),
            namespace: "kube-system".into(),
            name: "cilium".into(),
            images: vec!["quay.io/cilium/cilium:v1.18.0".into()],
            container_names: vec!["cilium-agent".into()],
            ..Workload::default()
        });
        let data =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).chain([("cluster-name".into(), "default".into())]);
        shop.world.config_maps.push(ConfigMap {
            namespace: "kube-system".into(),
            name: "cilium-config".into(),
            data: data.collect(),
        });
        let mut spec = spec.clone();
        spec["endpointSelector"] = json!({"matchLabels": {"app": "web"}});
        let object = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": spec});
        shop.world.custom.insert("ciliumnetworkpolicies.v2.cilium.io".into(), vec![object]);
        shop.world.custom.insert("ciliumclusterwidenetworkpolicies.v2.cilium.io".into(), Vec::new());
        for name in ["web-1", "web-2"] {
            let probe = NetworkProbe { kind: ProbeKind::Readiness, port: TargetPort::Name("http".into()) };
            shop.world.pod(name).containers[0].probes.push(probe);
        }
        let cluster = shop.read();
        assert!(cluster.has(&Query::named(Resource::ConfigMaps, "kube-system", "cilium-config")));
        run(&Ground::new(&cluster, Origin::Cluster), None, &[&ProbeBlocked])
    }

    fn from_client() -> Value {
        json!({"ingress": [{"fromEndpoints": [{"matchLabels": {"app": "client"}}]}]})
    }

    #[test]
    fn a_denied_host_and_a_closed_node_are_told() {
        let found = only(cilium(&[], &json!({"ingressDeny": [{"fromEntities": ["host"]}]})));
        assert_eq!((found.finding.weight, found.finding.confidence), (Weight::Warning, Confidence::Likely));
        assert_eq!(
            found.finding.sentence,
            "ciliumnetworkpolicy/shop/web keeps the kubelet from the readiness probe of pod/shop/web-1 at port 8080, \
             the readiness probe of pod/shop/web-2 at port 8080: spec.ingressDeny[0] denies it."
        );
        let found = only(cilium(&[("allow-localhost", "policy")], &from_client()));
        assert!(found.finding.sentence.ends_with("it isolates the pod, and no rule allows it."), "{}", found.finding.sentence);
    }

    #[test]
    fn a_node_that_is_let_in_is_fine() {
        assert!(cilium(&[], &from_client()).is_clear());
        let allowed = json!({"ingress": [{"fromEntities": ["host"]}]});
        assert!(cilium(&[("allow-localhost", "policy")], &allowed).is_clear());
    }

    #[test]
    fn healthy_is_silent() {
        let mut shop = Shop::healthy();
        let probe = NetworkProbe { kind: ProbeKind::Liveness, port: TargetPort::Number(8080) };
        shop.world.pod("web-1").containers[0].probes.push(probe);
        assert!(shop.lint(&ProbeBlocked).is_clear());
    }

    #[test]
    fn a_peer_that_is_not_known_leaves_it_open() {
        let linted =
            cilium(&[], &json!({"ingressDeny": [{"fromNodes": [{"matchLabels": {"a": "b"}}], "fromEntities": ["host"]}]}));
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }
}
