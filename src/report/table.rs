//! The tables inside reports for people.

use super::diagnosis::{EvidencePart, HopPart, MeasurementPart};
use super::page::{Ink, Page};

/// What was seen where, beside what would be right when any row says so. A list when the cells are too long for columns.
pub(super) fn evidence(page: &mut Page, evidence: &[EvidencePart]) {
    let compares = evidence.iter().any(|e| !e.expected.is_empty());
    let row = |e: &EvidencePart| {
        let expected = compares.then(|| e.expected.clone());
        std::iter::once(e.source.clone()).chain(expected).chain([e.seen.clone()]).collect()
    };
    let rows: Vec<Vec<String>> = evidence.iter().map(row).collect();
    let header: &[&str] = if compares { &["READ AT", "EXPECTED", "SEEN"] } else { &["READ AT", "SEEN"] };
    if page.fits(2, header, &rows) {
        page.table(2, header, &rows);
        return;
    }
    for e in evidence {
        page.paragraph(2, 2, &[(Ink::Plain, &e.source)]);
        if !e.expected.is_empty() {
            page.field(4, "expected", &[(Ink::Plain, &e.expected)]);
        }
        page.field(4, "seen", &[(Ink::Plain, &e.seen)]);
    }
}

pub(super) fn path(page: &mut Page, hops: &[HopPart]) {
    let rows: Vec<Vec<String>> = hops.iter().map(|h| vec![h.state.clone(), h.at.clone(), h.seen.clone()]).collect();
    page.table(2, &[], &rows);
}

/// Every probe and what came of it.
pub(super) fn measurements(page: &mut Page, measurements: &[MeasurementPart]) {
    if measurements.is_empty() {
        return;
    }
    let time = |m: &MeasurementPart| m.time_us.map(micros).unwrap_or_default();
    let rows: Vec<Vec<String>> =
        measurements.iter().map(|m| vec![m.from.clone(), m.probe.clone(), m.result.clone(), time(m), m.detail.clone()]).collect();
    page.blank();
    page.table(0, &["FROM", "PROBE", "RESULT", "TIME", "DETAIL"], &rows);
}

fn micros(us: u64) -> String {
    if us < 1000 { format!("{us} µs") } else { format!("{}.{} ms", us / 1000, us % 1000 / 100) }
}
