//! The files of `tests/e2e/cni` on a real API server: applied with kubectl, read with the built program, removed again.
//!
//! `NETCHECK_E2E_CNI_KUBECONFIG` names a cluster **without** a network plugin (`CNI=none tests/cluster/cluster up`), as a plugin at
//! work would rightly be reported beside the one of the file. Without it this is skipped, and with `CI=true` that is a failure.

use std::env;
use std::io::Write as _;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cni::Fixture;

/// How long a definition may take to be served or to go.
const SETTLE: Duration = Duration::from_secs(40);

fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

fn kubectl(kubeconfig: &str, arguments: &[&str]) -> Output {
    Command::new("kubectl").arg("--kubeconfig").arg(kubeconfig).args(arguments).output().expect("kubectl is on PATH")
}

fn info(kubeconfig: &str) -> Value {
    let program = env!("CARGO_BIN_EXE_kubectl-netcheck");
    let output = Command::new(program).args(["info", "-o", "json", "--kubeconfig", kubeconfig]).output().expect("runs");
    assert!(output.status.success(), "info failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("is JSON")
}

/// Definitions are served a moment after they were made, so the objects of their kinds need a second try.
fn apply(kubeconfig: &str, fixture: &Fixture) {
    let path = fixture.path.to_string_lossy();
    let started = Instant::now();
    loop {
        let output = kubectl(kubeconfig, &["apply", "--validate=false", "-f", &path]);
        if output.status.success() {
            return;
        }
        assert!(started.elapsed() < SETTLE, "{}: {}", fixture.name, String::from_utf8_lossy(&output.stderr));
        sleep(Duration::from_millis(500));
    }
}

/// Removes the objects and waits until nothing of them shows any more.
fn remove(kubeconfig: &str, fixture: &Fixture) {
    let path = fixture.path.to_string_lossy();
    let output = kubectl(kubeconfig, &["delete", "--ignore-not-found", "--timeout=60s", "-f", &path]);
    let errors = String::from_utf8_lossy(&output.stderr);
    // an object goes with its definition, whose kind is then unknown
    let real =
        errors.lines().find(|line| !line.contains("no matches for kind") && !line.contains("ensure CRDs are installed first"));
    assert!(real.is_none_or(|line| line.starts_with("Warning")), "{}: {errors}", fixture.name);
    let started = Instant::now();
    while !is_clean(&info(kubeconfig)) {
        assert!(started.elapsed() < SETTLE, "{} left traces", fixture.name);
        sleep(Duration::from_millis(500));
    }
}

/// No plugin, and nothing left over of one.
fn is_clean(report: &Value) -> bool {
    report["facts"].as_array().expect("facts").iter().all(|f| {
        let unknown = f["name"] == "plugin" && f["value"].as_str().is_some_and(|v| v.starts_with("unknown"));
        !(f["topic"] == "cni-leftover" || f["topic"] == "cni" && !unknown)
    })
}

#[test]
fn every_plugin_is_recognised_on_a_real_api_server() {
    let Ok(kubeconfig) = env::var("NETCHECK_E2E_CNI_KUBECONFIG") else {
        assert!(env::var("CI").as_deref() != Ok("true"), "SKIPPED: set NETCHECK_E2E_CNI_KUBECONFIG to a cluster without a CNI");
        say("SKIPPED every_plugin_is_recognised_on_a_real_api_server: NETCHECK_E2E_CNI_KUBECONFIG is not set");
        return;
    };
    assert!(is_clean(&info(&kubeconfig)), "the cluster already has a network plugin, or traces of one");
    let all = Fixture::all();
    let mut misses = Vec::new();
    for fixture in &all {
        apply(&kubeconfig, fixture);
        let started = Instant::now();
        let mut missed = fixture.misses(&info(&kubeconfig));
        // a group may be listed a moment later than its objects
        while !missed.is_empty() && started.elapsed() < Duration::from_secs(8) {
            sleep(Duration::from_millis(500));
            missed = fixture.misses(&info(&kubeconfig));
        }
        say(&format!("{} {}", if missed.is_empty() { "ok    " } else { "MISSED" }, fixture.name));
        misses.extend(missed);
        remove(&kubeconfig, fixture);
    }
    assert!(misses.is_empty(), "{} of {} files: {}", misses.len(), all.len(), misses.join("\n"));
}
