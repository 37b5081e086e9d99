//! What `kubectl netcheck collect` wrote into a bundle.

use std::collections::BTreeMap;

use serde::Serialize;

use super::diagnosis::{API_VERSION, GapPart};
use super::page::{Ink, Page, Style};

/// A bundle that was just written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    pub api_version: String,
    /// Always `Collection`.
    pub kind: String,
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// The question it was recorded for, as `pod/shop/client to service/shop/web`. None: the objects of a whole cluster or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// How many objects of each kind, by plural name.
    pub objects: BTreeMap<String, usize>,
    /// Answers of probes.
    pub measurements: usize,
    /// What could not be recorded, and why.
    pub gaps: Vec<GapPart>,
}

impl Collection {
    pub fn new(file: String, size: u64) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: String::from("Collection"),
            file,
            size,
            question: None,
            objects: BTreeMap::new(),
            measurements: 0,
            gaps: Vec::new(),
        }
    }
}

/// For people.
pub fn render(c: &Collection, style: Style) -> String {
    let mut page = Page::new(style);
    page.headline(Ink::Bold, &format!("recorded in {} ({})", c.file, size(c.size)));
    page.blank();
    if let Some(question) = &c.question {
        page.field(2, "question", &[(Ink::Plain, question)]);
    }
    let objects: Vec<String> = c.objects.iter().filter(|(_, n)| **n > 0).map(|(kind, n)| format!("{n} {kind}")).collect();
    let objects = if objects.is_empty() { String::from("none") } else { objects.join(", ") };
    page.field(2, "objects", &[(Ink::Plain, &objects)]);
    let measured = match c.measurements {
        0 => String::from("nothing: no container was started"),
        1 => String::from("1 answer of a probe"),
        n => format!("{n} answers of probes"),
    };
    page.field(2, "measured", &[(Ink::Plain, &measured)]);
    if !c.gaps.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Not recorded")]);
        for gap in &c.gaps {
            page.paragraph(2, 2, &[(Ink::Plain, &gap.what), (Ink::Faint, ": "), (Ink::Plain, &gap.why)]);
        }
    }
    page.blank();
    let holds = "It holds names, labels, addresses and network settings; no Secret and no environment variable.";
    page.paragraph(0, 0, &[(Ink::Faint, holds)]);
    let words = if c.question.is_some() { "" } else { "SOURCE to DESTINATION " };
    page.verbatim(0, &format!("next: kubectl netcheck {words}--from {}", c.file));
    page.finish()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_in_it_and_what_is_not() {
        let mut c = Collection::new(String::from("netcheck-20260731-120000.tar.gz"), 14_500);
        c.objects = [("pods", 12), ("services", 4), ("ingresses", 0)].map(|(kind, n)| (kind.to_owned(), n)).into();
        c.gaps = vec![GapPart { what: String::from("list nodes"), why: String::from("not permitted: nodes is forbidden") }];
        insta::assert_snapshot!(render(&c, Style::default()), @r"
        recorded in netcheck-20260731-120000.tar.gz (14 KiB)

          objects     12 pods, 4 services
          measured    nothing: no container was started

        Not recorded
          list nodes: not permitted: nodes is forbidden

        It holds names, labels, addresses and network settings; no Secret and no
        environment variable.
        next: kubectl netcheck SOURCE to DESTINATION --from netcheck-20260731-120000.tar.gz
        ");
        c.question = Some(String::from("pod/shop/client to service/shop/web"));
        c.measurements = 14;
        let text = render(&c, Style::default());
        assert!(
            text.contains("  measured    14 answers of probes\n") && text.contains("next: kubectl netcheck --from netcheck-")
        );
    }
}
