//! What all pairs cost on large clusters that are made up in memory, one case a process: small, dense or large.
//!
//! Prints one JSON object: best times in milliseconds and the peak resident memory. `benches/policy` runs it and writes the table.
#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a program that measures")]

use std::time::Instant;

use netcheck::model::{
    Cluster, Container, ContainerPort, Known, Labels, Namespace, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicyRule, Pod, PolicyPort, Protocol, Query, Resource, Selector,
};
use netcheck::policy::{Directory, Endpoint, Engine, Flow, Matrix, Outcome, Rulebook, rulebook};
use serde_json::json;

/// Best of so many.
const RUNS: usize = 5;

/// Connections that are decided one by one, to tell how long all of them would take.
const SAMPLE: usize = 20_000;

/// xorshift64 (G. Marsaglia, Xorshift RNGs, 2003): the same cluster in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap_or(1)).unwrap_or(0)
    }
}

/// Pods of `workloads` in namespaces of 50 workloads each, and policies as people write them: some pods of a namespace, by one of
/// three labels, take one port from pods with a label, of the same namespace or of those of an environment.
fn cluster(pods: usize, workloads: usize, policies: usize) -> Cluster {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let namespaces = workloads.div_ceil(50);
    let environments = ["prod", "dev", "stg"];
    let label = |key: &str, value: usize| (key.to_owned(), format!("v{value}"));
    let of_workload: Vec<Labels> = (0..workloads)
        .map(|w| Labels::from([label("app", w / namespaces), label("tier", random.below(5)), label("team", random.below(10))]))
        .collect();
    let pod = |n: usize| {
        let w = n % workloads;
        let port = ContainerPort { name: Some("http".into()), port: 80, protocol: Protocol::Tcp, host_port: None };
        Pod {
            namespace: format!("ns{}", w % namespaces),
            name: format!("pod{n}"),
            labels: of_workload[w].clone(),
            ips: vec![std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap_or(0)).into()],
            phase: "Running".into(),
            containers: vec![Container { ports: vec![port], ..Container::default() }],
            ..Pod::default()
        }
    };
    let pods: Vec<Pod> = (0..pods).map(pod).collect();
    let policies: Vec<NetworkPolicy> = (0..policies).map(|n| policy(n, &pods, &mut random, &environments)).collect();
    let namespaces = (0..namespaces).map(|n| {
        let labels = Labels::from([("env".to_owned(), environments[n % 3].to_owned())]);
        Namespace { name: format!("ns{n}"), labels, terminating: false }
    });
    let mut cluster = Cluster { api_groups: Known::Got(Vec::new()), ..Cluster::default() };
    cluster.namespaces.push(Query::all(Resource::Namespaces), Known::Got(namespaces.collect()));
    cluster.pods.push(Query::all(Resource::Pods), Known::Got(pods));
    cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(policies));
    cluster
}

fn policy(n: usize, pods: &[Pod], random: &mut Random, environments: &[&str]) -> NetworkPolicy {
    let (subject, other) = (&pods[random.below(pods.len())], &pods[random.below(pods.len())]);
    let key = ["app", "tier", "team"];
    let mut one = |pod: &Pod| {
        let key = key[random.below(3)];
        Selector::of(&Labels::from([(key.to_owned(), pod.labels[key].clone())]))
    };
    let (pod_selector, peers) = (one(subject), one(other));
    let environment = (random.below(10) < 7).then(|| environments[random.below(environments.len())]);
    let namespace_selector = environment.map(|env| Selector::of(&Labels::from([("env".to_owned(), env.to_owned())])));
    let peer = NetworkPolicyPeer { pod_selector: Some(peers), namespace_selector, ip_block: None };
    let port = NetworkPolicyPort { protocol: Protocol::Tcp, port: Some(PolicyPort::Number(80)), end_port: None };
    let rules = vec![NetworkPolicyRule { peers: vec![peer], ports: vec![port] }];
    let ingress = random.below(2) == 0;
    let policy = NetworkPolicy {
        namespace: subject.namespace.clone(),
        name: format!("p{n}"),
        pod_selector,
        policy_types: vec![if ingress { "Ingress" } else { "Egress" }.to_owned()],
        ..NetworkPolicy::default()
    };
    if ingress { NetworkPolicy { ingress: rules, ..policy } } else { NetworkPolicy { egress: rules, ..policy } }
}

/// Milliseconds of the fastest run, and what it made.
fn best<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut once = || {
        let started = Instant::now();
        let made = run();
        (started.elapsed().as_secs_f64() * 1000.0, made)
    };
    let (mut least, mut made) = once();
    for _ in 1..RUNS {
        let (took, other) = once();
        least = least.min(took);
        made = other;
    }
    (least, made)
}

/// Milliseconds for every pair, from those for some, decided one by one. Stops when the matrix says otherwise.
fn one_by_one(book: &Rulebook, matrix: &Matrix<'_>, endpoints: &[Endpoint<'_>]) -> f64 {
    let mut random = Random(7);
    let started = Instant::now();
    for _ in 0..SAMPLE {
        let (from, to) = (random.below(endpoints.len()), random.below(endpoints.len()));
        let flow = Flow { from: endpoints[from], to: endpoints[to], protocol: Protocol::Tcp, port: 80, v6: false };
        assert_eq!(book.judge(&flow).outcome(), matrix.outcome(from, to), "{from} to {to}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let all = (endpoints.len() * endpoints.len()) as f64 / SAMPLE as f64;
    started.elapsed().as_secs_f64() * 1000.0 * all
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let sizes = match words.first().map(String::as_str) {
        Some("small") => (1_000, 1_000, 200),
        Some("dense") => (10_000, 10_000, 1_000),
        Some("large") => (100_000, 5_000, 10_000),
        Some(_) | None => {
            println!("usage: matrix small | dense | large");
            return;
        }
    };
    let cluster = cluster(sizes.0, sizes.1, sizes.2);
    let directory = Directory::new(&cluster);
    let endpoints: Vec<Endpoint<'_>> = cluster.pods.seen().map(|pod| directory.pod(pod)).collect();
    let before = resident("VmRSS:");
    let (translate, compiled) = best(|| rulebook(&cluster, &Engine::Spec, []));
    let (all, mut matrix) = best(|| Matrix::new(&compiled.book, endpoints.clone(), Protocol::Tcp, 80, false));
    let peak = resident("VmHWM:");
    let (allowed, classes) = (matrix.allowed_pairs(), matrix.class_count());
    let pairs = one_by_one(&compiled.book, &matrix, &endpoints);

    // one policy with the peers of another, back and forth
    let mut other = compiled.book.clone();
    let policies = &mut other.tiers[1].policies;
    let (object, donor) = (policies[7].object.clone(), policies[8].clone());
    policies[7] = netcheck::policy::Policy { object: object.clone(), ..donor };
    let mut turns = [&other, &compiled.book].into_iter().cycle();
    let (replace, ()) = best(|| turns.next().into_iter().for_each(|book| matrix.replace(book, &object)));
    let outcomes = |matrix: &Matrix<'_>| -> Vec<Outcome> {
        (0..classes).flat_map(|from| (0..classes).map(move |to| (from, to))).map(|(a, b)| matrix.between_classes(a, b)).collect()
    };
    let anew = Matrix::new(&other, endpoints.clone(), Protocol::Tcp, 80, false);
    assert!(outcomes(&matrix) == outcomes(&anew), "the replaced policy changes other answers");
    let figures = json!({
        "pods": sizes.0, "policies": sizes.2, "classes": classes, "allowed": allowed, "translate_ms": translate, "matrix_ms": all,
        "replace_ms": replace, "one_by_one_ms": pairs, "cluster_mib": before, "peak_mib": peak,
    });
    println!("{figures}");
}

/// MiB, of this process.
fn resident(what: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}
