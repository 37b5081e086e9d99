//! A cluster as Kubernetes' own objects, and what the engine says of every pair in it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use netcheck::discover::{Bundle, Discovery, Meta, Reader};
use netcheck::model::{Cluster, Known, Protocol, Query, Resource};
use netcheck::policy::{Direction, Directory, Endpoint, EndpointKind, Engine, Flow, Matrix, Outcome, reads, rulebook};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Kinds beside NetworkPolicy: group, plural and versions.
const CUSTOM: [(&str, &str, &[&str]); 3] = [
    ("policy.networking.k8s.io", "adminnetworkpolicies", &["v1alpha1"]),
    ("policy.networking.k8s.io", "baselineadminnetworkpolicies", &["v1alpha1"]),
    ("policy.networking.k8s.io", "clusternetworkpolicies", &["v1beta1", "v1alpha2"]),
];

/// Objects, and the ports that connections go to. The ends are the pods in their order, then nodes, then addresses.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct World {
    pub namespaces: Vec<Value>,
    pub pods: Vec<Value>,
    pub nodes: Vec<Value>,
    pub policies: Vec<Value>,
    pub outside: Vec<IpAddr>,
    pub ports: Vec<Port>,
    pub v6: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Port {
    pub protocol: Protocol,
    pub port: u16,
}

/// What each direction says of every ordered pair, sources first, by port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answers {
    pub ends: Vec<End>,
    pub egress: Vec<Vec<Outcome>>,
    pub ingress: Vec<Vec<Outcome>>,
}

/// What of an end the tests ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub name: String,
    pub ips: Vec<IpAddr>,
    /// The node it runs on, or is.
    pub node: Option<String>,
    /// A pod with a network of its own.
    pub is_pod: bool,
    /// A pod that uses its node's network.
    pub is_on_host: bool,
}

impl fmt::Debug for World {
    /// As JSON: so a failed test can be tried by hand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).expect("is JSON"))
    }
}

impl World {
    pub(crate) fn cluster(&self) -> Cluster {
        static RUNTIME: LazyLock<tokio::runtime::Runtime> =
            LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime"));
        let bundle = Bundle { meta: Meta::default(), reads: self.reads(), measurements: Vec::new(), launches: Vec::new() };
        let mut queries: Vec<_> = bundle.reads.iter().map(|(query, _)| query.clone()).collect();
        let mut discovery = Discovery::new(Reader::Bundle(Box::new(bundle)));
        while !queries.is_empty() {
            RUNTIME.block_on(discovery.ask(&queries));
            queries = reads(discovery.cluster(), &[]);
        }
        let cluster = discovery.cluster().clone();
        assert!(matches!(cluster.pods.complete(&Resource::Pods, None), Known::Got(_)), "pods that cannot be read: {self:?}");
        cluster
    }

    /// The answers of an API server that has these objects, and of each group the kinds that are known here.
    fn reads(&self) -> Vec<(Query, Known<Vec<Value>>)> {
        let of_kind = |group: &str, plural: &str| {
            let is = |object: &&Value| {
                let kind = object["kind"].as_str().unwrap_or("NetworkPolicy").to_lowercase();
                let api = object["apiVersion"].as_str().unwrap_or("networking.k8s.io/v1");
                plural.strip_suffix("ies").map(|stem| format!("{stem}y")) == Some(kind) && api.split('/').next() == Some(group)
            };
            self.policies.iter().filter(is).cloned().collect::<Vec<_>>()
        };
        let groups: BTreeSet<_> = CUSTOM.iter().filter(|(g, p, _)| !of_kind(g, p).is_empty()).map(|(group, ..)| *group).collect();
        let lists = [
            (Resource::Namespaces, self.namespaces.clone()),
            (Resource::Pods, self.pods.clone()),
            (Resource::Nodes, self.nodes.clone()),
            (Resource::NetworkPolicies, of_kind("networking.k8s.io", "networkpolicies")),
            (Resource::ApiGroups, groups.iter().map(|group| json!({"name": group})).collect()),
            (Resource::DaemonSets, Vec::new()),
        ];
        let mut found = lists[3].1.len();
        let mut reads: Vec<_> = lists.map(|(resource, list)| (Query::all(resource), Known::Got(list))).into();
        for (group, plural, versions) in CUSTOM.iter().filter(|(group, ..)| groups.contains(group)) {
            let objects = of_kind(group, plural);
            found += objects.len();
            let version = objects.first().and_then(|o| o["apiVersion"].as_str()?.split('/').nth(1)).map(str::to_owned);
            for served in *versions {
                let query = Query::all(Resource::Custom(format!("{plural}.{served}.{group}")));
                let is_it = version.as_ref().is_none_or(|v| v == served);
                reads.push((query, if is_it { Known::Got(objects.clone()) } else { Known::Absent((*served).to_owned()) }));
            }
        }
        assert_eq!(found, self.policies.len(), "a policy of an unknown kind in {self:?}");
        reads
    }

    /// As the APIs document it.
    pub(crate) fn answers(&self) -> Answers {
        self.answers_of(&Engine::Spec)
    }

    /// The engine's answers, pair by pair; the matrix of all pairs must say the same.
    pub(crate) fn answers_of(&self, engine: &Engine) -> Answers {
        let cluster = self.cluster();
        let names = self.namespaces.iter().filter_map(|n| n["metadata"]["name"].as_str());
        let compiled = rulebook(&cluster, engine, names);
        assert_eq!(compiled.problems, [], "invalid policies in {self:?}");
        let directory = Directory::new(&cluster);
        let outside: Vec<[IpAddr; 1]> = self.outside.iter().map(|ip| [*ip]).collect();
        let mut ends: Vec<Endpoint<'_>> = cluster.pods.seen().map(|p| directory.pod(p)).collect();
        ends.extend(cluster.nodes.seen().map(|n| directory.node(&n.name)));
        ends.extend(outside.iter().map(|ip| directory.external(ip)));
        let mut answers = Answers { ends: ends.iter().map(End::of).collect(), egress: Vec::new(), ingress: Vec::new() };
        for Port { protocol, port } in self.ports.iter().copied() {
            let matrix = Matrix::new(&compiled.book, ends.clone(), protocol, port, self.v6);
            let (mut egress, mut ingress) = (Vec::new(), Vec::new());
            for (source, from) in ends.iter().enumerate() {
                for (target, to) in ends.iter().enumerate() {
                    let flow = Flow { from: *from, to: *to, protocol, port, v6: self.v6 };
                    let judgement = compiled.book.judge(&flow);
                    assert_eq!(matrix.outcome(source, target), judgement.outcome(), "matrix and pair differ: {flow:?}");
                    egress.push(judgement.egress.outcome);
                    ingress.push(judgement.ingress.outcome);
                }
            }
            answers.egress.push(egress);
            answers.ingress.push(ingress);
        }
        answers
    }
}

impl Answers {
    /// Of a connection to the port at this place of the world's list, both directions together.
    pub(crate) fn outcome(&self, from: &str, to: &str, port: usize) -> Outcome {
        let at = |name: &str| self.ends.iter().position(|e| e.name == name).unwrap_or_else(|| panic!("no end {name}"));
        let pair = at(from) * self.ends.len() + at(to);
        match (self.egress[port][pair], self.ingress[port][pair]) {
            (Outcome::Denied, _) | (_, Outcome::Denied) => Outcome::Denied,
            (Outcome::Allowed, Outcome::Allowed) => Outcome::Allowed,
            (Outcome::Undetermined, _) | (_, Outcome::Undetermined) => Outcome::Undetermined,
        }
    }

    pub(crate) fn of(&self, direction: Direction) -> &[Vec<Outcome>] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl End {
    fn of(endpoint: &Endpoint<'_>) -> Self {
        let is_pod = endpoint.kind == EndpointKind::Pod;
        Self {
            name: endpoint.label(),
            ips: endpoint.ips.to_vec(),
            node: endpoint.node.map(str::to_owned),
            is_pod,
            is_on_host: !is_pod && !endpoint.namespace.is_empty(),
        }
    }

    /// An address of this family, or none at all and so perhaps one later.
    pub(crate) fn may_speak(&self, v6: bool) -> bool {
        self.ips.is_empty() || self.ips.iter().any(|ip| ip.is_ipv6() == v6)
    }
}
