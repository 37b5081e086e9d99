//! The connections that a question stands for: those that policies see, after a Service's address was translated.

mod ends;
mod inside;
mod outside;

use std::net::IpAddr;

use crate::dns_config;
use crate::model::{Cluster, Node, Protocol, Question, Service, Source};
use crate::plan::backends::{Backend, backends};

use super::anywhere::{Cell, ranges};
use super::{Compiled, Decision, Direction, Directory, Endpoint, Enforcement, Flow, Outcome, Reason, Rulebook, rulebook};

/// One flow that a connection may be, when what decides between several is not known.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    pub flow: Flow<'a>,
    /// What makes it this one; empty when it is the only one.
    pub when: When,
}

/// What tells the ways of one leg apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    Always,
    /// The far end has an address of this part of the address space.
    Address(Cell),
    /// In words, as `the pod sees node/node1 as 10.244.1.0`.
    Words(String),
}

/// One connection of a question.
#[derive(Debug, Clone)]
pub struct Leg<'a> {
    /// How reports name the ends.
    pub from: String,
    pub to: String,
    pub protocol: Protocol,
    /// At the far end, after translation.
    pub port: u16,
    /// The port that the client uses.
    pub asked: u16,
    /// What the policies of the source see; empty when no pod sends.
    pub egress: Vec<Way<'a>>,
    /// What the policies of the destination see.
    pub ingress: Vec<Way<'a>>,
    /// What was translated to this address, as `service/shop/web 10.96.1.10:80`.
    pub through: Option<String>,
    /// What should be known when the answer is read, such as an endpoint that is not ready.
    pub notes: Vec<String>,
    /// It gets traffic as things are: an endpoint that is not ready gets none while others are.
    pub counts: bool,
}

/// The connections of a question, and what could not be judged.
#[derive(Debug, Clone, Default)]
pub struct Legs<'a> {
    pub legs: Vec<Leg<'a>>,
    /// Connections that nothing can be said of, and why.
    pub missing: Vec<(String, String)>,
}

/// The answer for one direction of a leg.
#[derive(Debug, Clone)]
pub struct Decided<'l, 'a> {
    pub direction: Direction,
    /// The port that the client uses: another one than the flow's where a Service translates.
    pub asked: u16,
    pub outcome: Outcome,
    /// Every way with its decision. They end alike unless `outcome` is undetermined.
    pub ways: Vec<(&'l Way<'a>, Decision<'a>)>,
}

/// What probes showed that the objects do not say.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What the destination's name resolved to.
    pub addresses: Vec<IpAddr>,
    /// Of the source pod's /etc/resolv.conf.
    pub nameservers: Vec<IpAddr>,
}

/// The ground that legs stand on: a question, what was read for it, and the policies.
#[derive(Debug)]
pub struct Ground<'a> {
    cluster: &'a Cluster,
    question: &'a Question,
    directory: Directory<'a>,
    pub compiled: Compiled,
    pub enforcement: Enforcement,
    service: Option<&'a Service>,
    backends: Vec<Backend>,
    /// Parts of the address space, where the question names no address; by family.
    cells: [Vec<Cell>; 2],
    /// Addresses of nodes that pods of other nodes see, by node.
    tunnels: Vec<(&'a Node, IpAddr)>,
    /// Addresses of the DNS cache on the nodes.
    node_local: Vec<IpAddr>,
    seen: Seen,
}

impl<'a> Ground<'a> {
    /// From the objects alone.
    pub fn new(question: &'a Question, cluster: &'a Cluster) -> Self {
        Self::seen(question, cluster, Seen::default())
    }

    /// From the objects and what probes showed beside the connection itself.
    pub fn seen(question: &'a Question, cluster: &'a Cluster, seen: Seen) -> Self {
        let directory = Directory::new(cluster);
        let service = inside::service(question, cluster);
        let port = service.and_then(|s| Some((s, inside::service_port(question, s)?)));
        let backends = port.and_then(|(s, p)| backends(cluster, s, p).got().cloned()).unwrap_or_default();
        let namespaces = ends::namespaces(question, &backends);
        let enforcement = Enforcement::of(cluster);
        let compiled = rulebook(cluster, &enforcement.engine, namespaces.iter().map(String::as_str));
        let dns = dns_config::cluster_dns(cluster);
        let node_local = dns.node_local.iter().flat_map(|n| &n.addresses).filter_map(|a| a.parse().ok()).collect();
        let tunnels = cluster.nodes.seen().flat_map(|n| ends::tunnel_addresses(n).into_iter().map(move |ip| (n, ip))).collect();
        let mut ground = Self {
            cluster,
            question,
            directory,
            compiled,
            enforcement,
            service,
            backends,
            cells: [Vec::new(), Vec::new()],
            tunnels,
            node_local,
            seen,
        };
        ground.cells = [ends::cells(&ground, false), ends::cells(&ground, true)];
        ground
    }

    pub fn book(&self) -> &Rulebook {
        &self.compiled.book
    }

    /// Every connection of the question.
    pub fn legs(&self) -> Legs<'_> {
        let mut legs = Legs::default();
        match &self.question.request.source {
            Source::Outside(ip) => outside::legs(self, *ip, &mut legs),
            Source::Object(_) | Source::Node(_) => inside::legs(self, &mut legs),
        }
        // endpoints that are not ready count only where none is
        if !legs.legs.iter().any(|l| l.counts) {
            legs.legs.iter_mut().for_each(|l| l.counts = true);
        }
        legs
    }
}

impl<'a> Leg<'a> {
    /// One direction of it, by these policies.
    pub fn decide<'l>(&'l self, book: &'l Rulebook, direction: Direction) -> Decided<'l, 'l>
    where
        'a: 'l,
    {
        let ways = match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        };
        let ways: Vec<_> = ways.iter().map(|way| (way, book.decide(&way.flow, direction))).collect();
        let mut outcomes = ways.iter().map(|(_, d)| d.outcome);
        let first = outcomes.next().unwrap_or(Outcome::Allowed);
        let outcome = if outcomes.all(|o| o == first) { first } else { Outcome::Undetermined };
        Decided { direction, asked: self.asked, outcome, ways }
    }

    /// Both directions together.
    pub fn outcome(&self, book: &Rulebook) -> Outcome {
        both(self.decide(book, Direction::Egress).outcome, self.decide(book, Direction::Ingress).outcome)
    }
}

/// Both directions must allow a connection.
pub fn both(egress: Outcome, ingress: Outcome) -> Outcome {
    match (egress, ingress) {
        (Outcome::Denied, _) | (_, Outcome::Denied) => Outcome::Denied,
        (Outcome::Undetermined, _) | (_, Outcome::Undetermined) => Outcome::Undetermined,
        (Outcome::Allowed, Outcome::Allowed) => Outcome::Allowed,
    }
}

impl<'l, 'a> Decided<'l, 'a> {
    /// The way to explain: one that ends as the whole does, else the first.
    pub fn example(&self) -> Option<&(&'l Way<'a>, Decision<'a>)> {
        self.ways.iter().find(|(_, d)| d.outcome == self.outcome).or(self.ways.first())
    }

    /// What an undetermined answer depends on.
    pub fn missing(&self) -> Vec<String> {
        let unknown = self.ways.iter().filter_map(|(_, d)| match &d.reason {
            Reason::Unknown(missing) => Some(missing.clone()),
            Reason::Itself
            | Reason::OwnNode
            | Reason::NotSelected
            | Reason::Rule { .. }
            | Reason::Isolated { .. }
            | Reason::Undecided => None,
        });
        let mut missing: Vec<String> = unknown.flatten().collect();
        if missing.is_empty() && self.outcome == Outcome::Undetermined {
            missing.push(self.depends());
        }
        missing.sort();
        missing.dedup();
        missing
    }

    /// Which ways end how, where they end differently.
    fn depends(&self) -> String {
        let of = |outcome: Outcome| {
            let mut cells = Vec::new();
            let mut words = Vec::new();
            for (way, _) in self.ways.iter().filter(|(_, d)| d.outcome == outcome) {
                match &way.when {
                    When::Address(cell) => cells.push(*cell),
                    When::Words(text) => words.push(text.clone()),
                    When::Always => {}
                }
            }
            if !cells.is_empty() {
                words.push(format!("the address is in {}", ranges(&cells)));
            }
            words.dedup();
            words.join(", or when ")
        };
        format!("it is allowed when {}, and denied when {}", of(Outcome::Allowed), of(Outcome::Denied))
    }
}

/// One way for each address that the peer may have, or the one that it has.
fn to_each<'a>(from: Endpoint<'a>, tos: Vec<(Endpoint<'a>, When)>, protocol: Protocol, port: u16, v6: bool) -> Vec<Way<'a>> {
    tos.into_iter().map(|(to, when)| Way { flow: Flow { from, to, protocol, port, v6 }, when }).collect()
}

fn from_each<'a>(froms: Vec<(Endpoint<'a>, When)>, to: Endpoint<'a>, protocol: Protocol, port: u16, v6: bool) -> Vec<Way<'a>> {
    froms.into_iter().map(|(from, when)| Way { flow: Flow { from, to, protocol, port, v6 }, when }).collect()
}
