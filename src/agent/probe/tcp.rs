//! Acts on [`crate::probe::TcpSpec`].

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::{micros, millis};
use crate::agent::socket::{ConnectError, connect, errno_name};
use crate::probe::{Latency, TcpAttempt, TcpOutcome, TcpSpec};

pub(super) async fn run(spec: &TcpSpec) -> TcpOutcome {
    let mut attempts = Vec::new();
    let mut times = Vec::new();
    for _ in 0..spec.attempts {
        let attempt = attempt(SocketAddr::from((spec.ip, spec.port)), Duration::from_millis(spec.timeout_ms)).await;
        if let TcpAttempt::Opened { connect_us, .. } = attempt {
            times.push(connect_us);
        }
        attempts.push(attempt);
    }
    TcpOutcome { attempts, connect: Latency::of(spec.attempts, times) }
}

async fn attempt(to: SocketAddr, limit: Duration) -> TcpAttempt {
    match timeout(limit, connect(to)).await {
        // Dropping the stream closes it in the ordinary way. A reset would be quicker, but servers log it as an error,
        // and connection tracking keeps what a reset out of its window left behind.
        Ok(Ok(connection)) => TcpAttempt::Opened { connect_us: micros(connection.after), local: connection.local.to_string() },
        Ok(Err(ConnectError { errno, error, by, after })) => match errno {
            Some(libc::ECONNREFUSED) => TcpAttempt::Refused { by, after_us: micros(after) },
            Some(libc::ETIMEDOUT) => TcpAttempt::TimedOut { after_ms: millis(after) },
            _ => TcpAttempt::Unreachable { by, error: errno_name(&error), after_us: micros(after) },
        },
        Err(_) => TcpAttempt::TimedOut { after_ms: millis(limit) },
    }
}
