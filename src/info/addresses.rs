//! Address ranges of pods, Services and nodes, and where they overlap.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::facts::{Facts, fact_of};
use super::kube_proxy::{ServiceProxy, configured_cidr, service_proxy};
use crate::cni::{Certainty, Networks, Told, uses_node_ranges};
use crate::model::{Cluster, Known, Resource};
use crate::report::info::{Fact, Topic};

/// The ranges a cluster uses, each with where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges {
    /// Of the whole cluster, as the CNI or kube-proxy says.
    pub pods: Vec<Told<IpNet>>,
    /// `spec.podCIDRs` of each node.
    pub node_shares: Vec<(String, IpNet)>,
    /// Certain from ServiceCIDR objects; possible when estimated from the addresses of Services.
    pub services: Vec<Told<IpNet>>,
    /// Internal addresses.
    pub nodes: Vec<(String, IpAddr)>,
}

/// Two ranges that share addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// `pods 10.0.0.0/8`.
    pub one: String,
    pub other: String,
    /// What breaks.
    pub effect: &'static str,
}

/// Every range that was read.
pub fn ranges(cluster: &Cluster, networks: &Networks) -> Ranges {
    let mut ranges = Ranges::default();
    for told in networks.found.iter().flat_map(|f| &f.pod_cidrs) {
        push(&mut ranges.pods, told);
    }
    let proxy = service_proxy(cluster, networks);
    let undetermined = matches!(proxy, ServiceProxy::Undetermined(_));
    let kube_proxy = match proxy {
        ServiceProxy::KubeProxy(found) => Some(found),
        ServiceProxy::Replaced { beside, .. } => beside,
        ServiceProxy::NotSeen | ServiceProxy::Undetermined(_) => None,
    };
    // its configuration may be all that was read of it
    let cidr = kube_proxy.and_then(|p| p.cluster_cidr).or_else(|| configured_cidr(cluster).filter(|_| undetermined));
    if let Some(list) = cidr {
        for cidr in list.value.split(',') {
            push(&mut ranges.pods, &list.with(cidr.trim().to_owned()));
        }
    }
    for node in cluster.nodes.seen() {
        ranges.node_shares.extend(node.pod_cidrs.iter().map(|cidr| (node.name.clone(), *cidr)));
        ranges.nodes.extend(node.internal_ips.iter().map(|ip| (node.name.clone(), *ip)));
    }
    ranges.node_shares.sort();
    ranges.node_shares.dedup();
    ranges.nodes.sort();
    ranges.nodes.dedup();
    ranges.services = services(cluster);
    ranges
}

fn push(all: &mut Vec<Told<IpNet>>, told: &Told<String>) {
    let Ok(net) = told.value.parse::<IpNet>() else { return };
    match all.iter_mut().find(|t| t.value == net.trunc()) {
        Some(known) => known.evidence.extend(told.evidence.clone()),
        None => all.push(told.with(net.trunc())),
    }
}

fn services(cluster: &Cluster) -> Vec<Told<IpNet>> {
    let objects: Vec<IpNet> = cluster.service_cidrs.seen().filter_map(|c| c.parse().ok()).collect();
    if !objects.is_empty() {
        let mut found: Vec<Told<IpNet>> = Vec::new();
        for net in objects {
            if !found.iter().any(|t| t.value == net) {
                found.push(Told::certain(net, "servicecidrs.networking.k8s.io", net.to_string()));
            }
        }
        return found;
    }
    let addresses = |v6: bool| -> Vec<IpAddr> {
        let mut ips: Vec<IpAddr> =
            cluster.services.seen().flat_map(|s| s.cluster_ips.clone()).filter(|ip| ip.is_ipv6() == v6).collect();
        ips.sort_unstable();
        ips.dedup();
        ips
    };
    let estimate = |ips: Vec<IpAddr>| {
        let net = common(*ips.first()?, *ips.last()?)?;
        let seen = format!("{} to {}", ips.first()?, ips.last()?);
        let told = Told::likely(net, format!("ClusterIPs of {} Services", ips.len()), seen);
        Some(Told { certainty: Certainty::Possible, ..told })
    };
    [false, true].into_iter().filter_map(|v6| estimate(addresses(v6))).collect()
}

/// The smallest range that holds both addresses. Of one address alone nothing can be said.
fn common(first: IpAddr, last: IpAddr) -> Option<IpNet> {
    match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) if a != b => {
            let length = (u32::from(a) ^ u32::from(b)).leading_zeros();
            Some(IpNet::V4(Ipv4Net::new(a, u8::try_from(length).ok()?).ok()?.trunc()))
        }
        (IpAddr::V6(a), IpAddr::V6(b)) if a != b => {
            let length = (u128::from(a) ^ u128::from(b)).leading_zeros();
            Some(IpNet::V6(Ipv6Net::new(a, u8::try_from(length).ok()?).ok()?.trunc()))
        }
        _ => None,
    }
}

/// Ranges share addresses when one holds the other's first address.
fn meet(a: &IpNet, b: &IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

impl Ranges {
    /// Pairs that must not share addresses and do.
    pub fn overlaps(&self) -> Vec<Overlap> {
        let mut found = Vec::new();
        let shares = self.node_shares.iter().map(|(node, net)| (format!("pods of {node} {net}"), *net));
        let pods: Vec<(String, IpNet)> = self.pods.iter().map(|t| (format!("pods {}", t.value), t.value)).chain(shares).collect();
        for service in &self.services {
            for (words, net) in pods.iter().filter(|(_, net)| meet(net, &service.value)) {
                let effect = if net.contains(&service.value) || service.value.contains(net) {
                    "addresses of Services may belong to pods as well: the rules of Services take their traffic"
                } else {
                    "some addresses belong to both"
                };
                found.push(Overlap { one: words.clone(), other: format!("Services {}", service.value), effect });
            }
            for (node, ip) in self.nodes.iter().filter(|(_, ip)| service.value.contains(ip)) {
                let effect = "the node's address can be given to a Service, which takes its traffic";
                found.push(Overlap { one: format!("node {node} {ip}"), other: format!("Services {}", service.value), effect });
            }
        }
        for (words, net) in &pods {
            for (node, ip) in self.nodes.iter().filter(|(_, ip)| net.contains(ip)) {
                let effect = "routes of the pod network take traffic that is meant for the node";
                found.push(Overlap { one: format!("node {node} {ip}"), other: words.clone(), effect });
            }
        }
        found.extend(self.shared_shares());
        found
    }

    /// Two nodes that were given the same addresses.
    fn shared_shares(&self) -> Vec<Overlap> {
        let mut sorted: Vec<&(String, IpNet)> = self.node_shares.iter().collect();
        sorted.sort_by_key(|(_, net)| (net.network(), net.prefix_len()));
        let pairs = sorted.iter().zip(sorted.iter().skip(1)).filter(|(a, b)| a.0 != b.0 && meet(&a.1, &b.1));
        let effect = "pods of both nodes get the same addresses";
        pairs
            .map(|(a, b)| Overlap { one: format!("pods of {} {}", a.0, a.1), other: format!("pods of {} {}", b.0, b.1), effect })
            .collect()
    }

    /// Nodes whose share lies outside every range of the cluster.
    fn outside(&self) -> Vec<&(String, IpNet)> {
        let same_family = |net: &IpNet| self.pods.iter().any(|t| t.value.addr().is_ipv4() == net.addr().is_ipv4());
        self.node_shares.iter().filter(|(_, net)| same_family(net) && !self.pods.iter().any(|t| t.value.contains(net))).collect()
    }
}

pub(super) fn facts(cluster: &Cluster, networks: &Networks, facts: &mut Facts) {
    let ranges = ranges(cluster, networks);
    let overlaps = ranges.overlaps();
    for told in &ranges.pods {
        facts.add(fact_of(Topic::Addresses, "pods", &told.with(told.value.to_string())));
    }
    shares(&ranges, cluster, facts);
    for told in &ranges.services {
        let estimated = if told.certainty == Certainty::Possible { "at least " } else { "" };
        facts.add(fact_of(Topic::Addresses, "Services", &told.with(format!("{estimated}{}", told.value))));
    }
    let known = cluster.service_cidrs.complete(&Resource::ServiceCidrs, None);
    if !matches!(known, Known::Got(_)) {
        facts.missing("the range of Services", &known);
    }
    nodes(&ranges, facts);
    families(&ranges, facts);
    for overlap in overlaps.iter().take(10) {
        let fact = Fact::new(Topic::Addresses, "overlap", format!("{} and {}", overlap.one, overlap.other), "certain");
        facts.add(fact.warning(overlap.effect));
    }
    if !overlaps.is_empty() {
        facts.hint("overlap", "finding NC4008: kubectl netcheck explain NC4008");
    }
    if overlaps.is_empty() && !ranges.services.is_empty() && !(ranges.pods.is_empty() && ranges.node_shares.is_empty()) {
        let is_estimate = ranges.services.iter().any(|t| t.certainty == Certainty::Possible);
        let (value, sure) = match (is_estimate, ranges.nodes.is_empty()) {
            (false, false) => ("none among pods, Services and nodes", "certain"),
            (true, false) => ("none was seen among pods, Services and nodes", "likely"),
            (_, true) => ("none was seen between pods and Services; nodes are not known", "likely"),
        };
        facts.add(Fact::new(Topic::Addresses, "overlap", value, sure));
    }
}

fn shares(ranges: &Ranges, cluster: &Cluster, facts: &mut Facts) {
    let (Some((_, first)), count) = (ranges.node_shares.first(), ranges.node_shares.len()) else { return };
    let value = if count == 1 { first.to_string() } else { format!("{count} ranges, the first {first}") };
    let mut fact = Fact::new(Topic::Addresses, "node ranges", value, "certain");
    for (node, net) in ranges.node_shares.iter().take(4) {
        fact = fact.seen(format!("node/{node} spec.podCIDRs"), net.to_string());
    }
    // only plugins that take their addresses from the node object must agree with it
    let uses_node = uses_node_ranges(cluster) == Ok(true);
    let outside = ranges.outside();
    if let Some((node, net)) = outside.first().filter(|_| uses_node) {
        let ranges: Vec<String> = ranges.pods.iter().map(|t| t.value.to_string()).collect();
        fact = fact.warning(format!(
            "{net} of node/{node} lies outside {}: its pods are not routed or not masqueraded",
            ranges.join(", ")
        ));
    }
    facts.add(fact);
}

fn nodes(ranges: &Ranges, facts: &mut Facts) {
    let Some((_, first)) = ranges.nodes.first() else { return };
    let value =
        if ranges.nodes.len() == 1 { first.to_string() } else { format!("{} addresses, the first {first}", ranges.nodes.len()) };
    let mut fact = Fact::new(Topic::Addresses, "nodes", value, "certain");
    for (node, ip) in ranges.nodes.iter().take(4) {
        fact = fact.seen(format!("node/{node} status.addresses InternalIP"), ip.to_string());
    }
    facts.add(fact);
}

fn families(ranges: &Ranges, facts: &mut Facts) {
    let of = |nets: &mut dyn Iterator<Item = bool>| {
        let all: Vec<bool> = nets.collect();
        match (all.contains(&false), all.contains(&true)) {
            (true, true) => Some("dual stack"),
            (true, false) => Some("IPv4"),
            (false, true) => Some("IPv6"),
            (false, false) => None,
        }
    };
    let pods = ranges.pods.iter().map(|t| t.value).chain(ranges.node_shares.iter().map(|(_, n)| *n));
    let pods = of(&mut pods.map(|n| n.addr().is_ipv6()));
    let services = of(&mut ranges.services.iter().map(|t| t.value.addr().is_ipv6()));
    let Some(family) = pods.or(services) else { return };
    let seen = format!("pods {}, Services {}", pods.unwrap_or("not known"), services.unwrap_or("not known"));
    let mut fact = Fact::new(Topic::Addresses, "family", family, "certain").seen("the ranges above", seen);
    if let (Some(pods), Some(services)) = (pods, services)
        && pods != services
        && pods != "dual stack"
    {
        fact = fact.warning(format!("pods are {pods} and Services are {services}"));
    }
    facts.add(fact);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(net: &str) -> Told<IpNet> {
        Told::certain(net.parse().unwrap(), "test", net)
    }

    fn check(pods: &[&str], services: &[&str], nodes: &[&str], expected: &[(&str, &str)]) {
        let ranges = Ranges {
            pods: pods.iter().map(|n| told(n)).collect(),
            services: services.iter().map(|n| told(n)).collect(),
            nodes: nodes.iter().map(|ip| (String::from("n1"), ip.parse().unwrap())).collect(),
            node_shares: Vec::new(),
        };
        let found: Vec<_> = ranges.overlaps().into_iter().map(|o| (o.one, o.other)).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ranges_that_share_addresses() {
        check(&["10.244.0.0/16"], &["10.96.0.0/12"], &["192.168.1.4"], &[]);
        check(&["10.96.0.0/16"], &["10.96.0.0/12"], &[], &[("pods 10.96.0.0/16", "Services 10.96.0.0/12")]);
        check(&["192.168.0.0/16"], &["10.96.0.0/12"], &["192.168.1.4"], &[("node n1 192.168.1.4", "pods 192.168.0.0/16")]);
        check(&["fd00::/48"], &["10.96.0.0/12"], &["10.96.3.4"], &[("node n1 10.96.3.4", "Services 10.96.0.0/12")]);
    }

    #[test]
    fn two_nodes_with_one_share() {
        let share = |node: &str, net: &str| (node.to_owned(), net.parse().unwrap());
        let ranges = Ranges { node_shares: vec![share("a", "10.244.1.0/24"), share("b", "10.244.1.0/24")], ..Ranges::default() };
        assert_eq!(ranges.overlaps().len(), 1);
        let apart = Ranges { node_shares: vec![share("a", "10.244.1.0/24"), share("b", "10.244.2.0/24")], ..Ranges::default() };
        assert!(apart.overlaps().is_empty());
    }

    #[test]
    fn an_estimate_needs_two_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(common(ip("10.96.0.1"), ip("10.96.0.10")).unwrap().to_string(), "10.96.0.0/28");
        assert_eq!(common(ip("10.96.0.1"), ip("10.96.0.1")), None);
        assert_eq!(common(ip("fd00::1"), ip("fd00::ff")).unwrap().to_string(), "fd00::/120");
    }
}
