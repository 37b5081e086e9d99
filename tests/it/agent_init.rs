//! The idling agent as PID 1 of a PID namespace, as in an ephemeral container. Needs root.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::agent_process::{agent, skipped};

/// `unshare`, and the agent below it that is PID 1.
struct Init {
    unshare: Child,
    pid: u32,
}

impl Init {
    fn new() -> Option<Self> {
        let program = agent(&[]).get_program().to_owned();
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(program).arg("idle");
        let unshare = match command.spawn() {
            Ok(unshare) => unshare,
            Err(error) => return skipped(&format!("PID namespaces cannot be made: {error}")),
        };
        let mut init = Self { unshare, pid: 0 };
        let started = until(|| init.unshare.try_wait().unwrap().is_some() || handles_signals(&init));
        if !started || init.unshare.try_wait().unwrap().is_some() {
            return skipped("PID namespaces cannot be made");
        }
        init.pid = children(init.unshare.id()).remove(0);
        Some(init)
    }

    /// Waits for the end, and whether it was a success.
    fn ends(&mut self) -> Option<bool> {
        let mut status = None;
        until(|| {
            status = self.unshare.try_wait().unwrap();
            status.is_some()
        });
        status.map(|status| status.success())
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        drop(self.unshare.kill());
        drop(self.unshare.wait());
    }
}

/// The agent has installed its handler for SIGURG, the last one.
fn handles_signals(init: &Init) -> bool {
    let Some(pid) = children(init.unshare.id()).first().copied() else { return false };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
    u64::from_str_radix(caught, 16).unwrap() & (1 << 22) != 0
}

/// The processes whose parent this is, zombies included.
fn children(parent: u32) -> Vec<u32> {
    let parent_of = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // behind the name, which may hold anything: state and parent
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn orphans_of_the_container_are_collected() {
    let Some(init) = Init::new() else { return };
    // the shell ends before its child, which then belongs to PID 1
    let mut orphan = Command::new("nsenter");
    orphan.args(["--target", &init.pid.to_string(), "--pid", "--mount", "sh", "-c", "sleep 1 & exit 0"]);
    assert!(orphan.status().unwrap().success());
    assert!(until(|| !children(init.pid).is_empty()), "the orphan went elsewhere");
    assert!(until(|| children(init.pid).is_empty()), "a zombie is left");
}

#[test]
fn sigterm_ends_pid_1_at_once() {
    let Some(mut init) = Init::new() else { return };
    let started = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &init.pid.to_string()]).status().unwrap().success());
    assert_eq!(init.ends(), Some(true));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}
