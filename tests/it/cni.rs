//! The network plugins of `tests/e2e/cni`: each file holds the objects that a project installs, and what must be said of them.
//!
//! A file starts with comments. `# expect: TOPIC / NAME = VALUE` wants a fact whose value begins so, `# absent:` wants none.
//! Here the objects are decoded and read as from a bundle; `cni_real` applies the same files to an API server.

use std::fs;
use std::path::{Path, PathBuf};

use netcheck::discover::{Bundle, Discovery, Meta, Reader};
use netcheck::info;
use netcheck::model::{Known, Query, Resource};
use netcheck::plan::info_reads;
use serde_json::{Value, json};

use crate::root;

/// One file.
pub struct Fixture {
    pub name: String,
    pub path: PathBuf,
    pub objects: Vec<Value>,
    expected: Vec<Line>,
}

struct Line {
    wanted: bool,
    topic: String,
    name: String,
    value: String,
}

impl Fixture {
    pub fn all() -> Vec<Self> {
        let mut paths: Vec<PathBuf> = fs::read_dir(root().join("tests/e2e/cni"))
            .expect("the folder is there")
            .map(|e| e.expect("readable").path())
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("readable");
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = text.lines().filter_map(|line| Line::parse(line.strip_prefix("# ")?)).collect::<Vec<_>>();
        assert!(expected.iter().any(|l| l.wanted), "{name} expects nothing");
        Self { name, path: path.to_owned(), objects, expected }
    }

    /// What a report says otherwise than the file wants.
    pub fn misses(&self, report: &Value) -> Vec<String> {
        let facts = report["facts"].as_array().expect("facts");
        let mut misses = Vec::new();
        for line in &self.expected {
            let values: Vec<&str> = facts
                .iter()
                .filter(|f| f["topic"] == line.topic.as_str() && f["name"] == line.name.as_str())
                .map(|f| f["value"].as_str().expect("a text"))
                .collect();
            let found = values.iter().any(|v| v.starts_with(&line.value));
            if found != line.wanted {
                let want = if line.wanted { "wants" } else { "wants no" };
                misses.push(format!("{}: {want} {} / {} = {}, is {values:?}", self.name, line.topic, line.name, line.value));
            }
        }
        misses
    }

    fn list(&self, kind: &str) -> Vec<Value> {
        self.objects.iter().filter(|o| o["kind"] == kind).cloned().collect()
    }

    /// The answers an API server would give, had it nothing but these objects.
    fn answer(&self, query: &Query) -> Known<Vec<Value>> {
        let all = match &query.resource {
            Resource::DaemonSets => self.list("DaemonSet"),
            Resource::Deployments => self.list("Deployment"),
            Resource::Nodes => self.list("Node"),
            Resource::Namespaces => self.list("Namespace"),
            Resource::ConfigMaps => self.list("ConfigMap"),
            Resource::IngressClasses => self.list("IngressClass"),
            Resource::ApiGroups => {
                let crds = self.list("CustomResourceDefinition");
                crds.iter().map(|c| json!({"name": c["spec"]["group"]})).collect()
            }
            Resource::Custom(kind) => {
                let crds = self.list("CustomResourceDefinition");
                let own = |c: &&Value| {
                    let version = c["spec"]["versions"][0]["name"].as_str().unwrap_or_default();
                    let (plural, group) = (c["spec"]["names"]["plural"].as_str(), c["spec"]["group"].as_str());
                    *kind == format!("{}.{version}.{}", plural.unwrap_or_default(), group.unwrap_or_default())
                };
                let Some(crd) = crds.iter().find(own) else { return Known::Absent(query.to_string()) };
                let group = format!("{}/", crd["spec"]["group"].as_str().unwrap_or_default());
                let mut objects = self.list(crd["spec"]["names"]["kind"].as_str().unwrap_or_default());
                objects.retain(|o| o["apiVersion"].as_str().is_some_and(|v| v.starts_with(&group)));
                objects
            }
            _ => Vec::new(),
        };
        let fits = |o: &Value| {
            let is = |wanted: &Option<String>, key: &str| wanted.as_deref().is_none_or(|w| o["metadata"][key] == w);
            is(&query.name, "name") && is(&query.namespace, "namespace")
        };
        let found: Vec<Value> = all.into_iter().filter(fits).collect();
        if found.is_empty() && query.name.is_some() { Known::Absent(query.to_string()) } else { Known::Got(found) }
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(": ")?;
        let wanted = match kind {
            "expect" => true,
            "absent" => false,
            _ => return None,
        };
        let (topic, rest) = rest.split_once(" / ").expect("TOPIC / NAME = VALUE");
        let (name, value) = rest.split_once(" =").expect("TOPIC / NAME = VALUE");
        Some(Self { wanted, topic: topic.to_owned(), name: name.to_owned(), value: value.trim_start().to_owned() })
    }
}

/// Reads as `info` does, from a bundle that grows with what is asked.
async fn report(fixture: &Fixture) -> Value {
    let mut bundle = Bundle { meta: Meta::default(), reads: Vec::new(), measurements: Vec::new(), launches: Vec::new() };
    loop {
        let mut discovery = Discovery::new(Reader::Bundle(Box::new(bundle.clone())));
        let known: Vec<Query> = bundle.reads.iter().map(|(query, _)| query.clone()).collect();
        discovery.ask(&known).await;
        let wanted = info_reads::next(discovery.cluster());
        if wanted.is_empty() {
            return serde_json::to_value(info::gather(discovery.cluster())).expect("writes");
        }
        bundle.reads.extend(wanted.into_iter().map(|query| (query.clone(), fixture.answer(&query))));
    }
}

#[tokio::test]
async fn every_plugin_is_recognised_from_its_objects() {
    let all = Fixture::all();
    assert!(all.len() >= 25, "{} files", all.len());
    let mut misses = Vec::new();
    for fixture in &all {
        misses.extend(fixture.misses(&report(fixture).await));
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[tokio::test]
async fn a_wrong_expectation_is_noticed() {
    let mut fixture = Fixture::read(&root().join("tests/e2e/cni/calico.yaml"));
    let right = report(&fixture).await;
    assert!(fixture.misses(&right).is_empty());
    fixture.expected.push(Line { wanted: true, topic: "cni".into(), name: "plugin".into(), value: "Cilium".into() });
    fixture.expected.push(Line { wanted: false, topic: "cni".into(), name: "mode".into(), value: "IPIP".into() });
    assert_eq!(fixture.misses(&right).len(), 2);
}
