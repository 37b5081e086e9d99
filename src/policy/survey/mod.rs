//! Who may connect to whom, workload by workload: the matrix over pods, and pods that it treats alike taken together.

mod apply;
mod compare;
mod lots;
mod ports;
#[cfg(test)]
mod tests;
mod workloads;

use std::collections::BTreeSet;

use crate::model::{Cluster, Pod, Resource};
use crate::report::diagnosis::{API_VERSION, GapPart};
use crate::report::policy_matrix::{Cell, Pairs, PolicyMatrix, PortPart, WorkloadPart};
use crate::report::policy_pair::ProblemPart;

use super::{Compiled, Directory, Endpoint, Enforcement, Flow, Judgement, Reason, rulebook};
use lots::{Column, Grid, Lot};
use ports::Ports;
use workloads::Workload;

pub use apply::{applied, with_policies_of};
pub use compare::compare;
pub use ports::PortAsked;

/// Names that a line lists before it says how many more there are.
const MAX_NAMES: usize = 5;

/// Undetermined connections that are looked into for what they depend on.
const MAX_EXAMPLES: usize = 64;

/// What a matrix is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Both ends are in this namespace; `None`: anywhere.
    pub namespace: Option<String>,
    /// Ports of the destinations. Empty: those that each destination's containers declare.
    pub ports: Vec<PortAsked>,
}

/// Decides every pair of workloads.
pub fn matrix(scope: &Scope, cluster: &Cluster) -> PolicyMatrix {
    let directory = Directory::new(cluster);
    Survey::new(scope, cluster, &directory, &Ports::of(scope, cluster)).report(scope, cluster)
}

/// Every pair of workloads, decided.
struct Survey<'a> {
    compiled: Compiled,
    enforcement: Enforcement,
    grid: Grid<'a>,
    /// In their node's network.
    aside: BTreeSet<Workload<'a>>,
}

impl<'a> Survey<'a> {
    fn new(scope: &Scope, cluster: &'a Cluster, directory: &'a Directory<'a>, ports: &Ports) -> Self {
        let (pods, aside): (Vec<&Pod>, Vec<&Pod>) = pods(scope, cluster).into_iter().partition(|p| !p.host_network);
        let enforcement = Enforcement::of(cluster);
        let namespaces: BTreeSet<&str> = pods.iter().map(|p| p.namespace.as_str()).collect();
        let compiled = rulebook(cluster, &enforcement.engine, namespaces);
        let grid = Grid::new(&pods, ports, directory, &compiled.book);
        Self { compiled, enforcement, grid, aside: aside.into_iter().map(Workload::of).collect() }
    }

    fn report(&self, scope: &Scope, cluster: &Cluster) -> PolicyMatrix {
        let mut gaps = Vec::new();
        let missing = missing_pods(scope, cluster);
        let is_incomplete = missing.is_some();
        gaps.extend(missing);
        let connections = self.pairs();
        let undetermined = connections.count(Cell::Undetermined);
        gaps.extend(self.open(&connections, undetermined));
        gaps.extend(self.portless(scope));
        gaps.extend(listed(
            self.aside.iter().map(Workload::label),
            "in its node's network: policies for pods do not select it, and see the node's address in its place",
        ));
        let problems = self.compiled.problems.iter();
        PolicyMatrix {
            api_version: API_VERSION.to_owned(),
            kind: "PolicyMatrix".to_owned(),
            exit_code: if undetermined > 0 || is_incomplete { 3 } else { 0 },
            sentence: sentence(scope, &connections, self.grid.lots.len()),
            namespace: scope.namespace.clone(),
            enforcement: self.enforcement.words(),
            workloads: self.grid.lots.iter().map(workload_part).collect(),
            connections,
            problems: problems
                .map(|p| ProblemPart { policy: p.object.to_string(), at: p.at.clone(), text: p.text.clone() })
                .collect(),
            gaps,
        }
    }

    fn pairs(&self) -> Pairs {
        let label = |lot: usize| self.grid.lots.get(lot).map(Lot::label).unwrap_or_default();
        let port = |c: &Column| PortPart { to: label(c.lot), port: c.port, protocol: c.protocol_word() };
        Pairs {
            from: (0..self.grid.lots.len()).map(label).collect(),
            to: self.grid.columns.iter().map(port).collect(),
            cells: self.grid.cells.clone(),
        }
    }

    /// What undetermined connections depend on, by examples.
    fn open(&self, pairs: &Pairs, undetermined: usize) -> Option<GapPart> {
        if undetermined == 0 {
            return None;
        }
        let width = pairs.to.len().max(1);
        let open = pairs.cells.iter().enumerate().filter(|(_, cell)| **cell == Cell::Undetermined).map(|(at, _)| at);
        let mut whys = BTreeSet::new();
        for at in open.step_by((undetermined / MAX_EXAMPLES).max(1)) {
            whys.extend(self.grid.why_open(&self.compiled.book, at / width, at % width));
        }
        let more = if whys.len() > MAX_NAMES { "; …" } else { "" };
        let why = whys.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join("; ");
        Some(GapPart { what: format!("{undetermined} undetermined connections"), why: format!("{why}{more}") })
    }

    /// Destinations that have none of the ports that were asked for.
    fn portless(&self, scope: &Scope) -> Option<GapPart> {
        let lots = self.grid.lots.iter().filter(|lot| lot.ports.is_empty());
        let why = if scope.ports.is_empty() {
            "not as a destination: no container declares a port; ask for one with --port"
        } else {
            "not as a destination: no container declares a port of that name"
        };
        listed(lots.map(Lot::label), why)
    }
}

/// The pods of the scope, each once, without those that have ended.
fn pods<'a>(scope: &Scope, cluster: &'a Cluster) -> Vec<&'a Pod> {
    let within = |p: &&Pod| scope.namespace.as_ref().is_none_or(|n| *n == p.namespace) && !p.is_finished();
    let mut pods: Vec<&Pod> = cluster.pods.seen().filter(within).collect();
    pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    pods.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    pods
}

/// Why not all pods are at hand.
fn missing_pods(scope: &Scope, cluster: &Cluster) -> Option<GapPart> {
    let why = cluster.pods.complete(&Resource::Pods, scope.namespace.as_deref()).missing()?;
    Some(GapPart { what: format!("pods of {}", place(scope)), why })
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn place(scope: &Scope) -> String {
    scope.namespace.as_ref().map_or_else(|| "all namespaces".to_owned(), |n| format!("namespace {n}"))
}

fn workload_part(lot: &Lot<'_>) -> WorkloadPart {
    let names = lot.members.iter().filter(|_| lot.is_part).map(|pod| pod.name.to_owned());
    WorkloadPart { name: lot.label(), pods: lot.members.len(), only: names.collect() }
}

/// The first of several names, and how many more there are.
fn listed(names: impl Iterator<Item = String>, why: &str) -> Option<GapPart> {
    let names: Vec<String> = names.collect();
    let first = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| GapPart { what: format!("{first}{more}"), why: why.to_owned() })
}

fn sentence(scope: &Scope, pairs: &Pairs, workloads: usize) -> String {
    let place = place(scope);
    let [allowed, denied, open] = [Cell::Allowed, Cell::Denied, Cell::Undetermined].map(|cell| pairs.count(cell));
    let all = allowed + denied + open;
    let ends = plural(workloads, "workload");
    match (workloads, all) {
        (0, _) => format!("There are no pods to judge in {place}."),
        (_, 0) => format!("There is no port to judge between the {ends} of {place}."),
        _ => {
            let open = if open > 0 { format!(", {open} undetermined") } else { String::new() };
            format!("Policies allow {allowed} of {all} connections between the {ends} of {place}: {denied} denied{open}.")
        }
    }
}

/// What a decision depends on.
fn missing(judgement: &Judgement<'_>) -> Vec<String> {
    let of = |reason: &Reason<'_>| match reason {
        Reason::Unknown(missing) => missing.clone(),
        Reason::Itself
        | Reason::OwnNode
        | Reason::NotSelected
        | Reason::Rule { .. }
        | Reason::Isolated { .. }
        | Reason::Undecided => Vec::new(),
    };
    [of(&judgement.egress.reason), of(&judgement.ingress.reason)].concat()
}

/// Whether an endpoint can speak a family; one without any address yet will have some.
fn speaks(endpoint: &Endpoint<'_>, v6: bool) -> bool {
    endpoint.ips.is_empty() || endpoint.ip(v6).is_some()
}

/// The connection between two endpoints in the family that they share, IPv4 first.
fn flow<'e>(from: Endpoint<'e>, to: Endpoint<'e>, column: &Column) -> Option<Flow<'e>> {
    let v6 = [false, true].into_iter().find(|v6| speaks(&from, *v6) && speaks(&to, *v6))?;
    Some(Flow { from, to, protocol: column.protocol, port: column.port, v6 })
}
