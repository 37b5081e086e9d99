//! Acts on [`crate::probe::EnvironmentSpec`].
//!
//! Counters and routes come from /proc/net, which always shows the network namespace of the process that reads it.
//! /sys/class/net shows the namespace in which /sys was mounted, and may be missing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::agent::sys;
use crate::probe::{EnvironmentOutcome, Interface, ResolvConf, Route};

/// `RTF_UP` of route(8).
const UP: u32 = 0x1;

/// `RTF_GATEWAY`.
const GATEWAY: u32 = 0x2;

/// `RTF_REJECT`: the route that refuses, `unreachable` in ip-route(8).
const REJECT: u32 = 0x200;

/// `RTF_LOCAL` of `ipv6_route.h`: an entry of the local table, which /proc mixes with the main one.
const LOCAL: u32 = 0x8000_0000;

pub(super) fn read() -> EnvironmentOutcome {
    let mut errors = Vec::new();
    let mut text = |path: &str, is_needed: bool| match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_needed => None,
        Err(error) => {
            errors.push(format!("cannot read {path}: {error}"));
            None
        }
    };
    let kernel = text("/proc/sys/kernel/osrelease", true).unwrap_or_default().trim().to_owned();
    let counters = text("/proc/net/dev", true).map(|table| parse_counters(&table)).unwrap_or_default();
    let mut routes = text("/proc/net/route", true).map(|table| parse_routes4(&table)).unwrap_or_default();
    routes.extend(text("/proc/net/ipv6_route", false).map(|table| parse_routes6(&table)).unwrap_or_default());
    let resolv_conf = text("/etc/resolv.conf", true).map(|text| parse_resolv_conf(&text));
    let interfaces = interfaces(&counters, &mut errors);
    EnvironmentOutcome { interfaces, routes, resolv_conf, kernel, errors }
}

fn interfaces(counters: &BTreeMap<String, Counters>, errors: &mut Vec<String>) -> Vec<Interface> {
    // any socket will do to ask for an interface's MTU
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
    if let Err(error) = &socket {
        errors.push(format!("cannot read the MTU of interfaces: {error}"));
    }
    let mut interfaces: Vec<Interface> = pnet_datalink::interfaces()
        .into_iter()
        .map(|found| {
            let counters = counters.get(&found.name).copied().unwrap_or_default();
            Interface {
                up: found.is_up(),
                mtu: socket.as_ref().ok().and_then(|socket| sys::interface_mtu(socket, &found.name).ok()),
                addresses: found.ips.iter().map(ToString::to_string).collect(),
                name: found.name,
                rx_packets: counters.rx_packets,
                rx_errors: counters.rx_errors,
                rx_dropped: counters.rx_dropped,
                tx_packets: counters.tx_packets,
                tx_errors: counters.tx_errors,
                tx_dropped: counters.tx_dropped,
            }
        })
        .collect();
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    interfaces
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counters {
    rx_packets: u64,
    rx_errors: u64,
    rx_dropped: u64,
    tx_packets: u64,
    tx_errors: u64,
    tx_dropped: u64,
}

fn parse_counters(table: &str) -> BTreeMap<String, Counters> {
    let row = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        // bytes packets errs drop fifo frame compressed multicast, then the same for sending
        let &[_, rx_packets, rx_errors, rx_dropped, _, _, _, _, _, tx_packets, tx_errors, tx_dropped, ..] = numbers.as_slice()
        else {
            return None;
        };
        let counters = Counters { rx_packets, rx_errors, rx_dropped, tx_packets, tx_errors, tx_dropped };
        Some((name.trim().to_owned(), counters))
    };
    table.lines().filter_map(row).collect()
}

fn parse_routes4(table: &str) -> Vec<Route> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[interface, destination, gateway, flags, _, _, _, mask, ..] = fields.as_slice() else { return None };
        // the kernel prints each address as one number in the byte order of the machine
        let address = |text: &str| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let length = u32::from(address(mask)?).count_ones();
        let gateway = address(gateway).filter(|_| flags & GATEWAY != 0).map(IpAddr::V4);
        let destination = format!("{}/{length}", address(destination)?);
        (flags & UP != 0 && flags & REJECT == 0).then(|| Route { destination, gateway, interface: interface.to_owned() })
    };
    table.lines().skip(1).filter_map(row).collect()
}

fn parse_routes6(table: &str) -> Vec<Route> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[destination, length, _, _, gateway, _, _, _, flags, interface] = fields.as_slice() else { return None };
        let address = |text: &str| Some(Ipv6Addr::from(u128::from_str_radix(text, 16).ok()?));
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let length = u8::from_str_radix(length, 16).ok()?;
        let destination = address(destination)?;
        let gateway = address(gateway).filter(|_| flags & GATEWAY != 0).map(IpAddr::V6);
        let is_main = flags & UP != 0 && flags & (REJECT | LOCAL) == 0 && !destination.is_multicast();
        is_main.then(|| Route { destination: format!("{destination}/{length}"), gateway, interface: interface.to_owned() })
    };
    table.lines().filter_map(row).collect()
}

/// Reads resolv.conf(5) as the C library does: the last `search` or `domain` line holds, and all `options` add up.
pub(super) fn parse_resolv_conf(text: &str) -> ResolvConf {
    let mut conf = ResolvConf { ndots: 1, ..ResolvConf::default() };
    for line in text.lines() {
        // a comment starts in the first column only
        if line.starts_with(['#', ';']) {
            continue;
        }
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                // a scope as in fe80::1%eth0 is left out: the probes name servers by address
                let address: Option<IpAddr> = words.next().and_then(|word| word.split('%').next()?.parse().ok());
                conf.nameservers.extend(address);
            }
            Some("search") => conf.search = words.map(without_dot).collect(),
            Some("domain") => conf.search = words.take(1).map(without_dot).collect(),
            Some("options") => conf.options.extend(words.map(str::to_owned)),
            _ => {}
        }
    }
    if let Some(ndots) = option(&conf, "ndots") {
        // RES_MAXNDOTS
        conf.ndots = ndots.min(15);
    }
    conf
}

/// The number behind `name:` in the options; the last one holds.
pub(super) fn option(conf: &ResolvConf, name: &str) -> Option<u32> {
    conf.options.iter().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix(':')?.parse().ok())
}

fn without_dot(name: &str) -> String {
    if name.len() > 1 { name.trim_end_matches('.').to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Counters, option, parse_counters, parse_resolv_conf, parse_routes4, parse_routes6};
    use crate::probe::Route;

    fn told(routes: &[Route]) -> Vec<String> {
        let gateway = |route: &Route| route.gateway.map_or(String::from("-"), |ip| ip.to_string());
        routes.iter().map(|route| format!("{} {} {}", route.destination, gateway(route), route.interface)).collect()
    }

    #[test]
    fn counters_are_read_by_interface() {
        let table = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     172       3    0    0    0     0          0         0      172       3    0    0    0     0       0          0
  eth0:858426187   54295    1    2    0     0          0         0  4009110   38176    3    4    0     0       0          0
";
        let counters = parse_counters(table);
        assert_eq!(counters.keys().collect::<Vec<_>>(), ["eth0", "lo"]);
        let eth0 = Counters { rx_packets: 54295, rx_errors: 1, rx_dropped: 2, tx_packets: 38176, tx_errors: 3, tx_dropped: 4 };
        assert_eq!(counters["eth0"], eth0);
    }

    #[test]
    fn routes_leave_out_those_that_refuse() {
        let table = "Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101F40A	0003	0	0	0	00000000	0	0	0
*	0000630A	00000000	0201	0	0	0	0000FFFF	0	0	0
eth0	0000F40A	0101F40A	0003	0	0	0	0000FFFF	0	0	0
eth0	0001F40A	00000000	0001	0	0	0	00FFFFFF	0	0	0
";
        let routes = parse_routes4(table);
        let expected = ["0.0.0.0/0 10.244.1.1 eth0", "10.244.0.0/16 10.244.1.1 eth0", "10.244.1.0/24 - eth0"];
        assert_eq!(told(&routes), expected);
    }

    #[test]
    fn ipv6_routes_leave_out_the_local_table() {
        let table = "\
fd000010024400010000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
fd000099000000000000000000000000 20 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000010024400010000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd000010024400010000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";
        assert_eq!(told(&parse_routes6(table)), ["fd00:10:244:1::/64 - eth0", "::/0 fd00:10:244:1::1 eth0"]);
    }

    #[test]
    fn a_pods_resolv_conf_is_read() {
        let conf = parse_resolv_conf(
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5 timeout:2\n",
        );
        assert_eq!(conf.nameservers, ["10.96.0.10".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(conf.search, ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
        assert_eq!((conf.ndots, option(&conf, "timeout"), option(&conf, "attempts")), (5, Some(2), None));
    }

    #[test]
    fn resolv_conf_follows_the_c_library_in_the_odd_cases() {
        let conf = parse_resolv_conf(
            "# nameserver 10.0.0.1\n; nameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver nonsense\nnameserver ::1 # ours\n\
             search a. b\ndomain c.\noptions ndots:99 ndots\noptions rotate\n",
        );
        assert_eq!(conf.nameservers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fe80::1", "::1"]);
        assert_eq!((conf.search, conf.ndots), (vec![String::from("c")], 15));
        assert_eq!(conf.options, ["ndots:99", "ndots", "rotate"]);
        assert_eq!(parse_resolv_conf("").ndots, 1);
    }
}
