//! From a document's text to the JSON of its objects, one by one: YAML, JSON, JSON after JSON, and lists of either.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::full::{self, Broken};
use super::plain;

const NO_OBJECT: &str = "no Kubernetes object: there is no apiVersion and kind";

/// An object as JSON, and where it was.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// The whole document.
    pub text: &'a str,
    pub json: &'a str,
    pub head: Head<'a>,
    /// `apiVersion` and `kind` of the list it is in, for lists whose items have none.
    pub list: Option<(&'a str, &'a str)>,
    pub span: Span,
}

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first line in the document, counted from 0.
    pub line: usize,
    /// Where it starts in the document, and its length, in bytes.
    pub start: usize,
    pub length: usize,
    /// Which of the list in that part it is.
    pub index: Option<usize>,
}

/// What every object has.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow, default, rename = "apiVersion")]
    pub api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub metadata: Option<HeadMetadata<'a>>,
    #[serde(borrow, default)]
    items: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HeadMetadata<'a> {
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "generateName")]
    pub generate_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ownerReferences")]
    pub owners: Option<Vec<HeadOwner<'a>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HeadOwner<'a> {
    #[serde(borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
}

/// What takes the objects.
pub(super) trait Sink {
    fn object(&mut self, item: Item<'_>);
    fn broken(&mut self, span: Span, broken: Broken);
}

/// Hands on every object of a document. `buffer` is for the JSON between, kept from document to document.
pub(super) fn objects(text: &str, buffer: &mut Vec<u8>, sink: &mut dyn Sink) {
    let (line, start) = content(text);
    let whole = Span { line, start, length: text.len() - start, index: None };
    let start = text.trim_start().strip_prefix("---").unwrap_or(text).trim_start();
    if start.starts_with('{') && json_stream(text, text.len() - start.len(), sink).is_some() {
        return;
    }
    if let Some(list) = split_list(text).filter(|_| !may_share(text)) {
        yaml_list(text, &list, buffer, sink);
        return;
    }
    match yaml(text, buffer) {
        Ok(json) => value(text, json, whole, true, sink),
        Err(broken) => sink.broken(Span { line: 0, ..whole }, broken),
    }
}

/// Line and byte where the object itself starts, past the marker and comments.
fn content(text: &str) -> (usize, usize) {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        if !(trimmed.is_empty() || trimmed.starts_with('#') || trimmed == "---" || trimmed.starts_with("--- #")) {
            // directives belong to what follows
            return if trimmed.starts_with('%') { (0, 0) } else { (number, start) };
        }
        start += line.len();
    }
    (0, 0)
}

/// A document or a part of one as JSON.
fn yaml<'b>(text: &str, buffer: &'b mut Vec<u8>) -> Result<&'b str, Broken> {
    buffer.clear();
    if plain::to_json(text, buffer).is_none() {
        buffer.clear();
        full::to_json(text, buffer)?;
    }
    std::str::from_utf8(buffer).map_err(|e| Broken { line: None, why: e.to_string() })
}

/// One object after the other, with nothing but white space between. `None`: it is not JSON (and may be YAML).
fn json_stream(text: &str, start: usize, sink: &mut dyn Sink) -> Option<()> {
    let rest = text.get(start..)?;
    let stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let parts: Vec<&RawValue> = stream.collect::<Result<_, _>>().ok()?;
    let mut lines = Lines::new(text);
    for part in parts {
        let span = lines.span(part.get());
        value(text, part.get(), span, false, sink);
    }
    Some(())
}

/// One object.
fn object(text: &str, json: &str, list: Option<(&str, &str)>, span: Span, sink: &mut dyn Sink) {
    match serde_json::from_str(json) {
        Ok(head) => sink.object(Item { text, json, head, list, span }),
        Err(_) => sink.broken(span, Broken { line: None, why: String::from(NO_OBJECT) }),
    }
}

/// An object, or a list of them. Items of a list out of YAML have no text of their own.
fn value(text: &str, json: &str, span: Span, is_from_yaml: bool, sink: &mut dyn Sink) {
    if json == "null" {
        return;
    }
    let Ok(head) = serde_json::from_str::<Head<'_>>(json) else {
        return sink.broken(span, Broken { line: None, why: String::from(NO_OBJECT) });
    };
    let names = head.api_version.as_deref().zip(head.kind.as_deref());
    let Some((api_version, kind)) = names.filter(|(_, kind)| kind.ends_with("List")) else {
        return sink.object(Item { text, json, head, list: None, span });
    };
    // an empty list has null, or nothing
    let Some(items) = head.items else { return };
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(items.get()) else {
        return sink.broken(span, Broken { line: None, why: format!("the items of {kind} are no list") });
    };
    let mut lines = Lines::new(json);
    for (index, item) in items.into_iter().enumerate() {
        let span = if is_from_yaml {
            Span { index: Some(index), ..span }
        } else {
            let inner = lines.span(item.get());
            Span { line: span.line + inner.line, start: span.start + inner.start, ..inner }
        };
        object(text, item.get(), Some((api_version, kind)), span, sink);
    }
}

/// Counts lines up to parts that are asked for in order.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 0 }
    }

    /// Where a part of the text is.
    fn span(&mut self, part: &str) -> Span {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let between = self.text.get(self.at..start).unwrap_or_default();
        self.line += between.bytes().filter(|b| *b == b'\n').count();
        self.at = start;
        Span { line: self.line, start, length: part.len(), index: None }
    }
}

/// Where the items of a block-style list are.
#[derive(Debug, PartialEq, Eq)]
struct List {
    /// Start of the line `items:`, and of what follows the last item.
    start: usize,
    end: usize,
    /// Starts of the items, each with its line.
    items: Vec<(usize, usize)>,
}

/// Finds the items of `kind: List` as kubectl writes it, so that a large one is read item by item. Everything of an item is indented
/// deeper than its dash (YAML 1.2.2, 8.2.1). `None`: not written so.
fn split_list(text: &str) -> Option<List> {
    let start = if text.starts_with("items:") { 0 } else { text.find("\nitems:")? + 1 };
    let mut at = start;
    let mut line = text.get(..start)?.bytes().filter(|b| *b == b'\n').count();
    let mut dash = None;
    let mut items = Vec::new();
    for (number, raw) in text.get(start..)?.split_inclusive('\n').enumerate() {
        let begin = at;
        at += raw.len();
        if number == 0 {
            if raw.trim_end() != "items:" {
                return None;
            }
            continue;
        }
        line += 1;
        let content = raw.trim_start_matches(' ');
        let indent = raw.len() - content.len();
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let is_item = content.starts_with("- ");
        let column = *dash.get_or_insert(indent);
        if items.is_empty() && !is_item {
            return None;
        }
        if indent < column || indent == column && !is_item {
            return Some(List { start, end: begin, items });
        }
        if indent == column {
            items.push((begin, line));
        }
    }
    (!items.is_empty()).then_some(List { start, end: at, items })
}

/// An alias may stand in one item for an anchor in another.
fn may_share(text: &str) -> bool {
    text.contains('&')
        && text.contains('*')
        && text.split(['&']).skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn yaml_list(text: &str, list: &List, buffer: &mut Vec<u8>, sink: &mut dyn Sink) {
    let around = [text.get(..list.start), text.get(list.end..)].map(Option::unwrap_or_default).concat();
    let whole = Span { line: 0, start: 0, length: text.len(), index: None };
    let head = match yaml(&around, buffer) {
        Ok(json) => json.to_owned(),
        Err(broken) => return sink.broken(whole, broken),
    };
    let head: Option<Head<'_>> = serde_json::from_str(&head).ok();
    let names = head.as_ref().and_then(|h| Some((h.api_version.as_deref()?, h.kind.as_deref()?)));
    let Some(names) = names.filter(|(_, kind)| kind.ends_with("List")) else {
        return sink
            .broken(whole, Broken { line: None, why: String::from("there are items, and no apiVersion and kind of a list") });
    };
    let ends = list.items.iter().skip(1).map(|(at, _)| *at).chain([list.end]);
    for ((start, line), end) in list.items.iter().zip(ends) {
        let span = Span { line: *line, start: *start, length: end - start, index: None };
        match yaml(text.get(*start..end).unwrap_or_default(), buffer) {
            Ok(json) => {
                let json = json.strip_prefix('[').and_then(|json| json.strip_suffix(']')).unwrap_or(json);
                object(text, json, Some(names), span, sink);
            }
            Err(broken) => sink.broken(span, broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Sink for Seen {
        fn object(&mut self, item: Item<'_>) {
            let list = item.list.map(|(v, k)| format!(" of {v} {k}")).unwrap_or_default();
            self.0.push(format!("{} {}{list}", item.span.line, item.json));
        }

        fn broken(&mut self, span: Span, broken: Broken) {
            self.0.push(format!("{} {:?} {}", span.line, broken.line, broken.why));
        }
    }

    fn seen(text: &str) -> Vec<String> {
        let mut sink = Seen::default();
        objects(text, &mut Vec::new(), &mut sink);
        sink.0
    }

    #[test]
    fn lists_are_read_item_by_item() {
        let text = "apiVersion: v1\nitems:\n- kind: A\n  x:\n  - 1\n# c\n\n- kind: B\n  t: |\n   items:\n   - x\nkind: List\n";
        assert_eq!(
            seen(text),
            ["2 {\"kind\":\"A\",\"x\":[1]} of v1 List", "7 {\"kind\":\"B\",\"t\":\"items:\\n- x\\n\"} of v1 List"]
        );
        assert_eq!(seen("apiVersion: v1\nkind: PodList\nitems:\n  - a: 'it''s'\n")[0], "3 {\"a\":\"it's\"} of v1 PodList");
        let broken = seen("apiVersion: v1\nkind: List\nitems:\n- a: 1\n  a: 2\n- b: 1\n");
        assert_eq!(broken.len(), 2);
        assert!(broken[0].starts_with("3 Some(2) duplicate"), "{broken:?}");
        assert_eq!(broken[1], "5 {\"b\":1} of v1 List");
        // an anchor in one item, and its alias in another
        let shared = seen("apiVersion: v1\nkind: List\nitems:\n- a: &x 1\n- a: *x\n");
        assert_eq!(shared, ["0 {\"a\":1} of v1 List", "0 {\"a\":1} of v1 List"]);
        assert_eq!(seen("apiVersion: v1\nkind: List\nitems: []\n"), [""; 0]);
        assert_eq!(seen("apiVersion: v1\nkind: List\nitems: null\n"), [""; 0]);
        assert_eq!(seen("items:\n- a\n").len(), 1);
    }

    #[test]
    fn json_may_follow_json() {
        assert_eq!(seen("{\"a\":1}\n\n{\"b\":2} {\"c\":3}"), ["0 {\"a\":1}", "2 {\"b\":2}", "2 {\"c\":3}"]);
        let list = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\n\"items\":[\n{\"a\":1},\n\n{\"b\":2}]}";
        assert_eq!(seen(list), ["2 {\"a\":1} of v1 List", "4 {\"b\":2} of v1 List"]);
        // a flow mapping that is not JSON
        assert_eq!(seen("{a: 1}"), ["0 {\"a\":1}"]);
        assert_eq!(seen("--- # x\n{\"a\": 1}\n"), ["1 {\"a\":1}"]);
        assert_eq!(seen("# c\n"), [""; 0]);
        assert_eq!(seen("hello").len(), 1);
    }
}
