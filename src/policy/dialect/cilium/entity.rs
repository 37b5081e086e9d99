//! Entities: what has no labels of its own. Source: cilium/cilium `pkg/policy/api/entity.go`, v1.20.
//!
//! Endpoints of Cilium itself (health checks, its Ingress), pods that are not set up yet and pods that Cilium does not manage
//! are none of the endpoints that are asked about.

use ipnet::IpNet;

use crate::model::{Cluster, Known};
use crate::policy::Predicate;

/// The entity of a name; `None`: there is none of that name.
pub(super) fn entity(name: &str, api_server: &Predicate) -> Option<Predicate> {
    Some(match name {
        "all" => Predicate::EVERYTHING,
        "cluster" | "cluster-mesh" => Predicate::AnyOf(vec![Predicate::Pod, Predicate::Node, api_server.clone()]),
        "world" | "world-ipv4" | "world-ipv6" | "host" | "remote-node" | "kube-apiserver" | "init" | "ingress" | "unmanaged"
        | "health" | "none" => reserved(name, api_server),
        _ => return None,
    })
}

/// The endpoints with the label `reserved:NAME`.
pub(super) fn reserved(name: &str, api_server: &Predicate) -> Predicate {
    let family = |range: &str| {
        let range = range.parse::<IpNet>().map(|cidr| Predicate::Cidr { cidr, except: Vec::new() });
        Predicate::All(vec![Predicate::External, range.unwrap_or(Predicate::NOTHING)])
    };
    match name {
        "world" => Predicate::External,
        "world-ipv4" => family("0.0.0.0/0"),
        "world-ipv6" => family("::/0"),
        "host" => Predicate::OwnNode,
        "remote-node" => Predicate::All(vec![Predicate::Node, Predicate::OwnNode.negated()]),
        "kube-apiserver" => api_server.clone(),
        _ => Predicate::NOTHING,
    }
}

/// The addresses behind the Service `kubernetes`, as `pkg/ipcache/cell/apiserver_watcher.go` finds them.
pub(super) fn api_server(cluster: &Cluster) -> Predicate {
    let addresses = match cluster.slices_of("default", "kubernetes") {
        Known::Got(slices) => {
            let all = slices.iter().flat_map(|s| &s.endpoints).flat_map(|e| &e.addresses);
            let each = all.filter_map(|a| a.parse::<std::net::IpAddr>().ok());
            Predicate::AnyOf(each.map(|ip| Predicate::Cidr { cidr: ip.into(), except: Vec::new() }).collect())
        }
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            let why = other.missing().unwrap_or_default();
            Predicate::Unknown(format!("the API server's addresses: {why}"))
        }
    };
    Predicate::All(vec![Predicate::Pod.negated(), addresses])
}
