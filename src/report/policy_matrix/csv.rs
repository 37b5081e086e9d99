//! The matrix for spreadsheets: a line a connection (RFC 4180).

use std::borrow::Cow;

use super::Pairs;
use crate::report::sanitise;

/// The lines, each with its end; the first names the columns. Not one text: large clusters have millions.
pub fn csv(pairs: &Pairs) -> impl Iterator<Item = String> {
    let lines = pairs.iter().map(|pair| {
        let (from, to) = (field(&pair.from), field(&pair.to));
        format!("{from},{to},{},{},{}\n", pair.port, pair.protocol, pair.outcome.word())
    });
    std::iter::once(String::from("from,to,port,protocol,outcome\n")).chain(lines)
}

/// A name as one field; names of pods in brackets have commas.
fn field(name: &str) -> Cow<'_, str> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | '[' | ']'));
    if is_plain { Cow::Borrowed(name) } else { Cow::Owned(format!("\"{}\"", sanitise::line(name).replace('"', "\"\""))) }
}
