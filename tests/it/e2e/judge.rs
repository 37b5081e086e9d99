//! Holds a report against what a scenario expects.

use std::fs;

use serde_json::Value;

use super::cluster::Done;
use super::scenario::Expect;
use super::table::Outcome;
use crate::root;

pub struct Judge {
    schema: jsonschema::Validator,
}

impl Judge {
    pub fn new() -> Self {
        let text = fs::read_to_string(root().join("docs/report.schema.json")).expect("the schema is committed");
        let schema = serde_json::from_str(&text).expect("the schema is JSON");
        Self { schema: jsonschema::validator_for(&schema).expect("the schema is one") }
    }

    /// Where the report differs from what is expected, a line each.
    pub fn compare(&self, done: &Done, expect: &Expect, fill: &dyn Fn(&str) -> String) -> Vec<String> {
        let mut wrong = Vec::new();
        if done.code != expect.exit {
            wrong.push(format!("exit {}, expected {}", done.code, expect.exit));
        }
        let report: Value = match serde_json::from_str(&done.out) {
            Ok(report) => report,
            Err(error) => {
                wrong.push(format!("stdout is not JSON: {error}: {}", done.words()));
                return wrong;
            }
        };
        wrong.extend(self.schema.iter_errors(&report).map(|e| format!("not as the schema says: {e}")));
        if report["exitCode"] != done.code {
            wrong.push(format!("exitCode {} in the report, exit {}", report["exitCode"], done.code));
        }
        let mut same = |what: &str, seen: &Value, expected: Option<&String>| {
            if let Some(expected) = expected.map(|e| fill(e))
                && !seen.as_str().is_some_and(|seen| is_as(seen, &expected))
            {
                wrong.push(format!("{what}: {seen}, expected {expected}"));
            }
        };
        let cause = &report["causes"][0];
        same("first cause", &cause["code"], expect.code.as_ref());
        same("about", &cause["about"], expect.about.as_ref());
        same("confidence", &cause["confidence"], expect.confidence.as_ref());
        let reachable = "reachable".to_owned();
        let by_default = expect.code.is_none().then_some(&reachable);
        same("measured", &report["verdict"]["measured"], expect.measured.as_ref().or(by_default));
        if expect.code.is_none() && !cause.is_null() {
            wrong.push(format!("a cause where there is none: {cause}"));
        }
        let told = cause.to_string();
        let missing = expect.says.iter().map(|s| fill(s)).filter(|s| !told.contains(s.as_str()));
        wrong.extend(missing.map(|s| format!("the first cause does not say {s:?}")));
        wrong.extend(notices(&report, expect));
        wrong
    }
}

/// `*` at the end of what is expected stands for any rest.
fn is_as(seen: &str, expected: &str) -> bool {
    expected.strip_suffix('*').map_or(seen == expected, |start| seen.starts_with(start))
}

fn notices(report: &Value, expect: &Expect) -> Vec<String> {
    let of = |weight: &str| -> Vec<String> {
        let all = report["notices"].as_array().into_iter().flatten();
        all.filter(|n| n["weight"] == weight).filter_map(|n| Some(n["code"].as_str()?.to_owned())).collect()
    };
    let (warnings, notes) = (of("warning"), of("note"));
    let mut wrong = Vec::new();
    let missing = |wanted: &[String], seen: &[String], what: &str| -> Vec<String> {
        wanted.iter().filter(|c| !seen.contains(c)).map(|c| format!("no {what} {c}")).collect()
    };
    wrong.extend(missing(&expect.warnings, &warnings, "warning"));
    wrong.extend(missing(&expect.notes, &notes, "note"));
    if expect.code.is_none() {
        let extra = warnings.iter().filter(|c| !expect.warnings.contains(c));
        wrong.extend(extra.map(|c| format!("a warning where there is none: {c}")));
    }
    wrong
}

/// What a wrong answer counts as.
pub fn outcome(done: &Done, phase: &str, expect: &Expect) -> Outcome {
    let report: Value = serde_json::from_str(&done.out).unwrap_or_default();
    let causes = report["causes"].as_array().map_or(0, Vec::len);
    match (&expect.code, causes) {
        _ if !report.is_object() => Outcome::NoAnswer,
        (None, 1..) => Outcome::FalseAlarm,
        (Some(_), 0) => Outcome::Missed,
        (Some(code), _) if report["causes"][0]["code"] == **code => Outcome::Differs,
        (Some(_), _) => Outcome::Wrong,
        (None, 0) if phase == "broken" && !expect.warnings.is_empty() => Outcome::Missed,
        (None, 0) => Outcome::Differs,
    }
}
