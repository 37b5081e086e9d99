//! Which ports of a destination are meant.

use crate::model::{Pod, Protocol};

/// A port as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortAsked {
    /// Of every destination, whether its containers declare it or not.
    Number { protocol: Protocol, port: u16 },
    /// Of the destinations whose containers declare one of this name.
    Name(String),
}

/// The ports of one pod, each once, in order.
pub(super) fn of(pod: &Pod, asked: &[PortAsked]) -> Vec<(Protocol, u16)> {
    let declared = || pod.containers.iter().flat_map(|c| &c.ports);
    let mut ports: Vec<(Protocol, u16)> = Vec::new();
    if asked.is_empty() {
        ports.extend(declared().map(|p| (p.protocol, p.port)));
    }
    for one in asked {
        match one {
            PortAsked::Number { protocol, port } => ports.push((*protocol, *port)),
            PortAsked::Name(name) => {
                ports.extend(declared().filter(|p| p.name.as_ref() == Some(name)).map(|p| (p.protocol, p.port)));
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{named, pod};

    #[test]
    fn declared_ports_named_ports_and_numbers() {
        let ports = [named("http", 8080, Protocol::Tcp), named("dns", 53, Protocol::Udp), named("http", 8080, Protocol::Tcp)];
        let pod = pod("shop", "web", "app=web", "node1", "10.0.0.1", &ports);
        assert_eq!(of(&pod, &[]), [(Protocol::Tcp, 8080), (Protocol::Udp, 53)]);
        assert_eq!(of(&pod, &[PortAsked::Name("http".into())]), [(Protocol::Tcp, 8080)]);
        assert_eq!(of(&pod, &[PortAsked::Name("none".into())]), []);
        assert_eq!(of(&pod, &[PortAsked::Number { protocol: Protocol::Tcp, port: 1 }]), [(Protocol::Tcp, 1)]);
    }
}
