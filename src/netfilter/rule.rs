//! Rules of iptables and nftables in one form.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::model::Protocol;

use super::CtState;

/// A condition, with its negation.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'t> {
    pub negated: bool,
    pub condition: Condition<'t>,
}

/// Protocols as rules name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpProtocol {
    Transport(Protocol),
    Icmp,
    Icmp6,
    Number(u8),
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<'t> {
    Source(IpNet),
    Destination(IpNet),
    SourceRange(RangeInclusive<IpAddr>),
    DestinationRange(RangeInclusive<IpAddr>),
    /// The name as written; a trailing `+` stands for any ending.
    Input(&'t str),
    Output(&'t str),
    BridgeInput(&'t str),
    BridgeOutput(&'t str),
    /// It crosses a bridge from port to port.
    Bridged,
    Protocol(IpProtocol),
    SourcePorts(Vec<RangeInclusive<u16>>),
    DestinationPorts(Vec<RangeInclusive<u16>>),
    /// Either port (`-m multiport --ports`).
    AnyPorts(Vec<RangeInclusive<u16>>),
    /// `--tcp-flags MASK SET` as bits of the TCP header's flags.
    TcpFlags {
        mask: u8,
        set: u8,
    },
    States(Vec<CtState>),
    /// `--ctstatus DNAT`, `SNAT`.
    Dnat,
    Snat,
    OriginalDestination(IpNet),
    OriginalDestinationPorts(RangeInclusive<u16>),
    Mark {
        value: u32,
        mask: u32,
    },
    CtMark {
        value: u32,
        mask: u32,
    },
    /// `-m addrtype --src-type LOCAL` and the like.
    SourceType(AddressType),
    DestinationType(AddressType),
    /// Matches by chance, with this probability from 0 to 1.
    Chance(f64),
    /// `-m set --match-set NAME FLAGS`: the set and which fields are looked up, such as `dst,dst`.
    InSet {
        name: &'t str,
        fields: &'t str,
    },
    Length(RangeInclusive<u16>),
    /// Every packet: a comment, or a counter.
    Always,
    /// A condition that is not modelled, as written.
    Unknown(&'t str),
}

/// Kinds of addresses (`-m addrtype`; `RTN_*` of `include/uapi/linux/rtnetlink.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressType {
    Local,
    Broadcast,
    Multicast,
    Unicast,
}

/// What a rule does when all its conditions hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Target<'t> {
    /// The rule only counts.
    None,
    Accept,
    Drop,
    /// With the answer as written, such as `icmp-port-unreachable`.
    Reject(&'t str),
    Return,
    Jump(&'t str),
    /// Like a jump that does not come back.
    Goto(&'t str),
    /// One of several destinations; a part that is absent stays as it is.
    Dnat(Translation),
    Snat(Translation),
    /// The source becomes the address of the outgoing interface.
    Masquerade,
    /// The destination becomes the host itself.
    Redirect(Option<RangeInclusive<u16>>),
    /// `mark = mark & ~mask ^ value`.
    Mark {
        value: u32,
        mask: u32,
    },
    /// `ctmark = ctmark & ~mask ^ value`.
    CtMark {
        value: u32,
        mask: u32,
    },
    SaveMark {
        mask: u32,
    },
    RestoreMark {
        mask: u32,
    },
    /// The packet is not tracked.
    NoTrack,
    /// Goes on unchanged: LOG, NFLOG, TRACE, TCPMSS and others that decide nothing.
    Pass(&'t str),
    /// A target that is not modelled, as written.
    Unknown(&'t str),
}

/// New addresses and ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translation {
    pub addresses: Option<RangeInclusive<IpAddr>>,
    pub ports: Option<RangeInclusive<u16>>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<'t> {
    /// As its program prints it.
    pub text: &'t str,
    pub matches: Vec<Match<'t>>,
    pub target: Target<'t>,
    pub comment: Option<&'t str>,
    /// Packets and bytes, when counters were printed.
    pub counters: Option<(u64, u64)>,
}

impl<'t> Match<'t> {
    pub fn of(condition: Condition<'t>) -> Self {
        Self { negated: false, condition }
    }
}
