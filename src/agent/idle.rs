//! What keeps an ephemeral container alive between runs.
//!
//! An ephemeral container cannot be removed, so it has to end by itself. Each `netcheck-agent run` tells the idling
//! agent that it is still needed by sending it `SIGURG`, found by its command line in /proc. That needs no file, so a
//! read-only root is fine; no privilege, since both run as the same user; and it is the same whether the container
//! has its own PID namespace, in which the idling agent is PID 1, or shares that of a target container, in which it
//! has any number. In a shared namespace the idling agents of other netcheck containers of the pod are told as well:
//! they stay a little longer, which harms nobody. `SIGURG` because a process that does not handle it ignores it, so
//! one mistaken for an agent comes to no harm.

use std::fs::{self, File};
use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::{log, sys};

/// Waits until the time to live has passed without a run, or until it is told to end.
pub(super) async fn idle(ttl: Duration) -> ExitCode {
    match Signals::new() {
        Ok(signals) => wait(signals, ttl).await,
        Err(error) => {
            log(&format!("cannot handle signals: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// As PID 1 a process gets no signal that it has no handler for, not even SIGTERM (`pid_namespaces(7)`): without these
/// the kubelet would wait out the whole grace period of the pod.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    child: Signal,
    needed: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
            needed: signal(SignalKind::from_raw(libc::SIGURG))?,
        })
    }
}

async fn wait(mut signals: Signals, ttl: Duration) -> ExitCode {
    // Some far day instead of an overflow for an absurd time to live.
    let end = || Instant::now() + ttl.min(Duration::from_secs(30 * 24 * 3600));
    let mut until = end();
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.needed.recv() => until = end(),
            _ = signals.child.recv() => sys::reap_children(),
            () = sleep_until(until) => break,
        }
    }
    ExitCode::SUCCESS
}

/// Tells every idling agent that this process can see to start its time to live over.
pub(super) fn touch() {
    let Ok(entries) = fs::read_dir("/proc") else { return };
    let own = std::process::id();
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if pid != own && command_line(pid).is_some_and(|bytes| is_idle_agent(&bytes)) {
            sys::send_signal(pid, libc::SIGURG);
        }
    }
}

fn command_line(pid: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // Enough for the path and the first word; another process's command line may have megabytes.
    File::open(format!("/proc/{pid}/cmdline")).ok()?.take(4096).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn is_idle_agent(command_line: &[u8]) -> bool {
    let mut words = command_line.split(|byte| *byte == 0);
    let program = words.next().and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    program == Some(b"netcheck-agent") && words.next() == Some(b"idle")
}

#[cfg(test)]
mod tests {
    use super::is_idle_agent;

    #[test]
    fn only_an_idling_agent_is_told() {
        assert!(is_idle_agent(b"/netcheck-agent\0idle\0--ttl\0"));
        assert!(is_idle_agent(b"netcheck-agent\0idle\0"));
        assert!(!is_idle_agent(b"/netcheck-agent\0run\0"));
        assert!(!is_idle_agent(b"/bin/cat\0/netcheck-agent\0idle\0"));
        assert!(!is_idle_agent(b""));
    }
}
