//! Random clusters with random policies, as objects that the API server would take.

use std::net::IpAddr;

use ipnet::IpNet;
use netcheck::model::Protocol;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::world::{Port, World};

type Keys = &'static [(&'static str, &'static [&'static str])];

const POD_LABELS: Keys = &[("app", &["web", "api", "db"]), ("tier", &["front", "back"]), ("blank", &[""])];
const NAMESPACE_LABELS: Keys = &[("env", &["prod", "dev"]), ("team", &["red", "blue"]), ("blank", &[""])];
const NAMESPACES: [&str; 4] = ["n0", "n1", "n2", "n3"];
const NODES: [&str; 2] = ["node0", "node1"];
const NUMBERS: [u16; 8] = [1, 53, 80, 81, 443, 8080, 8443, 65535];
const PORT_NAMES: [&str; 3] = ["web", "dns", "metrics"];
const BLOCKS: [&str; 12] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.1.0.0/16",
    "10.0.0.0/30",
    "10.1.0.4/30",
    "10.0.0.1/32",
    "192.168.0.0/24",
    "203.0.113.0/24",
    "10.2.0.0/15",
    "128.0.0.0/1",
    "10.0.0.1/24",
];
const BLOCKS6: [&str; 6] = ["::/0", "fd00::/8", "fd00:0:0:1::/64", "fd00::1/128", "fd00::/126", "2001:db8::/32"];
const OUTSIDE: [&str; 3] = ["203.0.113.9", "10.9.9.9", "192.168.0.200"];
const OUTSIDE6: [&str; 2] = ["2001:db8::9", "fd00::9:9"];

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

/// The object with one field more, or without it.
fn with(mut object: Value, field: &str, value: Option<impl Into<Value>>) -> Value {
    if let Some(value) = value {
        object[field] = value.into();
    }
    object
}

/// Some of the keys, each with one of its values.
fn labels(keys: Keys) -> impl Strategy<Value = Map<String, Value>> {
    let values: Vec<_> = keys.iter().map(|(key, values)| (Just(*key), option::of(select(values.to_vec())))).collect();
    values.prop_map(|all| all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect())
}

fn requirement(keys: Keys) -> impl Strategy<Value = Value> {
    select(keys.to_vec()).prop_flat_map(|(key, values)| {
        let values = subsequence(texts(values), 1..=values.len());
        prop_oneof![
            3 => values.clone().prop_map(move |v| json!({"key": key, "operator": "In", "values": v})),
            3 => values.prop_map(move |v| json!({"key": key, "operator": "NotIn", "values": v})),
            1 => Just(json!({"key": key, "operator": "Exists"})),
            1 => Just(json!({"key": key, "operator": "DoesNotExist"})),
        ]
    })
}

fn selector(keys: Keys) -> impl Strategy<Value = Value> {
    let one = select(keys.to_vec()).prop_flat_map(|(key, values)| (Just(key), select(values.to_vec())));
    prop_oneof![
        2 => Just(json!({})),
        4 => one.prop_map(|(key, value)| json!({"matchLabels": {key: value}})),
        3 => requirement(keys).prop_map(|r| json!({"matchExpressions": [r]})),
        1 => (labels(keys), vec(requirement(keys), 0..3))
            .prop_map(|(l, r)| json!({"matchLabels": l, "matchExpressions": r})),
    ]
}

fn protocol() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![2 => Just(None), 3 => Just(Some("TCP")), 2 => Just(Some("UDP")), 1 => Just(Some("SCTP"))]
}

fn container_port() -> impl Strategy<Value = Value> {
    (option::weighted(0.8, select(PORT_NAMES.to_vec())), select(NUMBERS.to_vec()), protocol())
        .prop_map(|(name, port, protocol)| with(with(json!({"containerPort": port}), "name", name), "protocol", protocol))
}

/// Names are unique within a container, and only there.
fn container() -> impl Strategy<Value = Vec<Value>> {
    vec(container_port(), 0..4).prop_map(|mut ports| {
        let mut seen = Vec::new();
        ports.retain(|p| {
            let fresh = p["name"].is_null() || !seen.contains(&p["name"]);
            seen.push(p["name"].clone());
            fresh
        });
        ports
    })
}

/// Which addresses a pod has.
#[derive(Debug, Clone, Copy)]
enum Family {
    V4,
    V6,
    Both,
    None,
}

#[derive(Debug, Clone)]
struct Pod {
    namespace: usize,
    labels: Map<String, Value>,
    containers: Vec<Vec<Value>>,
    family: Family,
    node: Option<&'static str>,
    host_network: bool,
}

fn pod() -> impl Strategy<Value = Pod> {
    let family = prop_oneof![12 => Just(Family::V4), 6 => Just(Family::Both), 1 => Just(Family::V6), 1 => Just(Family::None)];
    let node = option::weighted(0.8, select(NODES.to_vec()));
    let host_network = prop::bool::weighted(0.05);
    (0..NAMESPACES.len(), labels(POD_LABELS), vec(container(), 1..3), family, node, host_network).prop_map(
        |(namespace, labels, containers, family, node, host_network)| Pod {
            namespace,
            labels,
            containers,
            family,
            node,
            host_network,
        },
    )
}

impl Pod {
    fn object(&self, number: usize, namespaces: usize) -> Value {
        let namespace = self.namespace % namespaces;
        let v4 = format!("10.{namespace}.0.{}", number + 1);
        let v6 = format!("fd00:0:0:{namespace}::{}", number + 1);
        let ips = match self.family {
            Family::V4 => vec![v4],
            Family::V6 => vec![v6],
            Family::Both => vec![v4, v6],
            Family::None => Vec::new(),
        };
        // a pod in its node's network has a node, and that node's addresses
        let node = if self.host_network { self.node.or(Some(NODES[0])) } else { self.node };
        let ips = if self.host_network { node_ips(node.unwrap_or_default()) } else { ips };
        let containers: Vec<_> = self
            .containers
            .iter()
            .enumerate()
            .map(|(i, ports)| json!({"name": format!("c{i}"), "image": "i", "ports": ports}))
            .collect();
        json!({
            "metadata": {"name": format!("p{number}"), "namespace": NAMESPACES[namespace], "labels": self.labels},
            "spec": {"containers": containers, "nodeName": node, "hostNetwork": self.host_network},
            "status": {
                "phase": if ips.is_empty() { "Pending" } else { "Running" },
                "podIPs": ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>(),
            },
        })
    }
}

fn node_ips(name: &str) -> Vec<String> {
    let number = NODES.iter().position(|n| *n == name).unwrap_or_default() + 1;
    vec![format!("192.168.0.{number}"), format!("2001:db8:0:1::{number}")]
}

fn block() -> impl Strategy<Value = Value> {
    let one = prop_oneof![4 => select(BLOCKS.to_vec()), 1 => select(BLOCKS6.to_vec())];
    (one, subsequence([BLOCKS.as_slice(), BLOCKS6.as_slice()].concat(), 0..6)).prop_map(|(cidr, except)| {
        let net = |text: &str| text.parse::<IpNet>().expect("a CIDR").trunc();
        // the API server wants exceptions that are smaller parts of the block
        let inside = |e: &&str| net(cidr).contains(&net(e)) && net(cidr).prefix_len() < net(e).prefix_len();
        let except: Vec<_> = except.into_iter().filter(inside).collect();
        if except.is_empty() { json!({"ipBlock": {"cidr": cidr}}) } else { json!({"ipBlock": {"cidr": cidr, "except": except}}) }
    })
}

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => selector(POD_LABELS).prop_map(|p| json!({"podSelector": p})),
        2 => selector(NAMESPACE_LABELS).prop_map(|n| json!({"namespaceSelector": n})),
        1 => select(NAMESPACES.to_vec())
            .prop_map(|n| json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": n}}})),
        2 => (selector(POD_LABELS), selector(NAMESPACE_LABELS)).prop_map(|(p, n)| json!({"podSelector": p, "namespaceSelector": n})),
        3 => block(),
    ]
}

fn policy_port() -> impl Strategy<Value = Value> {
    let number = || select(NUMBERS.to_vec());
    let port = prop_oneof![
        1 => Just(json!({})),
        3 => number().prop_map(|n| json!({"port": n})),
        3 => select([PORT_NAMES.as_slice(), &["absent"]].concat()).prop_map(|n| json!({"port": n})),
        2 => (number(), number()).prop_map(|(a, b)| json!({"port": a.min(b), "endPort": a.max(b)})),
    ];
    (port, protocol()).prop_map(|(port, protocol)| with(port, "protocol", protocol))
}

/// `absent`, empty or some: the API gives the first two the same meaning in rules.
fn list(of: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Option<Vec<Value>>> {
    option::weighted(0.8, vec(of, 0..=most))
}

fn rules(peers: &'static str) -> impl Strategy<Value = Option<Vec<Value>>> {
    let rule = (list(peer(), 2), list(policy_port(), 2))
        .prop_map(move |(from, ports)| with(with(json!({}), peers, from), "ports", ports));
    list(rule, 2)
}

fn policy() -> impl Strategy<Value = Value> {
    let types = prop_oneof![Just(vec![]), Just(vec!["Ingress"]), Just(vec!["Egress"]), Just(vec!["Egress", "Ingress"])];
    let types = option::weighted(0.8, types);
    (0..NAMESPACES.len(), selector(POD_LABELS), types, rules("from"), rules("to")).prop_map(
        |(namespace, selector, types, ingress, egress)| {
            let spec = with(json!({"podSelector": selector}), "policyTypes", types);
            let spec = with(with(spec, "ingress", ingress), "egress", egress);
            json!({"metadata": {"namespace": NAMESPACES[namespace]}, "spec": spec})
        },
    )
}

/// Any such cluster. Every part of it gets smaller when a test fails.
pub(crate) fn world() -> impl Strategy<Value = World> {
    let namespaces = vec(labels(NAMESPACE_LABELS), 1..=NAMESPACES.len());
    let protocols = select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let ports = vec((protocols, select(NUMBERS.to_vec())), 1..5);
    (namespaces, vec(pod(), 1..7), vec(policy(), 0..5), ports, prop::bool::weighted(0.25)).prop_map(
        |(namespaces, pods, policies, ports, v6)| {
            let count = namespaces.len();
            let namespaces = namespaces.into_iter().zip(NAMESPACES).map(|(mut labels, name)| {
                labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
                json!({"metadata": {"name": name, "labels": labels}})
            });
            let policies = policies.into_iter().enumerate().map(|(i, mut policy)| {
                policy["metadata"]["name"] = json!(format!("policy-{i}"));
                policy
            });
            let nodes = NODES.iter().map(|name| {
                let addresses: Vec<_> = node_ips(name).iter().map(|ip| json!({"type": "InternalIP", "address": ip})).collect();
                // with a label that selectors of pods ask for, and that must not find it
                json!({"metadata": {"name": name, "labels": {"app": "web"}}, "status": {"addresses": addresses}})
            });
            let outside = if v6 { OUTSIDE6.as_slice() } else { &OUTSIDE };
            World {
                namespaces: namespaces.collect(),
                pods: pods.iter().enumerate().map(|(i, pod)| pod.object(i, count)).collect(),
                nodes: nodes.collect(),
                policies: policies.collect(),
                outside: outside.iter().map(|ip| ip.parse::<IpAddr>().expect("an address")).collect(),
                ports: ports.into_iter().map(|(protocol, port)| Port { protocol, port }).collect(),
                v6,
            }
        },
    )
}
