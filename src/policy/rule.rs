//! Policies after translation: what every dialect becomes before anything is decided.

use std::cmp::Ordering;
use std::fmt;

use crate::model::{ObjectRef, Protocol};

use super::{Endpoint, Predicate, Truth};

/// Which way a policy looks at its subject's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    Ingress,
    Egress,
}

/// What a rule does with a connection that matches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Allow,
    Deny,
    /// Leaves the decision to the next tier.
    Pass,
}

/// Which ports of the destination are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PortMatch {
    /// Every port of a protocol.
    Protocol(Protocol),
    /// First to last, both included.
    Range { protocol: Protocol, first: u16, last: u16 },
    /// A name that the destination pod's containers declare; `None`: with any protocol.
    Named { protocol: Option<Protocol>, name: String },
    /// None of these (Calico's `notPorts`).
    NoneOf(Vec<Self>),
    /// A condition that is not modelled; the text names it.
    Unknown(String),
}

/// One rule of a policy: everything in it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its place in the object, such as `spec.ingress[0]`.
    pub at: String,
    pub action: Action,
    /// A further condition on the policy's own side (Calico); usually everything.
    pub local: Predicate,
    /// The other end.
    pub peer: Predicate,
    /// Any of them; `None`: every port of every protocol.
    pub ports: Option<Vec<PortMatch>>,
    /// What a match does not decide, such as `HTTP rules: the proxy decides on each request`.
    pub note: Option<String>,
}

/// The rules of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// A subject that no rule matches falls to the tier's `unmatched`; `false`: this policy only adds rules
    /// (Cilium's `enableDefaultDeny`).
    pub isolates: bool,
    pub rules: Vec<Rule>,
}

/// One policy object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub object: ObjectRef,
    /// Which endpoints it applies to.
    pub subject: Predicate,
    /// Smaller is earlier; equal for all where order has no meaning.
    pub priority: Priority,
    /// `None`: the policy says nothing of this direction.
    pub ingress: Option<Side>,
    pub egress: Option<Side>,
}

/// How the policies of a tier join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Any deny wins, else any allow (NetworkPolicy has no deny; Cilium has).
    Union,
    /// The first rule that matches, by priority; the order of policies with equal priority is not defined.
    FirstMatch,
    /// The same, and equal priorities go by name (Calico).
    FirstMatchByName,
}

/// Whether a connection between a pod and the node it runs on is let through where policies isolate the pod. Where none does,
/// the next tier decides on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exempt {
    /// Policies decide on it as on any other.
    #[default]
    No,
    /// Whatever the tier's policies say.
    BeforeRules,
    /// Unless one of the tier's rules says otherwise.
    AfterRules,
}

/// What a tier does with connections between a pod and the node it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnNode {
    /// From the node to the pod, as the kubelet's probes.
    pub to_pod: Exempt,
    /// From the pod to the node.
    pub from_pod: Exempt,
}

impl OwnNode {
    /// Both ways, as NetworkPolicy says (concepts/services-networking/network-policies: "always allowed").
    pub const FREE: Self = Self { to_pod: Exempt::BeforeRules, from_pod: Exempt::BeforeRules };
    /// Policies decide both ways.
    pub const BOUND: Self = Self { to_pod: Exempt::No, from_pod: Exempt::No };
}

/// Policies that are decided together, before those of the next tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub name: String,
    pub own_node: OwnNode,
    pub join: Join,
    /// What happens to a subject that a policy of the tier isolates and no rule matches.
    pub unmatched: Action,
    /// Sorted by priority, then by name.
    pub policies: Vec<Policy>,
}

/// A policy's rank in its tier, smallest first. Calico's `order` may be a fraction; a policy without one comes last.
#[derive(Debug, Clone, Copy)]
pub struct Priority(pub f64);

impl Priority {
    /// For tiers whose policies have no order.
    pub const NONE: Self = Self(f64::INFINITY);
}

impl PartialEq for Priority {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Priority {}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Policy {
    pub fn side(&self, direction: Direction) -> Option<&Side> {
        match direction {
            Direction::Ingress => self.ingress.as_ref(),
            Direction::Egress => self.egress.as_ref(),
        }
    }
}

impl PortMatch {
    /// Whether a connection to this port of that destination is meant.
    pub fn matches<'a>(&'a self, protocol: Protocol, port: u16, destination: &Endpoint<'a>) -> Truth<'a> {
        match self {
            Self::Protocol(wanted) => Truth::of(*wanted == protocol),
            Self::Range { protocol: wanted, first, last } => Truth::of(*wanted == protocol && (*first..=*last).contains(&port)),
            Self::Named { protocol: wanted, name } => {
                Truth::of(wanted.is_none_or(|w| w == protocol) && destination.has_port(name, port, protocol))
            }
            Self::NoneOf(ports) => Truth::any(ports.iter().map(|p| p.matches(protocol, port, destination))).negate(),
            Self::Unknown(what) => Truth::Unknown(what),
        }
    }
}

impl Rule {
    /// Whether the rule's ports include this port of that destination.
    pub fn port_matches<'a>(&'a self, protocol: Protocol, port: u16, destination: &Endpoint<'a>) -> Truth<'a> {
        self.ports.as_ref().map_or(Truth::Yes, |all| Truth::any(all.iter().map(|p| p.matches(protocol, port, destination))))
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
        })
    }
}

impl fmt::Display for PortMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(protocol) => write!(f, "every {protocol} port"),
            Self::Range { protocol, first, last } if first == last => write!(f, "{protocol} {first}"),
            Self::Range { protocol, first, last } => write!(f, "{protocol} {first}-{last}"),
            Self::Named { protocol: Some(protocol), name } => write!(f, "{protocol} \"{name}\""),
            Self::Named { protocol: None, name } => write!(f, "\"{name}\""),
            Self::NoneOf(ports) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                write!(f, "not {}", ports.join(", "))
            }
            Self::Unknown(what) => f.write_str(what),
        }
    }
}
