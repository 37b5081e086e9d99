//! What joins this cluster with the world around it: load balancers and other clusters.

use super::facts::Facts;
use crate::cni::Networks;
use crate::model::{Cluster, Known, Resource, ServiceKind, Workload};
use crate::report::info::{Fact, Topic};

/// Something known by an API group, or by the name of a workload.
struct Sign {
    name: &'static str,
    groups: &'static [&'static str],
    /// Beginnings of the names of its Deployments and DaemonSets.
    workloads: &'static [&'static str],
}

const BALANCERS: &[Sign] = &[
    Sign { name: "MetalLB", groups: &["metallb.io"], workloads: &["metallb-speaker", "speaker"] },
    Sign { name: "kube-vip", groups: &[], workloads: &["kube-vip"] },
    Sign { name: "k3s ServiceLB", groups: &[], workloads: &["svclb-"] },
    Sign { name: "OpenELB", groups: &["network.kubesphere.io"], workloads: &["openelb"] },
    Sign { name: "PureLB", groups: &["purelb.io"], workloads: &["lbnodeagent"] },
    Sign { name: "LoxiLB", groups: &["loxilb.io"], workloads: &["kube-loxilb"] },
    Sign { name: "AWS Load Balancer Controller", groups: &["elbv2.k8s.aws"], workloads: &["aws-load-balancer-controller"] },
];

const CLUSTERS: &[Sign] = &[
    Sign { name: "Submariner", groups: &["submariner.io"], workloads: &["submariner-gateway"] },
    Sign { name: "Cilium Cluster Mesh", groups: &[], workloads: &["clustermesh-apiserver"] },
    Sign {
        name: "Linkerd multicluster",
        groups: &["multicluster.linkerd.io"],
        workloads: &["linkerd-service-mirror", "linkerd-gateway"],
    },
    Sign { name: "Istio east-west gateway", groups: &[], workloads: &["istio-eastwestgateway"] },
    Sign { name: "Skupper", groups: &["skupper.io"], workloads: &["skupper-router"] },
    Sign { name: "Liqo", groups: &["liqo.io", "networking.liqo.io"], workloads: &["liqo-controller-manager"] },
    Sign { name: "Multi-Cluster Services API", groups: &["multicluster.x-k8s.io"], workloads: &[] },
    Sign { name: "Karmada", groups: &["cluster.karmada.io"], workloads: &["karmada-agent"] },
];

pub(super) fn facts(cluster: &Cluster, networks: &Networks, facts: &mut Facts) {
    let balancers = signs(BALANCERS, Topic::LoadBalancer, "controller", cluster, facts);
    pending(cluster, balancers, facts);
    let clusters = signs(CLUSTERS, Topic::MultiCluster, "joined by", cluster, facts);
    let cilium = networks.found.iter().find(|f| f.name == "Cilium");
    let lists = (&cluster.api_groups, cluster.workloads.complete(&Resource::Deployments, None));
    if !clusters && cilium.is_some() | matches!(lists, (Known::Got(_), Known::Got(_))) {
        facts.add(
            Fact::new(Topic::MultiCluster, "joined by", "nothing was seen", "likely")
                .seen("API groups and workloads", "no known project"),
        );
    }
}

fn signs(all: &[Sign], topic: Topic, name: &str, cluster: &Cluster, facts: &mut Facts) -> bool {
    let mut any = false;
    for sign in all {
        let fits = |w: &&Workload| {
            matches!(w.kind.as_str(), "deployment" | "daemonset") && sign.workloads.iter().any(|start| w.name.starts_with(start))
        };
        let workload = cluster.workloads.seen().filter(fits).min_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let group = sign.groups.iter().find(|g| cluster.api_groups.got().is_some_and(|all| all.iter().any(|a| a == *g)));
        // `speaker` alone may be anybody's
        let workload = workload.filter(|w| w.name != "speaker" || group.is_some());
        let fact = match (workload, group) {
            (Some(workload), group) => {
                let sure = if group.is_some() || sign.groups.is_empty() { "certain" } else { "likely" };
                let image = workload.images.first().map_or("", String::as_str);
                Fact::new(topic, name, sign.name, sure).seen(workload.object().to_string(), format!("image {image}"))
            }
            (None, Some(_)) => {
                let what = if sign.workloads.is_empty() { "" } else { ": its CRDs, and no agent was seen" };
                Fact::new(topic, name, format!("{}{what}", sign.name), "possible")
            }
            (None, None) => continue,
        };
        any = true;
        facts.add(group.into_iter().fold(fact, |fact, g| fact.seen("API groups", *g)));
    }
    any
}

/// Services that wait for an address from outside.
fn pending(cluster: &Cluster, any: bool, facts: &mut Facts) {
    let mut waiting: Vec<String> = cluster
        .services
        .seen()
        .filter(|s| s.kind == ServiceKind::LoadBalancer && s.load_balancer.is_empty())
        .map(|s| s.object().to_string())
        .collect();
    waiting.sort();
    waiting.dedup();
    let is_cloud = cluster
        .nodes
        .seen()
        .any(|n| n.provider_id.as_ref().is_some_and(|id| !id.starts_with("kind://") && !id.starts_with("k3s://")));
    if let Some(first) = waiting.first() {
        let fact = Fact::new(Topic::LoadBalancer, "pending", format!("{} Services, such as {first}", waiting.len()), "certain");
        let why = if any || is_cloud {
            "their controller has given them no address yet"
        } else {
            "nothing that gives them an address was seen"
        };
        facts.add(fact.seen(first.clone(), "status.loadBalancer is empty").warning(why));
    }
    if !any && is_cloud {
        let provider = cluster
            .nodes
            .seen()
            .find_map(|n| n.provider_id.as_deref()?.split("://").next().map(str::to_owned))
            .unwrap_or_default();
        let fact = Fact::new(Topic::LoadBalancer, "controller", format!("the cloud's own ({provider})"), "likely");
        facts.add(fact.seen("nodes spec.providerID", provider));
    } else if !any && waiting.is_empty() && matches!(cluster.workloads.complete(&Resource::DaemonSets, None), Known::Got(_)) {
        facts.add(
            Fact::new(Topic::LoadBalancer, "controller", "none was seen", "likely")
                .seen("API groups and workloads", "no known project"),
        );
    }
}
