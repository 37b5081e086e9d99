//! Each table restates a sentence of Cilium's documentation or a branch of its source.

use serde_json::{Value, json};

use crate::model::{
    ConfigMap, Endpoint, EndpointSlice, Known, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    PolicyPort, Protocol, Query, Resource, Selector, Service, Workload,
};
use crate::policy::testing_case::{Case, object};
use crate::policy::{Enforcement, Engine};

use super::Settings;

const CNP: &str = "ciliumnetworkpolicies.v2.cilium.io";
const CCNP: &str = "ciliumclusterwidenetworkpolicies.v2.cilium.io";

/// A cluster with this configuration and version, and no policies.
fn cilium(version: &str, config: &[(&str, &str)]) -> Case {
    let mut case = Case::new(Engine::Spec);
    let agent = Workload {
        kind: "daemonset".into(),
        namespace: "kube-system".into(),
        name: "cilium".into(),
        images: vec![format!("quay.io/cilium/cilium:{version}")],
        ..Workload::default()
    };
    case.cluster.workloads.push(Query::all(Resource::DaemonSets), Known::Got(vec![agent]));
    let data = config.iter().chain(&[("cluster-name", "here")]).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let map = ConfigMap { namespace: "kube-system".into(), name: "cilium-config".into(), data };
    let query = Query::named(Resource::ConfigMaps, "kube-system", "cilium-config");
    case.cluster.config_maps.push(query, Known::Got(vec![map]));
    case.engine = Enforcement::of(&case.cluster).engine;
    assert!(matches!(case.engine, Engine::Cilium(_)));
    case
}

fn new(config: &[(&str, &str)]) -> Case {
    cilium("v1.20.2", config)
}

fn cnp(spec: &Value) -> Case {
    new(&[]).with(CNP, &[object("x", "p", spec)])
}

fn ccnp(spec: &Value) -> Case {
    new(&[]).with(CCNP, &[object("", "p", spec)])
}

/// A policy of namespace x for its pod a, with these ingress rules.
fn ingress(rules: &Value) -> Case {
    cnp(&json!({"endpointSelector": {"matchLabels": {"pod": "a"}}, "ingress": rules}))
}

fn egress(rules: &Value) -> Case {
    cnp(&json!({"endpointSelector": {"matchLabels": {"pod": "a"}}, "egress": rules}))
}

#[test]
fn without_policies_everything_is_allowed() {
    new(&[]).check("x/a > y/b TCP 80 = allowed & ingress: free\nnode/n1 > x/a TCP 80 = allowed\n8.8.8.8 > x/a TCP 80 = allowed");
}

#[test]
fn selectors_mean_the_own_namespace_unless_they_name_others() {
    ingress(&json!([{"fromEndpoints": [{"matchLabels": {"pod": "b"}}]}])).check(
        "x/b > x/a TCP 80 = allowed & allow ciliumnetworkpolicy/x/p spec.ingress[0]
         y/b > x/a TCP 80 = denied & isolated by ciliumnetworkpolicy/x/p
         x/c > x/a TCP 80 = denied
         y/b > x/b TCP 80 = allowed & free
         x/a > y/b TCP 80 = allowed",
    );
    ingress(&json!([{"fromEndpoints": [{}]}]))
        .check("x/c > x/a TCP 80 = allowed\ny/b > x/a TCP 80 = denied\n8.8.8.8 > x/a TCP 80 = denied");
    let of_y = json!([{"fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "y", "k8s:pod": "b"}}]}]);
    ingress(&of_y).check("y/b > x/a TCP 80 = allowed\nx/b > x/a TCP 80 = denied\ny/c > x/a TCP 80 = denied");
    let anywhere =
        json!([{"fromEndpoints": [{"matchExpressions": [{"key": "io.kubernetes.pod.namespace", "operator": "Exists"}]}]}]);
    ingress(&anywhere).check("z/c > x/a TCP 80 = allowed\n8.8.8.8 > x/a TCP 80 = denied\nnode/n2 > x/a TCP 80 = denied");
    // what has no such label satisfies NotIn as well
    let not_y = json!([{"fromEndpoints": [{"matchExpressions": [{"key": "k8s:io.kubernetes.pod.namespace", "operator": "NotIn", "values": ["y"]}]}]}]);
    ingress(&not_y).check("z/c > x/a TCP 80 = allowed\ny/c > x/a TCP 80 = denied\n8.8.8.8 > x/a TCP 80 = allowed");
}

#[test]
fn labels_of_namespaces_accounts_and_the_cluster() {
    let from = |labels: Value| json!([{"fromEndpoints": [{"matchLabels": labels}]}]);
    let of_y = from(json!({"k8s:io.cilium.k8s.namespace.labels.ns": "y"}));
    ingress(&of_y).check("y/b > x/a TCP 80 = allowed\nx/b > x/a TCP 80 = denied");
    let spec = json!({"endpointSelector": {}, "ingress": of_y});
    let old = |version: &str| cilium(version, &[]).with(CNP, &[object("x", "p", &spec)]);
    old("v1.15.19").check("y/b > x/a TCP 80 = denied");
    old("v1.17.4").check("y/b > x/a TCP 80 = undetermined & depends on the version of Cilium\nz/b > x/a TCP 80 = denied");
    let anywhere = json!({"io.kubernetes.pod.namespace": "y", "io.cilium.k8s.policy.serviceaccount": "b-account"});
    ingress(&from(anywhere)).check("y/b > x/a TCP 80 = allowed\ny/c > x/a TCP 80 = denied");
    let here = |cluster: &str| from(json!({"pod": "b", "io.cilium.k8s.policy.cluster": cluster}));
    ingress(&here("here")).check("x/b > x/a TCP 80 = allowed");
    ingress(&here("there")).check("x/b > x/a TCP 80 = denied");
    ingress(&from(json!({"container:pod": "b"}))).check("x/b > x/a TCP 80 = denied");
}

#[test]
fn the_subject_is_of_the_own_namespace() {
    let spec = json!({"endpointSelector": {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "y"}}, "ingress": [{}]});
    cnp(&spec).check("x/b > x/a TCP 80 = denied\nx/b > y/a TCP 80 = allowed");
    let all = json!({"endpointSelector": {}, "ingress": [{"fromEndpoints": [{"matchLabels": {"pod": "b"}}]}]});
    ccnp(&all).check("y/b > x/a TCP 80 = allowed\ny/c > x/a TCP 80 = denied\n8.8.8.8 > z/c TCP 80 = denied");
    // an empty selector of the cluster's policy means pods
    let all = json!({"endpointSelector": {}, "ingress": [{"fromEndpoints": [{}]}]});
    ccnp(&all).check("y/c > x/a TCP 80 = allowed\n8.8.8.8 > z/c TCP 80 = denied\nnode/n2 > x/a TCP 80 = denied");
}

#[test]
fn entities() {
    let from = |entity: &str| ingress(&json!([{"fromEntities": [entity]}]));
    from("all").check("y/b > x/a TCP 80 = allowed\n8.8.8.8 > x/a TCP 80 = allowed\nnode/n2 > x/a TCP 80 = allowed");
    from("world").check("y/b > x/a TCP 80 = denied\n8.8.8.8 > x/a TCP 80 = allowed\nnode/n2 > x/a TCP 80 = denied");
    from("cluster").check("y/b > x/a TCP 80 = allowed\nnode/n2 > x/a TCP 80 = allowed");
    from("remote-node").check("node/n2 > x/a TCP 80 = allowed\ny/b > x/a TCP 80 = denied");
    from("none").check("8.8.8.8 > x/a TCP 80 = denied");
    from("moon").check("8.8.8.8 > x/a TCP 80 = undetermined & \"moon\" is not an entity");
    let to = |entity: &str| egress(&json!([{"toEntities": [entity]}]));
    to("host").check("x/a > node/n1 TCP 80 = allowed\nx/a > node/n2 TCP 80 = denied");
    to("remote-node").check("x/a > node/n1 TCP 80 = denied\nx/a > node/n2 TCP 80 = allowed");
    let reserved = json!([{"toEndpoints": [{"matchLabels": {"reserved:world": ""}}]}]);
    egress(&reserved).check("x/a > 8.8.8.8 TCP 80 = allowed\nx/a > x/b TCP 80 = denied");
}

#[test]
fn the_api_server_is_known_by_its_endpoints() {
    let mut case = egress(&json!([{"toEntities": ["kube-apiserver"]}]));
    case.check("x/a > node/n2 TCP 6443 = undetermined & the API server's addresses\nx/a > x/b TCP 80 = denied");
    let slice = EndpointSlice {
        namespace: "default".into(),
        name: "kubernetes".into(),
        service: Some("kubernetes".into()),
        endpoints: vec![Endpoint { addresses: vec!["192.168.0.2".into()], ..Endpoint::default() }],
        ..EndpointSlice::default()
    };
    let query = Query::within(Resource::EndpointSlices, "default").labelled("kubernetes.io/service-name=kubernetes");
    case.cluster.endpoint_slices.push(query, Known::Got(vec![slice]));
    case.check("x/a > node/n2 TCP 6443 = allowed\nx/a > node/n1 TCP 6443 = denied\nx/a > 8.8.8.8 TCP 6443 = denied");
}

#[test]
fn ranges_find_the_world() {
    let to = |config: &[(&str, &str)], rule: &Value| {
        let spec = json!({"endpointSelector": {}, "egress": [rule]});
        new(config).with(CNP, &[object("x", "p", &spec)])
    };
    let rule = json!({"toCIDR": ["10.0.0.0/8", "192.168.0.2/32", "8.8.8.8"]});
    to(&[], &rule).check("x/a > y/b TCP 80 = denied\nx/a > node/n2 TCP 80 = denied\nx/a > 10.200.0.1 TCP 80 = allowed\nx/a > 8.8.8.8 TCP 80 = allowed\nx/a > 9.9.9.9 TCP 1 = denied");
    to(&[("policy-cidr-match-mode", "nodes")], &rule).check("x/a > y/b TCP 80 = denied\nx/a > node/n2 TCP 80 = allowed");
    to(&[("policy-cidr-match-mode", "pods")], &rule).check("x/a > y/b TCP 80 = allowed\nx/a > node/n2 TCP 80 = denied");
    let set = json!({"toCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]});
    to(&[], &set).check("x/a > 10.200.0.1 TCP 80 = allowed\nx/a > 10.1.200.1 TCP 80 = denied");
}

#[test]
fn groups_of_ranges() {
    let spec = |rule: Value| json!({"endpointSelector": {}, "egress": [{"toCIDRSet": [rule]}]});
    let group = json!({"metadata": {"name": "dns", "labels": {"role": "dns"}}, "spec": {"externalCIDRs": ["8.8.8.0/24"]}});
    let with = |rule: Value| new(&[]).with(CNP, &[object("x", "p", &spec(rule))]);
    let groups = |case: Case| case.with("ciliumcidrgroups.v2.cilium.io", std::slice::from_ref(&group));
    let named = json!({"cidrGroupRef": "dns"});
    groups(with(named.clone())).check("x/a > 8.8.8.8 TCP 53 = allowed\nx/a > 9.9.9.9 TCP 53 = denied\nx/a > y/b TCP 53 = denied");
    with(named).denied("ciliumcidrgroups.v2.cilium.io").check("x/a > 8.8.8.8 TCP 53 = undetermined & ciliumcidrgroups");
    groups(with(json!({"cidrGroupSelector": {"matchLabels": {"role": "dns"}}}))).check("x/a > 8.8.8.8 TCP 53 = allowed");
    groups(with(json!({"cidrGroupSelector": {"matchLabels": {"role": "db"}}}))).check("x/a > 8.8.8.8 TCP 53 = denied");
    groups(with(json!({"cidrGroupRef": "dns", "except": ["8.8.8.8/32"]})))
        .check("x/a > 8.8.8.8 TCP 53 = denied\nx/a > 8.8.8.9 TCP 53 = allowed");
}

#[test]
fn ports() {
    let rule = |ports: Value| ingress(&json!([{"toPorts": [{"ports": ports}]}]));
    // no peer beside ports: everybody
    rule(json!([{"port": "80", "protocol": "TCP"}])).check(
        "y/b > x/a TCP 80 = allowed\n8.8.8.8 > x/a TCP 80 = allowed\ny/b > x/a UDP 80 = denied\ny/b > x/a TCP 81 = denied",
    );
    rule(json!([{"port": "80"}])).check("y/b > x/a UDP 80 = allowed\ny/b > x/a SCTP 80 = allowed");
    rule(json!([{"port": "80", "endPort": 90, "protocol": "ANY"}]))
        .check("y/b > x/a UDP 90 = allowed\ny/b > x/a TCP 91 = denied");
    rule(json!([{"port": "0", "protocol": "UDP"}])).check("y/b > x/a UDP 9 = allowed\ny/b > x/a TCP 9 = denied");
    rule(json!([{"port": "WEB", "protocol": "TCP"}])).check("y/b > x/a TCP 80 = allowed\ny/b > x/a TCP 8080 = denied");
    rule(json!([{"port": "080"}])).check("y/b > x/a TCP 80 = undetermined & is not a port");
    rule(json!([])).check("y/b > x/a TCP 80 = denied");
    // a rule that says nothing, and one for ICMP
    ingress(&json!([{}])).check("y/b > x/a TCP 80 = denied");
    ingress(&json!([{"icmps": [{"fields": [{"type": 8}]}]}])).check("y/b > x/a TCP 80 = denied");
    ingress(&json!([{"fromEndpoints": [], "toPorts": [{"ports": [{"port": "80"}]}]}])).check("y/b > x/a TCP 80 = denied");
}

#[test]
fn port_names_of_the_destination() {
    let spec = json!({"endpointSelector": {}, "egress": [{"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "web", "protocol": "TCP"}, {"port": "dns", "protocol": "UDP"}]}]}]});
    let with = |version: &str| cilium(version, &[]).with(CNP, &[object("x", "p", &spec)]);
    with("v1.20.0").check("x/b > x/a TCP 80 = allowed\nx/a > x/b TCP 8080 = allowed\nx/a > x/b TCP 80 = denied");
    // before, two numbers of one name take the rule away, and one number counts everywhere
    with("v1.18.1").check("x/b > x/a TCP 80 = denied\nx/a > x/b TCP 8080 = denied\nx/a > x/b UDP 81 = allowed");
    with("latest").check("x/b > x/a TCP 80 = undetermined & version of Cilium");
}

#[test]
fn denials_win() {
    let spec = json!({"endpointSelector": {"matchLabels": {"pod": "a"}},
        "ingress": [{"fromEntities": ["all"]}],
        "ingressDeny": [{"fromEndpoints": [{"matchLabels": {"pod": "b"}}], "toPorts": [{"ports": [{"port": "80"}]}]}]});
    cnp(&spec).check("x/b > x/a TCP 80 = denied & deny ciliumnetworkpolicy/x/p spec.ingressDeny[0]\nx/b > x/a TCP 81 = allowed\nx/c > x/a TCP 80 = allowed");
    let alone = json!({"endpointSelector": {}, "egressDeny": [{"toEntities": ["world"]}]});
    cnp(&alone).check("x/a > 8.8.8.8 TCP 80 = denied\nx/a > x/b TCP 80 = denied & isolated");
    let open = json!({"endpointSelector": {}, "egressDeny": [{"toEntities": ["world"]}], "enableDefaultDeny": {"egress": false}});
    cnp(&open).check("x/a > 8.8.8.8 TCP 80 = denied\nx/a > x/b TCP 80 = allowed & undecided");
    new(&[("enable-non-default-deny-policies", "false")])
        .with(CNP, &[object("x", "p", &open)])
        .check("x/a > x/b TCP 80 = denied");
    let lone = json!({"endpointSelector": {}, "ingress": [{}], "enableDefaultDeny": {"egress": true}});
    cnp(&lone).check("x/a > y/b TCP 80 = undetermined & enableDefaultDeny");
}

#[test]
fn l7_rules_allow_the_way_to_the_proxy() {
    let rule = json!([{"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"method": "GET"}]}}]}]);
    let case = ingress(&rule);
    case.check("y/b > x/a TCP 80 = allowed & spec.ingress[0].toPorts[0]\ny/b > x/a TCP 81 = denied");
    let compiled = crate::policy::rulebook(&case.complete(), &case.engine, ["x"]);
    let notes: Vec<_> = compiled.book.tiers[0]
        .policies
        .iter()
        .flat_map(|p| &p.ingress)
        .flat_map(|s| &s.rules)
        .filter_map(|r| r.note.as_deref())
        .collect();
    assert_eq!(notes, ["HTTP rules: the proxy decides on each request"]);
    ingress(&json!([{"toPorts": [{"ports": [{"port": "80"}], "rules": {"grpc": []}}]}]))
        .check("y/b > x/a TCP 80 = undetermined & grpc");
}

#[test]
fn what_only_the_agent_knows_is_open() {
    egress(&json!([{"toFQDNs": [{"matchPattern": "*.example.org"}]}]))
        .check("x/a > 8.8.8.8 TCP 443 = undetermined & *.example.org\nx/a > y/b TCP 443 = denied");
    egress(&json!([{"toGroups": [{"aws": {"region": "x"}}]}]))
        .check("x/a > 8.8.8.8 TCP 443 = undetermined & group\nx/a > y/b TCP 443 = denied");
    egress(&json!([{"toNodes": [{"matchLabels": {"a": "b"}}]}]))
        .check("x/a > node/n2 TCP 443 = undetermined & labels\nx/a > y/b TCP 443 = denied");
    ingress(&json!([{"fromEntities": ["all"], "fromRequires": [{"matchLabels": {"a": "b"}}]}]))
        .check("y/b > x/a TCP 80 = undetermined & fromRequires");
    ingress(&json!([{"fromEntities": ["all"], "quota": 5}])).check("y/b > x/a TCP 80 = undetermined & unknown field `quota`");
    cnp(&json!({"endpointSelector": {}, "ingress": [{}], "when": "night"}))
        .check("y/b > x/a TCP 80 = undetermined & unknown field `when`\ny/b > z/a TCP 80 = allowed");
}

#[test]
fn services_stand_for_pods_or_addresses() {
    let mut case = egress(&json!([{"toServices": [{"k8sService": {"serviceName": "web", "namespace": "y"}}]}]));
    case.check("x/a > y/b TCP 80 = undetermined & the Service y/web: was not read");
    let mut service = Service { namespace: "y".into(), name: "web".into(), ..Service::default() };
    service.selector = [("pod".to_owned(), "b".to_owned())].into();
    case.cluster.services.push(Query::within(Resource::Services, "y"), Known::Got(vec![service.clone()]));
    case.check("x/a > y/b TCP 80 = allowed\nx/a > y/c TCP 80 = denied\nx/a > z/b TCP 80 = denied");
    service.selector.clear();
    case.cluster.services.listings[0].items = Known::Got(vec![service]);
    case.check("x/a > 8.8.8.8 TCP 80 = undetermined & EndpointSlices\nx/a > y/b TCP 80 = denied");
}

#[test]
fn what_cilium_does_not_load_is_told() {
    let both = json!([{"fromEndpoints": [{}], "fromEntities": ["world"]}]);
    ingress(&both).check("y/b > x/a TCP 80 = undetermined & fromEndpoints and fromEntities cannot stand in one rule");
    let mut refused = object("x", "p", &json!({"endpointSelector": {}, "ingress": [{}]}));
    refused["status"] = json!({"conditions": [{"type": "Valid", "status": "False", "message": "bad"}]});
    let case = new(&[]).with(CNP, &[refused]);
    case.check("y/b > x/a TCP 80 = allowed");
    assert_eq!(case.problems()[0].text, "Cilium did not load this policy: bad");
    let specs = json!({"metadata": {"namespace": "x", "name": "p"}, "specs": [
        {"endpointSelector": {"matchLabels": {"pod": "a"}}, "ingress": [{}]},
        {"endpointSelector": {"matchLabels": {"pod": "b"}}, "egress": [{}]}]});
    new(&[]).with(CNP, &[specs]).check("x/b > x/a TCP 80 = denied\nx/b > y/a TCP 80 = denied\nx/a > y/a TCP 80 = allowed");
}

#[test]
fn the_node_reaches_its_own_pods() {
    let spec = json!({"endpointSelector": {}, "ingress": [{}]});
    let with = |config: &[(&str, &str)]| new(config).with(CNP, &[object("x", "p", &spec)]);
    with(&[]).check("node/n1 > x/a TCP 80 = allowed & own node\nnode/n2 > x/a TCP 80 = denied");
    with(&[("allow-localhost", "policy")]).check("node/n1 > x/a TCP 80 = denied");
    let deny = json!({"endpointSelector": {}, "ingressDeny": [{"fromEntities": ["host"]}]});
    cnp(&deny).check("node/n1 > x/a TCP 80 = denied & spec.ingressDeny[0]");
    // the other way is not free
    egress(&json!([{}])).check("x/a > node/n1 TCP 80 = denied");
}

#[test]
fn policies_for_nodes_are_named() {
    let spec = json!({"nodeSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]});
    let with = |config: &[(&str, &str)]| new(config).with(CCNP, &[object("", "host", &spec)]);
    with(&[("enable-host-firewall", "true")])
        .check("x/a > node/n2 TCP 22 = undetermined & policies for nodes\nx/b > y/a TCP 80 = allowed");
    with(&[]).check("x/a > node/n2 TCP 22 = allowed");
}

#[test]
fn enforcement_modes() {
    let always = new(&[("enable-policy", "always")]);
    always.check("x/a > y/b TCP 80 = denied & configmap/kube-system/cilium-config\nnode/n1 > x/a TCP 80 = undetermined");
    cilium("v1.15.19", &[("enable-policy", "always")]).check("node/n1 > x/a TCP 80 = allowed & own node");
    let never = Enforcement::of(&new(&[("enable-policy", "never")]).cluster);
    assert_eq!((never.by, never.enforces.word()), (Some("Cilium"), "no"));
    // without its configuration only the default remains open
    let mut case = ingress(&json!([{"fromEndpoints": [{}]}]));
    case.cluster.config_maps.listings.clear();
    case.engine = Engine::Cilium(Box::new(Settings::of(&case.cluster)));
    case.check("x/b > x/a TCP 80 = undetermined & cilium-config\ny/b > x/a TCP 80 = denied");
    assert!(case.problems().iter().any(|p| p.text.contains("defaults are assumed")));
}

fn network_policy(policy: NetworkPolicy, case: Case) -> Case {
    let mut case = case;
    case.cluster.network_policies.listings[0].items =
        Known::Got(vec![NetworkPolicy { namespace: "x".into(), name: "np".into(), ..policy }]);
    case
}

#[test]
fn network_policies_as_cilium_reads_them() {
    let from = |peer: NetworkPolicyPeer| NetworkPolicyRule { peers: vec![peer], ports: Vec::new() };
    let block = NetworkPolicyPeer {
        ip_block: Some(crate::model::IpBlock { cidr: "10.0.0.0/8".into(), except: Vec::new() }),
        ..NetworkPolicyPeer::default()
    };
    let policy = NetworkPolicy { ingress: vec![from(block)], ..NetworkPolicy::default() };
    network_policy(policy, new(&[])).check("y/b > x/a TCP 80 = denied\n10.200.0.1 > x/a TCP 80 = allowed");
    // a label that is no part of the identity
    let hash = Selector::parse("pod-template-hash=abc").expect("valid");
    let pods = NetworkPolicyPeer { pod_selector: Some(hash), ..NetworkPolicyPeer::default() };
    let case = network_policy(NetworkPolicy { ingress: vec![from(pods)], ..NetworkPolicy::default() }, new(&[]));
    case.check("x/b > x/a TCP 80 = denied");
    assert!(case.problems()[0].text.contains("pod-template-hash"), "{:?}", case.problems());
    // a rule isolates its direction whatever the types say
    let types = NetworkPolicy {
        policy_types: vec!["Egress".into()],
        ingress: vec![from(NetworkPolicyPeer { pod_selector: Some(Selector::default()), ..NetworkPolicyPeer::default() })],
        egress: vec![NetworkPolicyRule::default()],
        ..NetworkPolicy::default()
    };
    network_policy(types, new(&[])).check("y/b > x/a TCP 80 = denied\nx/b > x/a TCP 80 = allowed");
    let named = NetworkPolicy {
        policy_types: vec!["Egress".into()],
        egress: vec![NetworkPolicyRule {
            peers: Vec::new(),
            ports: vec![NetworkPolicyPort {
                protocol: Protocol::Tcp,
                port: Some(PolicyPort::Name("web".into())),
                end_port: None,
            }],
        }],
        ..NetworkPolicy::default()
    };
    network_policy(named.clone(), new(&[])).check("x/b > y/a TCP 80 = allowed");
    network_policy(named, cilium("v1.16.0", &[])).check("x/b > y/a TCP 80 = denied");
    let ports = vec![NetworkPolicyPort { protocol: Protocol::Tcp, port: Some(PolicyPort::Number(80)), end_port: Some(90) }];
    let ranged = NetworkPolicy { ingress: vec![NetworkPolicyRule { peers: Vec::new(), ports }], ..NetworkPolicy::default() };
    let ranged = |version: &str| network_policy(ranged.clone(), cilium(version, &[]));
    ranged("v1.16.0").check("x/b > x/a TCP 90 = allowed\nx/b > x/a TCP 91 = denied");
    ranged("v1.15.19").check("x/b > x/a TCP 80 = allowed\nx/b > x/a TCP 90 = denied");
    ranged("latest").check("x/b > x/a TCP 90 = undetermined & before v1.16");
    let off = NetworkPolicy::default();
    network_policy(off, new(&[("enable-k8s-networkpolicy", "false")])).check("x/b > x/a TCP 80 = allowed");
}

#[test]
fn cluster_network_policies_stand_around() {
    const KCNP: &str = "clusternetworkpolicies.v1alpha2.policy.networking.k8s.io";
    let rule = |tier: &str, action: &str| {
        let all = json!({"namespaces": {}});
        object(
            "",
            &tier.to_lowercase(),
            &json!({"tier": tier, "priority": 1, "subject": all, "ingress": [{"action": action, "from": [{"namespaces": {"matchLabels": {"ns": "y"}}}]}]}),
        )
    };
    let on = [("enable-k8s-cluster-network-policy", "true")];
    let isolating = object("x", "p", &json!({"endpointSelector": {}, "ingress": [{}]}));
    let with = |config: &[(&str, &str)], policies: &[Value]| {
        new(config).with(CNP, std::slice::from_ref(&isolating)).with(KCNP, policies)
    };
    with(&on, &[rule("Admin", "Accept")])
        .check("y/b > x/a TCP 80 = allowed\nz/b > x/a TCP 80 = denied & isolated by ciliumnetworkpolicy/x/p");
    // what isolates comes last: the baseline is asked before
    with(&on, &[rule("Baseline", "Accept")]).check("y/b > x/a TCP 80 = allowed\nnode/n1 > x/a TCP 80 = allowed & own node");
    let off = with(&[], &[rule("Admin", "Accept")]);
    off.check("y/b > x/a TCP 80 = denied");
    assert_eq!(off.problems()[0].text, "this Cilium does not enforce this kind");
}
