//! Runs scenarios: the namespaced ones a few at a time, then the exclusive ones alone.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::cluster::Cluster;
use super::judge::{self, Judge};
use super::scenario::{Expect, Form, Scenario, Step};
use super::table::{Outcome, Row};
use super::{say, scenario};

const PODS_READY: &str = "kubectl wait --for=condition=Ready pod --all --timeout=100s";
/// How many scenarios run at once: most of their time they wait for the cluster.
const AT_ONCE: usize = 6;

/// Every scenario that the cluster can take, in the order of the rows.
pub fn all(cluster: &Cluster, scenarios: &[Scenario]) -> Vec<Row> {
    let namespaces: BTreeSet<String> = scenarios.iter().map(Scenario::namespace).collect();
    cluster.namespaces(&namespaces);
    cluster.create(&manifests(cluster, scenarios));
    // a node that still starts a hundred pods starts an agent late: that is not what is tested here
    for namespace in &namespaces {
        if let Err(why) = cluster.until(PODS_READY, Some(namespace)) {
            say(&format!("{namespace}: {why}"));
        }
    }
    let judge = Judge::new();
    let rows = Mutex::new(Vec::new());
    let (alone, together): (Vec<&Scenario>, Vec<&Scenario>) = scenarios.iter().partition(|s| s.exclusive);
    let total = scenarios.len();
    let one = |s: &Scenario| {
        let row = Run { cluster, judge: &judge, scenario: s, namespace: s.namespace(), row: Row::new(&cluster.config, s) }.run();
        let mut rows = rows.lock().expect("no panic while held");
        rows.push(row);
        let row = rows.last().expect("just pushed");
        say(&format!("[{}/{total}] {}", rows.len(), row.line()));
        if row.is_bad() {
            say(&row.detail);
        }
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(s) = together.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(s);
                }
            });
        }
    });
    alone.into_iter().for_each(one);
    cluster.forget();
    rows.into_inner().expect("no panic while held")
}

/// What all scenarios apply as one list, each part once a namespace, in the scenarios' order: pods start in that order.
fn manifests(cluster: &Cluster, scenarios: &[Scenario]) -> String {
    let parts = scenario::parts();
    let mut done: BTreeSet<(String, &str)> = BTreeSet::new();
    let mut items: Vec<Value> = Vec::new();
    let (alone, together): (Vec<&Scenario>, Vec<&Scenario>) = scenarios.iter().partition(|s| s.exclusive);
    for s in together.into_iter().chain(alone) {
        let namespace = s.namespace();
        let used = s.parts.iter().filter_map(|p| parts.get(p)).map(String::as_str);
        for part in used.chain([s.apply.as_str()]).filter(|t| !t.trim().is_empty()) {
            if done.insert((namespace.clone(), part)) {
                let text = cluster.fill(part, &namespace);
                let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", s.name));
                items.extend(documents.into_iter().map(|d| in_namespace(d, &namespace)));
            }
        }
    }
    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Every document names its namespace: they are all created in one call.
fn in_namespace(mut document: Value, namespace: &str) -> Value {
    if document["kind"] != "Namespace"
        && let Some(metadata) = document["metadata"].as_object_mut()
    {
        metadata.entry("namespace").or_insert_with(|| namespace.into());
    }
    document
}

struct Run<'a> {
    cluster: &'a Cluster,
    judge: &'a Judge,
    scenario: &'a Scenario,
    namespace: String,
    row: Row,
}

impl Run<'_> {
    fn run(mut self) -> Row {
        let started = Instant::now();
        if let Err(why) = self.phases() {
            self.row.fail(Outcome::Error, &why);
        }
        self.row.whole_seconds = Some(started.elapsed().as_secs_f64());
        self.row
    }

    /// Ready, asked, broken, asked, healed, asked. An `Err` is the test's own trouble, not netcheck's answer.
    fn phases(&mut self) -> Result<(), String> {
        let (cluster, scenario, namespace) = (self.cluster, self.scenario, self.namespace.clone());
        cluster.until(PODS_READY, Some(&namespace))?;
        self.steps(&scenario.ready)?;
        self.traffic(true)?;
        self.row.healthy_seconds = Some(self.ask("healthy", &scenario.healthy));
        let (Some(breaking), Some(expect)) = (&scenario.broken, &scenario.expect) else { return Ok(()) };
        let saved = scenario.restore.iter().map(|o| cluster.saved(o)).collect::<Result<Vec<_>, _>>()?;
        let broken = self.broken(breaking, expect);
        // healed also when breaking failed half-way: the next scenario needs the cluster
        for object in &saved {
            cluster.put_back(object)?;
        }
        let healed = self.steps(&scenario.heal);
        broken?;
        healed?;
        self.traffic(true)?;
        self.ask("healed", scenario.healed.as_ref().unwrap_or(&scenario.healthy));
        Ok(())
    }

    fn broken(&mut self, breaking: &[Step], expect: &Expect) -> Result<(), String> {
        self.steps(breaking)?;
        self.traffic(self.scenario.passes)?;
        let form = Form { command: None, expect: expect.clone() };
        self.row.seconds = Some(self.ask("broken", &form));
        Ok(())
    }

    fn steps(&self, steps: &[Step]) -> Result<(), String> {
        steps.iter().try_for_each(|step| self.cluster.step(step, &self.namespace))
    }

    /// Waits until the client's traffic passes, or does not. Twice in a row: rules are written one after the other.
    fn traffic(&self, passes: bool) -> Result<(), String> {
        let Some(traffic) = &self.scenario.traffic else { return Ok(()) };
        let traffic = self.cluster.fill(traffic, &self.namespace).replace('\'', r"'\''");
        let wanted = if passes { "" } else { "!" };
        let once = format!("{wanted} kubectl exec client -c client -- sh -c '{traffic}'");
        self.cluster.until(&format!("{once} && {once}"), Some(&self.namespace))
    }

    /// One diagnosis, judged; the seconds it took.
    fn ask(&mut self, phase: &str, form: &Form) -> f64 {
        let command = form.command.as_ref().unwrap_or(&self.scenario.command);
        let line = format!("kubectl netcheck {}", self.cluster.fill(command, &self.namespace));
        // a busy machine starts agents late
        let line = format!("{line} --timeout 110s");
        let done = self.cluster.sh(&format!("{line} -o json"), Some(&self.namespace));
        let fill = |text: &str| self.cluster.fill(text, &self.namespace);
        let wrong = self.judge.compare(&done, &form.expect, &fill);
        if !wrong.is_empty() {
            let text = self.cluster.sh(&line, Some(&self.namespace));
            let outcome = judge::outcome(&done, phase, &form.expect);
            let detail = format!("    {phase}: {line}\n      {}\n{}", wrong.join("\n      "), indent(&text.out, &text.err));
            self.row.fail(outcome, &detail);
        }
        done.took.as_secs_f64()
    }
}

fn indent(out: &str, err: &str) -> String {
    let lines: Vec<String> = out.lines().chain(err.lines()).map(|l| format!("      | {l}")).collect();
    lines.join("\n")
}
