//! The rows of a run, and the table of all runs in docs/e2e.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::say;
use super::scenario::{self, Scenario};
use crate::root;

/// The worst that happened to a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A healthy question: exit 0, no cause, no warning.
    Healthy,
    /// The fault was found, and nothing before and after it.
    Found,
    Skipped,
    /// The right code with another object, exit code or sentence.
    Differs,
    /// Another code than the fault's.
    Wrong,
    Missed,
    FalseAlarm,
    NoAnswer,
    /// The test's own trouble: the fault could not be made, or not be healed.
    Error,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    pub config: String,
    pub scenario: String,
    pub description: String,
    /// The finding's code, when the scenario has one.
    pub code: Option<String>,
    pub outcome: Outcome,
    /// Of the diagnosis of the broken cluster, from the command to its end.
    pub seconds: Option<f64>,
    /// Of the first diagnosis of the healthy one, which starts the agent.
    pub healthy_seconds: Option<f64>,
    /// Of the whole scenario, its waits included: where a run's time goes.
    #[serde(default)]
    pub whole_seconds: Option<f64>,
    pub detail: String,
}

impl Row {
    pub fn new(config: &str, s: &Scenario) -> Self {
        let expected = s.expect.as_ref().and_then(|e| e.code.clone().or_else(|| e.warnings.first().cloned()));
        Self {
            config: config.to_owned(),
            scenario: s.name.clone(),
            description: s.description.trim().to_owned(),
            outcome: if expected.is_some() { Outcome::Found } else { Outcome::Healthy },
            code: expected,
            seconds: None,
            healthy_seconds: None,
            whole_seconds: None,
            detail: String::new(),
        }
    }

    pub fn skipped(config: &str, s: &Scenario, why: &str) -> Self {
        Self { outcome: Outcome::Skipped, detail: why.to_owned(), ..Self::new(config, s) }
    }

    /// Notes what went wrong; the worst outcome stays.
    pub fn fail(&mut self, outcome: Outcome, detail: &str) {
        self.outcome = self.outcome.max(outcome);
        self.detail.push_str(detail);
        self.detail.push('\n');
    }

    pub fn is_bad(&self) -> bool {
        self.outcome > Outcome::Skipped
    }

    pub fn line(&self) -> String {
        let code = self.code.as_deref().unwrap_or("-");
        let why = if self.outcome == Outcome::Skipped { self.detail.as_str() } else { "" };
        format!(
            "{:<40} {code:<7} {:<12} {:>6} {:>6} {:>7}  {why}",
            self.scenario,
            self.outcome.word(),
            seconds(self.healthy_seconds),
            seconds(self.seconds),
            seconds(self.whole_seconds)
        )
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Found => "found",
            Self::Skipped => "skipped",
            Self::Differs => "DIFFERS",
            Self::Wrong => "WRONG",
            Self::Missed => "MISSED",
            Self::FalseAlarm => "FALSE ALARM",
            Self::NoAnswer => "NO ANSWER",
            Self::Error => "ERROR",
        }
    }
}

fn seconds(s: Option<f64>) -> String {
    s.map_or_else(String::new, |s| format!("{s:.1} s"))
}

fn folder() -> PathBuf {
    root().join("target/e2e")
}

/// One JSON line a scenario.
pub fn write(config: &str, rows: &[Row]) {
    let lines: Vec<String> = rows.iter().map(|r| serde_json::to_string(r).expect("plain data")).collect();
    fs::write(folder().join(format!("{config}.jsonl")), lines.join("\n") + "\n").expect("writable");
}

pub fn print(rows: &[Row]) {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    say(&format!("\n{:<40} {:<7} {:<12} {:>6} {:>6} {:>7}", "scenario", "code", "outcome", "first", "broken", "whole"));
    for row in rows {
        say(&row.line());
    }
}

/// Writes docs/e2e.md from every configuration that has run whole.
pub fn update() {
    let mut configs: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    for path in fs::read_dir(folder()).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.extension().is_some_and(|e| e == "jsonl") {
            let text = fs::read_to_string(&path).expect("readable");
            let rows: Vec<Row> = text.lines().map(|l| serde_json::from_str(l).expect("a row")).collect();
            for row in rows {
                configs.entry(row.config.clone()).or_default().insert(row.scenario.clone(), row);
            }
        }
    }
    assert!(!configs.is_empty(), "no run to write down: target/e2e is empty");
    fs::write(root().join("docs/e2e.md"), page(&configs)).expect("writable");
}

fn page(configs: &BTreeMap<String, BTreeMap<String, Row>>) -> String {
    let mut page = String::from(
        "# Faults made on a real cluster\n\n\
         Written by `UPDATE=1 cargo test --test it e2e::the_table` from the last `tests/run`; every row is a file of \
         [tests/e2e/scenarios](../tests/e2e/scenarios).\n\n\
         Each scenario is asked while healthy (exit 0, no cause, no warning), after its fault was made (the code, the object and the \
         exit code must be right, or, for a fault beside the question, exit 0 with the warning) and after it was healed. The seconds \
         are those of the diagnosis of the broken cluster, six scenarios running at once on the machine that also is the cluster; \
         for a healthy question, those of the first diagnosis, which starts the agent.\n\n",
    );
    let names: Vec<&String> = configs.keys().collect();
    let count = |what: &str, is: &dyn Fn(&Row) -> bool| {
        let cells: Vec<String> = configs.values().map(|rows| rows.values().filter(|r| is(r)).count().to_string()).collect();
        format!("| {what} | {} |\n", cells.join(" | "))
    };
    let header = |first: &str| {
        let named: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
        let columns = first.split('|').count() + names.len();
        format!("| {first} | {} |\n|{}\n", named.join(" | "), "---|".repeat(columns))
    };
    let mut summary = header("in sum");
    summary.push_str(&count("faults found", &|r| r.outcome == Outcome::Found));
    summary.push_str(&count("healthy, and said so", &|r| r.outcome == Outcome::Healthy));
    summary.push_str(&count("missed or wrong", &|r| r.is_bad() && r.outcome != Outcome::FalseAlarm));
    summary.push_str(&count("false alarms", &|r| r.outcome == Outcome::FalseAlarm));
    summary.push_str(&count("not possible there", &|r| r.outcome == Outcome::Skipped));
    page.push_str(&summary);
    page.push('\n');
    page.push_str(&header("scenario | finding"));
    let scenarios: BTreeSet<&String> = configs.values().flat_map(BTreeMap::keys).collect();
    for name in scenarios {
        let row = configs.values().find_map(|rows| rows.get(name)).expect("in one of them");
        let cells: Vec<String> = configs.values().map(|rows| rows.get(name).map_or_else(|| "–".to_owned(), cell)).collect();
        let code = row.code.as_deref().unwrap_or("");
        let line = format!("| **{name}**: {} | {code} | {} |\n", row.description.replace('\n', " "), cells.join(" | "));
        page.push_str(&line);
    }
    page
}

fn cell(row: &Row) -> String {
    match row.outcome {
        Outcome::Skipped => row.detail.clone(),
        Outcome::Healthy => format!("healthy, {}", seconds(row.healthy_seconds)),
        Outcome::Found => format!("found, {}", seconds(row.seconds)),
        Outcome::Differs | Outcome::Wrong | Outcome::Missed | Outcome::FalseAlarm | Outcome::NoAnswer | Outcome::Error => {
            format!("**{}**", row.outcome.word())
        }
    }
}

/// The committed table names every scenario there is, and none that is gone.
pub fn check() {
    let Ok(page) = fs::read_to_string(root().join("docs/e2e.md")) else { return };
    let listed: BTreeSet<&str> = page.lines().filter_map(|l| l.strip_prefix("| **")?.split("**").next()).collect();
    let all: Vec<String> = scenario::all().into_iter().map(|s| s.name).collect();
    let known: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert!(listed == known, "docs/e2e.md does not list the scenarios there are: run them and UPDATE=1 the table");
}
