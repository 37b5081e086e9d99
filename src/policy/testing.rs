//! Small clusters with random policies, for the properties that every policy engine must have.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::model::{
    Cluster, Container, ContainerPort, IpBlock, Labels, Namespace, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicyRule, Operator, Pod, PolicyPort, Protocol, Query, Requirement, Resource, Selector,
};

use super::dialect::network_policy;
use super::{Action, Directory, Endpoint, Join, OwnNode, Rulebook, Tier};

/// Pods and policies of a small cluster with three namespaces.
#[derive(Debug, Clone)]
pub(super) struct Small {
    pub pods: Vec<Pod>,
    pub policies: Vec<NetworkPolicy>,
    /// Whether the labels of namespaces could be read.
    pub namespaces_known: bool,
}

pub(super) const PORTS: [u16; 3] = [80, 81, 8080];

impl Default for Small {
    fn default() -> Self {
        Self { pods: pods(), policies: Vec::new(), namespaces_known: true }
    }
}

impl Small {
    pub(super) fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::default();
        let all = ["x", "y", "z"].map(|name| {
            let labels = Labels::from([(super::NAME_LABEL.into(), name.into()), ("ns".into(), name.into())]);
            Namespace { name: name.into(), labels, terminating: false }
        });
        if self.namespaces_known {
            cluster.namespaces.push(Query::all(Resource::Namespaces), crate::model::Known::Got(all.to_vec()));
        }
        cluster.pods.push(Query::all(Resource::Pods), crate::model::Known::Got(self.pods.clone()));
        cluster
    }

    pub(super) fn book(&self) -> Rulebook {
        let mut problems = Vec::new();
        let policies = self.policies.iter().map(|p| network_policy::translate(p, &mut problems)).collect();
        assert_eq!(problems, []);
        let tier =
            Tier { name: "NetworkPolicy".into(), own_node: OwnNode::FREE, join: Join::Union, unmatched: Action::Deny, policies };
        Rulebook { tiers: vec![tier], otherwise: Action::Allow }
    }
}

pub(super) fn endpoints<'a>(directory: &'a Directory<'a>, pods: &'a [Pod]) -> Vec<Endpoint<'a>> {
    pods.iter().map(|p| directory.pod(p)).collect()
}

/// Any such cluster.
pub(super) fn small() -> impl Strategy<Value = Small> {
    (vec(policy(), 0..6), any::<bool>()).prop_map(|(mut policies, namespaces_known)| {
        for (at, policy) in policies.iter_mut().enumerate() {
            policy.name = format!("policy-{at}");
        }
        Small { pods: pods(), policies, namespaces_known }
    })
}

fn pods() -> Vec<Pod> {
    let mut pods = Vec::new();
    for (n, namespace) in ["x", "y", "z"].into_iter().enumerate() {
        for (p, name) in ["a", "b", "c"].into_iter().enumerate() {
            let ip = format!("10.{n}.0.{}", p * 100 + 1);
            let port = |name: &str, port, protocol| ContainerPort { name: Some(name.into()), port, protocol, host_port: None };
            // the same name stands for different numbers
            let web = if p == 0 { 80 } else { 8080 };
            let ports = vec![port("web", web, Protocol::Tcp), port("dns", 81, Protocol::Udp)];
            pods.push(Pod {
                namespace: namespace.into(),
                name: name.into(),
                labels: Labels::from([("pod".into(), name.into()), ("tier".into(), if p < 2 { "front" } else { "back" }.into())]),
                ips: vec![ip.parse().expect("an address")],
                phase: "Running".into(),
                containers: vec![Container { ports, ..Container::default() }],
                ..Pod::default()
            });
        }
    }
    pods
}

fn selector(key: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = Selector> {
    let operator = select(vec![Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist]);
    let requirement = (operator, subsequence(values.to_vec(), 1..=values.len())).prop_map(move |(operator, values)| {
        let plain = matches!(operator, Operator::Exists | Operator::DoesNotExist);
        let values = if plain { Vec::new() } else { values.into_iter().map(str::to_owned).collect() };
        Requirement { key: key.to_owned(), operator, values }
    });
    let labels = select(values.to_vec()).prop_map(move |v| Labels::from([(key.to_owned(), v.to_owned())]));
    prop_oneof![
        Just(Selector::default()),
        labels.prop_map(|labels| Selector { labels, expressions: Vec::new() }),
        requirement.prop_map(|r| Selector { labels: Labels::new(), expressions: vec![r] }),
    ]
}

fn peer() -> impl Strategy<Value = NetworkPolicyPeer> {
    let pods = || selector("pod", &["a", "b", "c"]);
    let namespaces = || selector("ns", &["x", "y", "z"]);
    let block = select(vec![("10.0.0.0/8", "10.1.0.0/16"), ("10.0.0.0/16", "10.0.0.1/32"), ("0.0.0.0/0", "10.0.0.0/15")]);
    prop_oneof![
        pods().prop_map(|s| NetworkPolicyPeer { pod_selector: Some(s), ..NetworkPolicyPeer::default() }),
        namespaces().prop_map(|s| NetworkPolicyPeer { namespace_selector: Some(s), ..NetworkPolicyPeer::default() }),
        (pods(), namespaces()).prop_map(|(p, n)| NetworkPolicyPeer {
            pod_selector: Some(p),
            namespace_selector: Some(n),
            ip_block: None
        }),
        (block, any::<bool>()).prop_map(|((cidr, except), excepted)| NetworkPolicyPeer {
            ip_block: Some(IpBlock { cidr: cidr.into(), except: excepted.then(|| except.into()).into_iter().collect() }),
            ..NetworkPolicyPeer::default()
        }),
    ]
}

fn port() -> impl Strategy<Value = NetworkPolicyPort> {
    let protocol = select(vec![Protocol::Tcp, Protocol::Udp]);
    let port = prop_oneof![
        Just((None, None)),
        select(vec!["web", "dns", "none"]).prop_map(|n| (Some(PolicyPort::Name(n.into())), None)),
        select(PORTS.to_vec()).prop_map(|n| (Some(PolicyPort::Number(n.into())), None)),
        Just((Some(PolicyPort::Number(80)), Some(81))),
    ];
    (protocol, port).prop_map(|(protocol, (port, end_port))| NetworkPolicyPort { protocol, port, end_port })
}

pub(super) fn rule() -> impl Strategy<Value = NetworkPolicyRule> {
    (vec(peer(), 0..3), vec(port(), 0..3)).prop_map(|(peers, ports)| NetworkPolicyRule { peers, ports })
}

pub(super) fn policy() -> impl Strategy<Value = NetworkPolicy> {
    let types = select(vec![vec![], vec!["Ingress"], vec!["Egress"], vec!["Ingress", "Egress"]]);
    (select(vec!["x", "y", "z"]), selector("pod", &["a", "b", "c"]), types, vec(rule(), 0..3), vec(rule(), 0..3)).prop_map(
        |(namespace, pod_selector, types, ingress, egress)| NetworkPolicy {
            namespace: namespace.into(),
            name: String::new(),
            labels: Labels::new(),
            pod_selector,
            policy_types: types.into_iter().map(str::to_owned).collect(),
            ingress,
            egress,
        },
    )
}
