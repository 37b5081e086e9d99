//! Faults on a real cluster: each file of `tests/e2e/scenarios` is applied, asked, broken, asked, healed and asked again.
//!
//! Only a kubeconfig is needed, so this runs on any cluster that can start the two images. The environment says the rest:
//!
//! - `NETCHECK_E2E_KUBECONFIG`: the cluster; without it this is skipped, and with `CI=true` that is a failure.
//! - `NETCHECK_IMAGE`: the agent's image. `NETCHECK_E2E_TOOLS_IMAGE`: busybox and the echo server of `tests/cluster/src`.
//! - `NETCHECK_E2E_NODE_EXEC`: a command prefix that runs `NODE COMMAND...` on a node, for scenarios that break one.
//! - `NETCHECK_E2E_CONFIG`: what the table calls this cluster. `NETCHECK_E2E_ONLY=a,b`: only these scenarios.
//! - `NETCHECK_E2E_SELECTION=1`: only the healthy scenarios and those marked `selection`.

use std::collections::BTreeSet;
use std::env;
use std::io::Write as _;

mod cluster;
mod judge;
mod run;
mod scenario;
mod table;

use scenario::Scenario;

/// A line for the person who waits; the test harness holds back what goes through `print!`.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

#[test]
fn scenarios_are_well_formed() {
    let all = scenario::all();
    assert!(all.len() > 20, "{} scenarios", all.len());
    let codes: BTreeSet<&str> = netcheck::correlate::metas().iter().map(|m| m.code).collect();
    let parts = scenario::parts();
    let mut wrong = Vec::new();
    for s in &all {
        wrong.extend(s.faults(&parts, &codes).into_iter().map(|fault| format!("{}: {fault}", s.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faults_on_a_cluster() {
    let Ok(kubeconfig) = env::var("NETCHECK_E2E_KUBECONFIG") else {
        assert!(env::var("CI").as_deref() != Ok("true"), "SKIPPED: set NETCHECK_E2E_KUBECONFIG to a cluster's kubeconfig");
        say("SKIPPED faults_on_a_cluster: NETCHECK_E2E_KUBECONFIG is not set");
        return;
    };
    let cluster = cluster::Cluster::connect(&kubeconfig);
    let only: Option<BTreeSet<String>> =
        env::var("NETCHECK_E2E_ONLY").ok().map(|names| names.split(',').map(str::to_owned).collect());
    let selection = env::var_os("NETCHECK_E2E_SELECTION").is_some();
    let wanted = |s: &Scenario| match &only {
        Some(names) => names.contains(&s.name),
        None => !selection || s.selection || s.broken.is_none(),
    };
    let (chosen, lacking): (Vec<Scenario>, Vec<Scenario>) =
        scenario::all().into_iter().filter(wanted).partition(|s| cluster.lacks(s).is_none());
    assert!(!chosen.is_empty(), "no scenario is left to run");
    let mut rows: Vec<table::Row> =
        lacking.iter().map(|s| table::Row::skipped(&cluster.config, s, &cluster.lacks(s).unwrap_or_default())).collect();
    rows.extend(run::all(&cluster, &chosen));
    table::write(&cluster.config, &rows);
    table::print(&rows);
    let bad: Vec<&str> = rows.iter().filter(|r| r.is_bad()).map(|r| r.scenario.as_str()).collect();
    assert!(bad.is_empty(), "{} of {} scenarios failed on {}: {}", bad.len(), rows.len(), cluster.config, bad.join(", "));
}

/// `UPDATE=1 cargo test --test it e2e::the_table` writes docs/e2e.md from the rows of the last runs.
#[test]
fn the_table() {
    if env::var_os("UPDATE").is_some() {
        table::update();
    }
    table::check();
}
