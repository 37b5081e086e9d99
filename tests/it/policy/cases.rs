//! The upstream test suites, restated: each file of `tests/policy` is a case with its objects and what may reach what.
//!
//! `kubernetes`: the cases of test/e2e/network/netpol. `admin` and `cluster`: the conformance cases of network-policy-api for
//! AdminNetworkPolicy with its baseline, and for ClusterNetworkPolicy. Each names the upstream case that it restates.

use std::collections::BTreeMap;
use std::fs;

use netcheck::model::Protocol;
use netcheck::policy::Outcome;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::world::{Port, World};
use crate::root;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// One sentence: what the case shows.
    says: String,
    /// Where the case comes from: module, version and name.
    upstream: String,
    steps: Vec<Step>,
}

/// The cluster as it is at one moment of the case, and what reaches what then.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    policies: Vec<Value>,
    /// Further labels of namespaces (`y`) and pods (`x/a`).
    #[serde(default)]
    labels: BTreeMap<String, Map<String, Value>>,
    /// By port: a table whose rows are sources. `.` reaches, `X` does not, `-` is a pod and itself.
    #[serde(default)]
    reach: BTreeMap<String, String>,
    /// The same one by one: `x/a > y/b TCP 80 allowed`.
    #[serde(default)]
    connections: Vec<String>,
}

/// A connection and what must become of it.
#[derive(Debug)]
struct Expected {
    from: String,
    to: String,
    port: Port,
    outcome: Outcome,
}

fn port(text: &str) -> Port {
    let (protocol, number) = text.split_once(' ').unwrap_or_else(|| panic!("{text} is not a protocol and a port"));
    let protocol: Protocol = serde_json::from_value(json!(protocol)).expect("a protocol");
    Port { protocol, port: number.parse().expect("a number") }
}

impl Step {
    fn expected(&self) -> Vec<Expected> {
        let mut all = Vec::new();
        for (heading, table) in &self.reach {
            let mut lines = table.lines();
            let columns: Vec<_> = lines.next().expect("a line of names").split_whitespace().collect();
            for line in lines {
                let mut cells = line.split_whitespace();
                let from = cells.next().expect("a name");
                let cells: Vec<_> = cells.collect();
                assert_eq!(cells.len(), columns.len(), "{line}");
                for (to, cell) in columns.iter().zip(cells) {
                    let outcome = match cell {
                        "." => Outcome::Allowed,
                        "X" => Outcome::Denied,
                        "-" if from == *to => continue,
                        other => panic!("{other:?} in {line}"),
                    };
                    all.push(Expected { from: from.to_owned(), to: (*to).to_owned(), port: port(heading), outcome });
                }
            }
        }
        for line in &self.connections {
            let words: Vec<_> = line.split(' ').collect();
            let [from, ">", to, protocol, number, outcome] = words[..] else { panic!("{line}") };
            let outcome = match outcome {
                "allowed" => Outcome::Allowed,
                "denied" => Outcome::Denied,
                other => panic!("{other} in {line}"),
            };
            let port = port(&format!("{protocol} {number}"));
            all.push(Expected { from: from.to_owned(), to: to.to_owned(), port, outcome });
        }
        all
    }

    /// The differences between what the step expects and what the engine says.
    fn differences(&self, mut world: World) -> (usize, Vec<String>) {
        let expected = self.expected();
        world.policies.clone_from(&self.policies);
        for (name, labels) in &self.labels {
            let (namespace, pod) = name.split_once('/').map_or((name.as_str(), None), |(ns, pod)| (ns, Some(pod)));
            let (objects, name) = if let Some(pod) = pod { (&mut world.pods, pod) } else { (&mut world.namespaces, namespace) };
            let is = |o: &&mut Value| o["metadata"]["name"] == name && (pod.is_none() || o["metadata"]["namespace"] == namespace);
            let object = objects.iter_mut().find(is).unwrap_or_else(|| panic!("no {name}"));
            for (key, value) in labels {
                object["metadata"]["labels"][key] = value.clone();
            }
        }
        for one in &expected {
            if !world.ports.contains(&one.port) {
                world.ports.push(one.port);
            }
        }
        let answers = world.answers();
        let mut wrong = Vec::new();
        for Expected { from, to, port, outcome } in &expected {
            let at = world.ports.iter().position(|p| p == port).expect("was added");
            let is = answers.outcome(&format!("pod/{from}"), &format!("pod/{to}"), at);
            if is != *outcome {
                wrong.push(format!("{from} > {to} {} {}: {is:?}, not {outcome:?}", port.protocol, port.port));
            }
        }
        (expected.len(), wrong)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "callers write json!(…) in place")]
fn pod(name: &str, ip: &str, node: &str, labels: Value, ports: &[(&str, u16, &str)]) -> Value {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    let ports: Vec<_> =
        ports.iter().map(|(name, port, protocol)| json!({"name": name, "containerPort": port, "protocol": protocol})).collect();
    json!({
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "server", "image": "server", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": ip}]},
    })
}

fn namespace(name: &str, key: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {key: name, "kubernetes.io/metadata.name": name}}})
}

fn nodes() -> Vec<Value> {
    let node = |number: usize| {
        json!({
            "metadata": {"name": format!("node{number}"), "labels": {"kubernetes.io/os": "linux"}},
            "status": {"addresses": [{"type": "InternalIP", "address": format!("198.18.0.{}", 10 + number)}]},
        })
    };
    vec![node(1), node(2)]
}

/// Namespaces x, y and z with pods a, b and c, whose ports 80 and 81 have names for each protocol.
fn letters() -> World {
    let mut world = World { nodes: nodes(), ..World::default() };
    for (n, ns) in ["x", "y", "z"].into_iter().enumerate() {
        world.namespaces.push(namespace(ns, "ns"));
        for (p, name) in ["a", "b", "c"].into_iter().enumerate() {
            let ports = [
                ("serve-80-tcp", 80, "TCP"),
                ("serve-81-tcp", 81, "TCP"),
                ("serve-80-udp", 80, "UDP"),
                ("serve-81-udp", 81, "UDP"),
                ("serve-80-sctp", 80, "SCTP"),
                ("serve-81-sctp", 81, "SCTP"),
            ];
            let ip = format!("10.244.{n}.{}", 10 + p);
            world.pods.push(pod(&format!("{ns}/{name}"), &ip, ["node1", "node2"][p % 2], json!({"pod": name}), &ports));
        }
    }
    world
}

/// Namespaces of four sides with two pods each, and one whose pods are in their nodes' network.
fn sides() -> World {
    let mut world = World { nodes: nodes(), ..World::default() };
    for (n, ns) in ["north", "east", "south", "west", "host"].into_iter().enumerate() {
        world.namespaces.push(namespace(ns, "side"));
        for (p, name) in ["a", "b"].into_iter().enumerate() {
            let ip = if ns == "host" { format!("198.18.0.{}", 11 + p) } else { format!("10.244.{n}.{}", 10 + p) };
            let ports: &[_] = if ns == "host" { &[] } else { &[("web", 80, "TCP"), ("dns", 53, "UDP")] };
            let mut pod = pod(&format!("{ns}/{name}"), &ip, ["node1", "node2"][p], json!({"side": ns}), ports);
            pod["spec"]["hostNetwork"] = json!(ns == "host");
            world.pods.push(pod);
        }
    }
    world
}

/// Every case of a folder, with the world's addresses in the place of `${x/b}`.
fn cases(folder: &str, world: &World) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(root().join("tests/policy").join(folder)).expect("a folder").flatten() {
        let path = entry.path();
        let name = format!("{folder}/{}", path.file_stem().expect("a name").to_string_lossy());
        let mut text = fs::read_to_string(&path).expect("readable");
        for pod in &world.pods {
            let text_of = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).expect("text");
            let end = format!("${{{}/{}}}", text_of("/metadata/namespace"), text_of("/metadata/name"));
            text = text.replace(&end, text_of("/status/podIPs/0/ip"));
        }
        cases.push((name.clone(), serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))));
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// Runs a folder and says how many connections were as they must be.
fn run(folder: &str, world: &World, suite: &str) -> (usize, usize) {
    let (mut count, mut wrong) = (0, Vec::new());
    let cases = cases(folder, world);
    for (name, case) in &cases {
        assert!(case.upstream.starts_with(suite) && !case.says.is_empty(), "{name} restates {}", case.upstream);
        for (number, step) in case.steps.iter().enumerate() {
            let (asked, differences) = step.differences(world.clone());
            assert!(asked > 0, "{name}: step {} expects nothing", number + 1);
            count += asked;
            wrong.extend(differences.into_iter().map(|d| format!("{name}, step {}: {d}", number + 1)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (cases.len(), count)
}

#[test]
fn cases_of_kubernetes() {
    assert_eq!(run("kubernetes", &letters(), "k8s.io/kubernetes v1.36.3 test/e2e/network/netpol: "), (48, 506));
}

#[test]
fn cases_of_admin_network_policy() {
    assert_eq!(run("admin", &sides(), "sigs.k8s.io/network-policy-api v0.1.7 conformance: "), (24, 289));
}

#[test]
fn cases_of_cluster_network_policy() {
    assert_eq!(run("cluster", &sides(), "sigs.k8s.io/network-policy-api v0.2.0 conformance: "), (24, 289));
}
