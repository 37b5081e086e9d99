//! The matrix as a graph in the DOT language (graphviz.org/doc/info/lang.html).

use std::collections::BTreeMap;

use super::{PairPart, PolicyMatrix};
use crate::report::policy_pair::OutcomePart;
use crate::report::sanitise;

/// Workloads as nodes in boxes of their namespaces, and an edge for what is allowed. Denied connections have no edge.
pub fn dot(matrix: &PolicyMatrix) -> String {
    let mut out =
        String::from("digraph policies {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    let mut namespaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for workload in &matrix.workloads {
        namespaces.entry(namespace(&workload.name)).or_default().push(&workload.name);
    }
    for (number, (namespace, names)) in namespaces.iter().enumerate() {
        let label = quoted(namespace);
        out.extend(["  subgraph cluster_", &number.to_string(), " {\n    label=", &label, ";\n"]);
        for name in names {
            out.extend(["    ", &quoted(name), " [label=", &quoted(&without_namespace(name)), "];\n"]);
        }
        out.push_str("  }\n");
    }
    // connections come source by source, and destination by destination
    let pairs: Vec<PairPart<'_>> = matrix.connections.iter().filter(|p| p.outcome != OutcomePart::Denied).collect();
    for same in pairs.chunk_by(|a, b| a.from == b.from && a.to == b.to) {
        for (outcome, style) in [(OutcomePart::Allowed, ""), (OutcomePart::Undetermined, ", style=dashed")] {
            let ports = same.iter().filter(|p| p.outcome == outcome).map(|p| format!("{}/{}", p.port, p.protocol));
            let ports: Vec<String> = ports.collect();
            if let (false, Some(pair)) = (ports.is_empty(), same.first()) {
                let question = if outcome == OutcomePart::Undetermined { "?" } else { "" };
                let label = quoted(&format!("{}{question}", ports.join(", ")));
                out.extend(["  ", &quoted(&pair.from), " -> ", &quoted(&pair.to), " [label=", &label, style, "];\n"]);
            }
        }
    }
    out.push_str("}\n");
    out
}

/// Of a name such as `deployment/shop/web`.
fn namespace(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

fn without_namespace(name: &str) -> String {
    name.replacen(&format!("/{}/", namespace(name)), "/", 1)
}

/// A double-quoted ID: only the quote itself has to be escaped, and a backslash would start an escape of labels.
fn quoted(text: &str) -> String {
    format!("\"{}\"", sanitise::line(text).replace('\\', "\\\\").replace('"', "\\\""))
}
