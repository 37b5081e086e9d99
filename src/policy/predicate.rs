//! Which endpoints are meant: the subject of a policy and the peers of a rule, in one small algebra for every dialect.

use ipnet::IpNet;

use super::{Endpoint, EndpointKind, LabelExpr, Truth};

const NO_ADDRESS: &str = "its address is not known";

/// A condition on one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Predicate {
    /// A pod with a network of its own.
    Pod,
    /// A node, or a pod in its node's network.
    Node,
    /// Neither a pod nor a node.
    External,
    /// A pod in this namespace.
    Namespace(String),
    /// A pod in a namespace with such labels.
    NamespaceLabels(LabelExpr),
    /// A pod with such labels.
    Labels(LabelExpr),
    /// A node with such labels.
    NodeLabels(LabelExpr),
    /// The node that the other end runs on.
    OwnNode,
    /// An address in the range and in none of the exceptions, whatever has it: a pod, a node or something outside.
    Cidr {
        cidr: IpNet,
        except: Vec<IpNet>,
    },
    /// A pod with one of these service accounts.
    ServiceAccount(Vec<String>),
    Not(Box<Self>),
    /// Empty means everything.
    All(Vec<Self>),
    /// Empty means nothing.
    AnyOf(Vec<Self>),
    /// A kind of peer that is not modelled; the text names it.
    Unknown(String),
}

/// One end as a predicate looks at it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub endpoint: &'a Endpoint<'a>,
    /// The connection's family.
    pub v6: bool,
    /// The node of the other end.
    pub other_node: Option<&'a str>,
}

impl Predicate {
    pub const EVERYTHING: Self = Self::All(Vec::new());
    pub const NOTHING: Self = Self::AnyOf(Vec::new());

    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    pub fn matches<'a>(&'a self, view: &View<'a>) -> Truth<'a> {
        let end = view.endpoint;
        let pod = Truth::of(end.kind == EndpointKind::Pod);
        match self {
            Self::Pod => pod,
            Self::Node => Truth::of(end.kind == EndpointKind::Node),
            Self::External => Truth::of(end.kind == EndpointKind::External),
            Self::Namespace(name) => pod.and(|| Truth::of(end.namespace == name)),
            Self::NamespaceLabels(labels) => pod.and(|| labels.matches(end.namespace_labels)),
            Self::Labels(labels) => pod.and(|| labels.matches(end.labels)),
            Self::NodeLabels(labels) => Truth::of(end.kind == EndpointKind::Node).and(|| labels.matches(end.labels)),
            Self::OwnNode => Truth::of(end.kind == EndpointKind::Node && end.node.is_some() && end.node == view.other_node),
            Self::Cidr { cidr, except } => in_range(view, cidr, except),
            Self::ServiceAccount(names) => pod.and(|| match end.service_account {
                Some(account) => Truth::of(names.iter().any(|n| n == account)),
                None => Truth::Unknown("its service account is not known"),
            }),
            Self::Not(inner) => inner.matches(view).negate(),
            Self::All(parts) => Truth::all(parts.iter().map(|p| p.matches(view))),
            Self::AnyOf(parts) => Truth::any(parts.iter().map(|p| p.matches(view))),
            Self::Unknown(what) => Truth::Unknown(what),
        }
    }

    /// The same condition with other leaves: `leaf` sees everything but `Not`, `All` and `AnyOf`.
    #[must_use]
    pub(super) fn rewritten(self, leaf: &mut dyn FnMut(Self) -> Self) -> Self {
        match self {
            Self::Not(inner) => inner.rewritten(leaf).negated(),
            Self::All(parts) => Self::All(parts.into_iter().map(|p| p.rewritten(leaf)).collect()),
            Self::AnyOf(parts) => Self::AnyOf(parts.into_iter().map(|p| p.rewritten(leaf)).collect()),
            other @ (Self::Pod
            | Self::Node
            | Self::External
            | Self::Namespace(_)
            | Self::NamespaceLabels(_)
            | Self::Labels(_)
            | Self::NodeLabels(_)
            | Self::OwnNode
            | Self::Cidr { .. }
            | Self::ServiceAccount(_)
            | Self::Unknown(_)) => leaf(other),
        }
    }

    /// Every CIDR in it: the boundaries that tell addresses apart.
    pub fn cidrs<'a>(&'a self, found: &mut Vec<&'a IpNet>) {
        match self {
            Self::Cidr { cidr, except } => {
                found.push(cidr);
                found.extend(except);
            }
            Self::Not(inner) => inner.cidrs(found),
            Self::All(parts) | Self::AnyOf(parts) => parts.iter().for_each(|p| p.cidrs(found)),
            Self::Pod
            | Self::Node
            | Self::External
            | Self::Namespace(_)
            | Self::NamespaceLabels(_)
            | Self::Labels(_)
            | Self::NodeLabels(_)
            | Self::OwnNode
            | Self::ServiceAccount(_)
            | Self::Unknown(_) => {}
        }
    }
}

fn in_range<'a>(view: &View<'a>, cidr: &IpNet, except: &[IpNet]) -> Truth<'a> {
    match view.endpoint.ip(view.v6) {
        _ if cidr.addr().is_ipv6() != view.v6 => Truth::No,
        Some(ip) => Truth::of(cidr.contains(&ip) && !except.iter().any(|e| e.contains(&ip))),
        // it has addresses, and none of this family: no such connection comes from it
        None if !view.endpoint.ips.is_empty() => Truth::No,
        None if cidr.prefix_len() == 0 && except.is_empty() => Truth::Yes,
        // a pod that has no address yet
        None => Truth::Unknown(NO_ADDRESS),
    }
}
