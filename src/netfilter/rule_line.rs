//! One rule of iptables-save, cut into conditions and a target.
//!
//! Sources of the options: `extensions/libxt_*.c` and `libipt_*.c` of iptables 1.8.9. What is not modelled is kept as
//! [`Condition::Unknown`] or [`Target::Unknown`] with its words.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::model::Protocol;

use super::CtState;
use super::rule::{AddressType, Condition, IpProtocol, Match, Rule, Target, Translation};
use super::words::{Words, split};

/// Cuts a line such as `-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-X`.
pub(super) fn parse(line: &str) -> Rule<'_> {
    let (counters, text) = counters(line);
    let mut words = Words::new(split(text));
    let mut rule = Rule { text, matches: Vec::new(), target: Target::None, comment: None, counters };
    let (_, _) = (words.next(), words.next());
    let mut negated = false;
    let mut of_module = "";
    while let Some(word) = words.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        match word {
            "-j" => rule.target = words.next().map_or(Target::None, |name| target(name, &mut words)),
            "-g" => rule.target = words.next().map_or(Target::None, Target::Goto),
            // the module's name tells nothing that its options do not, unless it has none of them
            "-m" => {
                of_module = words.next().unwrap_or_default();
                module(of_module, &mut rule);
            }
            "--comment" => rule.comment = words.next(),
            "-c" => rule.counters = words.next().zip(words.next()).and_then(|(p, b)| Some((p.parse().ok()?, b.parse().ok()?))),
            option => {
                let condition = condition(option, of_module, &mut words);
                rule.matches.push(Match { negated, condition });
            }
        }
        negated = false;
    }
    rule
}

/// `[packets:bytes] ` before the rule.
fn counters(line: &str) -> (Option<(u64, u64)>, &str) {
    let found = line.strip_prefix('[').and_then(|rest| {
        let (numbers, rule) = rest.split_once("] ")?;
        let (packets, bytes) = numbers.split_once(':')?;
        Some(((packets.parse().ok()?, bytes.parse().ok()?), rule))
    });
    found.map_or((None, line), |(counters, rule)| (Some(counters), rule))
}

/// Modules that decide something without any option that `condition` would see.
fn module<'t>(name: &'t str, rule: &mut Rule<'t>) {
    match name {
        // strict reverse path, limits, sockets and programs depend on more than the packet
        "rpfilter" | "limit" | "hashlimit" | "connlimit" | "socket" | "owner" | "bpf" | "u32" | "recent" | "time" | "string"
        | "quota" | "cgroup" | "ipvs" | "cluster" | "geoip" | "helper" | "connbytes" | "ttl" | "hl" | "tos" | "dscp" | "mac"
        | "pkttype" | "policy" | "realm" | "nth" | "osf" | "devgroup" | "cpu" | "rateest" | "dccp" | "sctp_chunk" | "esp"
        | "ah" | "frag" | "rt" | "hbh" | "dst" | "ipv6header" | "eui64" | "mh" | "srh" => {
            rule.matches.push(Match::of(Condition::Unknown(name)));
        }
        _ => {}
    }
}

fn condition<'t>(option: &'t str, module: &str, words: &mut Words<'t>) -> Condition<'t> {
    let known = match option {
        "-s" => words.next().and_then(net).map(Condition::Source),
        "-d" => words.next().and_then(net).map(Condition::Destination),
        "-i" => words.next().map(Condition::Input),
        "-o" => words.next().map(Condition::Output),
        "-p" => words.next().and_then(protocol).map(Condition::Protocol),
        "--physdev-in" => words.next().map(Condition::BridgeInput),
        "--physdev-out" => words.next().map(Condition::BridgeOutput),
        "--physdev-is-bridged" | "--physdev-is-in" | "--physdev-is-out" => Some(Condition::Bridged),
        "--src-range" => words.next().and_then(address_range).map(Condition::SourceRange),
        "--dst-range" => words.next().and_then(address_range).map(Condition::DestinationRange),
        "--sport" | "--sports" => words.next().and_then(ports).map(Condition::SourcePorts),
        "--dport" | "--dports" => words.next().and_then(ports).map(Condition::DestinationPorts),
        "--ports" => words.next().and_then(ports).map(Condition::AnyPorts),
        "--tcp-flags" => words
            .next()
            .zip(words.next())
            .and_then(|(mask, set)| Some(Condition::TcpFlags { mask: tcp_flags(mask)?, set: tcp_flags(set)? })),
        "--syn" => Some(Condition::TcpFlags { mask: SYN | RST | ACK | FIN, set: SYN }),
        "--ctstate" | "--state" => words.next().and_then(states),
        "--ctstatus" => words.next().and_then(|status| match status {
            "DNAT" => Some(Condition::Dnat),
            "SNAT" => Some(Condition::Snat),
            _ => None,
        }),
        "--ctorigdst" => words.next().and_then(net).map(Condition::OriginalDestination),
        "--ctorigdstport" => words.next().and_then(range).map(Condition::OriginalDestinationPorts),
        "--mark" => words.next().and_then(masked).map(|(value, mask)| match module {
            "connmark" => Condition::CtMark { value, mask },
            _ => Condition::Mark { value, mask },
        }),
        "--src-type" => words.next().and_then(address_type).map(Condition::SourceType),
        "--dst-type" => words.next().and_then(address_type).map(Condition::DestinationType),
        "--probability" => words.next().and_then(|p| p.parse().ok()).map(Condition::Chance),
        // names the kind of chance; the number follows in an option of its own
        "--mode" => words.next().and_then(|mode| (mode == "random").then_some(Condition::Always)),
        "--match-set" => words.next().zip(words.next()).map(|(name, fields)| Condition::InSet { name, fields }),
        "--length" => words.next().and_then(range).map(Condition::Length),
        // of -m nfacct: it only counts
        "--nfacct-name" => words.next().map(|_| Condition::Always),
        _ => None,
    };
    known.unwrap_or_else(|| {
        // its arguments belong to it
        while words.argument().is_some() {}
        Condition::Unknown(option)
    })
}

fn target<'t>(name: &'t str, words: &mut Words<'t>) -> Target<'t> {
    match name {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "REJECT" => Target::Reject(option(words, "--reject-with").unwrap_or("icmp-port-unreachable")),
        "DNAT" => option(words, "--to-destination").and_then(translation).map_or(Target::Unknown(name), Target::Dnat),
        "SNAT" => option(words, "--to-source").and_then(translation).map_or(Target::Unknown(name), Target::Snat),
        "MASQUERADE" => {
            skip(words);
            Target::Masquerade
        }
        "REDIRECT" => match option(words, "--to-ports") {
            Some(text) => range(text).map_or(Target::Unknown(name), |ports| Target::Redirect(Some(ports))),
            None => Target::Redirect(None),
        },
        "MARK" => mark(words).map_or(Target::Unknown(name), |(value, mask)| Target::Mark { value, mask }),
        "CONNMARK" => ct_mark(words).unwrap_or(Target::Unknown(name)),
        "CT" => {
            let no_track = words.peek() == Some("--notrack");
            skip(words);
            if no_track { Target::NoTrack } else { Target::Pass(name) }
        }
        "NOTRACK" => Target::NoTrack,
        "LOG" | "NFLOG" | "TRACE" | "TCPMSS" | "AUDIT" | "CHECKSUM" | "CLASSIFY" | "SET" | "TOS" | "DSCP" | "TTL" | "HL"
        | "ECN" | "SECMARK" | "CONNSECMARK" | "RATEEST" | "LED" | "IDLETIMER" | "ULOG" => {
            skip(words);
            Target::Pass(name)
        }
        "QUEUE" | "NFQUEUE" | "TPROXY" | "NETMAP" | "CLUSTERIP" | "SYNPROXY" | "TEE" | "SAME" | "DNPT" | "SNPT" => {
            skip(words);
            Target::Unknown(name)
        }
        chain => Target::Jump(chain),
    }
}

/// Goes over the options of a target that need not be understood.
fn skip(words: &mut Words<'_>) {
    while words.next().is_some() {}
}

/// The argument of the wanted option among those that follow the target.
fn option<'t>(words: &mut Words<'t>, wanted: &str) -> Option<&'t str> {
    let mut found = None;
    while let Some(word) = words.next() {
        if word == wanted {
            found = words.next();
        }
    }
    found
}

/// The forms of MARK that iptables-save writes, brought to `value` and `mask` of `--set-xmark`.
fn mark(words: &mut Words<'_>) -> Option<(u32, u32)> {
    let (option, text) = words.next().zip(words.next())?;
    match option {
        "--set-xmark" => masked(text),
        "--set-mark" => masked(text).map(|(value, mask)| (value, mask | value)),
        "--or-mark" => number(text).map(|bits| (bits, bits)),
        "--and-mark" => number(text).map(|bits| (0, !bits)),
        "--xor-mark" => number(text).map(|bits| (bits, 0)),
        _ => None,
    }
}

fn ct_mark<'t>(words: &mut Words<'t>) -> Option<Target<'t>> {
    let option = words.next()?;
    let mut mask = u32::MAX;
    let mut value = None;
    if option.starts_with("--set") {
        value = words.next().and_then(masked);
    }
    let mut same = true;
    let mut masks = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--mask" | "--nfmask" | "--ctmask" => masks.push(words.next().and_then(number)?),
            _ => same = false,
        }
    }
    if let Some(first) = masks.first() {
        same &= masks.iter().all(|m| m == first);
        mask = *first;
    }
    match option {
        _ if !same => None,
        "--set-xmark" => value.map(|(value, mask)| Target::CtMark { value, mask }),
        "--set-mark" => value.map(|(value, mask)| Target::CtMark { value, mask: mask | value }),
        "--save-mark" => Some(Target::SaveMark { mask }),
        "--restore-mark" => Some(Target::RestoreMark { mask }),
        _ => None,
    }
}

fn net(text: &str) -> Option<IpNet> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net);
    }
    // an address without a length, or with a mask in dots
    match text.split_once('/') {
        None => text.parse::<IpAddr>().ok().map(IpNet::from),
        Some((address, mask)) => IpNet::with_netmask(address.parse().ok()?, mask.parse().ok()?).ok(),
    }
}

fn protocol(text: &str) -> Option<IpProtocol> {
    Some(match text {
        "tcp" | "6" => IpProtocol::Transport(Protocol::Tcp),
        "udp" | "17" => IpProtocol::Transport(Protocol::Udp),
        "sctp" | "132" => IpProtocol::Transport(Protocol::Sctp),
        "icmp" | "1" => IpProtocol::Icmp,
        "ipv6-icmp" | "icmpv6" | "58" => IpProtocol::Icmp6,
        // other names stand for protocols that no walk here has
        "all" | "0" => return None,
        "esp" => IpProtocol::Number(50),
        "ah" => IpProtocol::Number(51),
        "gre" => IpProtocol::Number(47),
        "ipencap" | "ipv4" => IpProtocol::Number(4),
        "igmp" => IpProtocol::Number(2),
        "vrrp" => IpProtocol::Number(112),
        "udplite" => IpProtocol::Number(136),
        "dccp" => IpProtocol::Number(33),
        other => IpProtocol::Number(other.parse().ok()?),
    })
}

/// `80`, `80:90`, `80,443,8000:8010`.
fn ports(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    text.split(',').map(range).collect()
}

/// `80`, `80:90`, `80-90`, `:90`, `80:`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    match text.split_once([':', '-']) {
        None => text.parse().ok().map(|p| p..=p),
        Some((first, last)) => {
            let first = if first.is_empty() { 0 } else { first.parse().ok()? };
            let last = if last.is_empty() { u16::MAX } else { last.parse().ok()? };
            Some(first..=last)
        }
    }
}

fn address_range(text: &str) -> Option<RangeInclusive<IpAddr>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// `10.244.0.5:8080`, `[fd00::1]:8080`, `10.0.0.1-10.0.0.9:80-90`, `:8080`, `fd00::1`.
fn translation(text: &str) -> Option<Translation> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Translation { addresses: Some(address..=address), ports: None });
    }
    let (addresses, ports) = match text.strip_prefix('[') {
        Some(rest) => {
            let (addresses, rest) = rest.split_once(']')?;
            (addresses, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(a, p)| (a, Some(p))),
    };
    let addresses = if addresses.is_empty() { None } else { Some(address_range(addresses)?) };
    // a base after a slash shifts the range; not modelled
    let ports = match ports {
        None => None,
        Some(ports) => Some(range(ports)?),
    };
    Some(Translation { addresses, ports })
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn tcp_flags(text: &str) -> Option<u8> {
    let mut bits = 0;
    for flag in text.split(',') {
        bits |= match flag {
            "FIN" => FIN,
            "SYN" => SYN,
            "RST" => RST,
            "PSH" => 8,
            "ACK" => ACK,
            "URG" => 32,
            "ALL" => 63,
            "NONE" => 0,
            _ => return None,
        };
    }
    Some(bits)
}

fn states<'t>(text: &str) -> Option<Condition<'t>> {
    let mut states = Vec::new();
    for word in text.split(',') {
        match word {
            "NEW" => states.push(CtState::New),
            "ESTABLISHED" => states.push(CtState::Established),
            "RELATED" => states.push(CtState::Related),
            "INVALID" => states.push(CtState::Invalid),
            "UNTRACKED" => states.push(CtState::Untracked),
            // virtual states of a translated connection: alone they are conditions of their own
            "DNAT" if text == "DNAT" => return Some(Condition::Dnat),
            "SNAT" if text == "SNAT" => return Some(Condition::Snat),
            _ => return None,
        }
    }
    Some(Condition::States(states))
}

fn address_type(text: &str) -> Option<AddressType> {
    match text {
        "LOCAL" => Some(AddressType::Local),
        "BROADCAST" => Some(AddressType::Broadcast),
        "MULTICAST" => Some(AddressType::Multicast),
        "UNICAST" => Some(AddressType::Unicast),
        _ => None,
    }
}

/// `0x4000/0x4000`, `0x1`.
fn masked(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
