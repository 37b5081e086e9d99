//! Policies on a real cluster: what connects is what was computed.
//!
//! `NETCHECK_E2E_POLICY_KUBECONFIG`: a cluster whose network is Cilium; `kubectl` is on PATH. Nine pods in three namespaces, as the
//! upstream suite has them, ask each other on two ports while 64 policies come and go, four at a time.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const NAMESPACES: &[&str] = &["nc-pol-x", "nc-pol-y", "nc-pol-z"];
const PODS: &[&str] = &["a", "b", "c"];
const PORTS: &[u16] = &[8080, 8081];
/// Policies that apply at the same time: unions are what simple tools get wrong.
const TOGETHER: usize = 4;
/// Added and removed in one step.
const STEP: usize = 2;
/// A policy reaches every node within seconds; longer is a difference.
const SETTLED: Duration = Duration::from_secs(30);

/// From, to and port; and whether it connects.
type Pairs = BTreeMap<(String, String, u16), bool>;

struct Live {
    kubeconfig: String,
    tools: String,
    ips: BTreeMap<String, String>,
}

#[test]
fn what_connects_is_what_was_computed() {
    let Ok(kubeconfig) = env::var("NETCHECK_E2E_POLICY_KUBECONFIG") else {
        say("not run: NETCHECK_E2E_POLICY_KUBECONFIG names no cluster");
        return;
    };
    let tools = env::var("NETCHECK_E2E_TOOLS_IMAGE").unwrap_or_else(|_| "docker.io/netcheck/tools:1".to_owned());
    let mut live = Live { kubeconfig, tools, ips: BTreeMap::new() };
    live.set_up();
    let differences = live.rounds(&policies());
    live.kubectl(
        &["delete", "namespace", "--wait=false", "--ignore-not-found", NAMESPACES[0], NAMESPACES[1], NAMESPACES[2]],
        None,
    );
    live.kubectl(&["delete", "ciliumclusterwidenetworkpolicies", "-l", "netcheck.dev/e2e=live"], None);
    assert!(differences.is_empty(), "{differences}");
}

impl Live {
    fn kubectl(&self, arguments: &[&str], input: Option<&str>) -> String {
        let mut command = Command::new("kubectl");
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().expect("kubectl is on PATH");
        if let (Some(text), Some(stdin)) = (input, child.stdin.as_mut()) {
            stdin.write_all(text.as_bytes()).expect("kubectl reads");
        }
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn apply(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl(&["apply", "-f", "-"], Some(&list.to_string()));
    }

    fn set_up(&mut self) {
        let mut objects = Vec::new();
        for namespace in NAMESPACES {
            let labels = json!({"ns": namespace.trim_start_matches("nc-pol-"), "netcheck.dev/e2e": "live"});
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}));
        }
        self.apply(&objects);
        for namespace in NAMESPACES {
            self.until(&["-n", namespace, "get", "serviceaccount", "default"]);
        }
        let pods: Vec<Value> = ends().map(|(namespace, pod)| self.pod(namespace, pod)).collect();
        self.apply(&pods);
        for namespace in NAMESPACES {
            self.kubectl(&["-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=100s"], None);
        }
        for (namespace, pod) in ends() {
            let ip = self.kubectl(&["-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}"], None);
            self.ips.insert(name(namespace, pod), ip);
        }
    }

    fn until(&self, arguments: &[&str]) {
        let started = Instant::now();
        let once = || Command::new("kubectl").args(arguments).env("KUBECONFIG", &self.kubeconfig).output().expect("kubectl");
        while !once().status.success() {
            assert!(started.elapsed() < SETTLED, "kubectl {arguments:?} fails");
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn pod(&self, namespace: &str, pod: &str) -> Value {
        let container = |name: &str, port: u16| {
            json!({"name": name, "image": self.tools, "imagePullPolicy": "IfNotPresent",
                "command": ["echo-server", "http", port.to_string()], "ports": [{"name": name, "containerPort": port}]})
        };
        let containers = [container("http", 8080), container("admin", 8081)];
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": namespace, "labels": {"pod": pod}},
            "spec": {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false, "containers": containers}})
    }

    /// Every step of the way; what differed, in words.
    fn rounds(&self, policies: &[Value]) -> String {
        let mut differences = String::new();
        self.round(&mut differences, "no policy");
        for start in (0..policies.len()).step_by(STEP) {
            let new = &policies[start..(start + STEP).min(policies.len())];
            self.apply(new);
            if start >= TOGETHER {
                let old = &policies[start - TOGETHER..start - TOGETHER + STEP];
                let list = json!({"apiVersion": "v1", "kind": "List", "items": old});
                self.kubectl(&["delete", "--ignore-not-found", "-f", "-"], Some(&list.to_string()));
            }
            self.round(&mut differences, &format!("policies up to {}", start + STEP));
        }
        differences
    }

    /// Waits until the network does what was computed, or says where it does not.
    fn round(&self, differences: &mut String, what: &str) {
        let computed = self.computed();
        let started = Instant::now();
        loop {
            let measured = self.measured();
            let differs: Vec<_> = computed.iter().filter(|(pair, allowed)| measured.get(pair) != Some(allowed)).collect();
            if differs.is_empty() {
                let allowed = computed.values().filter(|a| **a).count();
                say(&format!("{what}: {allowed} of {} connect, as computed, after {:.1?}", computed.len(), started.elapsed()));
                return;
            }
            if started.elapsed() > SETTLED {
                let (first, allowed) = differs[0];
                say(&format!("{what}: {} differ, as {first:?}, computed {allowed}", differs.len()));
                let policies = self.kubectl(
                    &["get", "networkpolicies,ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies", "-A", "-o", "json"],
                    None,
                );
                writeln!(differences, "{what}: {} differ, as {first:?}, computed {allowed}, with {policies}", differs.len())
                    .expect("text");
                return;
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    fn computed(&self) -> Pairs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
        command.args(["policy", "matrix", "-A", "-q", "-o", "json", "--port", "8080/TCP", "--port", "8081/TCP"]);
        command.args(["--kubeconfig", &self.kubeconfig]);
        let output = command.output().expect("runs");
        let error = || String::from_utf8_lossy(&output.stderr).into_owned();
        let matrix: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", error()));
        let text = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
        let ours = |name: &str| self.ips.contains_key(name);
        let connections = matrix["connections"].as_array().expect("connections").iter();
        let pairs: Pairs = connections
            .filter(|c| ours(&text(c, "from")) && ours(&text(c, "to")))
            .map(|c| {
                let outcome = text(c, "outcome");
                assert_ne!(outcome, "undetermined", "{c}\n{}", matrix["gaps"]);
                let port = u16::try_from(c["port"].as_u64().expect("a port")).expect("a port");
                ((text(c, "from"), text(c, "to"), port), outcome == "allowed")
            })
            .collect();
        let wanted = self.ips.len() * (self.ips.len() - 1) * PORTS.len();
        assert_eq!(pairs.len(), wanted, "the matrix has every pair and port");
        pairs
    }

    /// Every pod asks every other one at once.
    fn measured(&self) -> Pairs {
        thread::scope(|scope| {
            let asking: Vec<_> = ends().map(|(namespace, pod)| scope.spawn(move || self.from(namespace, pod))).collect();
            asking.into_iter().flat_map(|a| a.join().expect("asks")).collect()
        })
    }

    fn from(&self, namespace: &str, pod: &str) -> Pairs {
        let from = name(namespace, pod);
        let mut script = String::new();
        for (to, ip) in self.ips.iter().filter(|(to, _)| **to != from) {
            for port in PORTS {
                writeln!(script, "(nc -w 1 {ip} {port} </dev/null >/dev/null 2>&1 && echo {to} {port}) &").expect("text");
            }
        }
        script.push_str("wait\n");
        let connected = self.kubectl(&["-n", namespace, "exec", pod, "-c", "http", "--", "sh", "-c", &script], None);
        let connected: Vec<&str> = connected.lines().collect();
        let others = self.ips.keys().filter(|to| **to != from);
        let pairs = others.flat_map(|to| PORTS.iter().map(move |port| (to, *port)));
        pairs
            .map(|(to, port)| {
                let is_there = connected.contains(&format!("{to} {port}").as_str());
                ((from.clone(), to.clone(), port), is_there)
            })
            .collect()
    }
}

fn ends() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMESPACES.iter().flat_map(|namespace| PODS.iter().map(move |pod| (*namespace, *pod)))
}

fn name(namespace: &str, pod: &str) -> String {
    format!("pod/{namespace}/{pod}")
}

/// 48 NetworkPolicies, each combination of parts once or not at all, and 16 of Cilium's.
fn policies() -> Vec<Value> {
    let mut all: Vec<Value> = (0..48).map(network_policy).collect();
    // between them, so that both kinds meet
    for (number, policy) in cilium().into_iter().enumerate() {
        all.insert((number * 4).min(all.len()), policy);
    }
    all
}

fn network_policy(number: usize) -> Value {
    let peers = [
        json!([{"podSelector": {"matchLabels": {"pod": "b"}}}]),
        json!([{"namespaceSelector": {"matchLabels": {"ns": "y"}}}]),
        json!([{"namespaceSelector": {"matchLabels": {"ns": "z"}}, "podSelector": {"matchLabels": {"pod": "c"}}}]),
        json!([{"podSelector": {"matchExpressions": [{"key": "pod", "operator": "NotIn", "values": ["a"]}]}}]),
        json!([{"namespaceSelector": {"matchExpressions": [{"key": "ns", "operator": "In", "values": ["x", "z"]}]}}, {"podSelector": {}}]),
        json!([{"namespaceSelector": {}}]),
        json!(null),
    ];
    let ports = [
        json!(null),
        json!([{"port": 8080}]),
        json!([{"port": "admin"}]),
        json!([{"port": 8080, "endPort": 8081}]),
        json!([{"port": 9999, "protocol": "UDP"}, {"port": "http"}]),
    ];
    let subjects = [
        json!({"matchLabels": {"pod": "a"}}),
        json!({}),
        json!({"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b", "c"]}]}),
        json!({"matchExpressions": [{"key": "pod", "operator": "Exists"}]}),
    ];
    let (peer, port, subject) = (&peers[number % 7], &ports[number % 5], &subjects[number % 4]);
    let rule = |peers_are: &str| {
        let mut rule = serde_json::Map::new();
        let given = [(peers_are, peer), ("ports", port)];
        rule.extend(given.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v.clone())));
        Value::Object(rule)
    };
    let spec = match number % 6 {
        0 | 3 => json!({"podSelector": subject, "policyTypes": ["Ingress"], "ingress": [rule("from")]}),
        1 | 4 => json!({"podSelector": subject, "policyTypes": ["Egress"], "egress": [rule("to")]}),
        2 => {
            json!({"podSelector": subject, "policyTypes": ["Ingress", "Egress"], "ingress": [rule("from")], "egress": [rule("to")]})
        }
        _ => json!({"podSelector": subject, "policyTypes": ["Ingress"]}),
    };
    let namespace = NAMESPACES[number % 3];
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("np-{number}"), "namespace": namespace}, "spec": spec})
}

fn cilium() -> Vec<Value> {
    let in_namespace =
        |ns: &str, pod: &str| json!({"matchLabels": {"k8s:io.kubernetes.pod.namespace": format!("nc-pol-{ns}"), "pod": pod}});
    let tcp = |port: &str| json!([{"ports": [{"port": port, "protocol": "TCP"}]}]);
    let any = |port: &str| json!([{"ports": [{"port": port, "protocol": "ANY"}]}]);
    let a = json!({"matchLabels": {"pod": "a"}});
    let specs = [
        json!({"endpointSelector": a, "ingress": [{"fromEndpoints": [{"matchLabels": {"pod": "b"}}]}]}),
        json!({"endpointSelector": {}, "ingressDeny": [{"fromEndpoints": [in_namespace("y", "c")]}], "ingress": [{"fromEndpoints": [{}]}]}),
        json!({"endpointSelector": a, "egress": [{"toEndpoints": [in_namespace("z", "a")], "toPorts": tcp("8080")}]}),
        json!({"endpointSelector": {"matchLabels": {"pod": "c"}}, "ingress": [{"fromEntities": ["cluster"]}]}),
        json!({"endpointSelector": {"matchLabels": {"pod": "b"}}, "ingress": [{"fromEntities": ["world"]}]}),
        json!({"endpointSelector": {}, "egress": [{"toEntities": ["all"]}], "egressDeny": [{"toEndpoints": [in_namespace("x", "b")], "toPorts": tcp("8081")}]}),
        json!({"endpointSelector": a, "ingress": [{"fromEndpoints": [in_namespace("x", "a"), in_namespace("z", "c")], "toPorts": any("9999")}]}),
        json!({"endpointSelector": {"matchExpressions": [{"key": "pod", "operator": "NotIn", "values": ["a"]}]}, "ingress": [{"fromEndpoints": [{}], "toPorts": any("8080")}]}),
    ];
    let of_namespaces = specs.iter().enumerate().map(|(number, spec)| {
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"name": format!("cnp-{number}"), "namespace": NAMESPACES[number % 3]}, "spec": spec})
    });
    let ours = |pod: &str| {
        json!({"matchLabels": {"pod": pod}, "matchExpressions": [
            {"key": "k8s:io.kubernetes.pod.namespace", "operator": "In", "values": NAMESPACES}]})
    };
    let wide = [
        json!({"endpointSelector": ours("a"), "ingress": [{"fromEndpoints": [ours("c")]}]}),
        json!({"endpointSelector": ours("b"), "ingressDeny": [{"fromEndpoints": [in_namespace("x", "a")]}]}),
        json!({"endpointSelector": ours("c"), "egress": [{"toEndpoints": [ours("a"), ours("b")], "toPorts": tcp("8080")}]}),
        json!({"endpointSelector": ours("a"), "egressDeny": [{"toEntities": ["cluster"], "toPorts": any("9999")}]}),
        json!({"endpointSelector": in_namespace("y", "b"), "ingress": [{"fromEntities": ["host", "remote-node"]}]}),
        json!({"endpointSelector": in_namespace("z", "c"), "egress": [{"toCIDR": ["10.0.0.0/8"]}]}),
        json!({"endpointSelector": in_namespace("x", "c"), "ingress": [{"fromEndpoints": [ours("b")]}, {"fromEndpoints": [ours("a")], "toPorts": tcp("8081")}]}),
        json!({"endpointSelector": in_namespace("y", "a"), "ingress": [{}]}),
    ];
    let of_cluster = wide.iter().enumerate().map(|(number, spec)| {
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": format!("nc-pol-{number}"), "labels": {"netcheck.dev/e2e": "live"}}, "spec": spec})
    });
    of_namespaces.chain(of_cluster).collect()
}

fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
