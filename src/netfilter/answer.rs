//! Whether a condition of a rule holds for a packet.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::rule::{AddressType, Condition, IpProtocol, Match};
use super::{Host, Packet, Sets};

/// Yes, no, by chance, or not known and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Yes,
    No,
    /// With this probability, between 0 and 1.
    Chance(f64),
    Unknown(String),
}

impl Answer {
    fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }

    fn known(value: Option<bool>, what: &str) -> Self {
        value.map_or_else(|| Self::Unknown(what.to_owned()), Self::of)
    }

    fn negate(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Chance(p) => Self::Chance(1.0 - p),
            Self::Unknown(what) => Self::Unknown(what),
        }
    }
}

/// Asks one condition of a packet.
pub(super) fn answer(condition: &Match<'_>, packet: &Packet, host: &Host, sets: &Sets) -> Answer {
    let answer = plain(&condition.condition, packet, host, sets);
    if condition.negated { answer.negate() } else { answer }
}

fn plain(condition: &Condition<'_>, packet: &Packet, host: &Host, sets: &Sets) -> Answer {
    let within = |ranges: &[RangeInclusive<u16>], port: u16| ranges.iter().any(|r| r.contains(&port));
    match condition {
        Condition::Source(net) => Answer::of(net.contains(&packet.source)),
        Condition::Destination(net) => Answer::of(net.contains(&packet.destination)),
        Condition::SourceRange(range) => Answer::of(range.contains(&packet.source)),
        Condition::DestinationRange(range) => Answer::of(range.contains(&packet.destination)),
        Condition::Input(name) => Answer::of(is_interface(name, packet.input.as_deref().unwrap_or_default())),
        Condition::Output(name) => Answer::of(is_interface(name, packet.output.as_deref().unwrap_or_default())),
        Condition::BridgeInput(name) => Answer::of(packet.bridge_input.as_deref().is_some_and(|i| is_interface(name, i))),
        Condition::BridgeOutput(name) => Answer::of(packet.bridge_output.as_deref().is_some_and(|o| is_interface(name, o))),
        Condition::Bridged => Answer::of(packet.bridge_input.is_some() || packet.bridge_output.is_some()),
        Condition::Protocol(protocol) => Answer::of(*protocol == IpProtocol::Transport(packet.protocol)),
        Condition::SourcePorts(ranges) => Answer::of(within(ranges, packet.source_port)),
        Condition::DestinationPorts(ranges) => Answer::of(within(ranges, packet.destination_port)),
        Condition::AnyPorts(ranges) => Answer::of(within(ranges, packet.source_port) || within(ranges, packet.destination_port)),
        // the first packet of a connection has SYN alone
        Condition::TcpFlags { mask, set } => match packet.state {
            super::CtState::New => Answer::of(2 & mask == *set),
            super::CtState::Established | super::CtState::Related | super::CtState::Invalid | super::CtState::Untracked => {
                Answer::Unknown("the packet's TCP flags".to_owned())
            }
        },
        Condition::States(states) => Answer::of(states.contains(&packet.state)),
        Condition::Dnat => Answer::of(packet.dnat),
        Condition::Snat => Answer::of(packet.snat),
        Condition::OriginalDestination(net) => Answer::of(net.contains(&packet.original_destination.0)),
        Condition::OriginalDestinationPorts(ports) => Answer::of(ports.contains(&packet.original_destination.1)),
        Condition::Mark { value, mask } => Answer::of(packet.mark & mask == *value),
        Condition::CtMark { value, mask } => Answer::of(packet.ct_mark & mask == *value),
        Condition::SourceType(kind) => address_type(*kind, packet.source, host),
        Condition::DestinationType(kind) => address_type(*kind, packet.destination, host),
        Condition::Chance(probability) => Answer::Chance(*probability),
        Condition::InSet { name, fields } => sets.contains(name, fields, packet).map_or_else(Answer::Unknown, Answer::of),
        Condition::Length(range) => Answer::of(range.contains(&packet.length)),
        Condition::Always => Answer::Yes,
        Condition::Unknown(what) => Answer::Unknown(format!("condition {what}")),
    }
}

/// `eth0`, or `cali+` for every name that begins so.
fn is_interface(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

fn address_type(kind: AddressType, address: IpAddr, host: &Host) -> Answer {
    let local = host.is_local(address);
    let multicast = address.is_multicast();
    match kind {
        AddressType::Local => Answer::known(local, "whether an address is the host's own"),
        AddressType::Multicast => Answer::of(multicast),
        // a subnet's broadcast address needs its routes; no connection goes there
        AddressType::Broadcast => Answer::of(address == IpAddr::from(std::net::Ipv4Addr::BROADCAST)),
        AddressType::Unicast => Answer::known(local.map(|l| !l && !multicast), "whether an address is the host's own"),
    }
}
