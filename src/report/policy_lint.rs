//! The report of `kubectl netcheck policy lint`: what is wrong with policies as they are written.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::{API_VERSION, FindingPart, GapPart};
use super::page::{Ink, Page, Style};
use super::{sanitise, table};
use crate::finding::{Finding, Weight};
use crate::policy::lint::{Linted, Located};

/// Findings that a report holds; of more, only the number.
const MAX_FINDINGS: usize = 10_000;

/// What is wrong with the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyLint {
    pub api_version: String,
    /// Always `PolicyLint`.
    pub kind: String,
    /// 0 no warning, 1 a warning, 3 no warning, and not everything could be looked at.
    pub exit_code: u8,
    /// One sentence with the numbers.
    pub sentence: String,
    /// How many policies were looked at.
    pub policies: usize,
    /// How many pods they were held against; of manifests, one for each workload without pods of its own.
    pub pods: usize,
    /// Whether anything enforces the policies, as far as the cluster's network says.
    pub enforcement: String,
    /// Warnings first, then by policy.
    pub findings: Vec<LintPart>,
    /// How many more there are than are listed.
    pub more_findings: usize,
    /// What could not be decided, and why.
    pub gaps: Vec<GapPart>,
}

/// One finding, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LintPart {
    #[serde(flatten)]
    pub finding: FindingPart,
    /// The part of the object, such as `spec.ingress[0].from[1]`; empty for all of it.
    pub at: String,
    /// Where that is written; absent when no file was read.
    pub place: Option<PlacePart>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlacePart {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}

impl PolicyLint {
    /// `place`: file and line of a finding.
    pub fn new(linted: &Linted, place: &dyn Fn(&Located) -> Option<PlacePart>) -> Self {
        let count = |weight: Weight| linted.findings.iter().filter(|l| l.finding.weight == weight).count();
        let (warnings, notes) = (count(Weight::Cause) + count(Weight::Warning), count(Weight::Note));
        let part = |located: &Located| LintPart {
            finding: FindingPart::from(&located.finding),
            at: located.at.clone(),
            place: place(located),
        };
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "PolicyLint".to_owned(),
            exit_code: match (warnings, linted.is_incomplete) {
                (0, false) => 0,
                (0, true) => 3,
                _ => 1,
            },
            sentence: sentence(linted.policies, linted.pods, linted.is_incomplete, warnings, notes),
            policies: linted.policies,
            pods: linted.pods,
            enforcement: linted.enforcement.clone(),
            findings: linted.findings.iter().take(MAX_FINDINGS).map(part).collect(),
            more_findings: linted.findings.len().saturating_sub(MAX_FINDINGS),
            gaps: linted.open.iter().map(|(what, why)| GapPart { what: what.clone(), why: why.clone() }).collect(),
        }
    }

    /// Adds what could not be read of files: it comes first.
    #[must_use]
    pub fn with_files(mut self, unread: Vec<(PlacePart, Finding)>) -> Self {
        let warnings = unread.len() + self.findings.iter().filter(|f| f.finding.weight != "note").count();
        let notes = self.findings.len() + unread.len() - warnings;
        if !unread.is_empty() {
            self.exit_code = 1;
            self.sentence = sentence(self.policies, self.pods, false, warnings + self.more_findings, notes);
        }
        let part = |(place, finding): (PlacePart, Finding)| LintPart {
            finding: FindingPart::from(&finding),
            at: String::new(),
            place: Some(place),
        };
        self.findings = unread.into_iter().map(part).chain(self.findings).collect();
        self
    }

    /// The codes of what was found, one a line, each once.
    pub fn names(&self) -> String {
        let codes: std::collections::BTreeSet<&str> = self.findings.iter().map(|f| f.finding.code.as_str()).collect();
        codes.into_iter().flat_map(|code| [code, "\n"]).collect()
    }
}

fn sentence(policies: usize, pods: usize, is_incomplete: bool, warnings: usize, notes: usize) -> String {
    let ground = format!("{} over {}", many(policies, "policy", "policies"), many(pods, "pod", "pods"));
    let (warned, noted) = (many(warnings, "warning", "warnings"), many(notes, "note", "notes"));
    match (warnings, notes) {
        (0, 0) if policies == 0 && !is_incomplete => String::from("There is no policy to look at."),
        (0, 0) if is_incomplete => format!("Nothing wrong was found in {ground}, and not all could be looked at."),
        (0, 0) => format!("Nothing wrong was found in {ground}."),
        (0, _) => format!("{noted} on {ground}."),
        (_, 0) => format!("{warned} on {ground}."),
        _ => format!("{warned} and {noted} on {ground}."),
    }
}

fn many(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

/// Writes the report. `wide` adds the evidence.
pub fn render(report: &PolicyLint, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    let ink = match report.exit_code {
        0 => Ink::Good,
        1 => Ink::Bad,
        _ => Ink::Warn,
    };
    page.headline(ink, &report.sentence);
    page.field(2, "enforced", &[(Ink::Plain, &report.enforcement)]);
    for part in &report.findings {
        page.blank();
        one(&mut page, part, wide);
    }
    if report.more_findings > 0 {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Faint, &format!("and {} more", report.more_findings))]);
    }
    if !report.gaps.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Not decided")]);
        for gap in &report.gaps {
            page.paragraph(2, 2, &[(Ink::Plain, &gap.what), (Ink::Faint, ": "), (Ink::Plain, &gap.why)]);
        }
    }
    page.finish()
}

fn one(page: &mut Page, part: &LintPart, wide: bool) {
    let finding = &part.finding;
    let ink = if finding.weight == "note" { Ink::Faint } else { Ink::Warn };
    let head = format!(" {} {}", finding.code, finding.title);
    page.paragraph(0, 2, &[(ink, &finding.weight), (Ink::Bold, &head)]);
    if let Some(place) = &part.place {
        // a path is to be copied: it is not wrapped
        page.verbatim(2, &sanitise::line(&format!("{}:{}", place.file, place.line)));
    }
    page.paragraph(2, 0, &[(Ink::Plain, &finding.sentence)]);
    if wide && !finding.evidence.is_empty() {
        table::evidence(page, &finding.evidence);
    }
    if !finding.next.is_empty() {
        page.field(2, "next", &[(Ink::Plain, &finding.next)]);
    }
}
