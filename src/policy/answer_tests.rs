use super::*;
use crate::model::testing::policies::{block, by_name, pods, pods_in, policy, rule, tcp, udp};
use crate::model::testing::{World, ip, labels};
use crate::model::{
    Destination, NetworkPolicy, NetworkPolicyRule, ObjectRef, PortRef, Request, Resource, ServiceKind, Source, Workload,
};
use crate::plan::testing::{request, to_name, to_web};
use crate::plan::{policy_reads, resolve};
use crate::report::page::Style;
use crate::report::policy_text::render;

/// Reads what the command reads, and answers.
fn ask(world: &World, request: &Request) -> PolicyAnswer {
    let mut cluster = Cluster::default();
    for _ in 0..20 {
        let queries = policy_reads::next(request, &cluster);
        if queries.is_empty() {
            let question = resolve::question(request, &cluster).expect("the question resolves");
            return answer(&question, &cluster);
        }
        for query in &queries {
            world.ask(&mut cluster, query);
        }
    }
    panic!("reads do not end");
}

/// The shop with these policies; namespaces have the label that the API server gives them.
fn shop(policies: impl IntoIterator<Item = NetworkPolicy>) -> World {
    let mut world = World::shop();
    world.network_policies = policies.into_iter().collect();
    for namespace in &mut world.namespaces {
        namespace.labels.insert("kubernetes.io/metadata.name".into(), namespace.name.clone());
    }
    world
}

fn web(rules: impl IntoIterator<Item = NetworkPolicyRule>) -> World {
    shop([policy("shop", "web", "app=web").ingress(rules)])
}

fn text(answer: &PolicyAnswer) -> String {
    render(answer, Style::default(), false)
}

fn says(answer: &PolicyAnswer, outcome: OutcomePart, words: &str) {
    assert_eq!(answer.outcome, outcome, "{}", text(answer));
    assert!(answer.sentence.contains(words), "{}\n{}", answer.sentence, text(answer));
}

use OutcomePart::{Allowed, Denied, Undetermined};

#[test]
fn without_policies_all_is_allowed_and_a_default_deny_would_deny() {
    insta::assert_snapshot!(text(&ask(&shop([]), &to_web())), @r#"
pod/shop/client may connect to service/shop/web port 80/TCP: no policy selects pod/shop/client for egress; no policy selects pod/shop/web-1 for ingress.

  asked       pod/shop/client to service/shop/web port 80 (TCP)
  policies    allowed
  enforced    not known: no plugin that enforces policies was found

Allowed pod/shop/client to pod/shop/web-1, pod/shop/web-2 TCP 8080, behind
  service/shop/web 10.96.1.10:80
  egress      allowed: no policy selects pod/shop/client for egress
  ingress     allowed: no policy selects pod/shop/web-1 for ingress
  change      create networkpolicy/shop/web-deny-ingress, and it is denied
              (tried on a copy of the policies)
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: web-deny-ingress
      namespace: shop
    spec:
      podSelector:
        matchLabels:
          app: web
      policyTypes:
      - Ingress
"#);
}

#[test]
fn a_rule_for_the_services_port_misses_the_pods() {
    insta::assert_snapshot!(text(&ask(&web([rule([pods("app=client")], [tcp(80)])]), &to_web())), @r#"
networkpolicy/shop/web denies pod/shop/client to service/shop/web port 80/TCP (ingress): it selects pod/shop/web-1 for ingress, and no rule matches: spec.ingress[0] is for TCP 80, and the connection arrives at TCP 8080 (80 is the Service's port, and policies see the pod's).

  asked       pod/shop/client to service/shop/web port 80 (TCP)
  policies    denied
  enforced    not known: no plugin that enforces policies was found

Denied pod/shop/client to pod/shop/web-1, pod/shop/web-2 TCP 8080, behind
  service/shop/web 10.96.1.10:80
  egress      allowed: no policy selects pod/shop/client for egress
  ingress     denied: networkpolicy/shop/web selects pod/shop/web-1 for ingress,
              and no rule matches: spec.ingress[0] is for TCP 80, and the
              connection arrives at TCP 8080 (80 is the Service's port, and
              policies see the pod's)
  change      add an ingress rule to networkpolicy/shop/web, and it is allowed
              (tried on a copy of the policies)
    kubectl -n shop patch networkpolicy web --type=json -p '[{"op":"add","path":"/spec/ingress/-","value":{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],"ports":[{"port":8080,"protocol":"TCP"}]}}]'
"#);
}

#[test]
fn the_rule_that_allows_is_quoted_and_without_it_all_is_denied() {
    insta::assert_snapshot!(text(&ask(&web([rule([pods("app=client")], [by_name("http")])]), &to_web())), @r#"
pod/shop/client may connect to service/shop/web port 80/TCP: no policy selects pod/shop/client for egress; networkpolicy/shop/web spec.ingress[0] allows it.

  asked       pod/shop/client to service/shop/web port 80 (TCP)
  policies    allowed
  enforced    not known: no plugin that enforces policies was found

Allowed pod/shop/client to pod/shop/web-1, pod/shop/web-2 TCP 8080, behind
  service/shop/web 10.96.1.10:80
  egress      allowed: no policy selects pod/shop/client for egress
  ingress     allowed: networkpolicy/shop/web spec.ingress[0] allows it
              networkpolicy/shop/web spec.ingress[0]:
                from:
                - podSelector:
                    matchLabels:
                      app: client
                ports:
                - port: http
                  protocol: TCP
  change      take spec.ingress[0] out of networkpolicy/shop/web, and it is
              denied (tried on a copy of the policies)
    kubectl -n shop patch networkpolicy web --type=json -p '[{"op":"remove","path":"/spec/ingress/0"}]'
"#);
}

#[test]
fn both_ends_may_deny() {
    let world = shop([policy("shop", "deny-all", ""), policy("shop", "web", "app=web").ingress([rule([pods("app=front")], [])])]);
    insta::assert_snapshot!(text(&ask(&world, &to_web())), @r#"
networkpolicy/shop/deny-all denies pod/shop/client to service/shop/web port 80/TCP (egress): it selects pod/shop/client for egress, and has no rule.

  asked       pod/shop/client to service/shop/web port 80 (TCP)
  policies    denied
  enforced    not known: no plugin that enforces policies was found

Denied pod/shop/client to pod/shop/web-1, pod/shop/web-2 TCP 8080, behind
  service/shop/web 10.96.1.10:80
  egress      denied: networkpolicy/shop/deny-all selects pod/shop/client for
              egress, and has no rule
  ingress     denied: networkpolicy/shop/deny-all and networkpolicy/shop/web
              select pod/shop/web-1 for ingress, and no rule matches:
              networkpolicy/shop/web spec.ingress[0]: pod/shop/client has
              app=client, and it wants app=front
              networkpolicy/shop/deny-all applies, and has no rule
              networkpolicy/shop/web applies
                spec.ingress[0] (allow) does not match: pod/shop/client has
                  app=client, and it wants app=front
  change      create networkpolicy/shop/client-allow-egress and add an ingress
              rule to networkpolicy/shop/web, and it is allowed (tried on a copy
              of the policies)
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: client-allow-egress
      namespace: shop
    spec:
      egress:
      - ports:
        - port: 8080
          protocol: TCP
        to:
        - podSelector:
            matchLabels:
              app: web
      podSelector:
        matchLabels:
          app: client
      policyTypes:
      - Egress
    kubectl -n shop patch networkpolicy web --type=json -p '[{"op":"add","path":"/spec/ingress/-","value":{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],"ports":[{"port":8080,"protocol":"TCP"}]}}]'
"#);
}

#[test]
fn each_reason_is_named() {
    let cases = [
        (web([rule([pods("app=client")], [by_name("htpp")])]), "no container of pod/shop/web-1 declares one"),
        (web([rule([pods("app=client")], [by_name("http")])]), "spec.ingress[0] allows it"),
        (web([rule([pods_in("team=a", "app=client")], [])]), "namespace shop has no label team, and it wants team=a"),
        (web([rule([block("10.244.0.0/16", &["10.244.1.0/24"])], [])]), "10.244.1.5 is in 10.244.1.0/24, which it leaves out"),
        (web([rule([block("192.168.0.0/16", &[])], [])]), "10.244.1.5 is not in 192.168.0.0/16"),
        (web([rule([pods("app=front")], [])]), "pod/shop/client has app=client, and it wants app=front"),
        (web([rule([], [udp(8080)])]), "is for UDP 8080, and the connection arrives at TCP 8080"),
        (web([]), "it selects pod/shop/web-1 for ingress, and has no rule"),
        (web([rule([pods("a=b")], []), rule([pods("c=d")], [])]), "none of 2 rules matches"),
    ];
    for (world, words) in cases {
        let answer = ask(&world, &to_web());
        assert!(answer.sentence.contains(words), "{words}: {}", answer.sentence);
    }
}

#[test]
fn one_endpoint_of_two_is_told() {
    let mut world = web([rule([pods("app=client")], [by_name("http")])]);
    world.pod("web-2").containers[0].ports.clear();
    let answer = ask(&world, &to_web());
    says(&answer, Denied, "at 1 of 2 endpoints");
    assert_eq!(answer.connections.iter().map(|c| c.outcome).collect::<Vec<_>>(), [Denied, Allowed]);
    // it takes no traffic: it counts no more
    world.crash("web-2", "CrashLoopBackOff", 1, "Error");
    says(&ask(&world, &to_web()), Allowed, "may connect");
}

#[test]
fn what_could_not_be_read_leaves_it_open() {
    let denied = World { denied: vec![Resource::NetworkPolicies], ..shop([]) };
    says(&ask(&denied, &to_web()), Undetermined, "the NetworkPolicies of namespace shop: not permitted");
    let blind = World { denied: vec![Resource::Namespaces], ..web([rule([pods_in("team=a", "")], [])]) };
    says(&ask(&blind, &to_web()), Undetermined, "the labels of its namespace were not read");
    assert!(ask(&blind, &to_web()).connections[0].change.is_none());
    let slices = World { denied: vec![Resource::EndpointSlices], ..shop([]) };
    says(&ask(&slices, &to_web()), Undetermined, "not permitted");
}

fn only_web() -> NetworkPolicy {
    policy("shop", "client", "app=client").egress([rule([pods("app=web")], [])])
}

#[test]
fn the_clusters_dns_is_a_service_as_others_are() {
    let dns = request(Destination::Dns);
    says(
        &ask(&shop([only_web()]), &dns),
        Denied,
        "networkpolicy/shop/client denies pod/shop/client to service/kube-system/kube-dns",
    );
    let to_dns = rule([pods_in("kubernetes.io/metadata.name=kube-system", "k8s-app=kube-dns")], [udp(53)]);
    let world = shop([policy("shop", "client", "app=client").egress([to_dns])]);
    says(&ask(&world, &dns), Allowed, "spec.egress[0] allows it");
    let tcp = Request { protocol: Some(crate::model::Protocol::Tcp), ..dns };
    says(&ask(&world, &tcp), Denied, "is for UDP 53, and the connection arrives at TCP 53");
}

#[test]
fn a_selector_does_not_find_the_cache_on_the_node() {
    let to_dns = |peers| shop([policy("shop", "client", "app=client").egress([rule(peers, [udp(53)])])]);
    let with_cache = |mut world: World| {
        world.workloads.push(Workload {
            kind: "daemonset".into(),
            namespace: "kube-system".into(),
            name: "node-local-dns".into(),
            arguments: vec!["-localip=169.254.20.10,10.96.0.10".into()],
            host_network: true,
            ..Workload::default()
        });
        world
    };
    let dns_pods = pods_in("kubernetes.io/metadata.name=kube-system", "k8s-app=kube-dns");
    let answer = ask(&with_cache(to_dns(vec![dns_pods.clone()])), &request(Destination::Dns));
    says(&answer, Denied, "selects pods, and 169.254.20.10 is an address outside");
    let both = with_cache(to_dns(vec![dns_pods.clone(), block("169.254.20.10/32", &[]), block("10.96.0.10/32", &[])]));
    says(&ask(&both, &request(Destination::Dns)), Allowed, "spec.egress[0] allows it");
    // which of them the pod asks stands in its resolv.conf
    let one = with_cache(to_dns(vec![dns_pods, block("169.254.20.10/32", &[])]));
    says(
        &ask(&one, &request(Destination::Dns)),
        Undetermined,
        "allowed when /etc/resolv.conf names 169.254.20.10, and denied when /etc/resolv.conf names 10.96.0.10",
    );
}

#[test]
fn the_internet_is_every_public_address() {
    let to = |peers| shop([policy("shop", "client", "app=client").egress([rule(peers, [])])]);
    let internet = request(Destination::Internet);
    let world = to(vec![block("0.0.0.0/0", &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])]);
    says(&ask(&world, &internet), Allowed, "spec.egress[0] allows it");
    says(&ask(&to(vec![block("8.8.8.0/24", &[])]), &internet), Undetermined, "it is allowed when the address is in 8.8.8.0/24");
    let denied = ask(&to(vec![block("10.0.0.0/8", &[])]), &internet);
    says(&denied, Denied, "denies pod/shop/client to www.example.com");
    assert!(denied.connections[0].change.as_ref().expect("a change").steps[0].yaml.contains("0.0.0.0/0"));
    // a name may stand for a private address
    let by_name = Request { port: Some(PortRef::Number(5432)), ..to_name("db.example.org") };
    says(&ask(&world, &by_name), Undetermined, "the address is in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16");
}

fn open(world: &mut World, local: bool) {
    let service = world.service("web");
    service.kind = ServiceKind::NodePort;
    service.external_local = local;
    service.ports[0].node_port = Some(30_080);
}

fn from_outside(address: Option<&str>) -> Request {
    Request { source: Source::Outside(address.map(ip)), ..to_web() }
}

#[test]
fn from_outside_the_source_address_is_kept_or_replaced() {
    let rules = || [rule([block("203.0.113.0/24", &[])], [])];
    let mut world = web(rules());
    says(&ask(&world, &from_outside(None)), Undetermined, "nothing outside reaches a Service of type ClusterIP");
    open(&mut world, true);
    says(&ask(&world, &from_outside(Some("203.0.113.7"))), Allowed, "spec.ingress[0] allows it");
    says(&ask(&world, &from_outside(Some("198.51.100.7"))), Denied, "198.51.100.7 is not in 203.0.113.0/24");
    open(&mut world, false);
    let answer = ask(&world, &from_outside(Some("203.0.113.7")));
    says(&answer, Denied, "on some of the ways in");
    insta::assert_snapshot!(text(&answer), @r#"
networkpolicy/shop/web denies 203.0.113.7 to service/shop/web port 80/TCP on some of the ways in (ingress): it selects pod/shop/web-1 for ingress, and no rule matches: spec.ingress[0]: 172.18.0.1 is not in 203.0.113.0/24.

  asked       203.0.113.7 to service/shop/web port 80 (TCP)
  policies    denied
  enforced    not known: no plugin that enforces policies was found

Denied 203.0.113.7 by another node to pod/shop/web-1, pod/shop/web-2 TCP 8080,
  behind service/shop/web
  note        externalTrafficPolicy Cluster: the node where it enters replaces
              the source address; here another node than the pod's.
              externalTrafficPolicy Local would keep the sender's
  ingress     denied: networkpolicy/shop/web selects pod/shop/web-1 for ingress,
              and no rule matches: spec.ingress[0]: 172.18.0.1 is not in
              203.0.113.0/24
  change      add an ingress rule to networkpolicy/shop/web, and it is allowed
              (tried on a copy of the policies)
    kubectl -n shop patch networkpolicy web --type=json -p '[{"op":"add","path":"/spec/ingress/-","value":{"from":[{"ipBlock":{"cidr":"172.18.0.1/32"}},{"ipBlock":{"cidr":"172.18.0.3/32"}},{"ipBlock":{"cidr":"172.18.0.2/32"}}],"ports":[{"port":8080,"protocol":"TCP"}]}}]'

Allowed 203.0.113.7 by node/node2 to pod/shop/web-1 TCP 8080, behind
  service/shop/web
  note        externalTrafficPolicy Cluster: the node where it enters replaces
              the source address; here the pod's own node
  ingress     allowed: pod/shop/web-1 and its own node always reach each other

Allowed 203.0.113.7 by node/node3 to pod/shop/web-2 TCP 8080, behind
  service/shop/web
  note        externalTrafficPolicy Cluster: the node where it enters replaces
              the source address; here the pod's own node
  ingress     allowed: pod/shop/web-2 and its own node always reach each other
"#);
}

#[test]
fn a_node_port_is_judged_twice() {
    let nodes = block("172.18.0.0/24", &[]);
    let mut world = shop([
        policy("shop", "web", "app=web").ingress([rule([nodes.clone()], [tcp(8080)])]),
        policy("shop", "client", "app=client").egress([rule([nodes], [tcp(30_080)])]),
    ]);
    open(&mut world, false);
    let by_node = Request { port: Some(PortRef::Number(30_080)), ..request(Destination::Node("node2".into())) };
    let answer = ask(&world, &by_node);
    says(&answer, Allowed, "may connect to node/node2 port 30080");
    assert_eq!(answer.connections.len(), 2, "{}", text(&answer));
    // a tunnel's address hides the node's own
    for (node, range) in [("node2", 2), ("node3", 3)] {
        let node = world.nodes.iter_mut().find(|n| n.name == node).expect("a node");
        node.annotations = labels("flannel.alpha.coreos.com/backend-type=vxlan");
        assert_eq!(node.pod_cidrs[0].to_string(), format!("10.244.{range}.0/24"));
    }
    says(&ask(&world, &by_node), Undetermined, "the pod sees node/node2 as 10.244.2.0");
}

#[test]
fn pods_in_the_nodes_network_are_nodes() {
    let mut world = web([rule([pods("app=client")], [])]);
    world.pod("client").host_network = true;
    world.pod("client").ips = vec![ip("172.18.0.1")];
    says(&ask(&world, &to_web()), Denied, "selects pods, and pod/shop/client is in its node's network");
    let mut world = shop([policy("shop", "deny", "")]);
    world.pod("web-1").host_network = true;
    world.pod("web-1").ips = vec![ip("172.18.0.2")];
    let answer = ask(
        &world,
        &Request { port: Some(PortRef::Number(8080)), ..request(Destination::Object(ObjectRef::pod("shop", "web-1"))) },
    );
    says(&answer, Denied, "networkpolicy/shop/deny denies pod/shop/client to pod/shop/web-1 port 8080/TCP (egress)");
    assert!(answer.connections[0].ingress.as_ref().expect("told").because.contains("which has its node's network"));
}

#[test]
fn a_headless_service_translates_no_port() {
    let mut world = web([rule([], [tcp(8080)])]);
    world.service("web").headless = true;
    world.service("web").cluster_ips.clear();
    says(&ask(&world, &to_web()), Denied, "arrives at TCP 80");
    let direct = Request { port: Some(PortRef::Number(8080)), ..to_web() };
    says(&ask(&world, &direct), Allowed, "spec.ingress[0] allows it");
}

#[test]
fn only_endpoints_of_the_node_count_where_the_service_says_so() {
    let mut world = web([rule([pods("app=client")], [])]);
    world.service("web").internal_local = true;
    world.pod("web-2").node = Some("node1".into());
    world.pod("web-1").labels.insert("app".into(), "web".into());
    world.write_slices();
    let answer = ask(&world, &to_web());
    let counted: Vec<_> = answer.connections.iter().map(|c| (c.to.join(","), c.counts)).collect();
    assert_eq!(counted, [("pod/shop/web-2".to_owned(), true), ("pod/shop/web-1".to_owned(), false)]);
}

#[test]
fn the_api_server_is_an_address_of_the_control_plane() {
    let mut world = shop([policy("shop", "client", "app=client").egress([rule([block("172.18.0.9/32", &[])], [tcp(6443)])])]);
    let kubernetes = world.service("kubernetes").clone();
    let mut slice = crate::model::testing::slice(&kubernetes, &[]);
    slice.endpoints = vec![crate::model::Endpoint { addresses: vec!["172.18.0.9".into()], ready: true, ..Default::default() }];
    world.slices.push(slice);
    says(&ask(&world, &request(Destination::ApiServer)), Allowed, "spec.egress[0] allows it");
    world.network_policies[0].egress[0].ports = vec![tcp(443)];
    says(&ask(&world, &request(Destination::ApiServer)), Denied, "443 is the Service's port, and policies see the pod's");
}
