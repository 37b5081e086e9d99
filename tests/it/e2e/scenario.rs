//! What a scenario file says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use crate::root;

/// One fault, or one healthy question, as a data file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without `.yaml`.
    #[serde(skip)]
    pub name: String,
    pub description: String,
    /// What the cluster must have: `node-access`, `several-nodes`, `world` (the test cluster's outside), `dual-stack`,
    /// `flannel`, `cilium`, `iptables`, `nftables`, `gateway-api` (its CRDs); with `!` before it, what it must not have.
    #[serde(default)]
    pub needs: Vec<String>,
    /// It changes what other namespaces live on, so it runs alone.
    #[serde(default)]
    pub exclusive: bool,
    /// It also runs where only a selection does.
    #[serde(default)]
    pub selection: bool,
    /// Healthy questions, and faults that are objects of their own, may share a namespace, `nc-` and this; else the scenario has its own.
    #[serde(default, rename = "in")]
    pub within: Option<String>,
    /// Files of `tests/e2e/parts`.
    #[serde(default, rename = "use")]
    pub parts: Vec<String>,
    /// Manifests; `${NS}`, `${TOOLS}` and `${NODE1}` are replaced here and in every other text.
    #[serde(default)]
    pub apply: String,
    /// Steps that return when the workload is ready, after every pod is.
    #[serde(default)]
    pub ready: Vec<Step>,
    /// A shell command in pod `client` that tells from the traffic alone whether it passes: it must succeed while healthy and fail
    /// while broken, so that no fault is asked about before it is one.
    #[serde(default)]
    pub traffic: Option<String>,
    /// The fault leaves the traffic of `traffic` alone.
    #[serde(default)]
    pub passes: bool,
    /// Objects as `namespace/kind/name` that are put back as they were before `heal`.
    #[serde(default)]
    pub restore: Vec<String>,
    /// What follows `kubectl netcheck`.
    pub command: String,
    /// The healthy form, where it differs.
    #[serde(default)]
    pub healthy: Form,
    /// The form after `heal`, where it differs from the healthy one.
    #[serde(default)]
    pub healed: Option<Form>,
    #[serde(default, rename = "break")]
    pub broken: Option<Vec<Step>>,
    #[serde(default)]
    pub heal: Vec<Step>,
    /// What the broken cluster's report must say.
    #[serde(default)]
    pub expect: Option<Expect>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    #[serde(default)]
    pub command: Option<String>,
    #[serde(default)]
    pub expect: Expect,
}

/// A report, as far as a scenario cares.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(default)]
    pub exit: i32,
    /// Of the first cause. Without it there must be none.
    #[serde(default)]
    pub code: Option<String>,
    /// The object the first cause is about; `*` at its end stands for the rest of a generated name.
    #[serde(default)]
    pub about: Option<String>,
    #[serde(default)]
    pub confidence: Option<String>,
    /// `reachable` unless said otherwise where there is no cause; not looked at otherwise.
    #[serde(default)]
    pub measured: Option<String>,
    /// Must stand in the first cause's sentence, evidence or next step.
    #[serde(default)]
    pub says: Vec<String>,
    /// Codes of the warnings: exactly these where there is no cause, at least these otherwise.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Codes of notes that must be there.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One step of breaking, healing or waiting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Step {
    /// A shell line that must succeed; `kubectl` acts in the scenario's namespace, `on-node NODE COMMAND...` on a node, and
    /// `as-controller` (tests/e2e) writes what the controller of an Ingress or Gateway would.
    Run(String),
    Apply(String),
    /// A shell line that is tried until it succeeds, for a minute.
    Until(String),
}

impl Scenario {
    pub fn namespace(&self) -> String {
        format!("nc-{}", self.within.as_ref().unwrap_or(&self.name))
    }

    /// The fault is an object that the scenario adds and takes away: what was there before stays as it is.
    fn brings_its_fault(&self) -> bool {
        let adds = |step: &Step| matches!(step, Step::Apply(_) | Step::Until(_));
        let takes_away = |step: &Step| matches!(step, Step::Run(line) if line.starts_with("kubectl delete "));
        self.broken.iter().flatten().all(adds) && self.heal.iter().all(takes_away)
    }

    /// What is wrong with the file itself.
    pub fn faults(&self, parts: &BTreeMap<String, String>, codes: &BTreeSet<&str>) -> Vec<String> {
        const NEEDS: &[&str] =
            &["node-access", "several-nodes", "world", "dual-stack", "flannel", "cilium", "iptables", "nftables", "gateway-api"];
        let mut faults = Vec::new();
        if self.namespace().len() > 60 {
            faults.push("the name is too long for a namespace".to_owned());
        }
        faults.extend(self.parts.iter().filter(|p| !parts.contains_key(*p)).map(|p| format!("no part {p}")));
        let unknown = self.needs.iter().filter(|n| !NEEDS.contains(&n.trim_start_matches('!')));
        faults.extend(unknown.map(|n| format!("unknown need {n}")));
        if self.broken.is_some() != self.expect.is_some() {
            faults.push("break and expect belong together".to_owned());
        }
        if self.within.is_some() && self.broken.is_some() && !self.brings_its_fault() {
            faults.push("a scenario that breaks what others use needs its own namespace".to_owned());
        }
        if !self.restore.is_empty() && !self.exclusive {
            faults.push("restore is for objects of others: exclusive".to_owned());
        }
        let steps = self.broken.iter().flatten().chain(&self.heal).chain(&self.ready);
        if steps.into_iter().any(|s| s.text().contains("on-node ")) && !self.needs.iter().any(|n| n == "node-access") {
            faults.push("a step on a node needs node-access".to_owned());
        }
        if let Some(expect) = &self.expect
            && (expect.exit == 0) != expect.code.is_none()
        {
            faults.push("exit 0 goes with no cause, and any other exit with one".to_owned());
        }
        let expects = self.expect.iter().chain([&self.healthy.expect]).chain(self.healed.iter().map(|h| &h.expect));
        let named = expects.flat_map(|e| e.code.iter().chain(&e.warnings).chain(&e.notes));
        faults.extend(named.filter(|c| !codes.contains(c.as_str())).map(|c| format!("no finding has the code {c}")));
        faults
    }
}

impl Step {
    fn text(&self) -> &str {
        match self {
            Self::Run(text) | Self::Apply(text) | Self::Until(text) => text,
        }
    }
}

/// Every scenario, by name.
pub fn all() -> Vec<Scenario> {
    let folder = root().join("tests/e2e/scenarios");
    let mut all = Vec::new();
    for (name, text) in files(&folder) {
        let mut scenario: Scenario = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{name}.yaml: {e}"));
        scenario.name = name;
        all.push(scenario);
    }
    all
}

/// Manifests that scenarios share.
pub fn parts() -> BTreeMap<String, String> {
    files(&root().join("tests/e2e/parts"))
}

fn files(folder: &std::path::Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files = BTreeMap::new();
    for path in entries.map(|e| e.expect("readable").path()) {
        let name = path.file_name().and_then(|n| n.to_str()).expect("a plain name");
        let name = name.strip_suffix(".yaml").unwrap_or_else(|| panic!("{name} is no .yaml file"));
        files.insert(name.to_owned(), fs::read_to_string(&path).expect("readable"));
    }
    files
}
