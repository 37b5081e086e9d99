//! The shop with policies, on a network that heeds them and on one that does not.

use super::*;
use crate::correlate::testing::{causes, explain, judge, only};
use crate::finding::{Confidence, Weight};
use crate::model::testing::policies::{pods, policy, rule, tcp};
use crate::model::testing::{World, labels};
use crate::model::{ConfigMap, Known, NetworkPolicy, Resource, Selector, Workload};
use crate::plan::testing::{Case, faults, to_web};
use crate::probe::{ProbeSpec, ResolveOutcome};
use crate::report::diagnosis::Configured;

/// The shop on a network plugin, with these policies.
fn shop(agent: &str, policies: impl IntoIterator<Item = NetworkPolicy>) -> World {
    let mut world = World::shop();
    world.network_policies = policies.into_iter().collect();
    let of = labels(&format!("k8s-app={agent}"));
    world.workloads.push(Workload {
        kind: "daemonset".into(),
        namespace: "kube-system".into(),
        name: agent.into(),
        selector: Selector::of(&of),
        pod_labels: of,
        images: vec![format!("docker.io/{agent}/{agent}:v1")],
        container_names: vec![agent.into()],
        desired: Some(3),
        ready: Some(3),
        ..Workload::default()
    });
    let data = [("enable-policy".to_owned(), "default".to_owned())].into();
    let config = ConfigMap { namespace: "kube-system".into(), name: "cilium-config".into(), data };
    world.config_maps.push(config);
    world
}

fn only_front() -> NetworkPolicy {
    policy("shop", "web", "app=web").ingress([rule([pods("app=front")], [])])
}

fn only_front_out() -> NetworkPolicy {
    policy("shop", "client", "app=client").egress([rule([pods("app=front")], [])])
}

/// Connections to the shop's pods, or all of them, get no answer.
fn silent(spec: &ProbeSpec, all: bool) -> Option<ProbeOutcome> {
    let ProbeSpec::Tcp(tcp) = spec else { return None };
    (all || tcp.port == 8080).then(|| faults::time_out(spec, &[&tcp.ip.to_string()])).flatten()
}

fn without_names(spec: &ProbeSpec) -> Option<ProbeOutcome> {
    let ProbeSpec::Resolve(_) = spec else { return None };
    Some(ProbeOutcome::Resolve(ResolveOutcome {
        answered_as: None,
        addresses: Vec::new(),
        queries: Vec::new(),
        total_us: 6_000_000,
        error: Some("no server answered in time".into()),
    }))
}

#[test]
fn a_denial_that_packets_confirm_is_proven_and_the_only_cause() {
    let case = Case::measured(&shop("cilium", [only_front()]), &to_web(), &|_, spec| silent(spec, true));
    let found = only(explain(&IngressDenied, &case));
    assert_eq!((found.confidence, found.about.to_string().as_str()), (Confidence::Proven, "networkpolicy/shop/web"));
    assert!(found.sentence.contains("it wants app=front"), "{}", found.sentence);
    let answer = judge(&case);
    assert_eq!((causes(&answer), answer.verdict.configured), (vec!["NC2001"], Configured::Denied));
}

#[test]
fn egress_is_the_sources_own_policy() {
    let case = Case::measured(&shop("cilium", [only_front_out()]), &to_web(), &|_, spec| silent(spec, true));
    let found = only(explain(&EgressDenied, &case));
    assert_eq!(found.about.to_string(), "networkpolicy/shop/client");
    assert_eq!(explain(&IngressDenied, &case), Verdict::Clear);
    // the name resolved: whatever its policies say of DNS, it is not what breaks this
    assert_eq!(explain(&DnsDenied, &case), Verdict::Clear);
}

#[test]
fn a_refusal_leaves_another_explanation() {
    let refuse = |spec: &ProbeSpec| faults::refuse_port(spec, 8080).or_else(|| faults::refuse_port(spec, 80));
    let case = Case::measured(&shop("cilium", [only_front()]), &to_web(), &|_, spec| refuse(spec));
    assert_eq!(only(explain(&IngressDenied, &case)).confidence, Confidence::Possible);
}

#[test]
fn nothing_measured_is_likely_and_an_unknown_network_possible() {
    let case = Case::not_run(&shop("cilium", [only_front()]), &to_web());
    assert_eq!(only(explain(&IngressDenied, &case)).confidence, Confidence::Likely);
    let case = Case::not_run(&shop("home-made", [only_front()]), &to_web());
    assert_eq!(only(explain(&IngressDenied, &case)).confidence, Confidence::Possible);
}

#[test]
fn names_that_policies_keep_from_resolving_come_first() {
    let out = policy("shop", "client", "app=client").egress([rule([pods("app=web")], [])]);
    let case = Case::measured(&shop("cilium", [out]), &to_web(), &|_, spec| without_names(spec));
    let found = only(explain(&DnsDenied, &case));
    assert_eq!((found.confidence, found.about.to_string().as_str()), (Confidence::Proven, "networkpolicy/shop/client"));
    assert_eq!(causes(&judge(&case)).first(), Some(&"NC2003"));
}

#[test]
fn policies_that_nothing_enforces_are_a_warning() {
    let case = Case::healthy(&shop("flannel", [only_front()]), &to_web());
    let found = only(explain(&PoliciesNotEnforced, &case));
    assert_eq!((found.weight, found.confidence), (Weight::Warning, Confidence::Proven));
    assert_eq!(explain(&IngressDenied, &case), Verdict::NotApplicable);
    let answer = judge(&case);
    assert_eq!((answer.exit_code, answer.verdict.configured), (0, Configured::Allowed));
}

#[test]
fn what_passes_against_the_policies_is_a_contradiction() {
    let case = Case::healthy(&shop("cilium", [only_front()]), &to_web());
    let found = only(explain(&PoliciesContradicted, &case));
    assert_eq!((found.weight, found.meta.code), (Weight::Warning, "NC2005"));
    assert_eq!(explain(&IngressDenied, &case), Verdict::Clear);
    let answer = judge(&case);
    assert_eq!((answer.exit_code, answer.verdict.configured), (0, Configured::Denied));
}

#[test]
fn policies_that_let_it_through_are_silent() {
    let allowed = policy("shop", "web", "app=web").ingress([rule([pods("app=client")], [tcp(8080)])]);
    for world in [shop("cilium", [allowed.clone()]), shop("flannel", [allowed]), World::shop()] {
        let answer = judge(&Case::healthy(&world, &to_web()));
        assert_eq!((answer.exit_code, answer.verdict.configured), (0, Configured::Allowed), "{answer:#?}");
        assert!(answer.notices.is_empty() && answer.causes.is_empty());
    }
}

#[test]
fn policies_that_could_not_be_read_leave_it_open() {
    let mut world = shop("cilium", []);
    world.denied.push(Resource::NetworkPolicies);
    let case = Case::measured(&world, &to_web(), &|_, spec| silent(spec, true));
    assert!(matches!(explain(&IngressDenied, &case), Verdict::Undetermined(_)));
    assert!(matches!(explain(&EgressDenied, &case), Verdict::Undetermined(_)));
    let answer = judge(&case);
    assert_eq!(answer.verdict.configured, Configured::Undetermined);
    let names = Case::measured(&world, &to_web(), &|_, spec| without_names(spec));
    assert!(matches!(explain(&DnsDenied, &names), Verdict::Undetermined(_)));
    assert!(matches!(case.cluster.network_policies.complete(&Resource::NetworkPolicies, Some("shop")), Known::Denied(_)));
}
