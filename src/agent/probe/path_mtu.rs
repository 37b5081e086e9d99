//! Acts on [`crate::probe::PathMtuSpec`]: packets of different sizes that must not be fragmented.
//!
//! An ICMP echo proves that a packet arrived and is not limited in rate; where the pod may not send one, or the other
//! side does not answer, a UDP datagram to a port where nothing listens does: port unreachable proves that it arrived.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Protocol, SockAddr};
use tokio::time::timeout;

use crate::agent::socket::{ErrorSocket, Event, Origin, errno_name};
use crate::agent::{icmp, sys};
use crate::probe::{PathMtuOutcome, PathMtuSpec};

/// A packet that every link carries: IPv4 hosts must take 576 bytes, and this is well below.
const SMALL: u16 = 128;

/// Nothing is expected to listen here.
const CLOSED_PORT: u16 = 33433;

/// Sizes worth trying before any other: Ethernet, then the overlays over it, then the least of IPv6 and IPv4.
const LIKELY: [u16; 9] = [9000, 8950, 1500, 1480, 1450, 1440, 1400, 1280, 576];

/// How long an answer may take.
const WAIT: Duration = Duration::from_millis(400);

/// Linux sends one port unreachable a second to one address after a burst of six (`icmp_ratelimit`, icmp(7)). Silence
/// only means loss when that much time has passed.
const RATE: Duration = Duration::from_millis(1100);

pub(super) async fn run(spec: &PathMtuSpec) -> PathMtuOutcome {
    let end = Instant::now() + Duration::from_millis(spec.timeout_ms);
    let mut search = Search::new(spec.ip, end);
    let error = search.run().await.err();
    PathMtuOutcome {
        largest_answered: search.largest_answered,
        smallest_lost: search.smallest_lost,
        interface_mtu: search.interface_mtu,
        reported: search.reported,
        error,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Echo,
    Udp,
}

struct Search {
    ip: IpAddr,
    end: Instant,
    sequence: u16,
    largest_answered: Option<u16>,
    smallest_lost: Option<u16>,
    interface_mtu: Option<u16>,
    reported: Option<(u16, IpAddr)>,
}

impl Search {
    fn new(ip: IpAddr, end: Instant) -> Self {
        Self {
            ip,
            end,
            sequence: 0,
            largest_answered: None,
            smallest_lost: None,
            interface_mtu: interface_mtu(ip),
            reported: None,
        }
    }

    /// An error is what kept the search from its end; what was found until then stands.
    async fn run(&mut self) -> Result<(), String> {
        let method = self.method().await?;
        let top = self.interface_mtu.unwrap_or(1500);
        if self.is_answered(method, top).await? {
            return Ok(());
        }
        while let Some(size) = next_size(self.largest_answered.unwrap_or(SMALL), self.smallest_lost.unwrap_or(top), self.reported)
        {
            self.is_answered(method, size).await?;
        }
        Ok(())
    }

    /// Finds a way to prove the arrival of a small packet.
    async fn method(&mut self) -> Result<Method, String> {
        let echo = self.is_answered(Method::Echo, SMALL).await;
        if echo == Ok(true) {
            return Ok(Method::Echo);
        }
        if self.is_answered(Method::Udp, SMALL).await? {
            return Ok(Method::Udp);
        }
        let echo = echo.err().unwrap_or_else(|| String::from("not answered"));
        Err(format!("no answer to a packet of {SMALL} bytes (ICMP echo: {echo}; UDP to a closed port: not answered)"))
    }

    /// Sends a packet of this size, twice if need be, and notes what came of it.
    async fn is_answered(&mut self, method: Method, size: u16) -> Result<bool, String> {
        for is_second in [false, true] {
            if is_second && method == Method::Udp {
                tokio::time::sleep(RATE.min(self.left()?)).await;
            }
            let limit = WAIT.min(self.left()?);
            self.sequence = self.sequence.wrapping_add(1);
            let answer = match method {
                Method::Echo => timeout(limit, echo(self.ip, size, self.sequence)).await,
                Method::Udp => timeout(limit, udp(self.ip, size)).await,
            };
            match answer {
                Ok(Ok(Answer::Arrived)) => {
                    self.largest_answered = self.largest_answered.max(Some(size));
                    return Ok(true);
                }
                Ok(Ok(Answer::TooBig(reported))) => {
                    self.reported = reported.or(self.reported);
                    break;
                }
                Ok(Ok(Answer::Unreachable(words))) => return Err(words),
                Ok(Err(error)) => return Err(errno_name(&error)),
                Err(_) => {}
            }
        }
        if self.largest_answered.is_some() {
            self.smallest_lost = Some(self.smallest_lost.map_or(size, |lost| lost.min(size)));
        }
        Ok(false)
    }

    fn left(&self) -> Result<Duration, String> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(String::from("time ran out before the exact size was found")) } else { Ok(left) }
    }
}

/// The size to try between one that was answered and one that was lost: what a router reported, then the likely sizes
/// by halves, then any by halves. `None` when there is none between.
fn next_size(answered: u16, lost: u16, reported: Option<(u16, IpAddr)>) -> Option<u16> {
    if lost <= answered.saturating_add(1) {
        return None;
    }
    let is_between = |size: &u16| answered < *size && *size < lost;
    if let Some((size, _)) = reported.filter(|(size, _)| is_between(size)) {
        return Some(size);
    }
    if reported.is_some_and(|(size, _)| size == answered) {
        return Some(answered + 1);
    }
    let likely: Vec<u16> = LIKELY.into_iter().filter(is_between).collect();
    if let Some(size) = likely.get(likely.len() / 2) {
        return Some(*size);
    }
    // Where a likely size was answered, one more than it most often decides the search at once.
    Some(if LIKELY.contains(&answered) { answered + 1 } else { answered.midpoint(lost) })
}

enum Answer {
    Arrived,
    /// The packet did not fit: the MTU that was reported, and by which router.
    TooBig(Option<(u16, IpAddr)>),
    Unreachable(String),
}

/// Sends an ICMP echo in an IP packet of this size over a datagram ICMP socket.
async fn echo(ip: IpAddr, size: u16, sequence: u16) -> io::Result<Answer> {
    let (protocol, kind) = if ip.is_ipv4() { (Protocol::ICMPV4, 8) } else { (Protocol::ICMPV6, 128) };
    let socket = ErrorSocket::datagram(ip, protocol)?;
    socket.socket().connect(&SockAddr::from(SocketAddr::from((ip, 0))))?;
    // The kernel fills in the identifier and the checksum.
    let mut message = vec![0; usize::from(size) - ip_header(ip)];
    let [high, low] = sequence.to_be_bytes();
    for (to, from) in message.iter_mut().zip([kind, 0, 0, 0, 0, 0, high, low]) {
        *to = from;
    }
    exchange(&socket, ip, &message).await
}

/// Sends a UDP datagram in an IP packet of this size.
async fn udp(ip: IpAddr, size: u16) -> io::Result<Answer> {
    let socket = ErrorSocket::connected_udp(SocketAddr::from((ip, CLOSED_PORT)))?;
    exchange(&socket, ip, &vec![0; usize::from(size) - ip_header(ip) - 8]).await
}

async fn exchange(socket: &ErrorSocket, ip: IpAddr, payload: &[u8]) -> io::Result<Answer> {
    // Not to be fragmented, and whatever the kernel has learnt about this path before does not count.
    match ip {
        IpAddr::V4(_) => sys::set_option(socket.socket(), libc::SOL_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?,
        IpAddr::V6(_) => {
            sys::set_option(socket.socket(), libc::SOL_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)?;
            sys::set_option(socket.socket(), libc::SOL_IPV6, libc::IPV6_DONTFRAG, 1)?;
        }
    }
    match socket.send(payload) {
        Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => return Ok(Answer::TooBig(None)),
        other => other?,
    }
    match socket.next(&mut [0]).await? {
        Event::Datagram(_) => Ok(Answer::Arrived),
        Event::Failed(error) => Err(error),
        Event::Error(reported) if icmp::is_port_unreachable(&reported) && reported.offender == Some(ip) => Ok(Answer::Arrived),
        Event::Error(reported) if reported.errno == libc::EMSGSIZE => {
            let mtu = u16::try_from(reported.info).ok().filter(|_| reported.origin != Origin::Local);
            Ok(Answer::TooBig(mtu.zip(reported.offender)))
        }
        Event::Error(reported) => {
            let by = reported.offender.map_or_else(String::new, |from| format!(" from {from}"));
            Ok(Answer::Unreachable(format!("{}{by}", icmp::words(&reported))))
        }
    }
}

fn ip_header(ip: IpAddr) -> usize {
    if ip.is_ipv4() { 20 } else { 40 }
}

/// The MTU of the interface whose address the kernel would send from.
fn interface_mtu(ip: IpAddr) -> Option<u16> {
    let socket = ErrorSocket::connected_udp(SocketAddr::from((ip, CLOSED_PORT))).ok()?;
    let local = socket.local_ip()?;
    let interfaces = pnet_datalink::interfaces();
    let interface = interfaces.iter().find(|interface| interface.ips.iter().any(|network| network.ip() == local))?;
    // loopback has 65,536, one more than the largest packet
    Some(u16::try_from(sys::interface_mtu(socket.socket(), &interface.name).ok()?).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::{SMALL, next_size};

    /// The sizes tried until the largest that fits is known, with a router that reports or not.
    fn tried(fits: u16, top: u16, is_reported: bool) -> (u16, u16, usize) {
        let (mut answered, mut lost, mut steps) = (SMALL, top, 0);
        let reported = is_reported.then(|| (fits, "10.0.0.1".parse().unwrap()));
        while let Some(size) = next_size(answered, lost, reported) {
            assert!(answered < size && size < lost, "{size} between {answered} and {lost}");
            if size <= fits {
                answered = size;
            } else {
                lost = size;
            }
            steps += 1;
        }
        (answered, lost, steps)
    }

    #[test]
    fn the_search_ends_at_the_exact_size() {
        for fits in [129, 575, 576, 1279, 1280, 1399, 1400, 1412, 1420, 1449, 1450, 1451, 1480, 1499] {
            let (answered, lost, steps) = tried(fits, 1500, false);
            assert_eq!((answered, lost), (fits, fits + 1));
            assert!(steps <= 14, "{steps} steps to {fits}");
        }
    }

    #[test]
    fn a_likely_or_reported_size_is_found_in_a_few_steps() {
        assert!(tried(1450, 1500, false).2 <= 5);
        assert!(tried(1400, 1500, false).2 <= 6);
        assert_eq!(tried(1413, 9000, true).2, 2);
    }
}
