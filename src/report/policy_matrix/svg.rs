//! The matrix as a picture: Scalable Vector Graphics 1.1, for documents and reviews.

use super::text::short;
use super::{Cell, PolicyMatrix};
use crate::report::sanitise;

/// Rows and columns of a picture that a browser still shows at once.
const MAX: usize = 300;

/// Pixels.
const CELL: usize = 20;
const CHAR: usize = 7;
const MARGIN: usize = 12;

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.a{fill:#b7e1c0}.d{fill:#f2b8b5}.u{fill:#ffe08a}.i{fill:#eee}\
.s{text-anchor:middle}.n{font-weight:bold}";

/// Sources are rows, ports of destinations columns. Each field has a sign beside its colour, and a title.
pub fn svg(matrix: &PolicyMatrix) -> String {
    let pairs = &matrix.connections;
    let namespace = matrix.namespace.as_deref();
    let from: Vec<String> = pairs.from.iter().take(MAX).map(|name| xml(&short(name, namespace))).collect();
    let to: Vec<String> =
        pairs.to.iter().take(MAX).map(|c| xml(&format!("{} {}/{}", short(&c.to, namespace), c.port, c.protocol))).collect();
    let widest = |names: &[String]| names.iter().map(|n| n.chars().count()).max().unwrap_or(0) * CHAR;
    let (left, top) = (MARGIN * 2 + widest(&from), MARGIN * 4 + widest(&to));
    let sentence = xml(&matrix.sentence);
    let width = (left + to.len() * CELL).max(sentence.chars().count() * CHAR) + MARGIN * 2;
    let height = top + from.len() * CELL + MARGIN * 4;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text class=\"n\" x=\"{MARGIN}\" y=\"{}\">{sentence}</text>\n",
        MARGIN * 2
    );
    for (at, name) in to.iter().enumerate() {
        let (x, y) = (left + at * CELL + CELL / 2 + 4, top - 6);
        out.push_str(&format_text(&format!("x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\""), name));
    }
    for (row, name) in from.iter().enumerate() {
        let y = top + row * CELL;
        out.push_str(&format_text(&format!("x=\"{MARGIN}\" y=\"{}\"", y + 14), name));
        for (at, (cell, to)) in pairs.row(row).iter().zip(&to).enumerate() {
            out.push_str(&field(left + at * CELL, y, *cell, name, to));
        }
    }
    let legend = "+ allowed, - denied, ? undetermined, . a pod and itself";
    let more = (pairs.from.len() - from.len(), pairs.to.len() - to.len());
    let more = match more {
        (0, 0) => String::new(),
        (rows, columns) => format!(" Left out: {rows} more sources and {columns} more destinations."),
    };
    let y = top + from.len() * CELL + MARGIN * 2;
    out.push_str(&format_text(&format!("x=\"{MARGIN}\" y=\"{y}\""), &format!("{legend}{more}")));
    out.push_str("</svg>\n");
    out
}

fn format_text(attributes: &str, text: &str) -> String {
    format!("<text {attributes}>{text}</text>\n")
}

fn field(x: usize, y: usize, cell: Cell, from: &str, to: &str) -> String {
    let (class, word) = match cell {
        Cell::Allowed => ("a", "allowed"),
        Cell::Denied => ("d", "denied"),
        Cell::Undetermined => ("u", "undetermined"),
        Cell::Itself => ("i", "itself"),
    };
    let (inner, sign) = (CELL - 1, cell.sign());
    let (middle, base) = (x + CELL / 2, y + 14);
    format!(
        "<g><title>{from} to {to}: {word}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{inner}\" height=\"{inner}\"/>\
         <text class=\"s\" x=\"{middle}\" y=\"{base}\">{sign}</text></g>\n"
    )
}

/// Text between tags.
fn xml(text: &str) -> String {
    sanitise::line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
