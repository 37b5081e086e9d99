//! Which ports of a destination are meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cluster, Pod, Protocol};

use super::Scope;
use super::workloads::{Key, Workload};

/// A port as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortAsked {
    /// Of every destination, whether its containers declare it or not.
    Number { protocol: Protocol, port: u16 },
    /// Of the destinations whose containers declare one of this name.
    Name(String),
}

/// The ports of each workload: those of all its pods.
#[derive(Debug, Default)]
pub(super) struct Ports(BTreeMap<Key, BTreeSet<(Protocol, u16)>>);

impl Ports {
    pub(super) fn of(scope: &Scope, cluster: &Cluster) -> Self {
        let mut all: BTreeMap<Workload<'_>, BTreeSet<(Protocol, u16)>> = BTreeMap::new();
        for pod in super::pods(scope, cluster) {
            add(pod, &scope.ports, all.entry(Workload::of(pod)).or_default());
        }
        Self(all.into_iter().map(|(workload, ports)| (workload.key(), ports)).collect())
    }

    pub(super) fn extend(&mut self, other: Self) {
        for (key, ports) in other.0 {
            self.0.entry(key).or_default().extend(ports);
        }
    }

    /// In order.
    pub(super) fn of_workload(&self, workload: &Workload<'_>) -> Vec<(Protocol, u16)> {
        self.0.get(&workload.key()).into_iter().flatten().copied().collect()
    }
}

fn add(pod: &Pod, asked: &[PortAsked], ports: &mut BTreeSet<(Protocol, u16)>) {
    let declared = || pod.containers.iter().flat_map(|c| &c.ports);
    if asked.is_empty() {
        ports.extend(declared().map(|p| (p.protocol, p.port)));
    }
    for one in asked {
        match one {
            PortAsked::Number { protocol, port } => {
                ports.insert((*protocol, *port));
            }
            PortAsked::Name(name) => {
                ports.extend(declared().filter(|p| p.name.as_ref() == Some(name)).map(|p| (p.protocol, p.port)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{named, pod};

    #[test]
    fn declared_ports_named_ports_and_numbers() {
        let ports = [named("http", 8080, Protocol::Tcp), named("dns", 53, Protocol::Udp), named("http", 8080, Protocol::Tcp)];
        let pod = pod("shop", "web", "app=web", "node1", "10.0.0.1", &ports);
        let of = |asked: &[PortAsked]| {
            let mut ports = BTreeSet::new();
            add(&pod, asked, &mut ports);
            ports.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [(Protocol::Tcp, 8080), (Protocol::Udp, 53)]);
        assert_eq!(of(&[PortAsked::Name("http".into())]), [(Protocol::Tcp, 8080)]);
        assert_eq!(of(&[PortAsked::Name("none".into())]), []);
        assert_eq!(of(&[PortAsked::Number { protocol: Protocol::Tcp, port: 1 }]), [(Protocol::Tcp, 1)]);
    }
}
