//! Acts on [`crate::probe::SocketsSpec`]: reads the socket tables of `proc_net(5)`.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Protocol;
use crate::probe::{Socket, SocketsOutcome};

/// `TCP_LISTEN` of the kernel's `tcp_states.h`.
const TCP_LISTEN: &str = "0A";

/// `TCP_CLOSE`, which the kernel shows for a UDP socket that is not connected.
const UDP_UNCONNECTED: &str = "07";

pub(super) fn read() -> SocketsOutcome {
    let tables = [
        ("/proc/net/tcp", Protocol::Tcp),
        ("/proc/net/tcp6", Protocol::Tcp),
        ("/proc/net/udp", Protocol::Udp),
        ("/proc/net/udp6", Protocol::Udp),
    ];
    let mut listening = Vec::new();
    let mut errors = Vec::new();
    for (path, protocol) in tables {
        match fs::read_to_string(path) {
            Ok(table) => listening.extend(parse(&table, protocol)),
            // a kernel booted without IPv6 has no such table, and no such sockets
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.ends_with('6') => {}
            Err(error) => errors.push(format!("cannot read {path}: {error}")),
        }
    }
    // several workers may share one port
    listening.sort_by_key(|socket| (socket.protocol, socket.ip, socket.port));
    listening.dedup();
    SocketsOutcome { listening, error: (!errors.is_empty()).then(|| errors.join("; ")) }
}

fn parse(table: &str, protocol: Protocol) -> Vec<Socket> {
    let wanted = if protocol == Protocol::Tcp { TCP_LISTEN } else { UDP_UNCONNECTED };
    let socket = |line: &str| {
        let mut fields = line.split_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        let (ip, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (state == wanted && port != 0).then_some(Socket { protocol, ip: parse_address(ip)?, port })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Addresses are printed as 32-bit words in the byte order of the machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    if !matches!(text.len(), 8 | 32) {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    for word in text.as_bytes().chunks(8) {
        bytes.extend(u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok()?.to_ne_bytes());
    }
    match *bytes.as_slice() {
        [a, b, c, d] => Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        ref all => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(all).ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::model::Protocol;

    fn listening(table: &str, protocol: Protocol) -> Vec<String> {
        parse(table, protocol).iter().map(|socket| format!("{} {}", socket.ip, socket.port)).collect()
    }

    #[test]
    fn tcp_sockets_count_when_they_listen() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 229825 1 00000000a3d4fd0f 100 0 0 10 0
   1: 0100007F:2382 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 229826 2 0000000010bd7cad 100 0 0 10 0
   2: 0100007F:B14A 0100007F:2382 01 00000000:00000000 00:00000000 00000000     0        0 229832 2 000000001c88123e 20 0 0 10 -1
";
        assert_eq!(listening(table, Protocol::Tcp), ["0.0.0.0 8080", "127.0.0.1 9090"]);
        let table = "  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:20FB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000
   1: 100000FD010044020000000005000000:20FC 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000
";
        assert_eq!(listening(table, Protocol::Tcp), [":: 8443", "fd00:10:244:1::5 8444"]);
    }

    #[test]
    fn udp_sockets_count_when_they_are_not_connected() {
        let table =
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 5099: 0501F40A:BFF2 0501F40A:0035 01 00000000:00000000 00:00000000 00000000     0        0 229830 2 00000000353b8028 0
 5166: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 229829 2 000000002434f38e 0
";
        assert_eq!(listening(table, Protocol::Udp), ["0.0.0.0 53"]);
        let table = "  sl  local_address                         remote_address                        st tx_queue
10466: 00000000000000000000000001000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
";
        assert_eq!(listening(table, Protocol::Udp), ["::1 5353"]);
    }

    #[test]
    fn lines_that_are_no_sockets_are_passed_over() {
        let table = "header\n\n 0: zz:1F90 0 0A\n 1: 00000000 0 0A\n 2: 0000000é:1F90 0 0A\n 3: 00:1F90 0 0A\n";
        assert_eq!(listening(table, Protocol::Tcp), [""; 0]);
    }
}
