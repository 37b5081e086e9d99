//! The report of a pair diagnosis: the public, versioned shape.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::{Confidence, Evidence, Finding, Weight};
use crate::model::{Destination, Question, Source};

/// Version of every document netcheck prints.
pub const API_VERSION: &str = "netcheck.dev/v1";

/// Why `client` cannot, or can, reach `web`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    pub api_version: String,
    /// Always `Diagnosis`.
    pub kind: String,
    /// What was asked, resolved to objects.
    pub question: QuestionPart,
    /// 0 healthy, 1 a fault was found, 3 inconclusive.
    pub exit_code: u8,
    pub verdict: VerdictPart,
    /// Faults of this question, the most certain first. Only they make exit code 1.
    pub causes: Vec<FindingPart>,
    /// Warnings and notes: true, and not what breaks this question.
    pub notices: Vec<FindingPart>,
    /// The hops of the traffic and what was seen at each.
    pub path: Vec<HopPart>,
    /// What was looked at and found well.
    pub covered: Vec<String>,
    /// What was not looked at, and why. Nothing is healthy by absence.
    pub gaps: Vec<GapPart>,
    pub measurements: Vec<MeasurementPart>,
    pub timing: TimingPart,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionPart {
    /// The source, as `pod/shop/client`.
    pub from: String,
    /// The destination, as `service/shop/web`.
    pub to: String,
    pub port: Option<u16>,
    pub protocol: String,
    /// The URL that was asked for, when it was one.
    pub url: Option<String>,
    /// How workloads were narrowed to pods, and the like.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictPart {
    /// One sentence that names layer, object, node and rule.
    pub sentence: String,
    pub configured: Configured,
    pub measured: Measured,
    /// Successes and tries when `measured` is `intermittent`.
    pub tally: Option<(u32, u32)>,
}

/// What the objects alone say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Configured {
    Allowed,
    Denied,
    Broken,
    Undetermined,
}

/// What the probes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    Reachable,
    Unreachable,
    Intermittent,
    NotMeasured,
}

/// A finding as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingPart {
    /// `NC3001`.
    pub code: String,
    pub title: String,
    /// `cause`, `warning` or `note`.
    pub weight: String,
    /// `service/shop/web`.
    pub about: String,
    /// `proven`, `likely` or `possible`.
    pub confidence: String,
    pub sentence: String,
    pub evidence: Vec<EvidencePart>,
    /// The next command or the fix.
    pub next: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidencePart {
    /// Where it was read.
    pub source: String,
    /// What would be right; empty when there is nothing to compare with.
    pub expected: String,
    pub seen: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HopPart {
    /// `pod/shop/client eth0`, `node/node1`, `service/shop/web 10.96.3.4:80`.
    pub at: String,
    /// `ok`, `failed` or `unknown`.
    pub state: String,
    pub seen: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GapPart {
    /// What was not looked at.
    pub what: String,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MeasurementPart {
    pub from: String,
    /// `tcp 10.96.3.4:80`.
    pub probe: String,
    /// `ok`, `failed`, `mixed` or `not run`.
    pub result: String,
    pub detail: String,
    /// Median round trip or total time in microseconds, where the probe has one.
    pub time_us: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimingPart {
    /// From the first request to the verdict, in milliseconds. A replay repeats the recorded figures.
    pub total_ms: u64,
    /// Reading the API.
    pub discover_ms: u64,
    /// Starting agents, of that total.
    pub start_ms: u64,
    /// Probing, of that total.
    pub probe_ms: u64,
    pub api_requests: u32,
}

impl From<&Question> for QuestionPart {
    fn from(question: &Question) -> Self {
        let from = match (&question.from_node, &question.from, &question.request.source) {
            (Some(node), ..) => format!("node/{node}"),
            (None, Some(pod), _) => pod.to_string(),
            (None, None, Source::Outside(Some(ip))) => ip.to_string(),
            (None, None, Source::Outside(None)) => "internet".to_owned(),
            (None, None, Source::Object(_) | Source::Node(_)) => "nothing".to_owned(),
        };
        Self {
            from,
            to: question.to.to_string(),
            port: question.port,
            protocol: question.protocol.to_string(),
            url: match &question.request.destination {
                Destination::Url(url) => Some(url.clone()),
                Destination::Object(_)
                | Destination::Node(_)
                | Destination::Ip(_)
                | Destination::Name(_)
                | Destination::ApiServer
                | Destination::Internet
                | Destination::Dns => None,
            },
            notes: question.notes.clone(),
        }
    }
}

impl From<&Finding> for FindingPart {
    fn from(f: &Finding) -> Self {
        Self {
            code: f.meta.code.to_owned(),
            title: f.meta.title.to_owned(),
            weight: match f.weight {
                Weight::Cause => "cause",
                Weight::Warning => "warning",
                Weight::Note => "note",
            }
            .to_owned(),
            about: f.about.to_string(),
            confidence: Confidence::word(f.confidence).to_owned(),
            sentence: f.sentence.clone(),
            evidence: f.evidence.iter().map(EvidencePart::from).collect(),
            next: f.next.clone(),
        }
    }
}

impl From<&Evidence> for EvidencePart {
    fn from(e: &Evidence) -> Self {
        Self { source: e.source.clone(), expected: e.expected.clone(), seen: e.seen.clone() }
    }
}
