//! What an overlay adds to each packet, and what a firewall between the nodes has to let through.

use std::fmt;

/// The encapsulation between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelKind {
    Vxlan,
    Geneve,
    IpIp,
    /// IP in UDP by the kernel's FoU.
    Fou,
    Gre,
    Stt,
    WireGuard,
    IpSec,
    /// Flannel's copy through user space.
    Udp,
    /// Weave's own: VXLAN in the kernel, or encrypted.
    WeaveFastpath,
    /// A CNI's own, which this version knows no figures of.
    Other,
}

/// An overlay with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// Destination port of the outer UDP (or TCP, for STT) packet.
    pub port: Option<u16>,
}

impl Tunnel {
    pub fn new(kind: TunnelKind, port: Option<u16>) -> Self {
        Self { kind, port }
    }

    /// Bytes added to each packet, over IPv4 and over IPv6 between the nodes.
    ///
    /// Outer IP (20 or 40) and, where it has them, UDP 8, VXLAN or Geneve 8, inner Ethernet 14; WireGuard 32 behind UDP.
    pub fn overhead(&self) -> Option<(u32, u32)> {
        match self.kind {
            // Geneve without options; plugins based on OVN add some and say so in their own MTU
            TunnelKind::Vxlan | TunnelKind::Geneve => Some((50, 70)),
            TunnelKind::IpIp => Some((20, 40)),
            TunnelKind::Fou | TunnelKind::Udp => Some((28, 48)),
            TunnelKind::Gre => Some((38, 58)),
            TunnelKind::WireGuard => Some((60, 80)),
            TunnelKind::Stt | TunnelKind::IpSec | TunnelKind::WeaveFastpath | TunnelKind::Other => None,
        }
    }

    /// What must pass between nodes: `UDP 8472`, `IP protocol 4`.
    pub fn passes(&self) -> String {
        let port = |name: &str| self.port.map_or_else(|| String::from(name), |p| format!("{name} {p}"));
        match self.kind {
            TunnelKind::Vxlan | TunnelKind::Geneve | TunnelKind::Fou | TunnelKind::Udp | TunnelKind::WireGuard => port("UDP"),
            TunnelKind::WeaveFastpath => String::from("UDP 6783 and 6784, TCP 6783"),
            TunnelKind::Stt => port("TCP"),
            TunnelKind::IpIp => String::from("IP protocol 4"),
            TunnelKind::Gre => String::from("IP protocol 47"),
            TunnelKind::IpSec => String::from("IP protocol 50, UDP 500 and 4500"),
            TunnelKind::Other => port("a port of its own"),
        }
    }
}

impl fmt::Display for TunnelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vxlan => "VXLAN",
            Self::Geneve => "Geneve",
            Self::IpIp => "IPIP",
            Self::Fou => "FoU (IP in UDP)",
            Self::Gre => "GRE",
            Self::Stt => "STT",
            Self::WireGuard => "WireGuard",
            Self::IpSec => "IPsec",
            Self::Udp => "UDP through user space",
            Self::WeaveFastpath => "Weave fast datapath (VXLAN)",
            Self::Other => "overlay",
        })
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} between nodes", self.kind, self.passes())?;
        match self.overhead() {
            Some((v4, v6)) => write!(f, ", {v4} bytes a packet ({v6} over IPv6)"),
            None => Ok(()),
        }
    }
}
