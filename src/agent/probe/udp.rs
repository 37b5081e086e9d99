//! Acts on [`crate::probe::UdpSpec`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::micros;
use crate::agent::socket::{ErrorSocket, Event, refuser};
use crate::probe::{Latency, ProbeOutcome, Refuser, UdpOutcome, UdpSpec};

pub(super) async fn run(spec: &UdpSpec) -> ProbeOutcome {
    let Some(payload) = from_hex(&spec.payload_hex) else {
        return ProbeOutcome::NotRun { why: String::from("the payload is not hexadecimal") };
    };
    let (mut times, mut refused_by, mut silent) = (Vec::new(), None, 0);
    for _ in 0..spec.attempts {
        let to = SocketAddr::from((spec.ip, spec.port));
        let started = Instant::now();
        match timeout(Duration::from_millis(spec.timeout_ms), attempt(to, &payload)).await {
            Ok(Ok(())) => times.push(micros(started.elapsed())),
            Ok(Err(by)) => refused_by = Some(by),
            Err(_) => silent += 1,
        }
    }
    let answered = u32::try_from(times.len()).unwrap_or(u32::MAX);
    ProbeOutcome::Udp(UdpOutcome { answered, answer: Latency::of(spec.attempts, times), refused_by, silent })
}

/// Sends one datagram from a port of its own, so that each attempt may be sent to another backend, and waits for an
/// answer from that address.
async fn attempt(to: SocketAddr, payload: &[u8]) -> Result<(), Refuser> {
    let local = |_| Refuser::Local {};
    let socket = ErrorSocket::connected_udp(to).map_err(local)?;
    socket.send(payload).map_err(local)?;
    match socket.next(&mut [0]).await.map_err(local)? {
        Event::Datagram(_) => Ok(()),
        Event::Error(reported) => Err(refuser(Some(&reported), socket.local_ip(), to.ip(), Some(reported.errno))),
        Event::Failed(_) => Err(Refuser::Local {}),
    }
}

/// Reads pairs of hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn payloads_are_pairs_of_digits() {
        assert_eq!(from_hex("00fFa0"), Some(vec![0, 255, 160]));
        assert_eq!(from_hex(""), Some(vec![]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("+1"), None);
        assert_eq!(from_hex("é"), None);
    }
}
