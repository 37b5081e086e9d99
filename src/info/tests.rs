//! Whole clusters, fact by fact.

use serde_json::json;

use super::*;
use crate::cni::testing::Made;
use crate::model::{
    ConfigMap, Container, ContainerState, Node, Pod, Protocol, Query, Resource, Service, ServicePort, TargetPort,
};

const PROXY: (&str, &str) = (
    "config.conf",
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: \"\"\nclusterCIDR: 10.244.0.0/16\nconntrack: {maxPerCore: 0}\niptables:\n  masqueradeAll: false\n",
);

const NET: (&str, &str) = ("net-conf.json", r#"{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}"#);

fn kubeadm() -> Made {
    let node = |name: &str, cidr: &str, ip: &str| Node {
        name: name.into(),
        ready: Some(true),
        pod_cidrs: vec![cidr.parse().unwrap()],
        internal_ips: vec![ip.parse().unwrap()],
        kubelet: "v1.36.3".into(),
        ..Node::default()
    };
    Made::new()
        .daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "ghcr.io/flannel-io/flannel:v0.27.0")], &[])
        .config_map("kube-flannel", "kube-flannel-cfg", &[NET])
        .daemon_set("kube-system", "kube-proxy", &[("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")], &["--config=/var/lib/kube-proxy/config.conf"])
        .config_map("kube-system", "kube-proxy", &[PROXY])
        .config_map("kube-system", "coredns", &[("Corefile", ".:53 {\n    kubernetes cluster.local in-addr.arpa\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n}\nconsul.local:53 {\n    forward . 10.150.0.1\n}\n")])
        .with_node(node("n1", "10.244.0.0/24", "192.168.7.1"))
        .with_node(node("n2", "10.244.1.0/24", "192.168.7.2"))
        .annotated("n1", "flannel.alpha.coreos.com/backend-type", "vxlan")
        .annotated("n2", "flannel.alpha.coreos.com/backend-type", "vxlan")
}

fn with_dns(mut cluster: Cluster, ready: &[bool]) -> Cluster {
    let port = |protocol| ServicePort {
        name: None,
        port: 53,
        protocol,
        target: TargetPort::Number(53),
        node_port: None,
        app_protocol: None,
    };
    let service = Service {
        namespace: "kube-system".into(),
        name: "kube-dns".into(),
        labels: [("k8s-app".into(), "kube-dns".into())].into(),
        selector: [("k8s-app".into(), "kube-dns".into())].into(),
        cluster_ips: vec!["10.96.0.10".parse().unwrap()],
        ports: vec![port(Protocol::Udp), port(Protocol::Tcp)],
        ..Service::default()
    };
    cluster.services.push(Query::all(Resource::Services), Known::Got(vec![service]));
    let pod = |(i, ready): (usize, &bool)| Pod {
        namespace: "kube-system".into(),
        name: format!("coredns-{i}"),
        labels: [("k8s-app".into(), "kube-dns".into())].into(),
        phase: "Running".into(),
        ready: *ready,
        ..Pod::default()
    };
    let query = Query::within(Resource::Pods, "kube-system").labelled("k8s-app=kube-dns");
    cluster.pods.push(query, Known::Got(ready.iter().enumerate().map(pod).collect()));
    cluster.service_cidrs.push(Query::all(Resource::ServiceCidrs), Known::Got(vec!["10.96.0.0/12".into()]));
    cluster.ingress_classes.push(Query::all(Resource::IngressClasses), Known::Got(vec![]));
    cluster.version = Known::Got("v1.36.3".into());
    cluster
}

fn value(info: &Info, topic: Topic, name: &str) -> String {
    let fact = info.fact(topic, name);
    fact.map_or_else(
        || format!("no fact {name}"),
        |f| f.warning.as_ref().map_or_else(|| f.value.clone(), |w| format!("{} ! {w}", f.value)),
    )
}

#[test]
fn a_healthy_kubeadm_cluster() {
    let info = gather(&with_dns(kubeadm().cluster(), &[true, true]));
    let check = |topic, name, expected: &str| assert_eq!(value(&info, topic, name), expected);
    check(Topic::Cluster, "version", "v1.36.3");
    check(Topic::Cni, "plugin", "Flannel, 2 of 2 agents ready");
    check(Topic::Cni, "tunnel", "VXLAN, UDP 8472 between nodes, 50 bytes a packet (70 over IPv6)");
    check(Topic::KubeProxy, "proxy", "kube-proxy, DaemonSet, 2 of 2 ready");
    check(Topic::KubeProxy, "mode", "iptables");
    check(Topic::Dns, "service", "service/kube-system/kube-dns at 10.96.0.10");
    check(Topic::Dns, "pods", "2 of 2 ready");
    check(Topic::Dns, "domain", "cluster.local");
    check(Topic::Dns, "upstream", "/etc/resolv.conf");
    check(Topic::Dns, "stub domain", "consul.local to 10.150.0.1:53");
    check(Topic::Addresses, "pods", "10.244.0.0/16");
    check(Topic::Addresses, "Services", "10.96.0.0/12");
    check(Topic::Addresses, "family", "IPv4");
    check(Topic::Addresses, "overlap", "none among pods, Services and nodes");
    check(Topic::Mesh, "mesh", "none was seen");
    check(Topic::Gateway, "Gateway API", "not installed");
    assert!(
        info.facts.iter().all(|f| f.warning.is_none()),
        "{:?}",
        info.facts.iter().filter(|f| f.warning.is_some()).collect::<Vec<_>>()
    );
    // net-conf.json of kubeadm's manifest names no MTU
    let gaps: Vec<&str> = info.gaps.iter().map(|g| g.what.as_str()).collect();
    assert_eq!(gaps, ["the MTU of pod interfaces"]);
    assert_eq!(info, gather(&with_dns(kubeadm().cluster(), &[true, true])));
}

#[test]
fn what_is_wrong_is_a_warning() {
    let mut cluster = with_dns(kubeadm().cluster(), &[false, true]);
    let pods = cluster.pods.listings[0].items.got().cloned().unwrap();
    let mut pod = pods[1].clone();
    pod.containers.push(Container {
        restarts: 4,
        last: ContainerState::Terminated { exit_code: 137, reason: "OOMKilled".into(), message: String::new() },
        ..Container::default()
    });
    cluster.pods.listings[0].items = Known::Got(vec![pods[0].clone(), pod.clone()]);
    assert_eq!(value(&gather(&cluster), Topic::Dns, "pods"), "1 of 2 ready ! 1 DNS pods are not ready");
    cluster.pods.listings[0].items = Known::Got(vec![pod]);
    assert!(value(&gather(&cluster), Topic::Dns, "pods").ends_with("restarted 4 times, last after OOMKilled (exit code 137)"));
    cluster.service_cidrs.listings[0].items = Known::Got(vec!["10.244.0.0/20".into()]);
    assert!(value(&gather(&cluster), Topic::Addresses, "overlap").contains("Services 10.244.0.0/20"));
}

#[test]
fn a_measured_mode_that_contradicts_is_told() {
    let cluster = with_dns(kubeadm().cluster(), &[true]);
    let measured = |mode: &str| Measured { proxy_modes: vec![("n2".into(), mode.into())], ..Measured::default() };
    assert_eq!(value(&gather_measured(&cluster, &measured("iptables")), Topic::KubeProxy, "mode"), "iptables");
    let info = gather_measured(&cluster, &measured("ipvs"));
    assert_eq!(
        value(&info, Topic::KubeProxy, "mode"),
        "iptables ! the configuration says iptables and kube-proxy on n2 runs ipvs: restart it"
    );
}

#[test]
fn modes_of_kube_proxy() {
    let check = |map: &str, key: &str, text: &str, arguments: &[&str], expected: &str| {
        let mut made = Made::new().daemon_set(
            "kube-system",
            "kube-proxy",
            &[("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")],
            arguments,
        );
        if !key.is_empty() {
            made = made.config_map("kube-system", map, &[(key, text)]);
        }
        assert_eq!(value(&gather(&made.cluster()), Topic::KubeProxy, "mode"), expected, "{map} {text} {arguments:?}");
    };
    check("kube-proxy", "config.conf", "mode: ipvs\nipvs: {scheduler: rr}\n", &["--config=/x"], "ipvs");
    check("kube-proxy", "config.conf", "mode: nftables\n", &["--config=/x"], "nftables");
    check("kube-proxy-config", "config", "mode: \"iptables\"\n", &["--config=/x"], "iptables");
    check("", "", "", &["--proxy-mode=ipvs"], "ipvs");
    check("", "", "", &["--cluster-cidr=10.244.0.0/16"], "iptables");
    check("", "", "", &["--config=/x"], "undetermined");
    check("kube-proxy", "config.conf", "mode: [", &["--config=/x"], "undetermined");
}

#[test]
fn replacements_of_kube_proxy() {
    let cilium = || {
        Made::new().daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[]).config_map(
            "kube-system",
            "cilium-config",
            &[("kube-proxy-replacement", "true")],
        )
    };
    let info = gather(&cilium().cluster());
    assert_eq!(value(&info, Topic::KubeProxy, "kube-proxy"), "none, which is right with Cilium");
    let both = cilium().daemon_set(
        "kube-system",
        "kube-proxy",
        &[("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")],
        &["--config=/x"],
    );
    assert!(value(&gather(&both.cluster()), Topic::KubeProxy, "proxy").contains("! kube-proxy runs as well"));
    let off = cilium()
        .daemon_set("kube-system", "kube-proxy", &[("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.3")], &[])
        .meant_for(0, 0);
    assert_eq!(value(&gather(&off.cluster()), Topic::KubeProxy, "kube-proxy"), "none, which is right with Cilium");
    let none = Made::new().daemon_set("kube-flannel", "kube-flannel-ds", &[("kube-flannel", "flannel/flannel:v0.27.0")], &[]);
    assert!(
        value(&gather(&none.cluster()), Topic::KubeProxy, "proxy").starts_with("no kube-proxy and no replacement was seen !")
    );
    let k3s = Made::new().kubelet("n1", "v1.36.3+k3s1");
    assert_eq!(value(&gather(&k3s.cluster()), Topic::KubeProxy, "proxy"), "kube-proxy, inside the k3s process");
}

#[test]
fn denied_inputs_are_gaps_and_never_absence() {
    let info = gather(&Made::new().denied().cluster());
    assert_eq!(value(&info, Topic::Cni, "plugin"), "undetermined: not everything that shows it could be read");
    assert_eq!(value(&info, Topic::KubeProxy, "proxy"), "undetermined");
    assert_eq!(value(&info, Topic::Dns, "service"), "undetermined");
    assert_eq!(value(&info, Topic::Mesh, "mesh"), "undetermined");
    assert!(info.gaps.iter().any(|g| g.why == "not permitted: list daemonsets.apps"), "{:?}", info.gaps);
}

#[test]
fn mesh_ingress_and_gateway() {
    let made = Made::new()
        .deployment("istio-system", "istiod", "docker.io/istio/pilot:1.28.0", &[])
        .deployment("ingress-nginx", "ingress-nginx-controller", "registry.k8s.io/ingress-nginx/controller:v1.14.0", &[])
        .daemon_set("metallb-system", "metallb-speaker", &[("speaker", "quay.io/metallb/speaker:v0.15.2")], &[])
        .groups(&["networking.istio.io", "security.istio.io", "gateway.networking.k8s.io", "metallb.io", "submariner.io"])
        .custom(
            "gatewayclasses.v1.gateway.networking.k8s.io",
            &[json!({"metadata": {"name": "istio"}, "spec": {"controllerName": "istio.io/gateway-controller"},
            "status": {"conditions": [{"type": "Accepted", "status": "True"}]}})],
        )
        .custom(
            "peerauthentications.v1.security.istio.io",
            &[json!({"metadata": {"name": "default", "namespace": "istio-system"}, "spec": {"mtls": {"mode": "STRICT"}}})],
        );
    let info = gather(&with_dns(made.cluster(), &[true]));
    assert_eq!(value(&info, Topic::Mesh, "mesh"), "Istio with sidecars, 2 of 2 ready");
    assert!(value(&info, Topic::Mesh, "mutual TLS").starts_with("STRICT in the mesh !"));
    assert_eq!(value(&info, Topic::Ingress, "controller"), "ingress-nginx, without an IngressClass, 2 of 2 ready");
    assert_eq!(value(&info, Topic::Gateway, "class"), "istio by istio.io/gateway-controller");
    assert_eq!(value(&info, Topic::LoadBalancer, "controller"), "MetalLB");
    assert_eq!(value(&info, Topic::MultiCluster, "joined by"), "Submariner: its CRDs, and no agent was seen");
}

#[test]
fn a_webhook_with_nobody_behind_it() {
    let webhook = |service: &str, policy: &str| {
        json!({"name": format!("{service}.example.com"), "failurePolicy": policy,
            "clientConfig": {"service": {"namespace": "kube-system", "name": service}},
            "rules": [{"operations": ["CREATE", "UPDATE"], "resources": ["pods"]}]})
    };
    let configuration =
        json!({"metadata": {"name": "guard"}, "webhooks": [webhook("gone", "Fail"), webhook("kube-dns", "Ignore")]});
    let made = kubeadm().custom(crate::model::extension::VALIDATING, &[configuration]);
    let info = gather(&with_dns(made.cluster(), &[true]));
    assert_eq!(
        value(&info, Topic::Cluster, "admission webhooks"),
        "2, 1 of them dead ! validatingwebhookconfiguration/guard: service/kube-system/gone does not exist, so what it is to be asked about (create, update pods) is refused"
    );
}

#[test]
fn a_broken_corefile_and_a_node_cache() {
    let mut cluster = with_dns(
        kubeadm()
            .daemon_set(
                "kube-system",
                "node-local-dns",
                &[("node-cache", "registry.k8s.io/dns/k8s-dns-node-cache:1.26.4")],
                &["--localip=169.254.20.10,10.96.0.10"],
            )
            .cluster(),
        &[true],
    );
    let info = gather(&cluster);
    assert_eq!(value(&info, Topic::Dns, "NodeLocal DNS"), "on every node at 169.254.20.10, 10.96.0.10, 2 of 2 ready");
    for listing in &mut cluster.config_maps.listings {
        if let Known::Got(maps) = &mut listing.items {
            for map in maps.iter_mut().filter(|m: &&mut ConfigMap| m.name == "coredns") {
                map.data.insert("Corefile".into(), ".:53 {\n errors\n".into());
            }
        }
    }
    assert!(value(&gather(&cluster), Topic::Dns, "Corefile").contains("Corefile line 1: a { is never closed"));
}

#[test]
fn the_report_fits_its_schema_and_prints() {
    let info = gather(&with_dns(kubeadm().cluster(), &[true, true]));
    let schema = serde_json::to_value(schemars::schema_for!(Info)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(&info).unwrap()));
    let text = crate::report::info::render(&info, crate::report::page::Style::default(), false);
    assert!(text.starts_with("Cluster\n") && text.contains("\nPod network\n") && text.contains("Flannel"), "{text}");
}

#[test]
fn an_estimated_range_is_told_as_one() {
    let mut cluster = with_dns(kubeadm().cluster(), &[true]);
    let query = cluster.service_cidrs.listings[0].query.clone();
    cluster.service_cidrs.listings[0].items = Known::Denied(query.to_string());
    let Known::Got(services) = &mut cluster.services.listings[0].items else { panic!("services were read") };
    let api = Service { name: "kubernetes".into(), cluster_ips: vec!["10.96.0.1".parse().unwrap()], ..services[0].clone() };
    services.push(Service { labels: crate::model::Labels::new(), namespace: "default".into(), ..api });
    let info = gather(&cluster);
    let fact = info.fact(Topic::Addresses, "Services").unwrap();
    assert_eq!((fact.value.as_str(), fact.confidence.as_str()), ("at least 10.96.0.0/28", "possible"));
    assert_eq!(info.fact(Topic::Addresses, "overlap").unwrap().confidence, "likely");
    assert!(info.gaps.iter().any(|g| g.what == "the range of Services"), "{:?}", info.gaps);
}
