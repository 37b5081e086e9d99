//! The report of `kubectl netcheck policy matrix --diff`: which connections end differently.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::short;
use crate::report::diagnosis::GapPart;
use crate::report::page::{Ink, Page, Style};
use crate::report::policy_pair::{OutcomePart, ProblemPart};

/// Changes that are shown without `wide`.
const MAX_CHANGES: usize = 40;

/// What another state of the policies changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMatrixDiff {
    pub api_version: String,
    /// Always `PolicyMatrixDiff`.
    pub kind: String,
    /// 0: nothing changes. 1: a connection that was allowed is denied, or the other way round. 3: neither is proven, and some
    /// connections are undetermined.
    pub exit_code: u8,
    /// How many connections change, and how.
    pub sentence: String,
    /// The namespace that both ends are in; absent for all.
    pub namespace: Option<String>,
    /// What the other state is, such as `new.yaml applied`.
    pub other: String,
    /// How many connections are there before and after.
    pub compared: usize,
    /// How many of them are undetermined before and after: they may change or not.
    pub undetermined: usize,
    /// Those that end differently.
    pub changes: Vec<ChangePart>,
    /// Workloads that the other state lacks; they are not compared.
    pub only_before: Vec<String>,
    /// Workloads that only the other state has; they are not compared.
    pub only_after: Vec<String>,
    /// What is wrong in the policies of the other state alone.
    pub problems: Vec<ProblemPart>,
    /// What could not be judged, and why.
    pub gaps: Vec<GapPart>,
}

/// A connection that ends differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangePart {
    pub from: String,
    pub to: String,
    /// Of the destination's pods.
    pub port: u16,
    pub protocol: String,
    pub before: StatePart,
    pub after: StatePart,
}

/// How a connection ends in one of the two states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatePart {
    pub outcome: OutcomePart,
    /// What decides the direction that changes; absent where there are too many changes to explain each.
    pub because: Option<String>,
    /// The policies that decide it; none where no policy does.
    pub policies: Vec<String>,
}

/// Writes the report. `wide` shows every change.
pub fn render_diff(diff: &PolicyMatrixDiff, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    let ink = match diff.exit_code {
        0 => Ink::Good,
        1 => Ink::Bad,
        _ => Ink::Warn,
    };
    page.headline(ink, &diff.sentence);
    let limit = if wide { usize::MAX } else { MAX_CHANGES };
    for change in diff.changes.iter().take(limit) {
        page.blank();
        one(&mut page, change, diff.namespace.as_deref());
    }
    let more = diff.changes.len().saturating_sub(limit);
    if more > 0 {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Warn, &format!("Left out: {more} more changes. -o wide, csv and json have all."))]);
    }
    let only = [("Only before, not compared", &diff.only_before), ("Only after, not compared", &diff.only_after)];
    for (title, names) in only.iter().filter(|(_, names)| !names.is_empty()) {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, title)]);
        page.paragraph(2, 0, &[(Ink::Plain, &names.join(", "))]);
    }
    super::text::problems(&mut page, &diff.problems);
    super::text::gaps(&mut page, &diff.gaps);
    page.finish()
}

fn one(page: &mut Page, change: &ChangePart, namespace: Option<&str>) {
    let (ink, word) = match change.after.outcome {
        OutcomePart::Allowed => (Ink::Good, "Allowed"),
        OutcomePart::Denied => (Ink::Bad, "Denied"),
        OutcomePart::Undetermined => (Ink::Warn, "Undetermined"),
    };
    let ends = format!(
        " {} to {} port {}/{}",
        short(&change.from, namespace),
        short(&change.to, namespace),
        change.port,
        change.protocol
    );
    page.paragraph(0, 2, &[(ink, word), (Ink::Bold, &ends)]);
    for (label, state) in [("before", &change.before), ("after", &change.after)] {
        let because = state.because.as_ref().map(|b| format!(", {b}")).unwrap_or_default();
        page.field(2, label, &[(Ink::Plain, state.outcome.word()), (Ink::Plain, &because)]);
    }
}
