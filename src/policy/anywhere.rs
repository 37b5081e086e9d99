//! Addresses that are not known one by one: the parts of the address space that policies cannot tell apart.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use super::{Policy, Rule};

/// Ranges that no public address is in (RFC 6890 and the IANA special-purpose registry).
const NOT_PUBLIC_V4: &[(u32, u8)] = &[
    (0x0000_0000, 8),  // this network
    (0x0a00_0000, 8),  // private
    (0x6440_0000, 10), // shared, 100.64.0.0
    (0x7f00_0000, 8),  // loopback
    (0xa9fe_0000, 16), // link-local
    (0xac10_0000, 12), // private, 172.16.0.0
    (0xc000_0000, 24), // protocol assignments
    (0xc000_0200, 24), // documentation
    (0xc0a8_0000, 16), // private
    (0xc612_0000, 15), // benchmarks
    (0xc633_6400, 24), // documentation
    (0xcb00_7100, 24), // documentation
    (0xe000_0000, 4),  // multicast
    (0xf000_0000, 4),  // reserved
];

/// First to last address, both included. All of them are the same to the policies they were made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub first: IpAddr,
    pub last: IpAddr,
}

impl Cell {
    pub(super) fn one(ip: IpAddr) -> Self {
        Self { first: ip, last: ip }
    }
}

/// The parts of a family's address space, or of its public part, that these policies tell apart.
pub(super) fn cells<'p>(policies: impl Iterator<Item = &'p Policy>, v6: bool, public: bool) -> Vec<Cell> {
    let mut named = Vec::new();
    for policy in policies {
        for side in [&policy.ingress, &policy.egress].into_iter().flatten() {
            for rule in &side.rules {
                add(rule, &mut named);
            }
        }
    }
    let own: Vec<IpNet> = named.into_iter().filter(|n| n.addr().is_ipv6() == v6).copied().collect();
    let outside = if public { not_public(v6) } else { Vec::new() };
    let top = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    let mut starts = BTreeSet::from([0]);
    for net in own.iter().chain(&outside) {
        starts.insert(number(net.network()));
        starts.extend(number(net.broadcast()).checked_add(1).filter(|n| *n <= top));
    }
    let starts: Vec<u128> = starts.into_iter().collect();
    let ends = starts.iter().skip(1).map(|n| n - 1).chain([top]);
    let cells = starts.iter().zip(ends).map(|(first, last)| Cell { first: address(*first, v6), last: address(last, v6) });
    cells.filter(|cell| !outside.iter().any(|net| net.contains(&cell.first))).collect()
}

fn add<'p>(rule: &'p Rule, named: &mut Vec<&'p IpNet>) {
    rule.peer.cidrs(named);
    rule.local.cidrs(named);
}

/// For IPv6 everything but `2000::/3` is left out, and of that the documentation prefix.
fn not_public(v6: bool) -> Vec<IpNet> {
    if !v6 {
        let net = |(first, length): &(u32, u8)| IpNet::new(IpAddr::V4(Ipv4Addr::from(*first)), *length).ok();
        return NOT_PUBLIC_V4.iter().filter_map(net).collect();
    }
    ["::/3", "4000::/2", "8000::/1", "2001:db8::/32"].iter().filter_map(|net| net.parse().ok()).collect()
}

/// The ranges in words: as CIDRs, neighbours joined.
pub(super) fn ranges(cells: &[Cell]) -> String {
    const MAX: usize = 4;
    let mut joined: Vec<Cell> = Vec::new();
    for cell in cells {
        match joined.last_mut() {
            Some(last) if number(last.last).checked_add(1) == Some(number(cell.first)) => last.last = cell.last,
            Some(_) | None => joined.push(*cell),
        }
    }
    let nets: Vec<String> = joined.iter().flat_map(subnets).take(MAX + 1).map(|n| n.to_string()).collect();
    let more = if nets.len() > MAX { ", …" } else { "" };
    let shown: Vec<&str> = nets.iter().take(MAX).map(String::as_str).collect();
    format!("{}{more}", shown.join(", "))
}

fn subnets(cell: &Cell) -> IpSubnets {
    match (cell.first, cell.last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => IpSubnets::V4(Ipv4Subnets::new(first, last, 0)),
        (IpAddr::V6(first), IpAddr::V6(last)) => IpSubnets::V6(Ipv6Subnets::new(first, last, 0)),
        (IpAddr::V4(first), IpAddr::V6(_)) => IpSubnets::V4(Ipv4Subnets::new(first, first, 0)),
        (IpAddr::V6(first), IpAddr::V4(_)) => IpSubnets::V6(Ipv6Subnets::new(first, first, 0)),
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn address(number: u128, v6: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => IpAddr::V4(Ipv4Addr::from(number)),
        Ok(_) | Err(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}
