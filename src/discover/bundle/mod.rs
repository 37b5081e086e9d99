//! A recorded run on disk: what was read, what was measured, and what could not be.
//!
//! A directory or a `.tar.gz` that holds `bundle.json` (this version, the request, and an index of the reads),
//! `api/*.json` (a `v1.List` each), `logs/*.txt` and `agents/events.jsonl` (a measurement a line). Objects are pruned
//! before they get here, so a bundle holds no more than the report was made from.

mod archive;
mod read;
mod write;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filter;
use crate::model::{Known, Query};
use crate::protocol::{LaunchFailure, Measurement};
use crate::report::diagnosis::TimingPart;

/// Version of the files. A newer one is refused.
pub const FORMAT: u32 = 1;

/// Everything a report was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub meta: Meta,
    /// Every read and its answer.
    pub reads: Vec<(Query, Known<Vec<Value>>)>,
    pub measurements: Vec<Measurement>,
    pub launches: Vec<LaunchFailure>,
}

/// The recorded run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Version of netcheck that wrote it, as `0.1.0`.
    pub netcheck: String,
    /// The request as typed, program name left out.
    pub arguments: Vec<String>,
    /// The namespace of names without one.
    pub namespace: String,
    /// A replay repeats these figures.
    pub timing: TimingPart,
    /// The time limit in milliseconds, when the run was ended by it: what is not in the bundle was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_ms: Option<u64>,
}

/// `bundle.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    format: u32,
    #[serde(default)]
    meta: Meta,
    #[serde(default)]
    reads: Vec<Entry>,
    #[serde(default)]
    launches: Vec<LaunchFailure>,
}

/// One read in the index.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    query: Query,
    answer: State,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum State {
    Got { file: String },
    Denied { why: String },
    Absent { why: String },
    Failed { why: String },
}

impl Bundle {
    /// What the bundle says to a query: the same read, a wider list narrowed to it, or why that list is not there.
    ///
    /// [`Known::Unasked`] only where the time limit ended the recorded run before it came to this read.
    pub fn answer(&self, query: &Query) -> Known<Vec<Value>> {
        let known = filter::answer(&self.reads, query).or_else(|| filter::refusal(&self.reads, query));
        known.unwrap_or_else(|| match self.meta.cut_ms {
            Some(_) => Known::Unasked,
            None => Known::Failed(format!("{query}: not in the bundle")),
        })
    }
}

/// Why a bundle cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// The file system said no.
    Io(String),
    /// It is something else.
    NotABundle(String),
    /// Its end is missing, or bytes in it changed.
    Damaged(String),
    /// It is larger than a bundle may be, or has more parts.
    TooLarge(String),
    /// It holds what no bundle holds: a link, a path out of itself.
    Unsafe(String),
    /// A newer netcheck wrote it.
    Newer(u32),
    /// There is something at that place already.
    Exists(String),
}

impl BundleError {
    /// One line: what to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the path and its permissions",
            Self::NotABundle(_) => "pass what `kubectl netcheck … --record PATH` wrote",
            Self::Damaged(_) => "copy the bundle again, or record it again",
            Self::TooLarge(_) => "record it again for one question, or for one namespace",
            Self::Unsafe(_) => "do not trust where it came from; record it again",
            Self::Newer(_) => "update kubectl-netcheck",
            Self::Exists(_) => "choose another name, or remove it",
        }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(why) => f.write_str(why),
            Self::NotABundle(why) => write!(f, "not a bundle: {why}"),
            Self::Damaged(why) => write!(f, "the bundle is damaged: {why}"),
            Self::TooLarge(why) => write!(f, "the bundle is too large: {why}"),
            Self::Unsafe(why) => write!(f, "the bundle is not safe to read: {why}"),
            Self::Newer(format) => write!(f, "the bundle has format {format}, and this version reads up to {FORMAT}"),
            Self::Exists(path) => write!(f, "{path} exists"),
        }
    }
}

impl std::error::Error for BundleError {}
