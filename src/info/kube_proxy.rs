//! Who turns a Service's address into a pod's: kube-proxy with its mode, or what replaces it.

use std::fmt;
use std::net::SocketAddr;

use serde::Deserialize;

use super::Measured;
use super::facts::Facts;
use crate::cni::{Certainty, Networks, Seen, Told};
use crate::model::{Cluster, ConfigMap, Known, Pod, Resource, Workload};
use crate::report::info::{Fact, Topic};

/// How kube-proxy programs a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyMode {
    Iptables,
    Ipvs,
    Nftables,
    Other(String),
}

/// A kube-proxy that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeProxy {
    /// `DaemonSet`, `static pods`, `inside k3s`.
    pub runs_as: Told<String>,
    /// Nodes it is meant for; 0 for a DaemonSet that was switched off.
    pub desired: Option<u32>,
    pub ready: Option<u32>,
    /// `None` when its configuration could not be read.
    pub mode: Option<Told<ProxyMode>>,
    pub cluster_cidr: Option<Told<String>>,
    /// Where it tells its mode and metrics. `None` when nobody said: 127.0.0.1:10249 by default.
    pub metrics: Option<SocketAddr>,
    /// Options that change how traffic looks: `masqueradeAll`, `nodePortAddresses`, `scheduler`.
    pub options: Vec<(&'static str, Told<String>)>,
}

/// What does the work of Services on the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceProxy {
    KubeProxy(KubeProxy),
    /// A plugin does all or part of it; a kube-proxy beside it may be right (part) or wrong (all).
    Replaced {
        by: &'static str,
        how: Told<String>,
        beside: Option<KubeProxy>,
    },
    /// Everything that shows one was read, and none was seen.
    NotSeen,
    Undetermined(String),
}

/// `kubeproxy.config.k8s.io/v1alpha1`, the fields that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Configuration {
    mode: Option<String>,
    cluster_cidr: Option<String>,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr_upper: Option<String>,
    detect_local_mode: Option<String>,
    metrics_bind_address: Option<String>,
    node_port_addresses: Option<Vec<String>>,
    iptables: Option<Iptables>,
    ipvs: Option<Ipvs>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Iptables {
    masquerade_all: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ipvs {
    scheduler: Option<String>,
    #[serde(rename = "strictARP")]
    strict_arp: Option<bool>,
}

impl ProxyMode {
    /// On Linux an empty mode means iptables (kubernetes v1.36, cmd/kube-proxy/app/server_linux.go).
    pub fn parse(text: &str) -> Self {
        match text.trim().to_lowercase().as_str() {
            "" | "iptables" => Self::Iptables,
            "ipvs" => Self::Ipvs,
            "nftables" => Self::Nftables,
            _ => Self::Other(text.trim().to_owned()),
        }
    }
}

impl fmt::Display for ProxyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iptables => f.write_str("iptables"),
            Self::Ipvs => f.write_str("ipvs"),
            Self::Nftables => f.write_str("nftables"),
            Self::Other(mode) => f.write_str(mode),
        }
    }
}

impl KubeProxy {
    /// It is meant for at least one node, or nobody said for how many.
    pub fn is_active(&self) -> bool {
        self.desired != Some(0)
    }
}

/// What does the work of Services, by the objects alone.
pub fn service_proxy(cluster: &Cluster, networks: &Networks) -> ServiceProxy {
    let kube_proxy = seen(cluster);
    if let Some((by, how)) = networks.service_proxy().and_then(|p| Some((p.name, p.service_proxy.clone()?))) {
        return ServiceProxy::Replaced { by, how, beside: kube_proxy };
    }
    if let Some(kube_proxy) = kube_proxy {
        return ServiceProxy::KubeProxy(kube_proxy);
    }
    match cluster.workloads.complete(&Resource::DaemonSets, None) {
        Known::Got(_) => ServiceProxy::NotSeen,
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            ServiceProxy::Undetermined(other.missing().unwrap_or_default())
        }
    }
}

fn seen(cluster: &Cluster) -> Option<KubeProxy> {
    let sets = cluster.workloads.seen().filter(|w| w.kind == "daemonset" && is_kube_proxy(w));
    // a distribution may have one for each operating system
    let set = sets.max_by_key(|w| (w.desired.unwrap_or(0), std::cmp::Reverse(w.name.clone())));
    let (runs_as, desired, ready, arguments): (_, _, _, &[String]) = if let Some(set) = set {
        let image = set.images.first().map_or("", String::as_str);
        let told = Told::certain(String::from("DaemonSet"), set.object().to_string(), format!("image {image}"));
        (told, set.desired, set.ready, &set.arguments)
    } else {
        (elsewhere(cluster)?, None, None, &[])
    };
    let mut found = KubeProxy { runs_as, desired, ready, mode: None, cluster_cidr: None, metrics: None, options: Vec::new() };
    let map = ["kube-proxy", "kube-proxy-config"].iter().find_map(|name| cluster.config_map("kube-system", name));
    match map.and_then(configuration) {
        Some((source, configuration)) => configured(&mut found, &source, &configuration),
        None => by_arguments(&mut found, arguments),
    }
    if found.mode.is_none() && found.runs_as.value.starts_with("inside") {
        let source = found.runs_as.evidence.first().map_or_else(String::new, |e| e.source.clone());
        found.mode = Some(Told::likely(ProxyMode::Iptables, source, "its default; --kube-proxy-arg may change it"));
    }
    Some(found)
}

/// `clusterCIDR` of kube-proxy's ConfigMap, whether or not a kube-proxy was seen.
pub(super) fn configured_cidr(cluster: &Cluster) -> Option<Told<String>> {
    let map = ["kube-proxy", "kube-proxy-config"].iter().find_map(|name| cluster.config_map("kube-system", name))?;
    let (source, configuration) = configuration(map)?;
    let cidr = configuration.cluster_cidr_upper.or(configuration.cluster_cidr).filter(|c| !c.is_empty())?;
    Some(Told::likely(cidr.clone(), source, format!("clusterCIDR {cidr}")))
}

/// A DaemonSet that is kube-proxy.
pub(crate) fn is_kube_proxy(set: &Workload) -> bool {
    let is_named = set.name == "kube-proxy" || set.name.starts_with("kube-proxy-");
    let is_image =
        |image: &String| image.contains("/kube-proxy:") || image.contains("/kube-proxy@") || image.contains("eks/kube-proxy");
    is_named && !set.name.contains("windows") || set.images.iter().any(is_image) && !set.name.contains("windows")
}

/// Static pods (RKE2, GKE) and processes that hold kube-proxy (k3s and the like).
fn elsewhere(cluster: &Cluster) -> Option<Told<String>> {
    if let Some(pod) = cluster.pods.seen().filter(|pod| is_static_kube_proxy(pod)).min_by(|a, b| a.name.cmp(&b.name)) {
        return Some(Told::certain(String::from("static pods"), pod.object().to_string(), "component=kube-proxy"));
    }
    if let Some(node) = cluster.nodes.seen().find(|n| n.kubelet.contains("+k3s")) {
        let source = format!("{} kubelet version", node.object());
        return Some(Told::likely(String::from("inside the k3s process"), source, node.kubelet.clone()));
    }
    let micro = cluster.nodes.seen().find(|n| n.labels.contains_key("microk8s.io/cluster"))?;
    Some(Told::likely(String::from("inside MicroK8s' kubelite"), format!("{} label microk8s.io/cluster", micro.object()), "set"))
}

/// A kube-proxy that a node runs by itself.
pub(crate) fn is_static_kube_proxy(pod: &Pod) -> bool {
    pod.namespace == "kube-system"
        && pod.name.starts_with("kube-proxy-")
        && (pod.labels.get("component").is_some_and(|c| c == "kube-proxy") || pod.mirror)
}

/// `config.conf` as kubeadm writes it, `config` as EKS does.
fn configuration(map: &ConfigMap) -> Option<(String, Configuration)> {
    let (key, text) = ["config.conf", "config"].iter().find_map(|key| Some((*key, map.data.get(*key)?)))?;
    let parsed = serde_saphyr::from_str::<Configuration>(text).ok()?;
    Some((format!("configmap/{}/{} {key}", map.namespace, map.name), parsed))
}

fn configured(found: &mut KubeProxy, source: &str, configuration: &Configuration) {
    let mode = configuration.mode.as_deref().unwrap_or_default();
    let words = if mode.is_empty() { "mode is empty: iptables, the default on Linux".to_owned() } else { format!("mode {mode}") };
    found.mode = Some(Told::certain(ProxyMode::parse(mode), source, words));
    let cidr = configuration.cluster_cidr_upper.as_ref().or(configuration.cluster_cidr.as_ref()).filter(|c| !c.is_empty());
    found.cluster_cidr = cidr.map(|c| Told::certain(c.clone(), source, format!("clusterCIDR {c}")));
    found.metrics = configuration.metrics_bind_address.as_deref().and_then(metrics);
    let mut option = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            found.options.push((name, Told::certain(value.clone(), source, format!("{name} {value}"))));
        }
    };
    option("detectLocalMode", configuration.detect_local_mode.clone());
    option("nodePortAddresses", configuration.node_port_addresses.as_ref().map(|a| a.join(", ")));
    let masquerade = configuration.iptables.as_ref().and_then(|i| i.masquerade_all);
    option("masqueradeAll", masquerade.filter(|on| *on).map(|on| on.to_string()));
    if let Some(ipvs) = configuration.ipvs.as_ref().filter(|_| mode == "ipvs") {
        option("scheduler", ipvs.scheduler.clone());
        option("strictARP", ipvs.strict_arp.filter(|on| *on).map(|on| on.to_string()));
    }
}

/// An address with a port, or one without, which means 10249.
fn metrics(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|ip| SocketAddr::new(ip, 10249)))
}

/// Without a configuration file the flags hold; with one they are ignored, and what is in it stays unknown.
fn by_arguments(found: &mut KubeProxy, arguments: &[String]) {
    let value = |name: &str| arguments.iter().find_map(|a| a.trim_start_matches('-').strip_prefix(name)?.strip_prefix('='));
    let source = found.runs_as.evidence.first().map_or_else(String::new, |e| e.source.clone());
    if let Some(cidr) = value("cluster-cidr") {
        found.cluster_cidr = Some(Told::certain(cidr.to_owned(), format!("{source} --cluster-cidr"), cidr));
    }
    found.metrics = value("metrics-bind-address").and_then(metrics);
    found.mode = match (value("proxy-mode"), value("config")) {
        (Some(mode), _) => Some(Told::certain(ProxyMode::parse(mode), format!("{source} --proxy-mode"), mode)),
        (None, None) if !arguments.is_empty() => {
            Some(Told::likely(ProxyMode::Iptables, source, "no --proxy-mode and no --config: iptables, the default on Linux"))
        }
        (None, Some(_) | None) => None,
    };
}

/// Why the configuration is not known.
fn why_unread(cluster: &Cluster) -> String {
    let of_kube_proxy = |name: &str| name == "kube-proxy" || name == "kube-proxy-config";
    let asked = cluster.config_maps.listings.iter().filter(|l| l.query.name.as_deref().is_some_and(of_kube_proxy));
    let refused = asked.filter(|l| matches!(l.items, Known::Denied(_) | Known::Failed(_))).find_map(|l| l.items.missing());
    refused.unwrap_or_else(|| String::from("no ConfigMap of it was found or understood, and its flags do not say it"))
}

pub(super) fn facts(cluster: &Cluster, networks: &Networks, measured: &Measured, facts: &mut Facts) {
    match service_proxy(cluster, networks) {
        ServiceProxy::KubeProxy(found) => kube_proxy_facts(&found, cluster, measured, facts),
        ServiceProxy::Replaced { by, how, beside } => {
            let all = !how.value.contains("part of");
            let mut fact = Fact::new(Topic::KubeProxy, "proxy", format!("{by}: {}", how.value), how.certainty.word());
            fact.evidence = super::facts::parts(&how.evidence);
            match beside {
                Some(other) if all && other.is_active() => {
                    fact = fact
                        .warning(format!("kube-proxy runs as well ({}), and both write rules for Services", other.runs_as.value));
                    facts.add(fact);
                    kube_proxy_facts(&other, cluster, measured, facts);
                }
                Some(other) if other.is_active() => {
                    facts.add(fact);
                    kube_proxy_facts(&other, cluster, measured, facts);
                }
                Some(_) | None => {
                    facts.add(fact);
                    if all {
                        facts.add(Fact::new(
                            Topic::KubeProxy,
                            "kube-proxy",
                            format!("none, which is right with {by}"),
                            how.certainty.word(),
                        ));
                    }
                }
            }
        }
        ServiceProxy::NotSeen => {
            let warning = "Services' addresses work only if a proxy runs outside the API's sight, such as a service of the node";
            let fact = Fact::new(Topic::KubeProxy, "proxy", "no kube-proxy and no replacement was seen", "likely");
            facts.add(fact.seen("DaemonSets of all namespaces", "none is kube-proxy's").warning(warning));
        }
        ServiceProxy::Undetermined(why) => {
            facts.add(Fact::new(Topic::KubeProxy, "proxy", "undetermined", "unknown"));
            facts.gap("kube-proxy", why);
        }
    }
}

fn kube_proxy_facts(found: &KubeProxy, cluster: &Cluster, measured: &Measured, facts: &mut Facts) {
    let ready = match (found.ready, found.desired) {
        (Some(ready), Some(desired)) => format!(", {ready} of {desired} ready"),
        _ => String::new(),
    };
    let told = found.runs_as.with(format!("kube-proxy, {}{ready}", found.runs_as.value));
    let mut fact = super::facts::fact_of(Topic::KubeProxy, "proxy", &told);
    match (found.ready, found.desired) {
        (_, Some(0)) => fact = fact.warning("its DaemonSet is meant for no node"),
        (Some(ready), Some(desired)) if ready < desired => {
            fact = fact.warning(format!("{ready} of {desired} kube-proxy pods are ready"));
        }
        _ => {}
    }
    facts.add(fact);
    mode_fact(found, cluster, measured, facts);
    unanswered(measured, facts);
    if let Some(cidr) = &found.cluster_cidr {
        facts.told(Topic::KubeProxy, "clusterCIDR", cidr);
    }
    for (name, told) in &found.options {
        facts.told(Topic::KubeProxy, name, told);
    }
}

/// What kube-proxy was asked and did not say.
fn unanswered(measured: &Measured, facts: &mut Facts) {
    for (node, why) in &measured.unanswered {
        facts.gap(format!("kube-proxy's own word on its mode, on {node}"), why);
    }
}

fn mode_fact(found: &KubeProxy, cluster: &Cluster, measured: &Measured, facts: &mut Facts) {
    let live = measured.proxy_modes.iter().map(|(node, mode)| Seen::new(format!("probe {node} /proxyMode"), mode.clone()));
    let told = match (&found.mode, measured.proxy_modes.first()) {
        (Some(mode), _) => mode.with(mode.value.to_string()),
        (None, Some((node, mode))) => {
            Told::certain(ProxyMode::parse(mode).to_string(), format!("probe {node} /proxyMode"), mode.clone())
        }
        (None, None) => {
            facts.add(Fact::new(Topic::KubeProxy, "mode", "undetermined", "unknown"));
            facts.gap("kube-proxy's mode", why_unread(cluster));
            return;
        }
    };
    let mut told = told;
    told.evidence.extend(live.take(4));
    let mut fact = super::facts::fact_of(Topic::KubeProxy, "mode", &told);
    let other = measured.proxy_modes.iter().find(|(_, mode)| ProxyMode::parse(mode).to_string() != told.value);
    if let Some((node, mode)) = other {
        fact = fact.warning(format!(
            "the configuration says {} and kube-proxy on {node} runs {}: restart it",
            told.value,
            mode.trim()
        ));
        if told.certainty == Certainty::Certain {
            fact.confidence = String::from(Certainty::Likely.word());
        }
    }
    facts.add(fact);
}
