//! The in-pod agent: reads requests, runs probes, writes answers.
//!
//! `netcheck-agent idle` is the command of an ephemeral container and keeps it alive; each diagnosis is a
//! `netcheck-agent run` beside it, which speaks [`crate::protocol`] on its standard input and output. Standard error
//! is for people. Nothing here resolves names through the C library: a static binary would load NSS modules of the
//! pod's own image to do it.

mod icmp;
mod idle;
mod lines;
mod probe;
mod run;
mod socket;
mod sys;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Seconds after which `idle` ends by itself, when no run asks it to stay.
const IDLE_SECONDS: u64 = 600;

const USAGE: &str = "\
usage: netcheck-agent idle [--ttl SECONDS]   keep the container alive; ends by itself after SECONDS without a run
       netcheck-agent run                    read requests on standard input, write answers on standard output
       netcheck-agent version";

enum Command {
    Idle { ttl: Duration },
    Run,
    Version,
}

/// Runs the agent with these arguments, the program's own name left out.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match parse(&words) {
        Some(Command::Idle { ttl }) => with_runtime(idle::idle(ttl)),
        Some(Command::Run) => with_runtime(run::run()),
        Some(Command::Version) => {
            let line = format!("netcheck-agent {} protocol {}\n", env!("CARGO_PKG_VERSION"), crate::protocol::VERSION);
            // a reader that went away is no failure of the agent
            drop(std::io::stdout().write_all(line.as_bytes()));
            ExitCode::SUCCESS
        }
        None => {
            log(USAGE);
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[&str]) -> Option<Command> {
    match words {
        ["idle"] => Some(Command::Idle { ttl: Duration::from_secs(IDLE_SECONDS) }),
        ["idle", "--ttl", seconds] => Some(Command::Idle { ttl: Duration::from_secs(seconds.parse().ok()?) }),
        ["run"] => Some(Command::Run),
        ["version" | "--version"] => Some(Command::Version),
        _ => None,
    }
}

fn with_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    prefer_for_oom_kill();
    // One thread: the agent lives inside somebody else's memory limit, and its work is waiting.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A thread may still sit in a read of standard input, which nothing but its end can wake.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            log(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Makes the kernel end the agent before the application when the pod runs out of memory. Raising the value needs
/// no privilege (`proc_pid_oom_score_adj(5)`), and where it is refused the agent still has work to do.
fn prefer_for_oom_kill() {
    drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
}

/// A line for people. Standard output belongs to the protocol.
fn log(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
