//! The program that runs inside a pod: no kube, no clap, static.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    netcheck::agent::main(std::env::args_os().skip(1))
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write as _;

    drop(writeln!(std::io::stderr(), "netcheck-agent: this program runs in pods, on Linux only"));
    ExitCode::from(2)
}
