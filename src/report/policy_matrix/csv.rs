//! The matrix for spreadsheets: a line a connection (RFC 4180).

use std::borrow::Cow;

use super::{ChangePart, Pairs};
use crate::report::sanitise;

/// The longest outcome, and the end of a line.
const OUTCOME: usize = "undetermined\n".len();

/// The lines, those of one source at a time; the first names the columns. Not one text: large clusters have millions.
pub fn csv(pairs: &Pairs) -> impl Iterator<Item = String> {
    let to: Vec<String> = pairs.to.iter().map(|c| format!(",{},{},{},", field(&c.to), c.port, c.protocol)).collect();
    let longest = to.iter().map(String::len).max().unwrap_or(0) + OUTCOME;
    let lines = pairs.from.iter().enumerate().map(move |(row, from)| {
        let from = field(from);
        let mut lines = String::with_capacity(to.len() * (from.len() + longest));
        for (to, outcome) in to.iter().zip(pairs.row(row)).filter_map(|(to, cell)| Some((to, cell.outcome()?))) {
            lines.extend([&from, to.as_str(), outcome.word(), "\n"]);
        }
        lines
    });
    std::iter::once(String::from("from,to,port,protocol,outcome\n")).chain(lines)
}

/// The same for a comparison.
pub fn csv_of_changes(changes: &[ChangePart]) -> impl Iterator<Item = String> {
    let lines = changes.iter().map(|change| {
        let (from, to) = (field(&change.from), field(&change.to));
        let (before, after) = (change.before.outcome.word(), change.after.outcome.word());
        format!("{from},{to},{},{},{before},{after}\n", change.port, change.protocol)
    });
    std::iter::once(String::from("from,to,port,protocol,before,after\n")).chain(lines)
}

/// A name as one field; names of pods in brackets have commas.
fn field(name: &str) -> Cow<'_, str> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | '[' | ']'));
    if is_plain { Cow::Borrowed(name) } else { Cow::Owned(format!("\"{}\"", sanitise::line(name).replace('"', "\"\""))) }
}
