//! Where objects and their parts are in the files.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{Manifests, Places, full, sources, trouble};
use crate::model::{ObjectRef, Resource};

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which file, in the order they were read.
    pub(super) file: usize,
    /// Its first line, counted from 1.
    pub line: usize,
    /// The text that holds it, in bytes from the start of the file.
    pub(super) offset: u64,
    pub(super) length: usize,
    /// Which of the list in that text it is.
    pub(super) index: Option<usize>,
}

impl Manifests {
    /// File and line of an object.
    pub fn place(&self, object: &ObjectRef) -> Option<(String, usize)> {
        let place = self.places.find(object)?;
        Some((self.places.file(&place), place.line))
    }

    /// File and line of a part of an object, such as `spec.ingress[0].from[1]`; of the object when there is no such part. The file is read
    /// again, so this is for findings, not for every object.
    pub fn line(&self, object: &ObjectRef, path: &str) -> Option<(String, usize)> {
        let place = self.places.find(object)?;
        let text = self.places.text(&place).unwrap_or_default();
        let inner = line_in(&text, place.index, path).unwrap_or(0);
        Some((self.places.file(&place), place.line + inner))
    }
}

impl Places {
    /// The number of a kind.
    pub(super) fn kind(&mut self, resource: &Resource, kind: &str) -> usize {
        if let Some(at) = self.kinds.iter().position(|(r, _)| r == resource) {
            return at;
        }
        self.kinds.push((resource.clone(), kind.to_lowercase()));
        self.kinds.len() - 1
    }

    fn find(&self, object: &ObjectRef) -> Option<Place> {
        // a kind may be written with its group, as in `networkpolicy.projectcalico.org`
        let (kind, group) = object.kind.split_once('.').unwrap_or((&object.kind, ""));
        let is_it = |(resource, name): &(Resource, String)| name == kind && resource.plural().ends_with(group);
        let kinds = self.kinds.iter().enumerate().filter(|(_, known)| is_it(known));
        let mut found = kinds.filter_map(|(at, _)| self.objects.get(&(at, object.namespace.clone(), object.name.clone())));
        found.next().map(|seen| seen.place)
    }

    pub(super) fn file(&self, place: &Place) -> String {
        self.files.get(place.file).map(|path| trouble::shown(path)).unwrap_or_default()
    }

    /// `shop.yaml:12`.
    pub(super) fn shown(&self, place: &Place) -> String {
        format!("{}:{}", self.file(place), place.line)
    }

    fn text(&self, place: &Place) -> Option<String> {
        let path = self.files.get(place.file)?;
        if path.as_os_str() == sources::STDIN {
            let start = usize::try_from(place.offset).ok()?;
            let bytes = self.input.get(start..start + place.length)?;
            return String::from_utf8(bytes.to_vec()).ok();
        }
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(place.offset)).ok()?;
        let mut text = String::new();
        file.take(place.length as u64).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

/// The line of a part, counted from 0 at the start of the text. `index`: the object is in the list of `items`.
pub(super) fn line_in(text: &str, index: Option<usize>, path: &str) -> Option<usize> {
    let root: Spanned<Node> = serde_saphyr::from_str_with_options(text, full::options(text.len())).ok()?;
    let mut node = &root;
    let mut line = root.referenced.line();
    // one item of a block list is a sequence of one
    if let (None, Node::Sequence(items)) = (index, &node.value) {
        node = items.first()?;
        line = node.referenced.line();
    }
    let prefix = index.map(|at| format!("items[{at}].")).unwrap_or_default();
    let path = format!("{prefix}{path}");
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        // a part that is not there: the one around it
        let next = match (&node.value, step.strip_suffix(']').and_then(|n| n.parse::<usize>().ok())) {
            (Node::Sequence(items), Some(at)) => items.get(at).map(|item| (item.referenced.line(), item)),
            (Node::Mapping(entries), None) => {
                let entry = entries.iter().find(|(key, _)| key.value == step);
                entry.map(|(key, value)| (key.referenced.line(), value))
            }
            (Node::Sequence(_) | Node::Mapping(_) | Node::Scalar, _) => None,
        };
        let Some(next) = next else { break };
        (line, node) = next;
    }
    usize::try_from(line).ok()?.checked_sub(1)
}

/// A document as far as its places matter.
#[derive(Debug)]
enum Node {
    Mapping(Vec<(Spanned<String>, Spanned<Self>)>),
    Sequence(Vec<Spanned<Self>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Scalar)
    }
}

/// `spec.ports[0].port: not a number` as path and words.
pub(super) fn split_path(why: &str) -> (Option<&str>, &str) {
    match why.split_once(": ") {
        Some((path, rest)) if ["spec", "metadata", "status"].iter().any(|part| path.starts_with(part)) && !path.contains(' ') => {
            (Some(path), rest)
        }
        Some(_) | None => (None, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
kind: X
metadata: {name: a}
spec:
  ingress:
  - from:
    - podSelector: {}
    - ipBlock:
        cidr: 10.0.0.0/8
    ports: [{port: 80},
            {port: 81}]
";

    #[test]
    fn parts_have_lines() {
        let line = |path: &str| line_in(TEXT, None, path);
        assert_eq!(line("spec.ingress[0]"), Some(4));
        assert_eq!(line("spec.ingress[0].from[1]"), Some(6));
        assert_eq!(line("spec.ingress[0].from[1].ipBlock.cidr"), Some(7));
        assert_eq!(line("spec.ingress[0].ports[1].port"), Some(9));
        assert_eq!(line("metadata.name"), Some(1));
        // what is not there is where it would be
        assert_eq!(line("spec.ingress[7].from[1]"), Some(3));
        assert_eq!(line(""), Some(0));
        assert_eq!(line_in("a: [", None, "a"), None);
    }

    #[test]
    fn items_of_lists_have_lines() {
        assert_eq!(line_in("- a: 1\n  b:\n    c: 2\n", None, "b.c"), Some(2));
        let list = "kind: List\nitems:\n  - a: 1\n  - a: 1\n    b: [1,\n 2]\n";
        assert_eq!(line_in(list, Some(1), "b[1]"), Some(5));
        assert_eq!(line_in("{\"a\":\n {\"b\": [\n1,\n2]}}", None, "a.b[1]"), Some(3));
    }

    #[test]
    fn paths_are_told_from_words() {
        assert_eq!(split_path("spec.ports[0]: bad"), (Some("spec.ports[0]"), "bad"));
        assert_eq!(split_path("podIP is not an address: x"), (None, "podIP is not an address: x"));
    }
}
