//! Where CoreDNS sends what it does not answer itself.

use std::fmt;
use std::net::IpAddr;

use super::Transport;
use super::corefile::Directive;
use super::zone::{contains, names, normalise};

/// One `forward` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The zone whose names are forwarded, normalised: `.` is every name.
    pub from: String,
    pub upstreams: Vec<Upstream>,
    /// Zones inside `from` that are not forwarded.
    pub except: Vec<String>,
    pub force_tcp: bool,
    pub prefer_udp: bool,
    pub max_concurrent: Option<u32>,
    /// Counted from 1 in the Corefile.
    pub line: u32,
}

/// One target of a `forward` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    Server {
        transport: Transport,
        ip: IpAddr,
        port: u16,
    },
    /// The name servers of a file in CoreDNS's own container: under `dnsPolicy: Default` the node's resolv.conf.
    ResolvConf(String),
    /// A host name (CoreDNS 1.14), a variable or a placeholder that something else fills in.
    Other(String),
}

impl Forward {
    pub(super) fn of(line: &Directive) -> Option<Self> {
        if line.name != "forward" && line.name != "proxy" {
            return None;
        }
        let (from, targets) = line.args.split_first()?;
        let option = |name: &str| line.block.iter().find(|o| o.name == name);
        Some(Self {
            from: names(from).into_iter().next()?,
            upstreams: targets.iter().map(|t| Upstream::parse(t)).collect(),
            except: line.block.iter().filter(|o| o.name == "except").flat_map(|o| &o.args).map(|zone| normalise(zone)).collect(),
            force_tcp: option("force_tcp").is_some(),
            prefer_udp: option("prefer_udp").is_some(),
            max_concurrent: option("max_concurrent").and_then(|o| o.args.first()).and_then(|n| n.parse().ok()),
            line: line.line,
        })
    }

    /// This line forwards the name.
    pub fn takes(&self, name: &str) -> bool {
        let name = normalise(name);
        contains(&self.from, &name) && !self.except.iter().any(|zone| contains(zone, &name))
    }
}

impl Upstream {
    fn parse(target: &str) -> Self {
        let (transport, host) = Transport::strip(target);
        let (address, port) = match host.parse::<std::net::SocketAddr>() {
            Ok(socket) => (Some(socket.ip()), socket.port()),
            // a zone behind `%` names an interface or, with TLS, the server's name
            Err(_) => (
                host.trim_matches(['[', ']']).split('%').next().and_then(|ip| ip.parse().ok()),
                port_after_zone(host).unwrap_or_else(|| transport.default_port()),
            ),
        };
        match address {
            Some(ip) => Self::Server { transport, ip, port },
            None if target.starts_with('/') => Self::ResolvConf(target.to_owned()),
            None => Self::Other(target.to_owned()),
        }
    }
}

/// The port of `9.9.9.9%dns.quad9.net:853`.
fn port_after_zone(host: &str) -> Option<u16> {
    let (_, zone) = host.split_once('%')?;
    zone.rsplit_once(':')?.1.parse().ok()
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { transport: Transport::Dns, ip, port } => write!(f, "{}", std::net::SocketAddr::new(*ip, *port)),
            Self::Server { transport, ip, port } => write!(f, "{transport}://{}", std::net::SocketAddr::new(*ip, *port)),
            Self::ResolvConf(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: &str) {
        assert_eq!(Upstream::parse(target).to_string(), expected, "{target}");
    }

    #[test]
    fn targets() {
        check("8.8.8.8", "8.8.8.8:53");
        check("10.0.0.10:5353", "10.0.0.10:5353");
        check("2001:4860:4860::8888", "[2001:4860:4860::8888]:53");
        check("[::1]:5353", "[::1]:5353");
        check("tls://1.1.1.1", "tls://1.1.1.1:853");
        check("tls://9.9.9.9%dns.quad9.net", "tls://9.9.9.9:853");
        check("tls://9.9.9.9%dns.quad9.net:8853", "tls://9.9.9.9:8853");
        assert_eq!(Upstream::parse("/etc/resolv.conf"), Upstream::ResolvConf("/etc/resolv.conf".into()));
        assert_eq!(Upstream::parse("__PILLAR__UPSTREAM__SERVERS__"), Upstream::Other("__PILLAR__UPSTREAM__SERVERS__".into()));
        assert_eq!(Upstream::parse("{$UPSTREAM}"), Upstream::Other("{$UPSTREAM}".into()));
    }
}
