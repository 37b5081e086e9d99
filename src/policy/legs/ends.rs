//! The two ends of legs: pods, nodes as pods see them, addresses.

use std::net::IpAddr;

use crate::model::{Node, ObjectRef, Question, Source, Subject};
use crate::plan::backends::Backend;
use crate::plan::resolve::INTERNET;
use crate::policy::anywhere::{self, Cell};
use crate::policy::{Endpoint, EndpointKind};

use super::{Ground, When};

/// Annotations in which plugins publish the address of a node's tunnel: packets from the node to pods of other nodes have it.
const TUNNELS: &[&str] = &[
    "network.cilium.io/ipv4-cilium-host",
    "network.cilium.io/ipv6-cilium-host",
    "projectcalico.org/IPv4IPIPTunnelAddr",
    "projectcalico.org/IPv4VXLANTunnelAddr",
    "projectcalico.org/IPv6VXLANTunnelAddr",
];

const FLANNEL_BACKEND: &str = "flannel.alpha.coreos.com/backend-type";

/// A connection that nothing can be said of, and why.
pub(super) type Missing = (String, String);

/// The namespaces whose policies take part.
pub(super) fn namespaces(question: &Question, backends: &[Backend]) -> Vec<String> {
    let to = match &question.to {
        Subject::Pod(pod) => Some(pod.namespace.clone()),
        Subject::Service { namespace, .. } => Some(namespace.clone()),
        Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => None,
    };
    let from = question.from.iter().filter(|_| question.from_node.is_none()).map(|p| p.namespace.clone());
    let behind = backends.iter().filter_map(|b| b.pod.as_ref()).map(|p| p.namespace.clone());
    let mut all: Vec<String> = from.chain(to).chain(behind).collect();
    all.sort();
    all.dedup();
    all
}

/// Addresses other than its own that pods of other nodes see a node by, as far as its object says.
pub(super) fn tunnel_addresses(node: &Node) -> Vec<IpAddr> {
    let told = TUNNELS.iter().filter_map(|key| node.annotations.get(*key)?.parse().ok());
    // flannel.1 has the first address of the node's range (flannel pkg/backend/vxlan/vxlan.go)
    let vxlan = node.annotations.get(FLANNEL_BACKEND).is_some_and(|kind| kind == "vxlan");
    let flannel = node.pod_cidrs.iter().filter(|_| vxlan).map(ipnet::IpNet::network);
    told.chain(flannel).collect()
}

/// The parts of the address space that an end without a known address may be in; empty where both ends are known.
pub(super) fn cells(ground: &Ground<'_>, v6: bool) -> Vec<Cell> {
    let known: Vec<Cell> = ground.seen.addresses.iter().filter(|ip| ip.is_ipv6() == v6).map(|ip| Cell::one(*ip)).collect();
    if !ground.seen.addresses.is_empty() {
        return known;
    }
    let unknown = match &ground.question.to {
        Subject::Name(name) => Some(name == INTERNET),
        Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) => None,
    };
    let outside = matches!(ground.question.request.source, Source::Outside(None)).then_some(true);
    let Some(public) = outside.or(unknown) else { return Vec::new() };
    let policies = ground.book().tiers.iter().flat_map(|t| &t.policies);
    anywhere::cells(policies, v6, public)
}

impl Ground<'_> {
    pub(super) fn pod(&self, object: &ObjectRef) -> Result<Endpoint<'_>, Missing> {
        match self.cluster.pod(object) {
            Some(pod) => Ok(self.directory.pod(pod)),
            None => Err((object.to_string(), "the pod was not read".to_owned())),
        }
    }

    /// Where the traffic starts.
    pub(super) fn source(&self) -> Result<Endpoint<'_>, Missing> {
        match (&self.question.from_node, &self.question.from) {
            (Some(node), _) => Ok(self.directory.node(node)),
            (None, Some(pod)) => self.pod(pod),
            (None, None) => Err(("the source".to_owned(), "it is no pod and no node".to_owned())),
        }
    }

    /// A node or host-network pod as a pod on another node or on the same one sees it.
    pub(super) fn as_seen<'s>(&'s self, node: Endpoint<'s>, by: &Endpoint<'_>, v6: bool) -> Vec<(Endpoint<'s>, When)> {
        let across = node.node.is_none() || node.node != by.node;
        let tunnels = self.tunnels.iter().filter(|(n, ip)| across && node.node == Some(n.name.as_str()) && ip.is_ipv6() == v6);
        let others: Vec<&IpAddr> = tunnels.map(|(_, ip)| ip).filter(|ip| !node.ips.contains(ip)).collect();
        if others.is_empty() {
            return vec![(node, When::Always)];
        }
        let seen = |ip: &IpAddr| When::Words(format!("the pod sees {} as {ip}", node.label()));
        let own = node.ip(v6).map_or(When::Always, |ip| seen(&ip));
        let others = others.into_iter().map(|ip| (Endpoint { ips: std::slice::from_ref(ip), ..node }, seen(ip)));
        std::iter::once((node, own)).chain(others).collect()
    }

    /// What an address is to a sender: a pod, a node, an address outside, or the sender's own node where that is not known.
    pub(super) fn address<'s>(&'s self, ip: &'s IpAddr, from: &Endpoint<'s>) -> Vec<(Endpoint<'s>, When)> {
        let pod = self.cluster.pods.seen().find(|p| !p.host_network && !p.is_finished() && p.ips.contains(ip));
        if let Some(pod) = pod {
            return vec![(self.directory.pod(pod), When::Always)];
        }
        if let Some(node) = self.cluster.nodes.seen().find(|n| n.internal_ips.contains(ip)) {
            return vec![(self.directory.node(&node.name), When::Always)];
        }
        let outside = self.directory.external(std::slice::from_ref(ip));
        let own = from.node.filter(|_| from.kind == EndpointKind::Pod);
        match own {
            Some(own) if self.cluster.node(own).is_none() => {
                let node = Endpoint { ips: std::slice::from_ref(ip), ..self.directory.node(own) };
                let words = |is: &str| When::Words(format!("{ip} {is} an address of node/{own}, which was not read"));
                vec![(outside, words("is not")), (node, words("is"))]
            }
            Some(_) | None => vec![(outside, When::Always)],
        }
    }

    /// An address outside that nobody named: one for each part of the address space.
    pub(super) fn anywhere(&self, v6: bool) -> Vec<(Endpoint<'_>, When)> {
        let cells = self.cells.get(usize::from(v6)).map(Vec::as_slice).unwrap_or_default();
        cells.iter().map(|cell| (self.directory.external(std::slice::from_ref(&cell.first)), When::Address(*cell))).collect()
    }
}
