//! A small cluster with policies of any kind, asked in words: `x/a > y/b TCP 80`.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::model::{Cluster, Known, Node, Query, Resource};

use super::testing::Small;
use super::{Decision, Directory, Endpoint, Engine, Flow, Matrix, Outcome, Problem, Reason, reads, rulebook};

pub(crate) const NAMESPACES: [&str; 3] = ["x", "y", "z"];

/// The pods a, b, c of the namespaces x, y, z; a is on node n1, the others are on n2.
pub(crate) struct Case {
    pub(crate) cluster: Cluster,
    pub(crate) engine: Engine,
}

impl Case {
    pub(crate) fn new(engine: Engine) -> Self {
        let mut world = Small::default();
        for pod in &mut world.pods {
            pod.node = Some(if pod.name == "a" { "n1" } else { "n2" }.to_owned());
            pod.service_account = Some(format!("{}-account", pod.name));
        }
        let mut cluster = world.cluster();
        let node = |name: &str, ip: &str| Node {
            name: name.into(),
            labels: [("kubernetes.io/hostname".into(), name.into())].into(),
            internal_ips: vec![ip.parse().expect("an address")],
            ..Node::default()
        };
        let nodes = vec![node("n1", "192.168.0.1"), node("n2", "192.168.0.2")];
        cluster.nodes.push(Query::all(Resource::Nodes), Known::Got(nodes));
        cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(Vec::new()));
        cluster.api_groups = Known::Got(Vec::new());
        Self { cluster, engine }
    }

    /// Adds the objects of a kind, `plural.version.group`, and the group.
    pub(crate) fn with(mut self, kind: &str, objects: &[Value]) -> Self {
        let group = kind.splitn(3, '.').nth(2).expect("a group").to_owned();
        if let Known::Got(groups) = &mut self.cluster.api_groups {
            groups.push(group);
        }
        self.cluster.push_custom(Query::all(Resource::Custom(kind.to_owned())), Known::Got(objects.to_vec()));
        self
    }

    /// Adds a kind that could not be read, and the group.
    pub(crate) fn denied(mut self, kind: &str) -> Self {
        self = self.with(kind, &[]);
        let query = Query::all(Resource::Custom(kind.to_owned()));
        let store = self.cluster.custom.entry(kind.to_owned()).or_default();
        store.listings.clear();
        store.push(query.clone(), Known::Denied(query.to_string()));
        self
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        rulebook(&self.cluster, &self.engine, NAMESPACES).problems
    }

    /// `allowed | egress: REASON | ingress: REASON`. Fails when the matrix says something else.
    pub(crate) fn ask(&self, question: &str) -> String {
        let (ends, service) = question.split_at(question.find(['T', 'U', 'S']).expect("a protocol"));
        let (from, to) = ends.split_once(" > ").expect("two ends");
        let (protocol, port) = service.split_once(' ').expect("a port");
        let protocol = super::dialect::protocol(protocol).expect("a protocol");
        let port: u16 = port.parse().expect("a port");
        let directory = Directory::new(&self.cluster);
        let ips: Vec<Vec<IpAddr>> = [from, to].iter().map(|end| end.trim().parse::<IpAddr>().into_iter().collect()).collect();
        let (from, to) = (self.end(&directory, &ips[0], from.trim()), self.end(&directory, &ips[1], to.trim()));
        let compiled = rulebook(&self.complete(), &self.engine, NAMESPACES);
        let v6 = to.ips.first().is_some_and(IpAddr::is_ipv6);
        let flow = Flow { from, to, protocol, port, v6 };
        let judgement = compiled.book.judge(&flow);
        let matrix = Matrix::new(&compiled.book, vec![from, to], protocol, port, v6);
        assert_eq!(matrix.outcome(0, 1), judgement.outcome(), "the matrix on {question}");
        let (egress, ingress) = (words(&judgement.egress), words(&judgement.ingress));
        format!("{} | egress: {egress} | ingress: {ingress}", outcome(judgement.outcome()))
    }

    fn end<'a>(&'a self, directory: &'a Directory<'a>, ips: &'a [IpAddr], text: &'a str) -> Endpoint<'a> {
        match text.split_once('/') {
            Some(("node", name)) => directory.node(name),
            Some((namespace, name)) => {
                let pod = self.cluster.pods.seen().find(|p| p.namespace == namespace && p.name == name);
                directory.pod(pod.expect("a pod"))
            }
            None => directory.external(ips),
        }
    }

    /// The server knows no other kind of the groups.
    pub(crate) fn complete(&self) -> Cluster {
        let mut cluster = self.cluster.clone();
        loop {
            let wanted: Vec<Query> =
                reads(&cluster, &[]).into_iter().filter(|q| matches!(q.resource, Resource::Custom(_))).collect();
            if wanted.is_empty() {
                return cluster;
            }
            for query in wanted {
                cluster.push_custom(query.clone(), Known::Absent(query.to_string()));
            }
        }
    }

    /// Each line is a question, `=`, and how its answer begins or goes on.
    pub(crate) fn check(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (question, expected) = line.split_once(" = ").expect("an answer");
            let answer = self.ask(question);
            assert!(expected.split(" & ").all(|part| answer.contains(part.trim())), "{question}: {answer}, not {expected}");
        }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "allowed",
        Outcome::Denied => "denied",
        Outcome::Undetermined => "undetermined",
    }
}

fn words(decision: &Decision<'_>) -> String {
    match &decision.reason {
        Reason::Itself => "itself".to_owned(),
        Reason::OwnNode => "own node".to_owned(),
        Reason::NotSelected => "free".to_owned(),
        Reason::Rule { policy, rule } => format!("{} {} {}", rule.action, policy.object, rule.at),
        Reason::Isolated { policies } => {
            let names: Vec<String> = policies.iter().map(|p| p.object.to_string()).collect();
            format!("isolated by {}", names.join(", "))
        }
        Reason::Undecided => "undecided".to_owned(),
        Reason::Unknown(why) => why.join("; "),
    }
}

/// An object of a policy kind.
pub(crate) fn object(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

#[test]
fn a_case_answers_in_words() {
    let case = Case::new(Engine::Spec);
    assert_eq!(case.ask("x/a > y/b TCP 80"), "allowed | egress: free | ingress: free");
    assert_eq!(case.ask("x/a > x/a TCP 80"), "allowed | egress: itself | ingress: itself");
}
