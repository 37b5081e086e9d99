//! Whole answers: one fault, one cause, and none on healthy clusters of every make.

use crate::model::testing::{World, ip, labels};
use crate::model::{Destination, ObjectRef, Request, Resource};
use crate::plan::testing::{Case, Fault, answered, environment, request, to_name, to_web};
use crate::probe::{Answer, ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

use crate::correlate::testing::{causes, judge};

const SILENT: Answer = Answer::TimedOut { after_ms: 2_000 };

fn questions() -> Vec<Request> {
    vec![
        to_web(),
        to_name("web"),
        to_name("web.shop"),
        to_name("web.shop.svc.cluster.local."),
        to_name("www.example.com"),
        request(Destination::Dns),
        request(Destination::Internet),
        request(Destination::ApiServer),
        request(Destination::Url("http://web.shop/".into())),
        request(Destination::Object(ObjectRef::pod("shop", "web-1"))),
        request(Destination::Ip(ip("10.96.1.10"))),
    ]
}

fn is_silent(world: &World, fault: Fault<'_>, what: &str) {
    for question in questions() {
        let case = Case::measured(world, &question, fault);
        let answer = judge(&case);
        let warnings: Vec<_> = answer.notices.iter().filter(|n| n.code.starts_with("NC1") && n.weight == "warning").collect();
        assert_eq!((causes(&answer), warnings.len()), (vec![], 0), "{what}: {question:?}\n{warnings:#?}\n{:#?}", answer.causes);
        assert_ne!(answer.exit_code, 1, "{what}: {question:?}");
    }
}

#[test]
fn healthy_clusters_of_every_make_have_no_fault() {
    is_silent(&World::shop(), &|_, _| None, "kubeadm");

    let mut dual = World::shop();
    dual.service("kube-dns").cluster_ips.push(ip("fd00:10:96::a"));
    dual.service("kube-dns").ip_families.push("IPv6".into());
    is_silent(&dual, &|_, _| None, "dual stack with a single-stack Service");

    let local = |_: &ObjectRef, spec: &ProbeSpec| match spec {
        ProbeSpec::Environment(_) => {
            let mut environment = environment();
            environment.resolv_conf.as_mut().expect("set").nameservers = vec![ip("169.254.20.10")];
            Some(ProbeOutcome::Environment(environment))
        }
        _ => None,
    };
    let mut upstream = World::shop();
    let mut second = upstream.service("kube-dns").clone();
    second.name = "kube-dns-upstream".into();
    second.cluster_ips = vec![ip("10.96.77.77")];
    upstream.services.insert(0, second);
    upstream.write_slices();
    is_silent(&upstream, &local, "NodeLocal DNS");

    let mut renamed = World::shop();
    renamed.service("kube-dns").name = "rke2-coredns-rke2-coredns".into();
    renamed.config_maps[0].name = "rke2-coredns-rke2-coredns".into();
    renamed.write_slices();
    is_silent(&renamed, &|_, _| None, "another name of the DNS Service");

    is_silent(&openshift(), &|_, _| None, "OpenShift");

    let mut unread = World::shop();
    unread.denied.extend([Resource::ConfigMaps, Resource::EndpointSlices, Resource::NetworkPolicies]);
    is_silent(&unread, &|_, _| None, "a user who may not read everything");
}

/// The DNS of openshift-dns: other labels, and port 5353 behind 53.
fn openshift() -> World {
    let mut world = World::shop();
    for pod in world.pods.iter_mut().filter(|p| p.namespace == "kube-system") {
        pod.namespace = "openshift-dns".into();
        pod.labels = labels("dns.operator.openshift.io/daemonset-dns=default");
    }
    let service = world.service("kube-dns");
    service.namespace = "openshift-dns".into();
    service.name = "dns-default".into();
    service.labels = labels("dns.operator.openshift.io/owning-dns=default");
    service.selector = labels("dns.operator.openshift.io/daemonset-dns=default");
    for port in &mut service.ports {
        port.target = crate::model::TargetPort::Number(5353);
    }
    world.config_maps[0].namespace = "openshift-dns".into();
    world.config_maps[0].name = "dns-default".into();
    world.write_slices();
    world
}

#[test]
fn openshift_dns_is_found_and_its_faults_too() {
    let mut world = openshift();
    world.crash("coredns-1", "CrashLoopBackOff", 1, "Error");
    world.crash("coredns-2", "CrashLoopBackOff", 1, "Error");
    let answer = judge(&Case::unmeasured(&world, &to_web()));
    assert_eq!(causes(&answer), ["NC1003"]);
    assert_eq!(answer.causes[0].about, "service/openshift-dns/dns-default");
}

fn unresolved(spec: &ProbeSpec) -> Option<ProbeOutcome> {
    let ProbeSpec::Resolve(s) = spec else { return None };
    Some(ProbeOutcome::Resolve(ResolveOutcome {
        addresses: Vec::new(),
        answered_as: None,
        queries: vec![(s.name.clone(), RecordType::A, "timeout".into())],
        total_us: 5_000_000,
        error: Some("no answer".into()),
    }))
}

/// A question about DNS itself, and one that needs it, name the same one root.
fn has_one_root(world: &World, fault: Fault<'_>, code: &str) {
    for question in [request(Destination::Dns), to_web(), to_name("web")] {
        let answer = judge(&Case::measured(world, &question, fault));
        assert_eq!(causes(&answer), [code], "{question:?}\n{:#?}", answer.causes);
        assert_eq!(answer.exit_code, 1);
    }
}

#[test]
fn every_fault_has_one_root() {
    let silent = |at: &'static [&'static str], resolves: bool| {
        move |_: &ObjectRef, spec: &ProbeSpec| match spec {
            ProbeSpec::Dns(s) if at.is_empty() || at.contains(&s.server.to_string().as_str()) => Some(answered(s, &SILENT)),
            ProbeSpec::Tcp(s) if s.port == 53 && (at.is_empty() || at.contains(&s.ip.to_string().as_str())) => None,
            _ if resolves => None,
            _ => unresolved(spec),
        }
    };
    let mut crashed = World::shop();
    crashed.crash("coredns-1", "CrashLoopBackOff", 1, "Error");
    crashed.crash("coredns-2", "CrashLoopBackOff", 1, "Error");
    has_one_root(&crashed, &silent(&[], false), "NC1003");

    let mut unselected = World::shop();
    unselected.service("kube-dns").selector = labels("k8s-app=dns");
    unselected.write_slices();
    has_one_root(&unselected, &silent(&[], false), "NC1002");

    has_one_root(&World::shop(), &silent(&["10.244.2.2"], true), "NC1004");
    has_one_root(&World::shop(), &silent(&[], false), "NC1010");
    has_one_root(&World::shop(), &silent(&["10.96.0.10"], false), "NC1011");
}
