//! What ICMP messages mean, in words (RFC 792, RFC 1812, RFC 4443).

use super::socket::{Origin, Reported};

/// The words for an error; an ICMP message that has none is named by its numbers.
pub(super) fn words(reported: &Reported) -> String {
    let words = match (reported.origin, reported.icmp_type, reported.code) {
        (Origin::Icmp, 11, 0) | (Origin::Icmp6, 3, 0) => "time exceeded",
        (Origin::Icmp, 3, 0) => "network unreachable",
        (Origin::Icmp, 3, 1) => "host unreachable",
        (Origin::Icmp, 3, 2) => "protocol unreachable",
        (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4) => "port unreachable",
        (Origin::Icmp, 3, 4) => "fragmentation needed",
        (Origin::Icmp, 3, 9 | 10 | 13) | (Origin::Icmp6, 1, 1) => "administratively prohibited",
        (Origin::Icmp6, 1, 0) => "no route to destination",
        (Origin::Icmp6, 1, 3) => "address unreachable",
        (Origin::Icmp6, 1, 5) => "source address failed policy",
        (Origin::Icmp6, 1, 6) => "reject route",
        (Origin::Icmp6, 2, _) => "packet too big",
        (Origin::Icmp, kind, code) => return format!("ICMP type {kind} code {code}"),
        (Origin::Icmp6, kind, code) => return format!("ICMPv6 type {kind} code {code}"),
        (Origin::Local, ..) => return super::socket::errno_name(&std::io::Error::from_raw_os_error(reported.errno)),
    };
    words.to_owned()
}

/// The datagram arrived at a host, and nothing takes it there.
pub(super) fn is_port_unreachable(reported: &Reported) -> bool {
    matches!((reported.origin, reported.icmp_type, reported.code), (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4))
}

/// The TTL or hop limit ran out on the way.
pub(super) fn is_time_exceeded(reported: &Reported) -> bool {
    matches!((reported.origin, reported.icmp_type), (Origin::Icmp, 11) | (Origin::Icmp6, 3))
}

#[cfg(test)]
mod tests {
    use super::{is_port_unreachable, is_time_exceeded, words};
    use crate::agent::socket::{Origin, Reported};

    fn reported(origin: Origin, icmp_type: u8, code: u8) -> Reported {
        Reported { errno: libc::EMSGSIZE, origin, icmp_type, code, info: 0, offender: None }
    }

    #[test]
    fn the_two_families_number_their_messages_differently() {
        let told = |origin, icmp_type, code| {
            let reported = reported(origin, icmp_type, code);
            (words(&reported), is_port_unreachable(&reported), is_time_exceeded(&reported))
        };
        assert_eq!(told(Origin::Icmp, 3, 3), (String::from("port unreachable"), true, false));
        assert_eq!(told(Origin::Icmp6, 3, 0), (String::from("time exceeded"), false, true));
        assert_eq!(told(Origin::Icmp6, 1, 4), (String::from("port unreachable"), true, false));
        assert_eq!(told(Origin::Icmp, 11, 0), (String::from("time exceeded"), false, true));
        assert_eq!(told(Origin::Icmp, 5, 1), (String::from("ICMP type 5 code 1"), false, false));
        assert_eq!(told(Origin::Local, 0, 0), (String::from("EMSGSIZE"), false, false));
    }
}
