//! Manifests instead of a cluster: files, directories and standard input, as kubectl's `-f` takes them.
//!
//! Objects take the same way as those of an API server: JSON, pruned, and made into models by `objects`. Every list is complete: what is
//! not in the files does not exist. A workload whose pods are not there stands for one pod of its template.

mod document;
mod finish;
mod full;
mod kinds;
mod place;
mod plain;
mod sources;
mod synthetic;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::intake::{self, Intake, Keep, Raw};
use crate::model::{Cluster, Known, Pod, Query, Resource};
use document::{Item, Sink, Span};
use full::Broken;
use kinds::Kind;
use sources::Documents;

pub use place::Place;
pub use trouble::{ManifestError, Severity, Trouble};

/// What was read.
#[derive(Debug, Default)]
pub struct Manifests {
    pub cluster: Cluster,
    /// In the order of files and lines.
    pub troubles: Vec<Trouble>,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// The pruned objects of each list, when they were to be kept.
    reads: Vec<(Query, Known<Vec<Value>>)>,
    places: Places,
}

/// Where each object is.
#[derive(Debug, Default)]
struct Places {
    files: Vec<PathBuf>,
    /// The kinds that occur: resource, and kind in lower case.
    kinds: Vec<(Resource, String)>,
    objects: HashMap<(usize, String, String), Seen>,
    /// The bytes of standard input, which cannot be read again.
    input: Vec<u8>,
}

/// An object that was taken.
#[derive(Debug, Clone, Copy)]
struct Seen {
    place: Place,
    /// Its place among the objects of its kind.
    index: usize,
}

/// Reads everything that `-f` names. `namespace` is that of objects that name none. `keep`: for [`Manifests::into_bundle`].
pub fn read(inputs: &[PathBuf], namespace: &str, keep: bool) -> Result<Manifests, ManifestError> {
    let sources = sources::sources(inputs)?;
    let mut reading = Reading::new(namespace, keep);
    let mut buffer = Vec::new();
    for path in sources {
        reading.file(&path, &mut buffer)?;
    }
    if reading.is_empty() {
        let first = reading.troubles.first().map(|t| format!(": {t}")).unwrap_or_default();
        return Err(ManifestError::new(
            format!("no Kubernetes objects that netcheck reads{first}"),
            "pass manifests of pods, workloads and policies with -f",
        ));
    }
    Ok(reading.finish())
}

/// A workload's own pod, until it is known whether there are real ones.
struct Template {
    resource: Resource,
    namespace: String,
    name: String,
    /// The workload that made this one.
    owner: Option<(String, String)>,
    pod: Pod,
    pruned: Option<Value>,
}

/// An object that is there, and could not be read.
struct Failure {
    resource: Resource,
    namespace: String,
    why: String,
}

struct Reading {
    namespace: String,
    keep: Keep,
    intakes: BTreeMap<Resource, Box<dyn Intake>>,
    places: Places,
    templates: Vec<Template>,
    failures: Vec<Failure>,
    troubles: Vec<Trouble>,
    /// Kinds that are not read: how often, and where first.
    skipped: BTreeMap<String, (usize, Place)>,
    /// The document that is being read.
    line: usize,
    offset: u64,
    /// Something in it may be a template of a templating tool.
    is_template: bool,
}

impl Reading {
    fn new(namespace: &str, keep: bool) -> Self {
        Self {
            namespace: namespace.to_owned(),
            keep: if keep { Keep::All } else { Keep::Nothing },
            intakes: BTreeMap::new(),
            places: Places::default(),
            templates: Vec::new(),
            failures: Vec::new(),
            troubles: Vec::new(),
            skipped: BTreeMap::new(),
            line: 0,
            offset: 0,
            is_template: false,
        }
    }

    /// Nothing that could be asked about.
    fn is_empty(&self) -> bool {
        self.places.objects.is_empty() && self.failures.is_empty()
    }

    fn file(&mut self, path: &Path, buffer: &mut Vec<u8>) -> Result<(), ManifestError> {
        let error = |e: &std::io::Error| ManifestError::io(path, e);
        self.places.files.push(path.to_path_buf());
        if path.as_os_str() == sources::STDIN {
            self.places.input = sources::all_of_stdin().map_err(|e| error(&e))?;
            let input = std::mem::take(&mut self.places.input);
            let done = self.documents(Documents::new(input.as_slice()), buffer);
            self.places.input = input;
            return done.map_err(|e| error(&e));
        }
        let file = std::fs::File::open(path).map_err(|e| error(&e))?;
        self.documents(Documents::new(file), buffer).map_err(|e| error(&e))
    }

    fn documents<R: std::io::Read>(&mut self, mut documents: Documents<R>, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        while let Some(document) = documents.next()? {
            (self.line, self.offset) = (document.line, document.offset);
            if document.is_too_large {
                self.trouble(Severity::Error, 0, format!("a document of more than {} MiB is not read", sources::DOCUMENT >> 20));
                continue;
            }
            let bytes = document.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document.bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.is_template = text.contains("{{");
                    document::objects(text, buffer, self);
                }
                Err(e) => {
                    let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
                    let line = before.split(|b| *b == b'\n').count() - 1;
                    self.trouble(Severity::Error, line, String::from("not text: a byte there is no UTF-8"));
                }
            }
        }
        Ok(())
    }

    /// `line`: in the document, counted from 0.
    fn trouble(&mut self, severity: Severity, line: usize, text: String) {
        let file = self.places.files.last().map(|p| trouble::shown(p)).unwrap_or_default();
        self.troubles.push(Trouble { severity, file, line: Some(self.line + line), text, is_policy: false });
    }

    fn place(&self, span: Span) -> Place {
        Place {
            file: self.places.files.len().saturating_sub(1),
            line: self.line + span.line,
            offset: self.offset + span.start as u64,
            length: span.length,
            index: span.index,
        }
    }

    /// Takes an object of a kind that is read. `Err`: what is wrong with it.
    fn take(
        &mut self,
        resource: &Resource,
        is_namespaced: bool,
        item: &Item<'_>,
        namespace: &str,
        name: &str,
    ) -> Result<(), String> {
        let keep = self.keep;
        let intake = self.intakes.entry(resource.clone()).or_insert_with(|| intake::of(resource, keep));
        let default = is_namespaced.then_some(namespace);
        intake.take(Raw::Written(item.json, default))?;
        if let Some(why) = intake.reject_misfit() {
            return Err(why);
        }
        let index = intake.count() - 1;
        self.remember(resource, item, namespace, name, index);
        Ok(())
    }

    fn remember(&mut self, resource: &Resource, item: &Item<'_>, namespace: &str, name: &str, index: usize) {
        let place = self.place(item.span);
        let kind = self.places.kind(resource, item.head.kind.as_deref().unwrap_or_default());
        let seen = Seen { place, index };
        if let Some(before) = self.places.objects.insert((kind, namespace.to_owned(), name.to_owned()), seen) {
            if let Some(intake) = self.intakes.get_mut(resource) {
                intake.supersede(before.index);
            }
            let first = self.places.shown(&before.place);
            let text = format!(
                "{} is there twice, first in {first}: the later one counts, as in kubectl apply",
                of_kind(item, namespace, name)
            );
            self.trouble(Severity::Notice, item.span.line, text);
        }
    }

    fn template(&mut self, resource: &Resource, item: &Item<'_>, namespace: &str, name: &str) -> Result<(), String> {
        let kind = item.head.kind.as_deref().unwrap_or_default();
        let Some(json) = synthetic::pod(item.json, kind, namespace, name) else { return Ok(()) };
        let (pod, pruned) = intake::pod(&json, self.keep == Keep::All)?;
        let owners = item.head.metadata.as_ref().and_then(|m| m.owners.as_ref());
        let owner = owners.and_then(|all| all.first()).map(|o| (o.kind.to_lowercase(), o.name.clone().into_owned()));
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.templates.push(Template { resource: resource.clone(), namespace, name, owner, pod, pruned });
        Ok(())
    }
}

/// The line of a part of an object, counted from 0 in the document.
fn line_of(item: &Item<'_>, path: &str) -> usize {
    let text = item.text.get(item.span.start..item.span.start + item.span.length).unwrap_or_default();
    item.span.line + place::line_in(text, item.span.index, path).unwrap_or(0)
}

/// `NetworkPolicy shop/web`.
fn of_kind(item: &Item<'_>, namespace: &str, name: &str) -> String {
    let kind = item.head.kind.as_deref().unwrap_or("an object");
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
}

impl Sink for Reading {
    fn object(&mut self, mut item: Item<'_>) {
        // items of a typed list name neither
        if let Some((version, kind)) = item.list.filter(|(_, kind)| *kind != "List") {
            item.head.api_version.get_or_insert_with(|| version.to_owned().into());
            item.head.kind.get_or_insert_with(|| kind.trim_end_matches("List").to_owned().into());
        }
        let (Some(version), Some(kind)) = (item.head.api_version.as_deref(), item.head.kind.as_deref()) else {
            let hint = if self.is_template { " (a template: render it first, as with helm template)" } else { "" };
            let missing = if item.head.kind.is_some() { "apiVersion" } else { "kind" };
            return self.trouble(Severity::Error, item.span.line, format!("no Kubernetes object: there is no {missing}{hint}"));
        };
        let metadata = item.head.metadata.as_ref();
        let name = metadata.and_then(|m| m.name.as_deref().or(m.generate_name.as_deref())).unwrap_or_default().to_owned();
        let written = metadata.and_then(|m| m.namespace.as_deref()).filter(|ns| !ns.is_empty());
        let namespace = written.unwrap_or(&self.namespace).to_owned();
        let (resource, is_namespaced) = match kinds::of(version, kind) {
            Kind::Read(resource, is_namespaced) => (resource, is_namespaced),
            Kind::OtherVersion(known, is_namespaced) => {
                let why = format!("{kind} {name} is of {version}, which is not read: write it as {known}");
                let namespace = if is_namespaced { namespace } else { String::new() };
                self.failures.push(Failure { resource: Resource::NetworkPolicies, namespace, why: why.clone() });
                return self.trouble(Severity::Error, item.span.line, why);
            }
            Kind::Other => {
                let place = self.place(item.span);
                self.skipped.entry(format!("{kind} ({version})")).or_insert((0, place)).0 += 1;
                return;
            }
        };
        let namespace = if is_namespaced { namespace } else { String::new() };
        if name.is_empty() {
            return self.trouble(Severity::Error, item.span.line, format!("{kind} without a name is not read"));
        }
        let taken = self.take(&resource, is_namespaced, &item, &namespace, &name);
        let taken = taken.and_then(|()| {
            if kinds::makes_pods(&resource) { self.template(&resource, &item, &namespace, &name) } else { Ok(()) }
        });
        if resource == Resource::NetworkPolicies {
            for path in intake::unknown_fields(item.json) {
                let line = line_of(&item, &path);
                let text =
                    format!("{} has an unknown field {path}: the API server refuses it", of_kind(&item, &namespace, &name));
                self.trouble(Severity::Error, line, text);
            }
        }
        if let Err(why) = taken {
            let (path, why) = place::split_path(&why);
            let line = path.map_or(item.span.line, |path| line_of(&item, path));
            let at = path.map(|p| format!("{p}: ")).unwrap_or_default();
            let why = format!("{} is not read: {at}{why}", of_kind(&item, &namespace, &name));
            self.trouble(Severity::Error, line, why.clone());
            self.failures.push(Failure { resource, namespace, why });
        }
    }

    fn broken(&mut self, span: Span, broken: Broken) {
        let line = span.line + broken.line.map_or(0, |line| line - 1);
        let hint = if self.is_template { " (a template: render it first, as with helm template)" } else { "" };
        let what = if broken.why.starts_with("no Kubernetes object") { "" } else { "not YAML: " };
        self.trouble(Severity::Error, line, format!("{what}{}{hint}", broken.why));
    }
}
