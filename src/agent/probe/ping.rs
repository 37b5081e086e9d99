//! Acts on [`crate::probe::PingSpec`].

use std::fs;
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use surge_ping::{Client, Config, ICMP, PingIdentifier, PingSequence, SurgeError};

use super::micros;
use crate::agent::socket::errno_name;
use crate::probe::{Latency, PingOutcome, PingSpec, ProbeOutcome};

pub(super) async fn run(spec: &PingSpec) -> ProbeOutcome {
    let kind = if spec.ip.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
    // A datagram socket, and where that is refused a raw one, in one call.
    let client = match Client::new(&Config::builder().kind(kind).build()) {
        Ok(client) => client,
        Err(error) => return ProbeOutcome::NotRun { why: refusal(&error) },
    };
    let payload = vec![0x6e; usize::from(spec.payload_bytes)];
    let mut pinger = client.pinger(spec.ip, identifier()).await;
    pinger.timeout(Duration::from_millis(spec.timeout_ms));
    let (mut times, mut error) = (Vec::new(), None);
    for try_number in 0..spec.count {
        // the number wraps after 65,536 tries, when no earlier one is open any more
        let sequence = PingSequence(u16::try_from(try_number & 0xffff).unwrap_or_default());
        match pinger.ping(sequence, &payload).await {
            Ok((_, time)) => times.push(micros(time)),
            Err(SurgeError::Timeout { .. }) => {}
            Err(SurgeError::IOError(failed)) => error = Some(errno_name(&failed)),
            Err(other) => error = Some(other.to_string()),
        }
    }
    ProbeOutcome::Ping(PingOutcome { echo: Latency::of(spec.count, times), error })
}

/// Tells raw sockets of probes that run side by side apart; the kernel does it for datagram sockets.
fn identifier() -> PingIdentifier {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    PingIdentifier(u16::from_be_bytes([high, low]).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn refusal(error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::PermissionDenied && error.raw_os_error() != Some(libc::EPERM) {
        return format!("cannot open an ICMP socket: {}", errno_name(error));
    }
    // one sysctl for both families (icmp(7))
    let range = fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let range = range.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("no permission for ICMP: net.ipv4.ping_group_range is \"{range}\", and there is no CAP_NET_RAW")
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn a_missing_permission_names_the_sysctl() {
        let why = refusal(&std::io::Error::from_raw_os_error(libc::EACCES));
        assert!(why.contains("ping_group_range is \""), "{why}");
        assert_eq!(refusal(&std::io::Error::from_raw_os_error(libc::EMFILE)), "cannot open an ICMP socket: EMFILE");
    }
}
