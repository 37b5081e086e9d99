//! The packet that walks, and what is known of the host it walks through.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::Protocol;

/// What conntrack says of a packet (`include/uapi/linux/netfilter/nf_conntrack_common.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CtState {
    /// The first packet of a connection.
    #[default]
    New,
    Established,
    Related,
    Invalid,
    Untracked,
}

/// One packet at one moment of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub protocol: Protocol,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    /// The interface it came in by; `None`: the host made it.
    pub input: Option<String>,
    /// The interface it leaves by; `None`: not known yet, or it stays on the host.
    pub output: Option<String>,
    /// The bridge ports it crosses, when bridge-nf-call-iptables shows it to iptables.
    pub bridge_input: Option<String>,
    pub bridge_output: Option<String>,
    /// `skb->mark`.
    pub mark: u32,
    /// The connection's mark.
    pub ct_mark: u32,
    pub state: CtState,
    /// Its destination was translated.
    pub dnat: bool,
    /// Its source was translated.
    pub snat: bool,
    /// The destination that the sender wrote.
    pub original_destination: (IpAddr, u16),
    /// Length of the IP packet in bytes.
    pub length: u16,
}

impl Packet {
    /// The first packet of a connection, made by the host itself or come in by an interface.
    pub fn first(protocol: Protocol, source: (IpAddr, u16), destination: (IpAddr, u16), input: Option<&str>) -> Self {
        Self {
            protocol,
            source: source.0,
            destination: destination.0,
            source_port: source.1,
            destination_port: destination.1,
            input: input.map(str::to_owned),
            output: None,
            bridge_input: None,
            bridge_output: None,
            mark: 0,
            ct_mark: 0,
            state: CtState::New,
            dnat: false,
            snat: false,
            original_destination: destination,
            length: if destination.0.is_ipv6() { 80 } else { 60 },
        }
    }
}

/// What rules ask of the host.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The addresses of each interface, the primary one first; `None`: not read.
    pub interfaces: Option<BTreeMap<String, Vec<IpAddr>>>,
    /// Where a destination leads; `None`: not read.
    pub routes: Option<super::Routes>,
}

impl Host {
    /// Whether an address is the host's own; the whole of 127.0.0.0/8 is.
    pub fn is_local(&self, address: IpAddr) -> Option<bool> {
        if address.is_loopback() {
            return Some(true);
        }
        self.interfaces.as_ref().map(|all| all.values().flatten().any(|a| *a == address))
    }

    /// The primary address of an interface, of the wanted family.
    pub fn address_of(&self, interface: &str, v6: bool) -> Option<IpAddr> {
        self.interfaces.as_ref()?.get(interface)?.iter().copied().find(|a| a.is_ipv6() == v6)
    }
}
