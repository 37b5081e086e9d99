//! Destinations that are no pods: nodes, addresses, names and endpoints somebody wrote by hand. No agent can look inside them.

use std::net::{IpAddr, SocketAddr};

use crate::correlate::Correlation;
use crate::correlate::view::Reach;
use crate::finding::Weight;
use crate::model::{ObjectRef, Service, ServiceKind, Subject};

/// One address and port of such a destination, as the source found it.
#[derive(Debug, Clone)]
pub(super) struct Outside {
    pub ip: IpAddr,
    pub at: SocketAddr,
    /// What a finding about it names.
    pub about: ObjectRef,
    /// As a sentence names it: `198.18.0.10:6443, endpoint of service/default/kubernetes,`.
    pub words: String,
    pub reach: Reach,
}

/// Every such address of the question that was tried.
pub(super) fn tried(cx: &Correlation<'_>) -> Vec<Outside> {
    addresses(cx).into_iter().filter(|o| o.reach.measured()).collect()
}

/// The objects already say what is wrong.
pub(super) fn explained(cx: &Correlation<'_>) -> bool {
    cx.findings.iter().any(|f| f.weight == Weight::Cause)
}

/// Every such address of the question.
pub(super) fn addresses(cx: &Correlation<'_>) -> Vec<Outside> {
    let Some(port) = cx.question.port else { return Vec::new() };
    let outside = |ip: IpAddr, port: u16, about: ObjectRef, words: &dyn Fn(SocketAddr) -> String| {
        let at = SocketAddr::new(ip, port);
        Outside { ip, at, about, words: words(at), reach: cx.reach(ip, port) }
    };
    match &cx.question.to {
        Subject::Service { .. } => cx.service().map_or_else(Vec::new, |service| of_service(cx, service, port)),
        Subject::Node(name) => {
            let ips = cx.cluster.node(name).map(|n| n.internal_ips.clone()).unwrap_or_default();
            let object = ObjectRef::node(name);
            ips.into_iter().map(|ip| outside(ip, port, object.clone(), &|at| format!("{object} at {at}"))).collect()
        }
        Subject::Ip(ip) => {
            vec![outside(*ip, port, ObjectRef::new("address", "", &ip.to_string()), &|at| format!("{at}"))]
        }
        Subject::Name(name) => {
            let object = ObjectRef::new("name", "", name);
            resolved(cx).into_iter().map(|ip| outside(ip, port, object.clone(), &|at| format!("{name} at {at}"))).collect()
        }
        Subject::Pod(_) | Subject::Route(_) => Vec::new(),
    }
}

fn of_service(cx: &Correlation<'_>, service: &Service, port: u16) -> Vec<Outside> {
    let object = service.object();
    if service.kind == ServiceKind::ExternalName {
        let target = service.external_name.clone().unwrap_or_default();
        let far = |ip: IpAddr| {
            let at = SocketAddr::new(ip, port);
            let words = format!("{target} at {at}, which {object} is an alias for,");
            Outside { ip, at, about: object.clone(), words, reach: cx.reach(ip, port) }
        };
        return resolved(cx).into_iter().map(far).collect();
    }
    // with a selector an address without a pod is a finding of its own
    if !service.selector.is_empty() {
        return Vec::new();
    }
    let in_use = cx.backends_in_use();
    let of = if in_use.len() == 1 { "the only endpoint".to_owned() } else { format!("one of {} endpoints", in_use.len()) };
    let own = in_use.into_iter().filter(|b| b.pod.is_none());
    let own = own.map(|b| {
        let at = SocketAddr::new(b.ip, b.port);
        let words = format!("{at}, {of} of {object},");
        Outside { ip: b.ip, at, about: b.slice, words, reach: cx.reach(b.ip, b.port) }
    });
    own.collect()
}

fn resolved(cx: &Correlation<'_>) -> Vec<IpAddr> {
    let addresses = cx.resolved().map(|r| r.addresses.clone()).unwrap_or_default();
    addresses.iter().filter_map(|a| a.parse().ok()).collect()
}

/// ` on node/node1`, for the source.
pub(super) fn source(cx: &Correlation<'_>) -> String {
    match (&cx.question.from_node, &cx.question.from) {
        (Some(node), _) => format!("node/{node}"),
        (None, Some(pod)) => {
            let node = cx.cluster.pod(pod).and_then(|p| p.node.clone());
            format!("{pod}{}", node.map(|n| format!(" on node/{n}")).unwrap_or_default())
        }
        (None, None) => "the source".to_owned(),
    }
}
