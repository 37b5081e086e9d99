//! Endpoints that no policy can tell apart.
//!
//! Only what some policy looks at counts: the label keys it names, the named ports, the CIDRs. So the pods of a Deployment are
//! one class, whatever the hash in their labels, and a matrix has the size of the workloads, not of the pods.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Endpoint, EndpointKind, LabelExpr, Policy, PortMatch, Predicate, Rulebook};

/// What the policies of a rulebook look at.
#[derive(Debug, Default)]
pub(super) struct Features<'a> {
    pub(super) label_keys: BTreeSet<&'a str>,
    pub(super) port_names: BTreeSet<&'a str>,
    pub(super) service_accounts: bool,
    pub(super) own_node: bool,
    /// Where the membership in some CIDR changes, by family: first addresses of ranges, sorted.
    boundaries: [Vec<u128>; 2],
}

/// Endpoints grouped by class.
#[derive(Debug)]
pub(super) struct Classes {
    /// The class of each endpoint.
    pub(super) of: Vec<usize>,
    /// One endpoint of each class, by its index.
    pub(super) example: Vec<usize>,
    /// How many endpoints each class has.
    pub(super) members: Vec<usize>,
}

impl<'a> Features<'a> {
    pub(super) fn of(book: &'a Rulebook) -> Self {
        let mut features = Self::default();
        for policy in book.tiers.iter().flat_map(|t| &t.policies) {
            features.add(policy);
        }
        for boundaries in &mut features.boundaries {
            boundaries.sort_unstable();
            boundaries.dedup();
        }
        features
    }

    fn add(&mut self, policy: &'a Policy) {
        self.predicate(&policy.subject);
        for rule in [&policy.ingress, &policy.egress].into_iter().flatten().flat_map(|s| &s.rules) {
            self.predicate(&rule.peer);
            self.predicate(&rule.local);
            rule.ports.iter().flatten().for_each(|p| self.port(p));
        }
    }

    fn predicate(&mut self, predicate: &'a Predicate) {
        match predicate {
            Predicate::Labels(labels) | Predicate::NodeLabels(labels) => self.labels(labels),
            Predicate::ServiceAccount(_) => self.service_accounts = true,
            Predicate::OwnNode => self.own_node = true,
            Predicate::Cidr { .. } => {
                let mut cidrs = Vec::new();
                predicate.cidrs(&mut cidrs);
                for cidr in cidrs {
                    let (first, last) = (number(cidr.network()), number(cidr.broadcast()));
                    let boundaries = if cidr.addr().is_ipv6() { &mut self.boundaries[1] } else { &mut self.boundaries[0] };
                    boundaries.push(first);
                    boundaries.extend(last.checked_add(1));
                }
            }
            Predicate::Not(inner) => self.predicate(inner),
            Predicate::All(parts) | Predicate::AnyOf(parts) => parts.iter().for_each(|p| self.predicate(p)),
            // the namespace is always part of the class, and with it its labels
            Predicate::Pod
            | Predicate::Node
            | Predicate::External
            | Predicate::Namespace(_)
            | Predicate::NamespaceLabels(_)
            | Predicate::Unknown(_) => {}
        }
    }

    fn labels(&mut self, expr: &'a LabelExpr) {
        match expr {
            LabelExpr::In(key, _)
            | LabelExpr::Exists(key)
            | LabelExpr::StartsWith(key, _)
            | LabelExpr::EndsWith(key, _)
            | LabelExpr::Contains(key, _) => {
                self.label_keys.insert(key);
            }
            LabelExpr::Not(inner) => self.labels(inner),
            LabelExpr::All(parts) | LabelExpr::AnyOf(parts) => parts.iter().for_each(|p| self.labels(p)),
            LabelExpr::Unknown(_) => {}
        }
    }

    fn port(&mut self, port: &'a PortMatch) {
        match port {
            PortMatch::Named { name, .. } => {
                self.port_names.insert(name);
            }
            PortMatch::NoneOf(ports) => ports.iter().for_each(|p| self.port(p)),
            PortMatch::Protocol(_) | PortMatch::Range { .. } | PortMatch::Unknown(_) => {}
        }
    }

    /// Takes the features of more policies. Whether they tell any of these endpoints apart in a new way.
    pub(super) fn grow(&mut self, policies: impl Iterator<Item = &'a Policy>, endpoints: &[Endpoint<'_>]) -> bool {
        let mut more = Self::default();
        policies.for_each(|policy| more.add(policy));
        let keys: Vec<&str> = more.label_keys.difference(&self.label_keys).copied().collect();
        let names: Vec<&str> = more.port_names.difference(&self.port_names).copied().collect();
        let accounts = more.service_accounts && !self.service_accounts;
        let own_node = more.own_node && !self.own_node;
        let [v4, v6] = &mut more.boundaries;
        for (new, known) in [v4, v6].into_iter().zip(&self.boundaries) {
            new.retain(|boundary| known.binary_search(boundary).is_err());
        }
        let bounded = more.boundaries.iter().any(|b| !b.is_empty());
        let splits = accounts
            || own_node
            || endpoints.iter().any(|e| {
                keys.iter().any(|k| e.labels.labels.contains_key(*k))
                    || !names.is_empty() && e.containers.iter().flat_map(|c| &c.ports).any(|p| named(p, &names))
            })
            || bounded && self.cuts(&more, endpoints);
        self.label_keys.append(&mut more.label_keys);
        self.port_names.append(&mut more.port_names);
        self.service_accounts |= accounts;
        self.own_node |= own_node;
        for (known, new) in self.boundaries.iter_mut().zip(more.boundaries) {
            known.extend(new);
            known.sort_unstable();
            known.dedup();
        }
        splits
    }

    /// New boundaries lie between the addresses of endpoints that were in one range.
    fn cuts(&self, more: &Self, endpoints: &[Endpoint<'_>]) -> bool {
        let mut ends: HashMap<(bool, usize), (u128, u128)> = HashMap::new();
        for endpoint in endpoints {
            for v6 in [false, true] {
                let (Some(ip), Some(range)) = (endpoint.ip(v6), self.range(endpoint.ip(v6))) else { continue };
                let ip = number(ip);
                let (low, high) = ends.entry((v6, range)).or_insert((ip, ip));
                (*low, *high) = ((*low).min(ip), (*high).max(ip));
            }
        }
        let [v4, v6] = &more.boundaries;
        let between = |((is_v6, _), (low, high)): (&(bool, usize), &(u128, u128))| {
            let boundaries = if *is_v6 { v6 } else { v4 };
            boundaries.iter().any(|b| low < b && b <= high)
        };
        ends.iter().any(between)
    }

    /// Which of the ranges between boundaries an address is in; `None` without an address.
    fn range(&self, ip: Option<IpAddr>) -> Option<usize> {
        let ip = ip?;
        let boundaries = if ip.is_ipv6() { &self.boundaries[1] } else { &self.boundaries[0] };
        Some(boundaries.partition_point(|b| *b <= number(ip)))
    }

    fn key<'e>(&self, endpoint: &Endpoint<'e>) -> Key<'e> {
        let wanted = |(k, _): &(&'e String, &'e String)| self.label_keys.contains(k.as_str());
        let labels = endpoint.labels.labels.iter().filter(wanted).map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let pod = endpoint.kind == EndpointKind::Pod;
        let ports = endpoint.containers.iter().flat_map(|c| &c.ports).filter(|_| pod).filter_map(|p| {
            let name = p.name.as_deref().filter(|n| self.port_names.contains(n))?;
            Some((name, p.port, p.protocol))
        });
        let mut ports: Vec<_> = ports.collect();
        ports.sort_unstable();
        let with_node = self.own_node || endpoint.kind == EndpointKind::Node;
        Key {
            kind: endpoint.kind,
            namespace: if pod { endpoint.namespace } else { "" },
            labels,
            ports,
            service_account: endpoint.service_account.filter(|_| self.service_accounts),
            node: endpoint.node.filter(|_| with_node),
            ranges: [self.range(endpoint.ip(false)), self.range(endpoint.ip(true))],
        }
    }

    pub(super) fn classes(&self, endpoints: &[Endpoint<'_>]) -> Classes {
        let mut known: HashMap<Key<'_>, usize> = HashMap::new();
        let mut classes = Classes { of: Vec::with_capacity(endpoints.len()), example: Vec::new(), members: Vec::new() };
        for (index, endpoint) in endpoints.iter().enumerate() {
            let class = *known.entry(self.key(endpoint)).or_insert_with(|| {
                classes.example.push(index);
                classes.members.push(0);
                classes.example.len() - 1
            });
            classes.of.push(class);
            if let Some(count) = classes.members.get_mut(class) {
                *count += 1;
            }
        }
        classes
    }
}

/// Everything of an endpoint that a policy can see.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key<'a> {
    kind: EndpointKind,
    namespace: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    ports: Vec<(&'a str, u16, crate::model::Protocol)>,
    service_account: Option<&'a str>,
    node: Option<&'a str>,
    ranges: [Option<usize>; 2],
}

fn named(port: &crate::model::ContainerPort, names: &[&str]) -> bool {
    port.name.as_deref().is_some_and(|name| names.contains(&name))
}

/// An address as a number; the family is kept apart.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}
