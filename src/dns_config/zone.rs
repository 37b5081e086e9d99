//! The zones a server block serves.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// How a server block is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// UDP and TCP.
    Dns,
    Tls,
    Https,
    Https3,
    Grpc,
    Quic,
}

/// One address of a server block: `cluster.local:53`, `tls://.`, `10.0.0.0/24`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub transport: Transport,
    /// Lower case with a final dot; `.` is every name.
    pub name: String,
    pub port: u16,
}

impl Transport {
    /// Takes the scheme off an address. No scheme means plain DNS.
    pub(super) fn strip(address: &str) -> (Self, &str) {
        let Some((scheme, rest)) = address.split_once("://") else { return (Self::Dns, address) };
        let transport = match scheme.to_lowercase().as_str() {
            "dns" => Self::Dns,
            "tls" => Self::Tls,
            "https" => Self::Https,
            "https3" => Self::Https3,
            "grpc" => Self::Grpc,
            "quic" => Self::Quic,
            _ => return (Self::Dns, address),
        };
        (transport, rest)
    }

    /// The port when the address has none (coredns v1.14, plugin/pkg/transport).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Dns => 53,
            Self::Tls | Self::Quic => 853,
            Self::Https | Self::Https3 | Self::Grpc => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Https3 => "https3",
            Self::Grpc => "grpc",
            Self::Quic => "quic",
        })
    }
}

impl Zone {
    /// The zones of one address: a CIDR that does not end at an octet (IPv4) or nibble (IPv6) stands for several.
    pub(super) fn parse(address: &str) -> Vec<Self> {
        let (transport, rest) = Transport::strip(address);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
            Some(_) | None => (rest, None),
        };
        let port = port.unwrap_or_else(|| transport.default_port());
        names(host).into_iter().map(|name| Self { transport, name, port }).collect()
    }

    /// The zone contains the name.
    pub fn contains(&self, name: &str) -> bool {
        contains(&self.name, &normalise(name))
    }
}

/// Lower case with one final dot.
pub(super) fn normalise(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_lowercase())
}

/// `zone` and `name` are normalised.
pub(super) fn contains(zone: &str, name: &str) -> bool {
    zone == "." || name.strip_suffix(zone).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// A name as one zone, or a CIDR as its reverse zones.
pub(super) fn names(host: &str) -> Vec<String> {
    let Ok(net) = host.parse::<IpNet>() else { return vec![normalise(host)] };
    let unit = if net.addr().is_ipv4() { 8 } else { 4 };
    let length = net.prefix_len().div_ceil(unit) * unit;
    let Ok(parts) = net.trunc().subnets(length) else { return vec![normalise(host)] };
    parts.map(|part| reverse(part.addr(), length)).collect()
}

fn reverse(ip: IpAddr, bits: u8) -> String {
    let (digits, suffix): (Vec<String>, _) = match ip {
        IpAddr::V4(v4) => (v4.octets().iter().take(usize::from(bits / 8)).map(ToString::to_string).collect(), "in-addr.arpa."),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|b| [b >> 4, b & 15]);
            (nibbles.take(usize::from(bits / 4)).map(|n| format!("{n:x}")).collect(), "ip6.arpa.")
        }
    };
    digits.iter().rev().map(|d| format!("{d}.")).chain([suffix.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(address: &str) -> Vec<String> {
        Zone::parse(address).into_iter().map(|z| format!("{}://{}:{}", z.transport, z.name, z.port)).collect()
    }

    #[test]
    fn addresses_become_zones() {
        assert_eq!(zone(".:53"), ["dns://.:53"]);
        assert_eq!(zone(":1053"), ["dns://.:1053"]);
        assert_eq!(zone("tls://Example.ORG"), ["tls://example.org.:853"]);
        assert_eq!(zone("10.2.0.0/16:53"), ["dns://2.10.in-addr.arpa.:53"]);
        assert_eq!(zone("10.2.4.0/23").len(), 2);
        assert_eq!(zone("2001:db8::/32"), ["dns://8.b.d.0.1.0.0.2.ip6.arpa.:53"]);
    }

    #[test]
    fn a_zone_ends_at_a_label() {
        let zone = Zone { transport: Transport::Dns, name: "local.".into(), port: 53 };
        assert!(zone.contains("cluster.LOCAL"));
        assert!(zone.contains("local."));
        assert!(!zone.contains("notlocal"));
    }
}
