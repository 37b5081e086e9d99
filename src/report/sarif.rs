//! Findings of files as SARIF 2.1.0 (OASIS, sarif-v2.1.0-os), which code hosts and editors read.

use serde_json::{Map, Value, json};

use super::policy_lint::{LintPart, PlacePart, PolicyLint};
use crate::finding::Meta;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The report as one run. `rules`: every code that it may hold.
pub fn sarif(report: &PolicyLint, rules: &[&Meta]) -> Value {
    let notifications: Vec<Value> = report
        .gaps
        .iter()
        .map(|gap| json!({"level": "note", "message": {"text": format!("not decided: {}: {}", gap.what, gap.why)}}))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl-netcheck",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|meta| rule(meta)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notifications}],
            "results": report.findings.iter().map(|part| result(part, rules)).collect::<Vec<_>>(),
        }],
    })
}

/// What is fixed about a code, from its page.
fn rule(meta: &Meta) -> Value {
    let page = meta.markdown();
    let name: String = meta.slug.split('-').map(capitalised).collect();
    json!({
        "id": meta.code,
        "name": name,
        "shortDescription": {"text": format!("{}.", meta.title)},
        "fullDescription": {"text": first_paragraph(&page)},
        "help": {"text": page, "markdown": page},
        "properties": {"tags": ["kubernetes", "networkpolicy"]},
    })
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// What a page begins with, on one line.
fn first_paragraph(page: &str) -> String {
    let lines = page.lines().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
    lines.take_while(|line| !line.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ")
}

fn result(part: &LintPart, rules: &[&Meta]) -> Value {
    let finding = &part.finding;
    let next = if finding.next.is_empty() { String::new() } else { format!(" Next: {}", finding.next) };
    let mut location = Map::new();
    let whole = if part.at.is_empty() { finding.about.clone() } else { format!("{} {}", finding.about, part.at) };
    location.insert(String::from("logicalLocations"), json!([{"fullyQualifiedName": whole, "kind": "object"}]));
    if let Some(physical) = part.place.as_ref().and_then(physical) {
        location.insert(String::from("physicalLocation"), physical);
    }
    let mut result = Map::new();
    result.insert(String::from("ruleId"), json!(finding.code));
    if let Some(index) = rules.iter().position(|meta| meta.code == finding.code) {
        result.insert(String::from("ruleIndex"), json!(index));
    }
    result.insert(String::from("level"), json!(if finding.weight == "note" { "note" } else { "warning" }));
    result.insert(String::from("message"), json!({"text": format!("{}{next}", finding.sentence)}));
    result.insert(String::from("locations"), json!([location]));
    // the same fault in the same place of the same object is the same, wherever its line moves
    let fingerprint = format!("{} {whole}", finding.code);
    result.insert(String::from("partialFingerprints"), json!({"netcheckFinding/v1": fingerprint}));
    Value::Object(result)
}

/// File and line. `None` for standard input, which has no address.
fn physical(place: &PlacePart) -> Option<Value> {
    let uri = uri(&place.file)?;
    Some(json!({"artifactLocation": {"uri": uri}, "region": {"startLine": place.line.max(1)}}))
}

/// A path as a reference (RFC 3986): relative ones stay relative.
fn uri(path: &str) -> Option<String> {
    if path == "standard input" {
        return None;
    }
    let path = path.strip_prefix("./").unwrap_or(path).replace('\\', "/");
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    Some(uri)
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("./a/b c.yaml").as_deref(), Some("a/b%20c.yaml"));
        assert_eq!(uri("/srv/ü%.yaml").as_deref(), Some("file:///srv/%C3%BC%25.yaml"));
        assert_eq!(uri("a:b\u{1b}").as_deref(), Some("a%3Ab%1B"));
        assert_eq!(uri("standard input"), None);
    }

    #[test]
    fn rules_come_from_their_pages() {
        for meta in crate::policy::lint::metas() {
            let rule = rule(meta);
            let text = rule["fullDescription"]["text"].as_str().expect("text");
            assert!(text.len() > 60 && !text.contains('#') && !text.contains('\n'), "{text}");
            assert!(rule["name"].as_str().expect("a name").chars().all(char::is_alphanumeric));
        }
    }
}
