//! The matrix for people: a grid of signs with a legend.

use super::{Pairs, PolicyMatrix, PortPart};
use crate::report::diagnosis::GapPart;
use crate::report::page::{Ink, Page, Style};
use crate::report::policy_pair::ProblemPart;

/// Sources and destinations that are shown without `wide`: more are a matter for csv and json.
const MAX_ROWS: usize = 50;
const MAX_COLUMNS: usize = 50;

/// Left of the grid.
const INDENT: usize = 2;

/// Writes the report. `wide` shows every row and column.
pub fn render(matrix: &PolicyMatrix, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    let undecided = matrix.exit_code != 0;
    page.headline(if undecided { Ink::Warn } else { Ink::Bold }, &matrix.sentence);
    page.blank();
    page.field(2, "enforced", &[(Ink::Plain, &matrix.enforcement)]);
    grid(&mut page, &matrix.connections, matrix.namespace.as_deref(), style, wide);
    parts(&mut page, matrix);
    problems(&mut page, &matrix.problems);
    gaps(&mut page, &matrix.gaps);
    page.finish()
}

/// `deployment/web` where every end is in one namespace.
pub(super) fn short<'n>(name: &'n str, namespace: Option<&str>) -> std::borrow::Cow<'n, str> {
    match namespace {
        Some(namespace) => name.replacen(&format!("/{namespace}/"), "/", 1).into(),
        None => name.into(),
    }
}

fn grid(page: &mut Page, pairs: &Pairs, namespace: Option<&str>, style: Style, wide: bool) {
    if pairs.from.is_empty() || pairs.to.is_empty() {
        return;
    }
    let (rows, columns) = if wide { (usize::MAX, usize::MAX) } else { (MAX_ROWS, MAX_COLUMNS) };
    let (rows, columns) = (rows.min(pairs.from.len()), columns.min(pairs.to.len()));
    let names: Vec<String> = pairs.from.iter().take(rows).map(|n| short(n, namespace).into_owned()).collect();
    let label = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    // two spaces after each, as tables have
    let cell = columns.to_string().len() + 2;
    let width = usize::from(style.width).saturating_sub(INDENT + label + 2);
    let at_once = (width / cell).max(4).min(columns);
    let numbers: Vec<usize> = (0..columns).collect();
    for block in numbers.chunks(at_once) {
        page.blank();
        let header: Vec<String> =
            std::iter::once("FROM \\ TO".to_owned()).chain(block.iter().map(|n| (n + 1).to_string())).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let lines: Vec<Vec<String>> = names
            .iter()
            .enumerate()
            .map(|(row, name)| {
                let cells = pairs.row(row);
                let signs = block.iter().map(|at| cells.get(*at).map_or("", |c| c.sign()).to_owned());
                std::iter::once(name.clone()).chain(signs).collect()
            })
            .collect();
        page.table(INDENT, &header, &lines);
    }
    page.paragraph(INDENT, 0, &[(Ink::Faint, "+ allowed, - denied, ? undetermined, . a pod and itself")]);
    page.blank();
    let legend = |(n, to): (usize, &PortPart)| {
        vec![(n + 1).to_string(), format!("{} port {}/{}", short(&to.to, namespace), to.port, to.protocol)]
    };
    let legend: Vec<Vec<String>> = pairs.to.iter().take(columns).enumerate().map(legend).collect();
    page.table(INDENT, &[], &legend);
    let (more_rows, more_columns) = (pairs.from.len() - rows, pairs.to.len() - columns);
    if more_rows + more_columns > 0 {
        let text =
            format!("Left out: {more_rows} more sources and {more_columns} more destinations. -o wide, csv and json have all.");
        page.paragraph(INDENT, 0, &[(Ink::Warn, &text)]);
    }
}

/// Workloads whose pods are not treated alike.
fn parts(page: &mut Page, matrix: &PolicyMatrix) {
    let parts: Vec<_> = matrix.workloads.iter().filter(|w| !w.only.is_empty()).collect();
    if parts.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Policies do not treat all pods of these alike")]);
    for part in parts {
        let name = part.name.split('[').next().unwrap_or_default();
        page.paragraph(2, 2, &[(Ink::Plain, name), (Ink::Faint, ": "), (Ink::Plain, &part.only.join(", "))]);
    }
}

pub(super) fn problems(page: &mut Page, problems: &[ProblemPart]) {
    if problems.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Wrong in the policies")]);
    for problem in problems {
        let what = format!("{} {}: ", problem.policy, problem.at);
        page.paragraph(2, 2, &[(Ink::Warn, &what), (Ink::Plain, &problem.text)]);
    }
}

pub(super) fn gaps(page: &mut Page, gaps: &[GapPart]) {
    if gaps.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Not judged")]);
    for gap in gaps {
        page.paragraph(2, 2, &[(Ink::Plain, &gap.what), (Ink::Faint, ": "), (Ink::Plain, &gap.why)]);
    }
}
