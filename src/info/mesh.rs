//! Service meshes, by their control plane.

use super::facts::Facts;
use crate::model::{Cluster, Known, Resource, Workload};
use crate::report::info::{Fact, Topic};

/// A mesh and its signs.
struct Mesh {
    name: &'static str,
    groups: &'static [&'static str],
    /// Names, or beginnings of names, of the Deployments of its control plane, and ends of their images.
    deployments: &'static [&'static str],
    images: &'static [&'static str],
}

const MESHES: &[Mesh] = &[
    Mesh {
        name: "Istio",
        groups: &["networking.istio.io", "security.istio.io"],
        deployments: &["istiod"],
        images: &["istio/pilot", "/pilot"],
    },
    Mesh {
        name: "Linkerd",
        groups: &["linkerd.io", "policy.linkerd.io"],
        deployments: &["linkerd-destination", "linkerd-identity"],
        images: &["linkerd/controller", "linkerd/policy-controller"],
    },
    Mesh {
        name: "Consul",
        groups: &["consul.hashicorp.com"],
        deployments: &["consul-connect-injector"],
        images: &["hashicorp/consul-k8s-control-plane"],
    },
    Mesh {
        name: "Kuma",
        groups: &["kuma.io"],
        deployments: &["kuma-control-plane", "kong-mesh-control-plane"],
        images: &["kumahq/kuma-cp"],
    },
    Mesh {
        name: "Open Service Mesh",
        groups: &["config.openservicemesh.io"],
        deployments: &["osm-controller"],
        images: &["openservicemesh/osm-controller"],
    },
    Mesh {
        name: "AWS App Mesh",
        groups: &["appmesh.k8s.aws"],
        deployments: &["appmesh-controller"],
        images: &["amazon/appmesh-controller"],
    },
];

pub(super) fn facts(cluster: &Cluster, facts: &mut Facts) {
    let deployments = cluster.workloads.complete(&Resource::Deployments, None);
    let mut any = false;
    for mesh in MESHES {
        any |= one(mesh, cluster, facts);
    }
    if any {
        return;
    }
    if let (Known::Got(_), Known::Got(groups)) = (&deployments, &cluster.api_groups) {
        let fact = Fact::new(Topic::Mesh, "mesh", "none was seen", "certain");
        let fact = fact.seen("Deployments of all namespaces", "no control plane of a mesh");
        facts.add(fact.seen("API groups", format!("{} groups, none of a mesh", groups.len())));
    } else {
        facts.add(Fact::new(Topic::Mesh, "mesh", "undetermined", "unknown"));
        facts.missing("Deployments, which run control planes", &deployments);
    }
}

/// Adds the facts of one mesh; `false` without any sign of it.
fn one(mesh: &Mesh, cluster: &Cluster, facts: &mut Facts) -> bool {
    let is_control = |w: &&Workload| {
        w.kind == "deployment"
            && (mesh.deployments.iter().any(|name| w.name == *name || w.name.starts_with(&format!("{name}-")))
                || w.images
                    .iter()
                    .any(|i| mesh.images.iter().any(|end| i.split(['@', ':']).next().is_some_and(|path| path.ends_with(end)))))
    };
    let control = cluster.workloads.seen().find(is_control);
    let group = mesh.groups.iter().find(|g| cluster.api_groups.got().is_some_and(|all| all.iter().any(|a| a == *g)));
    let fact = match (control, group) {
        (Some(control), _) => {
            let ready = match (control.ready, control.desired) {
                (Some(ready), Some(desired)) => format!(", {ready} of {desired} ready"),
                _ => String::new(),
            };
            let image = control.images.first().map_or("", String::as_str);
            let fact = Fact::new(Topic::Mesh, "mesh", format!("{}{}{ready}", mesh.name, flavour(mesh.name, cluster)), "certain");
            let fact = fact.seen(control.object().to_string(), format!("image {image}"));
            if control.ready == Some(0) && control.desired != Some(0) {
                fact.warning("its control plane is not ready: new pods with a sidecar may not start, and policies do not change")
            } else {
                fact
            }
        }
        (None, Some(_)) if matches!(cluster.workloads.complete(&Resource::Deployments, None), Known::Got(_)) => {
            Fact::new(Topic::Mesh, "mesh", format!("{}: its CRDs, and no control plane", mesh.name), "likely")
                .warning("a leftover, or a control plane outside this cluster")
        }
        (None, Some(_)) => Fact::new(Topic::Mesh, "mesh", mesh.name, "possible"),
        (None, None) => return false,
    };
    facts.add(group.into_iter().fold(fact, |fact, g| fact.seen("API groups", *g)));
    injected(mesh.name, cluster, facts);
    mutual_tls(mesh.name, cluster, facts);
    true
}

/// Istio without sidecars has an agent on each node.
fn flavour(name: &str, cluster: &Cluster) -> &'static str {
    let ztunnel = cluster.workloads.seen().any(|w| w.kind == "daemonset" && w.name.starts_with("ztunnel"));
    match (name, ztunnel) {
        ("Istio", true) => " with ambient mode",
        ("Istio", false) => " with sidecars",
        _ => "",
    }
}

/// Namespaces whose pods join the mesh.
fn injected(name: &str, cluster: &Cluster, facts: &mut Facts) {
    let joins = |labels: &crate::model::Labels| {
        let is = |key: &str, value: &str| labels.get(key).is_some_and(|v| v == value);
        match name {
            "Istio" => {
                is("istio-injection", "enabled")
                    || labels.contains_key("istio.io/rev")
                    || is("istio.io/dataplane-mode", "ambient")
            }
            "Kuma" => is("kuma.io/sidecar-injection", "enabled"),
            "Consul" => is("connect-inject", "enabled"),
            _ => false,
        }
    };
    let mut names: Vec<&str> = cluster.namespaces.seen().filter(|n| joins(&n.labels)).map(|n| n.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        let value = format!("{} namespaces: {}", names.len(), names.iter().take(8).copied().collect::<Vec<_>>().join(", "));
        facts.add(
            Fact::new(Topic::Mesh, &format!("{name} joins"), value, "certain")
                .seen("namespaces metadata.labels", "the mesh's label"),
        );
    }
}

/// Istio's `PeerAuthentication` of its root namespace holds for the whole mesh.
fn mutual_tls(name: &str, cluster: &Cluster, facts: &mut Facts) {
    if name != "Istio" {
        return;
    }
    for policy in cluster.customs("peerauthentications.v1.security.istio.io") {
        let text = |pointer: &str| policy.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (namespace, mode) = (text("/metadata/namespace"), text("/spec/mtls/mode"));
        if mode.is_empty() {
            continue;
        }
        let scope = if namespace == "istio-system" { "the mesh" } else { namespace };
        let source = format!("peerauthentication/{namespace}/{} spec.mtls.mode", text("/metadata/name"));
        let fact = Fact::new(Topic::Mesh, "mutual TLS", format!("{mode} in {scope}"), "certain").seen(source, mode);
        let strict = "clients without a sidecar, and probes of netcheck's own, are refused";
        facts.add(if mode == "STRICT" { fact.warning(strict) } else { fact });
    }
}
