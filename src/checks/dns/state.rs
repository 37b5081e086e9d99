//! What the objects say of the cluster's DNS, read once for every check: each fault of it has one root cause.

use crate::checks::Context;
use crate::dns_config::{Corefile, Forward, Upstream};
use crate::finding::Verdict;
use crate::model::{Cluster, Known, Pod, Protocol, Query, Resource, Selector, Service};
use crate::plan::backends::{Backend, asked_port, backends};
use crate::plan::names::{self, DNS_LABEL};
use crate::plan::reads;

/// The cluster's DNS.
#[derive(Debug, Clone)]
pub(super) struct Dns<'a> {
    pub service: &'a Service,
    /// Pods that are meant to serve: those with the label or the Service's selector, neither finished nor on their way out.
    pub pods: Known<Vec<&'a Pod>>,
}

/// What is wrong with it, at most one thing.
#[derive(Debug, Clone)]
pub(super) enum Trouble<'a> {
    /// CoreDNS found that it asks itself, and stops: the pods and the line of the log.
    Looping(Vec<(&'a Pod, String)>),
    /// No pod is there.
    NoPods,
    /// These pods are not ready, of so many.
    Down(Vec<&'a Pod>, usize),
    /// Pods are ready, and the Service has no endpoint on port 53/UDP.
    NoEndpoints,
    Nothing,
}

impl<'a> Dns<'a> {
    /// The DNS that a question depends on, or what to say when there is none to look at.
    pub(super) fn of(cx: &Context<'a>) -> Result<Self, Verdict> {
        if cx.question.name.is_none() {
            return Err(Verdict::NotApplicable);
        }
        let source = cx.question.from.as_ref().and_then(|from| cx.cluster.pod(from));
        if source.is_some_and(|pod| !names::uses_cluster_dns(pod)) {
            return Err(Verdict::NotApplicable);
        }
        let Some(service) = reads::dns_services(cx.cluster).into_iter().next() else {
            return Err(Verdict::Undetermined(no_service(cx.cluster)));
        };
        Ok(Self { service, pods: pods(cx.cluster, service) })
    }

    /// The endpoints of port 53/UDP; `Absent` when the Service has no such port.
    pub(super) fn endpoints(&self, cluster: &Cluster) -> Known<Vec<Backend>> {
        match asked_port(self.service, Some(53), Protocol::Udp) {
            Some(port) => backends(cluster, self.service, port),
            None => Known::Absent(format!("{} has no port 53/UDP", self.service.object())),
        }
    }

    /// The root cause, from the pods outward. `Err` names the input that is missing.
    pub(super) fn trouble(&self, cluster: &'a Cluster) -> Result<Trouble<'a>, String> {
        let endpoints = self.endpoints(cluster);
        let Some(pods) = self.pods.got() else {
            let without = endpoints.got().is_some_and(|all| !all.iter().any(|b| b.ready));
            let why = self.pods.missing().unwrap_or_default();
            return if without { Ok(Trouble::NoEndpoints) } else { Err(format!("the pods of the cluster's DNS: {why}")) };
        };
        let down: Vec<&Pod> = pods.iter().copied().filter(|p| !p.ready).collect();
        let looping: Vec<(&Pod, String)> = down.iter().filter_map(|p| Some((*p, loop_line(cluster, p)?))).collect();
        if !looping.is_empty() {
            return Ok(Trouble::Looping(looping));
        }
        // a Service without selector has its endpoints from elsewhere: no pod is missed
        if pods.is_empty() && !self.service.selector.is_empty() {
            return Ok(Trouble::NoPods);
        }
        if !down.is_empty() && down.len() == pods.len() {
            return Ok(Trouble::Down(down, pods.len()));
        }
        match &endpoints {
            Known::Got(all) if !all.iter().any(|b| b.ready) => return Ok(Trouble::NoEndpoints),
            Known::Absent(_) => return Ok(Trouble::NoEndpoints),
            Known::Got(_) | Known::Denied(_) | Known::Failed(_) | Known::Unasked => {}
        }
        Ok(if down.is_empty() { Trouble::Nothing } else { Trouble::Down(down, pods.len()) })
    }
}

fn no_service(cluster: &Cluster) -> String {
    let mut reads = cluster.services.listings.iter().filter(|l| l.query.labels.as_deref() == Some(DNS_LABEL));
    let why = reads.find_map(|l| l.items.missing());
    why.unwrap_or_else(|| format!("no Service has the label {DNS_LABEL}"))
}

fn pods<'a>(cluster: &'a Cluster, service: &Service) -> Known<Vec<&'a Pod>> {
    let within = Query::within(Resource::Pods, &service.namespace);
    let selector = Selector::of(&service.selector);
    let by_label = cluster.pods.answer(&within.clone().labelled(DNS_LABEL));
    let by_selector = cluster.pods.answer(&within.labelled(&selector.to_string()));
    let all = cluster.pods_in(&service.namespace);
    let serves = |p: &Pod| !p.is_finished() && !p.terminating;
    let of = |pods: &'a Vec<Pod>| pods.iter().filter(|p| serves(p)).collect::<Vec<_>>();
    if let Some(pods) = [&by_label, &by_selector].into_iter().filter_map(|k| k.got().copied()).find(|pods| !pods.is_empty()) {
        return Known::Got(of(pods));
    }
    if let Known::Got(pods) = all {
        let labelled = |p: &&Pod| p.labels.get("k8s-app").is_some_and(|v| v == "kube-dns") || selector.matches(&p.labels);
        return Known::Got(pods.into_iter().filter(|p| serves(p)).filter(labelled).collect());
    }
    // empty, or why it is not known
    by_label.map(of)
}

/// The texts of a pod's logs that were read.
pub(super) fn logs<'a>(cluster: &'a Cluster, pod: &'a Pod) -> impl Iterator<Item = &'a str> {
    let of_pod =
        |q: &Query| q.namespace.as_deref() == Some(pod.namespace.as_str()) && q.name.as_deref() == Some(pod.name.as_str());
    cluster.texts.iter().filter(move |(q, _)| of_pod(q)).filter_map(|(_, text)| text.got().map(String::as_str))
}

/// `[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone "."` (coredns v1.14, plugin/loop).
fn loop_line(cluster: &Cluster, pod: &Pod) -> Option<String> {
    logs(cluster, pod)
        .flat_map(str::lines)
        .find(|l| l.contains("plugin/loop: Loop (") && l.contains("detected"))
        .map(|l| l.trim().to_owned())
}

/// The Corefile of the DNS Service, as text and as CoreDNS reads it.
pub(super) fn corefile(cluster: &Cluster, service: &Service) -> Option<Corefile> {
    let maps = cluster.config_maps.seen().filter(|c| c.namespace == service.namespace);
    maps.filter_map(|c| c.data.get("Corefile")).find_map(|text| Corefile::parse(text).ok())
}

/// Forward lines whose target is CoreDNS itself: its own Service or pods, or loopback at a port it listens on.
pub(super) fn forwards_to_itself(corefile: &Corefile, dns: &Dns<'_>) -> Vec<Forward> {
    let pods = dns.pods.got().into_iter().flatten().filter(|p| !p.host_network);
    let own: Vec<_> = dns.service.cluster_ips.iter().chain(pods.flat_map(|p| &p.ips)).collect();
    let itself = |upstream: &Upstream| match upstream {
        Upstream::Server { ip, port, .. } => {
            let listens = corefile.listening(*port).next().is_some();
            ((ip.is_loopback() || ip.is_unspecified()) && listens) || (own.contains(&ip) && *port == 53)
        }
        Upstream::ResolvConf(_) | Upstream::Other(_) => false,
    };
    let all = corefile.blocks.iter().flat_map(crate::dns_config::ServerBlock::forwards);
    all.filter(|f| f.upstreams.iter().any(itself)).collect()
}
