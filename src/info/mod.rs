//! Which network this cluster has: everything behind `kubectl netcheck info`, from objects alone.
//!
//! [`gather`] is the entry. What a probe measured may be handed in; a contradiction with the objects becomes a warning.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod addresses;
mod cni;
pub mod controllers;
mod dns;
mod extensions;
mod facts;
mod ingress;
mod kube_proxy;
mod mesh;
mod outside;

pub use addresses::{Overlap, Ranges, ranges};
pub use kube_proxy::{KubeProxy, ProxyMode, ServiceProxy, service_proxy};
pub(crate) use kube_proxy::{is_kube_proxy, is_static_kube_proxy};

use crate::cni::networks;
use crate::model::{Cluster, Known};
use crate::report::info::{Fact, Info, Topic};
use facts::Facts;

/// What probes said that objects cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measured {
    /// The node and the answer of its kube-proxy to `GET :10249/proxyMode`.
    pub proxy_modes: Vec<(String, String)>,
    /// The node, and why its kube-proxy did not say.
    pub unanswered: Vec<(String, String)>,
}

/// The network of a cluster as it was read.
pub fn gather(cluster: &Cluster) -> Info {
    gather_measured(cluster, &Measured::default())
}

/// The same, beside what was measured.
pub fn gather_measured(cluster: &Cluster, measured: &Measured) -> Info {
    let mut facts = Facts::default();
    the_cluster(cluster, &mut facts);
    let networks = networks(cluster);
    cni::facts(&networks, &mut facts);
    kube_proxy::facts(cluster, &networks, measured, &mut facts);
    dns::facts(cluster, &mut facts);
    addresses::facts(cluster, &networks, &mut facts);
    mesh::facts(cluster, &mut facts);
    ingress::facts(cluster, &mut facts);
    extensions::facts(cluster, &mut facts);
    outside::facts(cluster, &networks, &mut facts);
    facts.info()
}

fn the_cluster(cluster: &Cluster, facts: &mut Facts) {
    match &cluster.version {
        Known::Got(version) => {
            facts.add(
                Fact::new(Topic::Cluster, "version", version.clone(), "certain").seen("/version gitVersion", version.clone()),
            );
        }
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            facts.missing("the server's version", other);
        }
    }
    let mut nodes: Vec<_> = cluster.nodes.seen().collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes.dedup_by(|a, b| a.name == b.name);
    if nodes.is_empty() {
        return;
    }
    let ready = nodes.iter().filter(|n| n.ready == Some(true)).count();
    let mut fact = Fact::new(Topic::Cluster, "nodes", format!("{} ({ready} ready)", nodes.len()), "certain");
    for node in nodes.iter().take(3) {
        fact =
            fact.seen(node.object().to_string(), format!("kubelet {}, {}, kernel {}", node.kubelet, node.os_image, node.kernel));
    }
    let unready: Vec<&str> = nodes.iter().filter(|n| n.ready != Some(true)).map(|n| n.name.as_str()).take(5).collect();
    if !unready.is_empty() {
        fact = fact.warning(format!("not ready: {}", unready.join(", ")));
    }
    facts.add(fact);
    let kinds = |of: fn(&crate::model::Node) -> &str| {
        let mut all: Vec<&str> = nodes.iter().map(|n| of(n)).filter(|text| !text.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        all.join(", ")
    };
    for (name, value) in [("kernels", kinds(|n| &n.kernel)), ("runtimes", kinds(|n| &n.runtime))] {
        if !value.is_empty() {
            facts.add(Fact::new(Topic::Cluster, name, value.clone(), "certain").seen("nodes status.nodeInfo", value));
        }
    }
}

#[cfg(test)]
mod tests;
