//! Acts on [`crate::probe::TcpSpec`].

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{micros, millis};
use crate::agent::socket::{ConnectError, connect, errno_name};
use crate::probe::{Latency, TcpAttempt, TcpOutcome, TcpSpec};

/// How long a try is waited for before the next one starts beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// Tries follow each other's answers, but do not wait for each other's silence: three unanswered ones take little longer than one.
pub(super) async fn run(spec: &TcpSpec) -> TcpOutcome {
    let (to, limit) = (SocketAddr::from((spec.ip, spec.port)), Duration::from_millis(spec.timeout_ms));
    sleep(Duration::from_millis(spec.wait_ms)).await;
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    for number in 0..spec.attempts {
        running.spawn(async move { (number, attempt(to, limit).await) });
        if let Ok(Some(Ok(answered))) = timeout(STAGGER, running.join_next()).await {
            done.push(answered);
        }
    }
    while let Some(Ok(answered)) = running.join_next().await {
        done.push(answered);
    }
    done.sort_by_key(|(number, _)| *number);
    let attempts: Vec<TcpAttempt> = done.into_iter().map(|(_, attempt)| attempt).collect();
    let opened = |a: &TcpAttempt| if let TcpAttempt::Opened { connect_us, .. } = a { Some(*connect_us) } else { None };
    let times = attempts.iter().filter_map(opened).collect();
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
