//! The report of `kubectl netcheck info`: which network the cluster has, fact by fact.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::{API_VERSION, GapPart};
use super::page::{Ink, Page, Style};

/// What the cluster's network is made of, each fact with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    pub api_version: String,
    /// Always `Info`.
    pub kind: String,
    /// By topic, in a fixed order.
    pub facts: Vec<Fact>,
    /// What could not be looked at, and why. Nothing is absent because it was not looked at.
    pub gaps: Vec<GapPart>,
    /// Faults that clusters with these parts meet; not seen in this one.
    pub hints: Vec<HintPart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HintPart {
    /// The part, such as `Flannel`.
    pub about: String,
    pub hint: String,
}

/// One fact about the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    pub topic: Topic,
    /// What it is about, unique within the topic unless several objects are: `plugin`, `mode`, `MTU`.
    pub name: String,
    /// In words: `Flannel`, `VXLAN`, `unknown`.
    pub value: String,
    /// `certain`, `likely` or `possible`; `unknown` where the value is.
    pub confidence: String,
    pub evidence: Vec<SeenPart>,
    /// Why the value is wrong, contradicts another, or breaks traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What facts are about, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    Cluster,
    Cni,
    /// Earlier installations that are still visible.
    CniLeftover,
    KubeProxy,
    Dns,
    Addresses,
    Mesh,
    Ingress,
    Gateway,
    LoadBalancer,
    MultiCluster,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenPart {
    /// Where it was read.
    pub source: String,
    pub seen: String,
}

impl Topic {
    fn title(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Cni => "Pod network",
            Self::CniLeftover => "Left over from earlier installations",
            Self::KubeProxy => "Services",
            Self::Dns => "DNS",
            Self::Addresses => "Addresses",
            Self::Mesh => "Service mesh",
            Self::Ingress => "Ingress",
            Self::Gateway => "Gateway API",
            Self::LoadBalancer => "Load balancers",
            Self::MultiCluster => "Multi-cluster",
        }
    }
}

impl Fact {
    pub fn new(topic: Topic, name: &str, value: impl Into<String>, confidence: &str) -> Self {
        Self {
            topic,
            name: name.to_owned(),
            value: value.into(),
            confidence: confidence.to_owned(),
            evidence: Vec::new(),
            warning: None,
        }
    }

    #[must_use]
    pub fn seen(mut self, source: impl Into<String>, seen: impl Into<String>) -> Self {
        self.evidence.push(SeenPart { source: source.into(), seen: seen.into() });
        self
    }

    #[must_use]
    pub fn warning(mut self, warning: impl Into<String>) -> Self {
        self.warning = Some(warning.into());
        self
    }
}

impl Info {
    /// Facts in the order of their topics; within a topic in the order they came.
    pub fn new(mut facts: Vec<Fact>, gaps: Vec<GapPart>, hints: Vec<HintPart>) -> Self {
        facts.sort_by_key(|f| f.topic);
        Self { api_version: API_VERSION.to_owned(), kind: String::from("Info"), facts, gaps, hints }
    }

    /// The first fact of a topic and name.
    pub fn fact(&self, topic: Topic, name: &str) -> Option<&Fact> {
        self.facts.iter().find(|f| f.topic == topic && f.name == name)
    }
}

/// The report for people. `wide` adds where each fact was read.
pub fn render(info: &Info, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    let mut topic = None;
    for fact in &info.facts {
        if topic != Some(fact.topic) {
            if topic.is_some() {
                page.blank();
            }
            page.paragraph(0, 0, &[(Ink::Bold, fact.topic.title())]);
            topic = Some(fact.topic);
        }
        line(&mut page, fact, wide);
    }
    if !info.gaps.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Not looked at")]);
        for gap in &info.gaps {
            page.paragraph(2, 2, &[(Ink::Plain, &gap.what), (Ink::Plain, ": "), (Ink::Faint, &gap.why)]);
        }
    }
    if wide && !info.hints.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Usual faults of these parts")]);
        for hint in &info.hints {
            page.paragraph(2, 2, &[(Ink::Faint, &hint.about), (Ink::Faint, ": "), (Ink::Plain, &hint.hint)]);
        }
    }
    if !wide {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Faint, "Where each fact was read, and the usual faults: -o wide")]);
    }
    page.finish()
}

fn line(page: &mut Page, fact: &Fact, wide: bool) {
    let sure = match fact.confidence.as_str() {
        "certain" | "unknown" => String::new(),
        word => format!(" ({word})"),
    };
    let ink = if fact.confidence == "unknown" { Ink::Warn } else { Ink::Plain };
    page.field(2, &fact.name, &[(ink, &fact.value), (Ink::Faint, &sure)]);
    if let Some(warning) = &fact.warning {
        page.paragraph(4, 2, &[(Ink::Warn, "! "), (Ink::Plain, warning)]);
    }
    for seen in fact.evidence.iter().filter(|_| wide) {
        page.paragraph(4, 2, &[(Ink::Faint, &seen.source), (Ink::Faint, ": "), (Ink::Plain, &seen.seen)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> Info {
        let facts = vec![
            Fact::new(Topic::Dns, "cluster domain", "cluster.local", "certain")
                .seen("configmap/kube-system/coredns Corefile", "line 7"),
            Fact::new(Topic::Cni, "plugin", "Flannel", "likely").warning("1 of 2 agents of Flannel are ready"),
        ];
        let gap = GapPart { what: String::from("nodes"), why: String::from("not permitted: list nodes") };
        Info::new(facts, vec![gap], vec![HintPart { about: String::from("Flannel"), hint: String::from("UDP 8472") }])
    }

    #[test]
    fn topics_have_their_order() {
        let topics: Vec<_> = info().facts.iter().map(|f| f.topic).collect();
        assert_eq!(topics, [Topic::Cni, Topic::Dns]);
        let json = serde_json::to_value(info()).unwrap();
        assert_eq!(json["apiVersion"], "netcheck.dev/v1");
        assert_eq!(json["facts"][0]["topic"], "cni");
    }

    #[test]
    fn wide_adds_the_evidence() {
        let narrow = render(&info(), Style::default(), false);
        assert!(narrow.contains("plugin      Flannel (likely)\n") && narrow.contains("! 1 of 2 agents"), "{narrow}");
        assert!(!narrow.contains("line 7") && !narrow.contains("UDP 8472"));
        let wide = render(&info(), Style::default(), true);
        assert!(wide.contains("configmap/kube-system/coredns Corefile: line 7") && wide.contains("Flannel: UDP 8472"), "{wide}");
        assert!(narrow.contains("nodes: not permitted: list nodes"));
    }
}
