//! The cluster's DNS as facts.

use super::facts::Facts;
use crate::dns_config::{ClusterDns, Corefile, CorefileError, NodeLocal, answers_over, cluster_dns};
use crate::model::{Cluster, ContainerState, Known, Pod, Protocol};
use crate::report::info::{Fact, Topic};

pub(super) fn facts(cluster: &Cluster, facts: &mut Facts) {
    let dns = cluster_dns(cluster);
    service(&dns, facts);
    pods(&dns, facts);
    configuration(&dns, facts);
    node_local(dns.node_local.as_ref(), facts);
}

fn service(dns: &ClusterDns<'_>, facts: &mut Facts) {
    let Some(service) = dns.service() else {
        match &dns.services {
            Known::Got(_) => {
                let fact = Fact::new(Topic::Dns, "service", "none was seen", "likely");
                facts.add(fact.seen(
                    "services in kube-system and openshift-dns",
                    "none with label k8s-app=kube-dns or the name of a DNS Service and port 53",
                ));
            }
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                facts.add(Fact::new(Topic::Dns, "service", "undetermined", "unknown"));
                facts.missing("the cluster's DNS Service", other);
            }
        }
        return;
    };
    let ips: Vec<String> = service.cluster_ips.iter().map(ToString::to_string).collect();
    let ports: Vec<String> = service.ports.iter().map(|p| format!("{} {}", p.protocol, p.port)).collect();
    let value = format!("{} at {}", service.object(), ips.join(", "));
    let mut fact = Fact::new(Topic::Dns, "service", value, "certain").seen(service.object().to_string(), ports.join(", "));
    if !answers_over(service, Protocol::Tcp) {
        fact = fact.warning("it has no TCP port 53: answers that do not fit a datagram fail");
    } else if !answers_over(service, Protocol::Udp) {
        fact = fact.warning("it has no UDP port 53, which every resolver asks first");
    }
    facts.add(fact);
}

fn pods(dns: &ClusterDns<'_>, facts: &mut Facts) {
    let pods = match &dns.pods {
        Known::Got(pods) => pods,
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            facts.missing("the pods of the cluster's DNS", other);
            return;
        }
    };
    let ready = pods.iter().filter(|p| p.ready && !p.terminating).count();
    let mut fact = Fact::new(Topic::Dns, "pods", format!("{ready} of {} ready", pods.len()), "certain");
    for pod in pods {
        fact = fact.seen(pod.object().to_string(), state(pod));
    }
    if ready == 0 {
        fact = fact.warning("no DNS pod is ready: names do not resolve in the cluster");
    } else if ready < pods.len() {
        fact = fact.warning(format!("{} DNS pods are not ready", pods.len() - ready));
    } else if let Some(pod) = pods.iter().find(|p| ended_badly(p).is_some()) {
        fact = fact.warning(format!("{} {}", pod.name, ended_badly(pod).unwrap_or_default()));
    }
    facts.add(fact);
}

/// The reason of the last end, when it was not by choice.
fn ended_badly(pod: &Pod) -> Option<String> {
    pod.containers.iter().find_map(|c| match &c.last {
        ContainerState::Terminated { exit_code, reason, .. } if *exit_code != 0 => {
            Some(format!("restarted {} times, last after {reason} (exit code {exit_code})", c.restarts))
        }
        ContainerState::Terminated { .. } | ContainerState::None | ContainerState::Waiting { .. } | ContainerState::Running => {
            None
        }
    })
}

fn state(pod: &Pod) -> String {
    let restarts: u32 = pod.containers.iter().map(|c| c.restarts).sum();
    let node = pod.node.as_deref().unwrap_or("no node");
    let waiting = pod.containers.iter().find_map(|c| match &c.state {
        ContainerState::Waiting { reason, .. } => Some(format!(", waiting: {reason}")),
        ContainerState::None | ContainerState::Running | ContainerState::Terminated { .. } => None,
    });
    let ready = if pod.ready { "ready" } else { "not ready" };
    format!("{ready} on {node}, {restarts} restarts{}", waiting.unwrap_or_default())
}

fn configuration(dns: &ClusterDns<'_>, facts: &mut Facts) {
    match &dns.corefile {
        Known::Got((source, Ok(corefile))) => corefile_facts(source, corefile, facts),
        Known::Got((source, Err(error))) => facts.add(broken(source, error)),
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => facts.missing("the Corefile", other),
    }
}

fn broken(source: &str, error: &CorefileError) -> Fact {
    let fact = Fact::new(Topic::Dns, "Corefile", "CoreDNS refuses it", "certain").seen(source, error.to_string());
    fact.warning(format!("{error}: CoreDNS keeps its old configuration, or does not start"))
}

fn corefile_facts(source: &str, corefile: &Corefile, facts: &mut Facts) {
    let domains = corefile.cluster_domains();
    if domains.is_empty() && corefile.imports.is_empty() {
        let fact = Fact::new(Topic::Dns, "domain", "none: no kubernetes plugin", "certain").seen(source, "no line kubernetes");
        facts.add(fact.warning("names of Services are not answered"));
    } else if !domains.is_empty() {
        facts.add(
            Fact::new(Topic::Dns, "domain", domains.join(", "), "certain")
                .seen(source, format!("kubernetes {}", domains.join(" "))),
        );
    }
    if let Some(block) = corefile.block_for("example.com", 53) {
        let upstreams: Vec<String> =
            block.forwards().iter().filter(|f| f.from == ".").flat_map(|f| &f.upstreams).map(ToString::to_string).collect();
        let value =
            if upstreams.is_empty() { String::from("nobody: other names are not answered") } else { upstreams.join(", ") };
        let imported = corefile.imports.iter().any(|i| !i.zones.is_empty());
        let sure = if upstreams.is_empty() && imported { "possible" } else { "certain" };
        let line = block.forwards().first().map_or(block.line, |f| f.line);
        facts.add(Fact::new(Topic::Dns, "upstream", value, sure).seen(source, format!("line {line}")));
        let plugins: Vec<&str> = ["cache", "loop", "hosts", "rewrite", "template", "autopath", "log"]
            .into_iter()
            .filter(|p| block.plugin(p).is_some())
            .collect();
        if !plugins.is_empty() {
            facts.add(
                Fact::new(Topic::Dns, "plugins", plugins.join(", "), "certain")
                    .seen(source, format!("server block of line {}", block.line)),
            );
        }
    }
    for (zone, forward) in corefile.stub_domains() {
        let upstreams: Vec<String> = forward.upstreams.iter().map(ToString::to_string).collect();
        let value = format!("{} to {}", zone.trim_end_matches('.'), upstreams.join(", "));
        facts.add(Fact::new(Topic::Dns, "stub domain", value, "certain").seen(source, format!("line {}", forward.line)));
    }
    for import in &corefile.imports {
        facts.gap(format!("what the Corefile imports from {}", import.pattern), "files of other ConfigMaps are not read");
    }
}

fn node_local(found: Option<&NodeLocal<'_>>, facts: &mut Facts) {
    let Some(found) = found else { return };
    let addresses =
        if found.addresses.is_empty() { String::from("an address that was not read") } else { found.addresses.join(", ") };
    let ready = match (found.workload.ready, found.workload.desired) {
        (Some(ready), Some(desired)) => format!(", {ready} of {desired} ready"),
        _ => String::new(),
    };
    let mut fact = Fact::new(Topic::Dns, "NodeLocal DNS", format!("on every node at {addresses}{ready}"), "certain")
        .seen(found.workload.object().to_string(), "its DaemonSet");
    if let (Some(ready), Some(desired)) = (found.workload.ready, found.workload.desired)
        && ready < desired
    {
        fact = fact.warning("pods of nodes without a ready cache cannot resolve names, unless their kubelet points elsewhere");
    }
    facts.add(fact);
}
