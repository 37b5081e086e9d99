//! Completion from outside: kubectl's protocol by both names, and scripts that shells accept.

use std::process::{Command, Stdio};

use crate::root;

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-netcheck");

fn complete(mut command: Command) -> (String, String) {
    let output = command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null()).output().expect("runs");
    assert_eq!(output.status.code(), Some(0));
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_hidden_command_answers_in_kubectls_protocol() {
    let mut command = Command::new(BINARY);
    command.args(["__complete", "--", "client", "to", "inter"]);
    assert_eq!(complete(command), ("internet\tthe world outside\n:4\n".to_owned(), String::new()));
    let mut command = Command::new(BINARY);
    command.args(["__complete", "--", "client", "t"]);
    assert_eq!(complete(command).0, "to\tthen the destination\n:4\n");
}

#[cfg(unix)]
#[test]
fn a_link_of_the_name_kubectl_looks_for_answers_too() {
    let place = tempfile::tempdir().expect("a directory");
    let link = place.path().join("kubectl_complete-netcheck");
    std::os::unix::fs::symlink(BINARY, &link).expect("links");
    let mut command = Command::new(link);
    command.args(["-o", "js"]);
    assert_eq!(complete(command), ("json\n:4\n".to_owned(), String::new()));
}

#[cfg(unix)]
#[test]
fn the_shim_finds_the_program_and_is_silent() {
    let place = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink(BINARY, place.path().join("kubectl-netcheck")).expect("links");
    let shim = root().join("completions/kubectl_complete-netcheck");
    let path = format!("{}:/usr/bin:/bin", place.path().display());
    let output =
        Command::new("/bin/sh").arg(shim).args(["completion", "z"]).env_clear().env("PATH", path).output().expect("runs");
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"zsh\n:4\n"[..], &b""[..]));
}

#[cfg(unix)]
#[test]
fn the_bash_script_parses() {
    let script = root().join("completions/kubectl-netcheck.bash");
    let status = Command::new("/bin/bash").arg("-n").arg(script).status().expect("bash runs");
    assert!(status.success());
}
